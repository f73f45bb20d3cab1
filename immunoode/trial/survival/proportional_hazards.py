"""The score test of proportional hazards (Grambsch and Therneau 1994, Biometrika 81, 515), without approximation.

A covariate whose effect changes with time has the coefficient beta + theta g(t). The score test of theta = 0 takes
the score and the information of (beta, theta) at the fitted beta, summed over the risk sets; g is one minus the
Kaplan-Meier estimate just before t, and ties are handled by the method of Efron, as in `cox.zph` of the R package survival from
version 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ScoreTest:
    """A score test: chi-square, its degrees of freedom and p value."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True)
class _Scores:
    """Score of theta (p,), and the information of beta, of both, and of theta (each p, p)."""

    theta: FloatArray
    beta_beta: FloatArray
    beta_theta: FloatArray
    theta_theta: FloatArray


def proportional_hazards_tests(
    time: FloatArray,
    event: Mask,
    covariates: FloatArray,
    beta: FloatArray,
    strata: NDArray[np.int64],
    terms: Mapping[str, Sequence[int]],
) -> dict[str, ScoreTest]:
    """Test whether the effect of each term changes with time.

    Parameters
    ----------
    time, event : (n,)
    covariates : (n, p)
    beta : (p,)
        Fitted coefficients, with Efron's method for ties.
    strata : (n,)
        Index of the baseline hazard of each subject.
    terms : mapping of str to sequence of int
        Coefficients that are tested together.

    Returns
    -------
    dict of str to ScoreTest

    Examples
    --------
    >>> time, x = np.array([1.0, 2.0, 3.0, 4.0]), np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> event, one = np.ones(4, bool), np.zeros(4, int)
    >>> proportional_hazards_tests(time, event, x, np.array([0.7941]), one, {"x": [0]})["x"].degrees_of_freedom
    1
    """
    g = _transformed_time(time, event)
    centred = covariates - covariates.mean(axis=0)
    parts = [_stratum(time[s], event[s], centred[s], beta, g[s]) for s in (strata == k for k in np.unique(strata))]
    scores = _Scores(*(np.sum([getattr(p, n) for p in parts], axis=0) for n in _Scores.__dataclass_fields__))
    return {name: _test(scores, np.asarray(places, dtype=np.int64)) for name, places in terms.items()}


def _transformed_time(time: FloatArray, event: Mask) -> FloatArray:
    """Return one minus the Kaplan-Meier estimate of all subjects just before each time (n,), centred over the events."""
    days = np.unique(time)
    at_risk = len(time) - np.searchsorted(np.sort(time), days)
    deaths = np.searchsorted(np.sort(time[event]), days, side="right") - np.searchsorted(np.sort(time[event]), days)
    before = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)[:-1]])
    g = 1 - before[np.searchsorted(days, time)]
    return np.asarray(g - g[event].mean())


def _stratum(time: FloatArray, event: Mask, x: FloatArray, beta: FloatArray, g: FloatArray) -> _Scores:
    """Return the contribution of one stratum; tied deaths leave the risk set one after another (Efron)."""
    risk = np.exp(x @ beta)
    p = x.shape[1]
    score, plain, crossed, squared = np.zeros(p), np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    moments = [risk, risk[:, None] * x, np.einsum("i,ij,ik->ijk", risk, x, x)]
    later_first = np.argsort(-time, kind="stable")
    still = [np.cumsum(m[later_first], axis=0) for m in moments]
    for day in np.unique(time[event]):
        died = event & (time == day)
        last = int(np.count_nonzero(time >= day)) - 1
        count, at = int(died.sum()), g[died][0]
        for k in range(count):
            r, rx, rxx = (s[last] - k / count * m[died].sum(axis=0) for s, m in zip(still, moments, strict=True))
            mean = rx / r
            variance = rxx / r - np.outer(mean, mean)
            score -= at * mean
            plain += variance
            crossed += at * variance
            squared += at**2 * variance
        score += at * x[died].sum(axis=0)
    return _Scores(score, plain, crossed, squared)


def _test(scores: _Scores, places: NDArray[np.int64]) -> ScoreTest:
    """Return the score test of some elements of theta, with the information adjusted for the estimation of beta."""
    from scipy.stats import chi2

    u = scores.theta[places]
    taken = scores.beta_theta[:, places]
    left = scores.theta_theta[np.ix_(places, places)] - taken.T @ np.linalg.solve(scores.beta_beta, taken)
    statistic = float(u @ np.linalg.solve(left, u))
    return ScoreTest(statistic, len(places), float(chi2.sf(statistic, len(places))))
