"""Scores of weighted log-rank tests, and their covariance (Fleming and Harrington 1991, chapter 7).

At each time with events, a score is the weight times observed less expected events of each arm, with the hypergeometric
covariance, summed over times and strata. Weights of the class of Fleming and Harrington are S^rho (1 - S)^gamma, where S is the
Kaplan-Meier estimate of all arms just before the time, within the stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class WeightedScores:
    """Scores of m weights and a arms.

    Attributes
    ----------
    observed, expected : (m, a)
        Weighted numbers of events.
    covariance : (m, m, a, a)
        Of observed less expected, of each pair of weights.
    events : (a,)
        Number of events.
    """

    observed: FloatArray
    expected: FloatArray
    covariance: FloatArray
    events: FloatArray

    @property
    def score(self) -> FloatArray:
        """Observed less expected, (m, a)."""
        return np.asarray(self.observed - self.expected)

    def __add__(self, other: WeightedScores) -> WeightedScores:
        return WeightedScores(
            self.observed + other.observed,
            self.expected + other.expected,
            self.covariance + other.covariance,
            self.events + other.events,
        )


def weighted_scores(
    time: FloatArray, event: Mask, arm: NDArray[np.int64], stratum: NDArray[np.int64], weights: Sequence[tuple[float, float]]
) -> WeightedScores:
    """Return the scores of weights (rho, gamma), summed over strata.

    Parameters
    ----------
    time, event, arm, stratum : (n,)
        Arms and strata are numbered from 0.
    weights : sequence of (rho, gamma)

    Examples
    --------
    >>> time, event, arm = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4, bool), np.array([0, 0, 1, 1])
    >>> found = weighted_scores(time, event, arm, np.zeros(4, int), [(0, 0), (0, 1)])
    >>> found.score[:, 1].round(3).tolist()
    [-1.167, -0.167]
    """
    arms = int(arm.max()) + 1
    parts = [_stratum(time[s], event[s], arm[s], arms, weights) for s in (stratum == k for k in np.unique(stratum))]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _stratum(
    time: FloatArray, event: Mask, arm: NDArray[np.int64], arms: int, weights: Sequence[tuple[float, float]]
) -> WeightedScores:
    days = np.unique(time[event])
    at_risk = np.column_stack([_at_least(np.sort(time[arm == k]), days) for k in range(arms)])
    deaths = np.column_stack([_at(np.sort(time[event & (arm == k)]), days) for k in range(arms)])
    n, d = at_risk.sum(axis=1), deaths.sum(axis=1)
    share = at_risk / n[:, None]
    before = np.concatenate([[1.0], np.cumprod(1 - d / n)[:-1]]) if len(days) else np.ones(0)
    w = np.array([before**rho * (1 - before) ** gamma for rho, gamma in weights])
    variance = d * np.divide(n - d, n - 1, out=np.zeros(len(n)), where=n > 1)
    each = share[:, :, None] * (np.eye(arms) - share[:, None, :]) * variance[:, None, None]
    covariance = np.einsum("it,jt,tab->ijab", w, w, each)
    return WeightedScores(w @ deaths, w @ (d[:, None] * share), covariance, deaths.sum(axis=0))


def _at_least(ordered: FloatArray, days: FloatArray) -> FloatArray:
    return np.asarray(len(ordered) - np.searchsorted(ordered, days), dtype=np.float64)


def _at(ordered: FloatArray, days: FloatArray) -> FloatArray:
    return np.asarray(np.searchsorted(ordered, days, side="right") - np.searchsorted(ordered, days), dtype=np.float64)
