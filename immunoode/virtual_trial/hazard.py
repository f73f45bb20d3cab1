"""Hazards of random events that depend on tumour size: death, dropout, new lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem

FloatArray = NDArray[np.float64]
YEAR = 365.25


@dataclass(frozen=True)
class Hazard:
    """A hazard: per_year x (sum of diameters / reference_mm) ** exponent.

    Attributes
    ----------
    per_year : float
        Events per year at the reference size.
    exponent : float
        0 for a hazard independent of the tumour.
    reference_mm : float
        Sum of diameters at which the rate is `per_year`.

    Raises
    ------
    DataError
    """

    per_year: float
    exponent: float = 0.0
    reference_mm: float = 60.0

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.per_year < np.inf:
            problems.append(Problem("per_year", f"is {self.per_year}", "a rate of zero or more"))
        if not np.isfinite(self.exponent) or self.exponent < 0:
            problems.append(Problem("exponent", f"is {self.exponent}", "a number of zero or more"))
        if not 0 < self.reference_mm < np.inf:
            problems.append(Problem("reference_mm", f"is {self.reference_mm}", "a size above zero"))
        if problems:
            raise DataError(problems)

    def first(self, times: FloatArray, sizes: FloatArray, random: np.random.Generator) -> FloatArray:
        """Return the day of the first event of each subject after day 0, or infinity if there is none.

        Parameters
        ----------
        times : ndarray, shape (T,)
            Days.
        sizes : ndarray, shape (P, T)
            Sum of diameters in mm; the hazard is interpolated linearly.
        """
        rate = self.per_year / YEAR * (np.maximum(sizes, 0.0) / self.reference_mm) ** self.exponent
        steps = np.diff(times) * (rate[:, 1:] + rate[:, :-1]) / 2 * (times[1:] > 0)
        total = np.concatenate([np.zeros((len(sizes), 1)), np.cumsum(steps, axis=1)], axis=1)
        due = random.exponential(size=len(sizes))
        after = (total >= due[:, None]).argmax(axis=1)
        came = total[:, -1] >= due
        before = np.maximum(after - 1, 0)
        rows = np.arange(len(sizes))
        rise = total[rows, after] - total[rows, before]
        part = np.divide(due - total[rows, before], rise, out=np.zeros_like(due), where=rise > 0)
        return np.where(came, times[before] + part * (times[after] - times[before]), np.inf)
