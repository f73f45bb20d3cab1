"""Priors of single parameters as PEtab defines them: densities, slopes, and places to start from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SCALES = ("lin", "log", "log10")
"""What a parameter is searched on."""


def scaled(value: float, scale: str) -> float:
    """Return a value on its scale; -inf for the logarithm of zero and less."""
    if scale == "lin":
        return value
    return (math.log(value) if scale == "log" else math.log10(value)) if value > 0 else -math.inf


def unscaled(value: float, scale: str) -> float:
    """Return a value on its scale on the linear one."""
    return value if scale == "lin" else math.exp(value) if scale == "log" else 10.0**value


def stretch(value: float, scale: str) -> float:
    """Return the derivative of a value by itself on its scale."""
    return 1.0 if scale == "lin" else value * (1.0 if scale == "log" else math.log(10))


@dataclass(frozen=True)
class Shape:
    """A family of densities: how many numbers it has, where it is, its log-density, slope of that, and SciPy's own of it."""

    numbers: int
    low: float
    density: Callable[..., float]
    slope: Callable[..., float]
    scipy: Callable[..., Any]


def _shapes() -> Mapping[str, Shape]:
    from scipy import stats

    inf, log, pi = math.inf, math.log, math.pi
    return {
        "uniform": Shape(
            2,
            -inf,
            lambda x, a, b: -log(b - a) if a <= x <= b else -inf,
            lambda x, a, b: 0.0,
            lambda a, b: stats.uniform(a, b - a),
        ),
        "normal": Shape(
            2,
            -inf,
            lambda x, m, s: -0.5 * log(2 * pi * s**2) - 0.5 * ((x - m) / s) ** 2,
            lambda x, m, s: -(x - m) / s**2,
            stats.norm,
        ),
        "laplace": Shape(
            2, -inf, lambda x, m, s: -log(2 * s) - abs(x - m) / s, lambda x, m, s: -float(np.sign(x - m)) / s, stats.laplace
        ),
        "cauchy": Shape(
            2,
            -inf,
            lambda x, m, s: -log(pi * s * (1 + ((x - m) / s) ** 2)),
            lambda x, m, s: -2 * (x - m) / (s**2 + (x - m) ** 2),
            stats.cauchy,
        ),
        "chisquare": Shape(
            1,
            0.0,
            lambda x, k: (k / 2 - 1) * log(x) - x / 2 - k / 2 * log(2) - math.lgamma(k / 2),
            lambda x, k: (k / 2 - 1) / x - 0.5,
            stats.chi2,
        ),
        "exponential": Shape(1, 0.0, lambda x, s: -log(s) - x / s, lambda x, s: -1 / s, lambda s: stats.expon(scale=s)),
        "gamma": Shape(
            2,
            0.0,
            lambda x, a, s: (a - 1) * log(x) - x / s - math.lgamma(a) - a * log(s),
            lambda x, a, s: (a - 1) / x - 1 / s,
            lambda a, s: stats.gamma(a, scale=s),
        ),
        "rayleigh": Shape(
            1,
            0.0,
            lambda x, s: log(x) - 2 * log(s) - x**2 / (2 * s**2),
            lambda x, s: 1 / x - x / s**2,
            lambda s: stats.rayleigh(scale=s),
        ),
    }


@dataclass(frozen=True)
class Prior:
    """The density of one parameter.

    Attributes
    ----------
    shape : str
        A family: "normal", "uniform", "gamma", ...
    on : {"lin", "log", "log10"}
        What the family is of: the parameter, or its logarithm.
    numbers : tuple of float
    density_of_value : bool
        Whether it is a density of the parameter itself (the logarithm's stretch is in it), or of `on`.
    low, high : float
        Bounds of the parameter that cut it.
    """

    shape: str
    on: str
    numbers: tuple[float, ...]
    density_of_value: bool = True
    low: float = -math.inf
    high: float = math.inf

    def log_density(self, value: float) -> float:
        """Return the log-density at a value of the parameter; -inf outside."""
        x = scaled(value, self.on)
        shape = _shapes()[self.shape]
        if not (self.low <= value <= self.high) or x < shape.low or not math.isfinite(x):
            return -math.inf
        try:
            found = shape.density(x, *self.numbers)
        except ValueError:  # the logarithm of zero at the edge
            return -math.inf
        within = self._within()
        jacobian = math.log(stretch(value, self.on)) if self.density_of_value and self.on != "lin" else 0.0
        return found - jacobian - (math.log(within) if within > 0 else math.inf)

    def slope(self, value: float) -> float:
        """Return the derivative of the log-density by the parameter."""
        found = _shapes()[self.shape].slope(scaled(value, self.on), *self.numbers) / stretch(value, self.on)
        return found - (1 / value if self.density_of_value and self.on != "lin" else 0.0)

    def quantile(self, share: float) -> float:
        """Return the value of the parameter below which a share of the density lies, kept within the bounds."""
        x = float(_shapes()[self.shape].scipy(*self.numbers).ppf(share))
        return min(max(unscaled(x, self.on), self.low), self.high)

    def _within(self) -> float:
        """Return which part of the density lies within the bounds."""
        if self.low == -math.inf and self.high == math.inf:
            return 1.0
        own = _shapes()[self.shape].scipy(*self.numbers)
        low, high = (scaled(x, self.on) if x > 0 or self.on == "lin" else -math.inf for x in (self.low, self.high))
        # Where the family itself ends within the bounds nothing is cut, to the last digit.
        start, end = own.support()
        if low <= start and high >= end:
            return 1.0
        return float(own.cdf(high) - own.cdf(low))


FAMILIES_1: Mapping[str, tuple[str, bool]] = {
    "uniform": ("uniform", False),
    "normal": ("normal", False),
    "laplace": ("laplace", False),
    "logNormal": ("normal", True),
    "logLaplace": ("laplace", True),
}
"""Families of version 1, and whether they are of the logarithm; those on the parameter's scale go by `parameterScale...`."""
FAMILIES_2: Mapping[str, tuple[str, bool]] = {
    **{
        name: (name, False)
        for name in ("cauchy", "chisquare", "exponential", "gamma", "laplace", "normal", "rayleigh", "uniform")
    },
    "log-laplace": ("laplace", True),
    "log-normal": ("normal", True),
    "log-uniform": ("uniform", True),
}
"""Families of version 2, and whether they are of the logarithm."""


def numbers_of(shape: str) -> int:
    """Return how many numbers a family has."""
    return _shapes()[shape].numbers
