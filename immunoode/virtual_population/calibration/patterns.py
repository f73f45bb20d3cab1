"""Patients who are identical for all targets are treated as one, because rates and curves distinguish few kinds of patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.virtual_population.calibration.divergence import FloatArray

WORTHWHILE = 0.5
"""Patterns are used if their number is below this fraction of the number of patients."""

TRIED = 1000
"""The number of rows in a first check of whether patterns are worthwhile."""


@dataclass(frozen=True)
class Patterns:
    """The distinct rows of a matrix.

    Attributes
    ----------
    rows : ndarray, shape (patterns, columns)
    which : ndarray of int, shape (n,)
        The pattern of each patient.
    """

    rows: FloatArray
    which: np.ndarray

    def total(self, weights: FloatArray) -> FloatArray:
        """Return the weight of each pattern."""
        return np.bincount(self.which, weights, len(self.rows)).astype(np.float64)

    def shared(self, totals: FloatArray, prior: FloatArray) -> FloatArray:
        """Return the weights of patients, who share the weight of their pattern in proportion to their prior weights."""
        return np.asarray((totals / self.total(prior))[self.which] * prior)


def find_patterns(moments: FloatArray) -> Patterns:
    """Return the distinct rows of a matrix, or all rows if most are distinct.

    Rows are distinguished by one linear combination of their columns, which is then checked, because sorting numbers is much
    faster than sorting rows.
    """
    n, columns = moments.shape
    if len(np.unique(moments[:TRIED], axis=0)) >= WORTHWHILE * min(n, TRIED):
        return Patterns(moments, np.arange(n))
    key = moments @ np.sqrt(np.arange(2.0, columns + 2.0))
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    rows = moments[first]
    if len(first) >= WORTHWHILE * n or not (rows[which] == moments).all():
        return Patterns(moments, np.arange(n))
    return Patterns(rows, which)
