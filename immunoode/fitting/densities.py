"""Densities of residuals: standard normal, Student's t for finite degrees of freedom, Laplace; exact in both tails.

This is the one place where a likelihood of measured, censored (below or above a limit of quantification) and interval-censored
values is computed: fits, population fits and PEtab problems use it. A censored value contributes the probability of the range
in which it is known to lie (method M3 of Beal 2001).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaln, gammaln, hyp2f1, log_ndtr, ndtri, stdtr, stdtrit

from immunoode.fitting.observations import INTERVAL, LEFT, RIGHT, FloatArray, IntArray

NARROW = 1e-6
"""Relative width of an interval, to the distance over which the density changes, below which it is taken as constant."""


def half_width(level: float, degrees: float) -> float:
    """Return the half width of the central interval that contains a proportion `level` of the distribution."""
    return float(ndtri(0.5 + level / 2) if np.isinf(degrees) else stdtrit(degrees, 0.5 + level / 2))


def signed_root(u: FloatArray, degrees: float) -> tuple[FloatArray, FloatArray]:
    """Return z, the signed root of -2 log(density(u) / density(0)), and dz/du."""
    if np.isinf(degrees):
        return u, np.ones_like(u)
    square = (degrees + 1) * np.log1p(u**2 / degrees)
    z = np.sign(u) * np.sqrt(square)
    small = np.abs(u) < 1e-6
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (degrees + 1) * u / (degrees + u**2) / z
    return z, np.where(small, np.sqrt((degrees + 1) / degrees), slope)


def log_density(x: FloatArray, degrees: float = np.inf) -> FloatArray:
    """Return the log density of the standard normal or t distribution; minus infinity at infinite x."""
    if np.isinf(degrees):
        return -0.5 * x**2 - 0.5 * np.log(2 * np.pi)
    top = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
    return np.asarray(top - 0.5 * (degrees + 1) * np.log1p(x**2 / degrees))


def log_density_slope(x: FloatArray, degrees: float = np.inf) -> FloatArray:
    """Return the derivative of `log_density` with respect to x."""
    return -x if np.isinf(degrees) else -(degrees + 1) * x / (degrees + x**2)


def log_laplace(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log density of the standard Laplace distribution and its derivative."""
    return -np.log(2.0) - np.abs(x), -np.sign(x)


def log_interval(low: FloatArray, high: FloatArray, degrees: float = np.inf) -> FloatArray:
    """Return log P(low < X < high) for a standard normal or t variable, exact in both tails.

    The two distribution functions may be as small as 1e-400 or as close to 1: their logarithms are subtracted, on the side
    where rounding loses nothing. An interval too narrow for that has the probability density times width.
    """
    open_below, open_above = np.isneginf(low), np.isposinf(high)
    a, b = np.where(open_below, 0.0, low), np.where(open_above, 0.0, high)
    a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
    one_sided = _log_cdf(np.where(open_below, high, -np.where(open_below, 0.0, low)), degrees)
    with np.errstate(divide="ignore", invalid="ignore"):
        below, above = _log_cdf(a, degrees), _log_cdf(b, degrees)
        difference = above + np.log(-np.expm1(np.minimum(below - above, 0.0)))
        central = np.log1p(-np.exp(below) - np.exp(_log_cdf(-b, degrees)))
        narrow = log_density((a + b) / 2, degrees) + np.log(b - a)
    steepness = np.maximum(np.abs(log_density_slope(a, degrees)), np.abs(log_density_slope(b, degrees)))
    is_narrow = (b - a) * np.maximum(1.0, steepness) < NARROW
    between = np.where(is_narrow, narrow, np.where((a < -1) & (b > 1), central, difference))
    return np.where(open_below & open_above, 0.0, np.where(open_below | open_above, one_sided, between))


class IntervalSlopes(NamedTuple):
    """log P(low < X < high), and its first and second derivatives with respect to both ends."""

    log_p: FloatArray
    by_low: FloatArray
    by_high: FloatArray
    low_low: FloatArray
    low_high: FloatArray
    high_high: FloatArray


def interval_slopes(low: FloatArray, high: FloatArray, degrees: float = np.inf) -> IntervalSlopes:
    """Return `log_interval` with its derivatives, which are zero by an end that is infinite."""
    log_p = log_interval(low, high, degrees)
    hazards, curvatures = [], []
    for end, sign in ((low, -1.0), (high, 1.0)):
        finite = np.where(np.isfinite(end), end, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            hazard = np.where(np.isfinite(end), sign * np.exp(log_density(finite, degrees) - log_p), 0.0)
        hazards.append(hazard)
        curvatures.append(hazard * (log_density_slope(finite, degrees) - hazard))
    return IntervalSlopes(log_p, hazards[0], hazards[1], curvatures[0], -hazards[0] * hazards[1], curvatures[1])


def known_range(censoring: IntArray, lower: FloatArray, value: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends between which observations are known to lie: infinite if open, and both if the value was measured.

    Parameters
    ----------
    censoring : LEFT, RIGHT, INTERVAL or MEASURED lower, value : the ends of an interval; `value` alone is the limit of a left-
    or right-censored value
    """
    low = np.where(censoring == RIGHT, value, np.where(censoring == INTERVAL, lower, -np.inf))
    return low, np.where((censoring == LEFT) | (censoring == INTERVAL), value, np.inf)


def _log_cdf(x: FloatArray, degrees: float) -> FloatArray:
    """Return log P(X < x)."""
    if np.isinf(degrees):
        return np.asarray(log_ndtr(x))
    tail = x < -np.sqrt(degrees)
    with np.errstate(divide="ignore"):
        return np.where(tail, _log_t_tail(np.where(tail, x, -np.sqrt(degrees)), degrees), np.log(stdtr(degrees, x)))


def _log_t_tail(x: FloatArray, degrees: float) -> FloatArray:
    """Return log P(T < x) for negative x: the incomplete beta function as a series without its leading power."""
    a, share = degrees / 2, degrees / (degrees + x**2)
    series = hyp2f1(a + 0.5, 1.0, a + 1.0, share)
    return np.asarray(a * np.log(share) + 0.5 * np.log1p(-share) + np.log(series) - np.log(2 * a) - betaln(a, 0.5))
