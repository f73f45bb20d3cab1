"""The standard normal distribution, or Student's t where degrees of freedom are finite, as fits need them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_ndtr, ndtr, stdtr, stdtrit

from immunoode.fit.observations import FloatArray


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


def log_between(low: FloatArray, high: FloatArray, degrees: float) -> FloatArray:
    """Return log P(low < standard normal or t < high), exact in both tails."""
    open_below, open_above = np.isneginf(low), np.isposinf(high)
    a, b = np.where(open_below, 0.0, low), np.where(open_above, 0.0, high)
    a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)  # the same probability on the side where it is not lost by rounding
    below, log_below = (ndtr, log_ndtr) if np.isinf(degrees) else (_t_below(degrees), _log_t_below(degrees))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.log(np.maximum(below(b) - below(a), 1e-300))
    one = np.where(open_below, log_below(high), log_below(-np.where(open_below, 0.0, low)))
    both = ~open_below & ~open_above
    return np.where(open_below & open_above, 0.0, np.where(both, between, one))


def _t_below(degrees: float) -> Callable[[FloatArray], FloatArray]:
    return lambda x: np.asarray(stdtr(degrees, x))


def _log_t_below(degrees: float) -> Callable[[FloatArray], FloatArray]:
    return lambda x: np.log(np.maximum(stdtr(degrees, x), 1e-300))
