"""The common form of targets for calibration: a matrix, a vector and a covariance."""

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
        The target in words.
    rows : tuple of str
        Each row in words.
    moments : ndarray, shape (patients, rows)
        One number per patient and row, whose weighted mean is compared with `observed`.
    observed : ndarray, shape (rows,)
    covariance : ndarray, shape (rows, rows)
        Covariance of the sampling error of `observed`.
    shares : ndarray, shape (patients, rows), optional
        1 if a patient counts in a row, otherwise 0, for rows that are means over some of the patients (those still on study).
        Then `moments` are deviations from `values`, and `observed` is 0.
    values : ndarray, shape (rows,), optional
        The stated statistics, if rows are deviations from them.
    depends_on_weights : bool
        Whether moments or covariance depend on the weights.
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
        """The stated statistics."""
        return self.observed if self.values is None else self.values

    def standard_errors(self, weights: FloatArray) -> FloatArray:
        """Return the standard errors of the stated statistics."""
        return np.sqrt(np.diag(self.covariance)) / self._counted(weights)

    def statistics(self, weights: FloatArray) -> FloatArray:
        """Return the statistics of weighted patients, in the form that the target states."""
        return self.stated + (weights @ self.moments - self.observed) / self._counted(weights)

    def influence(self, weights: FloatArray) -> FloatArray:
        """Return the contribution of each patient to the statistics, shape (patients, rows), with weighted mean 0."""
        return (self.moments - weights @ self.moments) / self._counted(weights)

    def _counted(self, weights: FloatArray) -> FloatArray:
        return np.ones(len(self.rows)) if self.shares is None else weights @ self.shares


class Target(Protocol):
    """A statistic with its sampling error, arm and trial, and its record for given patients."""

    @property
    def arm(self) -> str:
        """The arm of the statistic; "" for parameters, which are the same in each arm."""
        ...

    @property
    def trial(self) -> str:
        """The trial of the statistic; targets of one arm of one trial share the sampling error of its subjects."""
        ...

    @property
    def label(self) -> str:
        """The target in words."""
        ...

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return the target's rows for these patients; the weights are used if a row depends on them."""
        ...
