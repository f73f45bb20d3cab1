"""The probability that any of a few correlated standard normal variables is beyond a limit, without random numbers.

The variables are linear in independent normal variables x, as many as the rank of the correlation (three for the usual four
weights of MaxCombo, as one is the sum of two others). Given all but one of these, the variables are within the limit on an
interval of the last, whose probability is exact; the mean over the others is a sum over a grid, with an error of about 1e-6.
Tails are sums of small terms, not 1 minus a sum. From rank four on, the integral is that of SciPy, with an error of about
1e-5.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
TOLERANCE = 1e-9
"""Smaller eigenvalues of a correlation are rounding."""
NODES = {2: (2001,), 3: (321, 321)}
"""Nodes of the grid by rank."""
WIDEST = 8.0
"""Standard deviations of the grid; what lies beyond has a probability of 1e-15."""
SEED = 0
"""Of the points of the integral from rank four on, so that a probability is the same each time."""


def any_beyond(limit: float, correlation: FloatArray, *, two_sided: bool) -> float:
    """Return the probability that any variable is above a limit, or, if two-sided, above it or below its negative.

    Parameters
    ----------
    limit : float
    correlation : (m, m)
    two_sided : bool

    Examples
    --------
    >>> round(any_beyond(1.96, np.eye(2), two_sided=True), 4)
    0.0975
    """
    from scipy.stats import norm

    if two_sided and limit <= 0:
        return 1.0
    each = float(norm.sf(limit)) * (2 if two_sided else 1)
    factors = _factors(correlation)
    rank = factors.shape[1]
    if rank == 1:
        return each if two_sided or (factors > 0).all() or (factors < 0).all() else min(1.0, 2 * each)
    bounds = np.vstack([factors, -factors]) if two_sided else factors
    found = _on_grid(limit, bounds) if rank in NODES else _by_draws(limit, correlation, two_sided)
    return float(min(max(found, each), each * len(correlation), 1.0))


def _factors(correlation: FloatArray) -> FloatArray:
    """Return the coefficients of independent variables, of which the last is along the sum of all variables (m, rank).

    All variables that are positively correlated depend on the last, so that probabilities given the others are smooth in these.
    """
    values, vectors = np.linalg.eigh(correlation)
    kept = values > TOLERANCE * values[-1]
    factors = vectors[:, kept] * np.sqrt(values[kept])
    total = factors.sum(axis=0)
    if np.linalg.norm(total) < 0.1:
        return np.asarray(factors)
    mirror = total / np.linalg.norm(total) - np.eye(len(total))[-1]
    size = float(mirror @ mirror)
    return np.asarray(factors if size < TOLERANCE else factors - 2 / size * np.outer(factors @ mirror, mirror))


@cache
def _grid(rank: int) -> tuple[FloatArray, FloatArray]:
    """Return the points of all variables but the last (rank - 1, k), and their weights (k,)."""
    axes = [np.linspace(-WIDEST, WIDEST, n) for n in NODES[rank]]
    points = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")])
    weights = np.exp(-0.5 * np.sum(points**2, axis=0))
    seen = weights > np.exp(-0.5 * WIDEST**2)
    return points[:, seen], weights[seen] / weights[seen].sum()


def _on_grid(limit: float, bounds: FloatArray) -> float:
    """Return the probability that `bounds @ x` exceeds the limit in any row."""
    from scipy.special import ndtr

    points, weights = _grid(bounds.shape[1])
    flat = np.abs(bounds[:, -1]) <= TOLERANCE
    scaled = bounds[~flat, :-1] / bounds[~flat, -1:]
    ends = limit / bounds[~flat, -1:] - scaled @ points
    above = bounds[~flat, -1] > 0
    high = np.min(ends[above], axis=0, initial=np.inf)
    low = np.max(ends[~above], axis=0, initial=-np.inf)
    inside = (low < high) & (bounds[flat, :-1] @ points <= limit).all(axis=0)
    return float(weights @ np.where(inside, ndtr(low) + ndtr(-high), 1.0))


def _by_draws(limit: float, correlation: FloatArray, two_sided: bool) -> float:
    from scipy.stats import multivariate_normal

    zero, top = np.zeros(len(correlation)), np.full(len(correlation), limit)
    normal = multivariate_normal(zero, correlation, allow_singular=True, seed=SEED, maxpts=1_000_000, abseps=1e-6)
    return 1 - float(normal.cdf(top, lower_limit=-top if two_sided else None))
