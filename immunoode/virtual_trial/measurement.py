"""Measurement of tumours: target lesions with error, rounding, and a limit of measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.virtual_trial.random_draws import RandomDraws

FloatArray = NDArray[np.float64]
MOST_TARGETS = 5
"""RECIST 1.1, section 3.1.2: up to five target lesions."""


@dataclass(frozen=True)
class Measurement:
    """The measurement of target lesions.

    Attributes
    ----------
    lesions : tuple of float
        Probabilities of one, two, ... target lesions, among which the sum of diameters is divided. The default is our
        estimate that most subjects have few lesions.
    additive, proportional : float
        Standard deviation of the measured diameter: in mm, and as a fraction of the diameter; the variances add up. The
        defaults are estimates of Ribba et al. 2022 (doi 10.3389/fphar.2022.1058220) for sums of diameters in the OAK trial.
    limit_mm : float
        Smaller lesions are recorded as too small to measure, with 5 mm (RECIST 1.1, 4.3.2).
    absent_mm : float
        Smaller lesions are recorded as absent (0 mm). The default is our assumption: half of a thin CT slice.
    round_mm : float
        Diameters are rounded to multiples of this; 0 for no rounding.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_trial.Measurement(lesions=(0.5, 0.5), proportional=0.05).proportional
    0.05
    """

    lesions: tuple[float, ...] = (0.3, 0.3, 0.2, 0.1, 0.1)
    additive: float = 0.65
    proportional: float = 0.08
    limit_mm: float = 5.0
    absent_mm: float = 1.0
    round_mm: float = 1.0

    def __post_init__(self) -> None:
        shares = np.asarray(self.lesions, float)
        problems = []
        if not 0 < len(shares) <= MOST_TARGETS or (shares < 0).any() or not np.isclose(shares.sum(), 1):
            right = f"one to {MOST_TARGETS} probabilities that add up to 1"
            problems.append(Problem("lesions", f"are {self.lesions}", right))
        for name in ("additive", "proportional", "limit_mm", "absent_mm", "round_mm"):
            if not 0 <= getattr(self, name) < np.inf:
                problems.append(Problem(name, f"is {getattr(self, name)}", "a number of zero or more"))
        DataError.raise_if(problems)

    def shares(self, draws: RandomDraws) -> FloatArray:
        """Return the fraction of the sum in each target lesion, shape (subjects, lesions); 0 for missing lesions."""
        random = draws.uniforms("target lesions", 1 + len(self.lesions))
        count = 1 + np.searchsorted(np.cumsum(self.lesions)[:-1], random[:, 0], side="right")
        parts = 0.3 + 0.7 * random[:, 1:]
        parts[np.arange(len(self.lesions)) >= count[:, None]] = 0.0
        return parts / parts.sum(axis=1, keepdims=True)

    def read(self, true: FloatArray, draws: RandomDraws) -> FloatArray:
        """Return recorded diameters: 0 if absent, `limit_mm` if too small, otherwise with error and rounded.

        Parameters
        ----------
        true : ndarray, shape (subjects, visits, lesions)
            Diameters in mm.
        draws : RandomDraws
        """
        seen = true
        if self.additive or self.proportional:
            error = np.sqrt(self.additive**2 + (self.proportional * true) ** 2)
            seen = true + error * draws.normals("measurement", int(np.prod(true.shape[1:]))).reshape(true.shape)
        if self.round_mm:
            seen = np.round(seen / self.round_mm) * self.round_mm
        return np.where(true < self.absent_mm, 0.0, np.maximum(seen, self.limit_mm))
