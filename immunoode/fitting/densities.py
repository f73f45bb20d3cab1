"""The standard normal distribution, or Student's t where degrees of freedom are finite, as fits need them."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, hyp2f1, log_ndtr, stdtr, stdtrit

from immunoode.fitting.observations import FloatArray

NARROW = 1e-6
"""Width of an interval, over the distance at which the density falls, below which it is taken as level."""


def half_width(level: float, degrees: float) -> float:
    """Return how far from the middle this share of all draws lies."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2) if np.isinf(degrees) else stdtrit(degrees, 0.5 + level / 2))


def tempered(u: FloatArray, degrees: float) -> tuple[FloatArray, FloatArray]:
    """Return z, whose square is -2 log of the density of u but for a constant, and dz/du."""
    if np.isinf(degrees):
        return u, np.ones_like(u)
    square = (degrees + 1) * np.log1p(u**2 / degrees)
    z = np.sign(u) * np.sqrt(square)
    small = np.abs(u) < 1e-6
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (degrees + 1) * u / (degrees + u**2) / z
    return z, np.where(small, np.sqrt((degrees + 1) / degrees), slope)


def log_density(x: FloatArray, degrees: float) -> FloatArray:
    """Return the log density of a standard normal or t; of what is infinite minus infinity."""
    if np.isinf(degrees):
        return -0.5 * x**2 - 0.5 * np.log(2 * np.pi)
    from scipy.special import gammaln

    top = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
    return np.asarray(top - 0.5 * (degrees + 1) * np.log1p(x**2 / degrees))


def log_between(low: FloatArray, high: FloatArray, degrees: float = np.inf) -> FloatArray:
    """Return log P(low < standard normal or t < high), with its slopes right in both tails however far out.

    The probability is a difference of two that are as small as 1e-400, or as close to each other as to 1: logarithms are
    subtracted, on the side where nothing is lost by rounding; what is narrower than that can tell is density times width.
    """
    open_below, open_above = np.isneginf(low), np.isposinf(high)
    a, b = np.where(open_below, 0.0, low), np.where(open_above, 0.0, high)
    a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
    one = log_below(np.where(open_below, high, -np.where(open_below, 0.0, low)), degrees)
    with np.errstate(divide="ignore", invalid="ignore"):
        under, upper = log_below(a, degrees), log_below(b, degrees)
        apart = upper + np.log(-np.expm1(np.minimum(under - upper, 0.0)))
        around = np.log1p(-np.exp(under) - np.exp(log_below(-b, degrees)))
        thin = log_density((a + b) / 2, degrees) + np.log(b - a)
    narrow = (b - a) * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b))) < NARROW
    between = np.where(narrow, thin, np.where((a < -1) & (b > 1), around, apart))
    return np.where(open_below & open_above, 0.0, np.where(open_below | open_above, one, between))


def log_below(x: FloatArray, degrees: float) -> FloatArray:
    """Return log P(standard normal or t < x)."""
    if np.isinf(degrees):
        return np.asarray(log_ndtr(x))
    tail = x < -np.sqrt(degrees)
    with np.errstate(divide="ignore"):
        return np.where(tail, _log_t_tail(np.where(tail, x, -np.sqrt(degrees)), degrees), np.log(stdtr(degrees, x)))


def _log_t_tail(x: FloatArray, degrees: float) -> FloatArray:
    """Return log P(t < x) of x below zero by the incomplete beta function, whose leading power is taken out."""
    a, share = degrees / 2, degrees / (degrees + x**2)
    series = hyp2f1(a + 0.5, 1.0, a + 1.0, share)
    return np.asarray(a * np.log(share) + 0.5 * np.log1p(-share) + np.log(series) - np.log(2 * a) - betaln(a, 0.5))
