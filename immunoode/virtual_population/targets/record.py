"""The one form that every target takes for calibration: a matrix, a vector and a covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from immunoode.virtual_population.patients import VirtualPatients

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class TargetRecord:
    """The rows of a target: weights meet the target if ``weights @ moments`` is `observed` within its sampling error.

    Attributes
    ----------
    label : str
        What the target is, in words.
    rows : tuple of str
        What each row is, in words.
    moments : ndarray, shape (patients, rows)
        A number per patient and row; its weighted mean is what is compared.
    observed : ndarray, shape (rows,)
    covariance : ndarray, shape (rows, rows)
        Covariance of the sampling error of `observed`.
    shares : ndarray, shape (patients, rows), optional
        1 where a patient counts in a row, else 0, if a row is a mean over some of the patients (those still on study): then
        `moments` are deviations from `values`, and `observed` is 0.
    values : ndarray, shape (rows,), optional
        The statistics as they are stated, if rows are deviations from them.
    depends_on_weights : bool
        Whether moments or covariance are others with other weights.
    """

    label: str
    rows: tuple[str, ...]
    moments: FloatArray
    observed: FloatArray
    covariance: FloatArray
    shares: FloatArray | None = None
    values: FloatArray | None = None
    depends_on_weights: bool = False

    @property
    def stated(self) -> FloatArray:
        """The statistics as they are stated."""
        return self.observed if self.values is None else self.values

    def standard_errors(self, weights: FloatArray) -> FloatArray:
        """Return the standard errors of the statistics as they are stated."""
        return np.sqrt(np.diag(self.covariance)) / self._counted(weights)

    def statistics(self, weights: FloatArray) -> FloatArray:
        """Return the statistics of weighted patients, as the target states them."""
        return self.stated + (weights @ self.moments - self.observed) / self._counted(weights)

    def influence(self, weights: FloatArray) -> FloatArray:
        """Return what each patient adds to the statistics, shape (patients, rows), of weighted mean 0."""
        return (self.moments - weights @ self.moments) / self._counted(weights)

    def _counted(self, weights: FloatArray) -> FloatArray:
        return np.ones(len(self.rows)) if self.shares is None else weights @ self.shares


class Target(Protocol):
    """A statistic with its sampling error: of which arm and trial, and its record for some patients."""

    @property
    def arm(self) -> str:
        """The arm that the statistic is of; "" for parameters, which are the same in each arm."""
        ...

    @property
    def trial(self) -> str:
        """The trial that the statistic is of: targets of one arm of one trial share the sampling error of its subjects."""
        ...

    @property
    def label(self) -> str:
        """What the target is, in words."""
        ...

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return the target's rows for these patients; the weights are used where a row depends on them."""
        ...
