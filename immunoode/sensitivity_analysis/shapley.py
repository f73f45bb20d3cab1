"""Shapley effects: the variance of an output divided among parameters that may be correlated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.sensitivity_analysis.inputs import FloatArray, scores_of
from immunoode.sensitivity_analysis.sobol import Estimates

_MOST = 10
_RESAMPLES = 400


def shapley(
    evaluate: Callable[[FloatArray], FloatArray], factor: FloatArray, *, n: int, confidence: float, seed: int
) -> Estimates:
    """Return the Shapley effects, which add up to 1.

    The value of a set of parameters is the variance of the conditional mean of the output given them, estimated as the
    covariance of outputs with the same values of the set and independent ones of the others, drawn from their conditional
    distribution (Owen 2014, SIAM/ASA J Uncertain Quantif 2:245-51; Song, Nelson and Staum 2016, 4:1060-83).

    Parameters
    ----------
    evaluate : callable
        A function that returns outputs (n, K) at independent scores (n, d).
    factor : ndarray, shape (d, d)
        The Cholesky factor of the correlations of scores.
    """
    from scipy.stats import qmc

    d = len(factor)
    if d > _MOST:
        raise SolveError(
            Problem("distributions", f"have {d} parameters", f"at most {_MOST} for Shapley effects; screen them first")
        )
    points = qmc.Sobol(2 * d, seed=seed).random(n)
    independent, innovations = np.split(scores_of(points), 2, axis=1)
    sets = [u for size in range(1, d) for u in combinations(range(d), size)]
    scores = independent @ factor.T
    designs = [np.linalg.solve(factor, _redrawn(scores, innovations, factor, u).T).T for u in sets]
    first, *others = np.split(evaluate(np.concatenate([independent, *designs])), 1 + len(sets))
    columns = {u: _products(first, other) for u, other in zip(sets, others, strict=True)}
    columns[tuple(range(d))] = _products(first, first)
    columns[()] = np.zeros_like(first)
    shares = _shares(columns, d)
    effects = _effects(shares, np.arange(n))
    random = np.random.default_rng(seed)
    boot = np.array([_effects(shares, random.integers(0, n, n)) for _ in range(_RESAMPLES)])
    low, high = np.quantile(boot, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    values = {"effect": effects, "effect_lower": low, "effect_upper": high}
    return Estimates(values, n, True, points[:, :d], first)


def _redrawn(scores: FloatArray, innovations: FloatArray, factor: FloatArray, kept: Sequence[int]) -> FloatArray:
    """Return correlated scores with those of `kept`, the others drawn again from their conditional distribution."""
    covariance = factor @ factor.T
    rest = [i for i in range(len(factor)) if i not in kept]
    by = np.linalg.solve(covariance[np.ix_(kept, kept)], covariance[np.ix_(kept, rest)])
    conditional = covariance[np.ix_(rest, rest)] - covariance[np.ix_(rest, kept)] @ by
    found = scores.copy()
    found[:, rest] = scores[:, kept] @ by + innovations[:, rest] @ np.linalg.cholesky(conditional).T
    return found


def _products(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the terms (n, K) whose mean is the covariance, after subtracting the means."""
    mean = (one.mean(axis=0) + other.mean(axis=0)) / 2
    found: FloatArray = (one - mean) * (other - mean)
    return found


def _shares(columns: dict[tuple[int, ...], FloatArray], d: int) -> FloatArray:
    """Return the terms of each effect and, last, those of the variance, (n, K, d + 1)."""
    n, outputs = columns[()].shape
    found = np.zeros((n, outputs, d + 1))
    for i in range(d):
        for u in columns:
            if i not in u:
                weight = factorial(len(u)) * factorial(d - len(u) - 1) / factorial(d)
                found[:, :, i] += weight * (columns[tuple(sorted((*u, i)))] - columns[u])
    found[:, :, d] = columns[tuple(range(d))]
    return found


def _effects(shares: FloatArray, rows: np.ndarray) -> FloatArray:
    means = shares[rows].mean(axis=0)
    variance = means[:, -1:]  # 0 if the output is the same for all
    return np.divide(means[:, :-1], variance, out=np.zeros_like(means[:, :-1]), where=variance > 0)
