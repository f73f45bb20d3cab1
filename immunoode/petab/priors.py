"""Priors of single parameters as PEtab defines them: densities, their derivatives, and starting points."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

SCALES = ("lin", "log", "log10")
"""Scales on which parameters are fitted."""


def to_scale(value: float, scale: str) -> float:
    """Convert a value to a scale; -inf for the logarithm of zero and less."""
    if scale == "lin":
        return value
    return (math.log(value) if scale == "log" else math.log10(value)) if value > 0 else -math.inf


def from_scale(value: float, scale: str) -> float:
    """Convert a value on a scale to the linear scale."""
    return value if scale == "lin" else math.exp(value) if scale == "log" else 10.0**value


def scale_derivative(value: float, scale: str) -> float:
    """Return the derivative of a value with respect to its value on a scale."""
    return 1.0 if scale == "lin" else value * (1.0 if scale == "log" else math.log(10))


@dataclass(frozen=True)
class DensityFamily:
    """A family of densities: number of parameters, lower end, log-density, its derivative, and the distribution of SciPy."""

    numbers: int
    low: float
    density: Callable[..., float]
    slope: Callable[..., float]
    scipy: Callable[..., Any]


@cache
def _shapes() -> Mapping[str, DensityFamily]:
    from scipy import stats

    inf, log, pi = math.inf, math.log, math.pi
    return {
        "uniform": DensityFamily(
            2,
            -inf,
            lambda x, a, b: -log(b - a) if a <= x <= b else -inf,
            lambda x, a, b: 0.0,
            lambda a, b: stats.uniform(a, b - a),
        ),
        "normal": DensityFamily(
            2,
            -inf,
            lambda x, m, s: -0.5 * log(2 * pi * s**2) - 0.5 * ((x - m) / s) ** 2,
            lambda x, m, s: -(x - m) / s**2,
            stats.norm,
        ),
        "laplace": DensityFamily(
            2, -inf, lambda x, m, s: -log(2 * s) - abs(x - m) / s, lambda x, m, s: -float(np.sign(x - m)) / s, stats.laplace
        ),
        "cauchy": DensityFamily(
            2,
            -inf,
            lambda x, m, s: -log(pi * s * (1 + ((x - m) / s) ** 2)),
            lambda x, m, s: -2 * (x - m) / (s**2 + (x - m) ** 2),
            stats.cauchy,
        ),
        "chisquare": DensityFamily(
            1,
            0.0,
            lambda x, k: (k / 2 - 1) * log(x) - x / 2 - k / 2 * log(2) - math.lgamma(k / 2),
            lambda x, k: (k / 2 - 1) / x - 0.5,
            stats.chi2,
        ),
        "exponential": DensityFamily(1, 0.0, lambda x, s: -log(s) - x / s, lambda x, s: -1 / s, lambda s: stats.expon(scale=s)),
        "gamma": DensityFamily(
            2,
            0.0,
            lambda x, a, s: (a - 1) * log(x) - x / s - math.lgamma(a) - a * log(s),
            lambda x, a, s: (a - 1) / x - 1 / s,
            lambda a, s: stats.gamma(a, scale=s),
        ),
        "rayleigh": DensityFamily(
            1,
            0.0,
            lambda x, s: log(x) - 2 * log(s) - x**2 / (2 * s**2),
            lambda x, s: 1 / x - x / s**2,
            lambda s: stats.rayleigh(scale=s),
        ),
    }


@dataclass(frozen=True)
class PetabPrior:
    """The density of one parameter.

    Attributes
    ----------
    shape : str
        Family of the density: "normal", "uniform", "gamma", ...
    on : {"lin", "log", "log10"}
        Scale of the family: the parameter, or its logarithm.
    numbers : tuple of float
        Parameters of the density.
    density_of_value : bool
        Whether it is a density of the parameter itself (with the Jacobian of the logarithm), or of its value on the scale.
    low, high : float
        Bounds of the parameter at which the density is truncated.
    """

    shape: str
    on: str
    numbers: tuple[float, ...]
    density_of_value: bool = True
    low: float = -math.inf
    high: float = math.inf

    def log_density(self, value: float) -> float:
        """Return the log-density at a value of the parameter; -inf outside."""
        x = to_scale(value, self.on)
        shape = _shapes()[self.shape]
        if not (self.low <= value <= self.high) or x < shape.low or not math.isfinite(x):
            return -math.inf
        try:
            found = shape.density(x, *self.numbers)
        except ValueError:  # the logarithm of zero at the edge
            return -math.inf
        within = self._within
        jacobian = math.log(scale_derivative(value, self.on)) if self.density_of_value and self.on != "lin" else 0.0
        return found - jacobian - (math.log(within) if within > 0 else math.inf)

    def slope(self, value: float) -> float:
        """Return the derivative of the log-density with respect to the parameter."""
        found = _shapes()[self.shape].slope(to_scale(value, self.on), *self.numbers) / scale_derivative(value, self.on)
        return found - (1 / value if self.density_of_value and self.on != "lin" else 0.0)

    def quantile(self, share: float) -> float:
        """Return a quantile of the parameter, within the bounds."""
        x = float(_shapes()[self.shape].scipy(*self.numbers).ppf(share))
        return min(max(from_scale(x, self.on), self.low), self.high)

    @cached_property
    def _within(self) -> float:
        """The probability between the bounds."""
        if self.low == -math.inf and self.high == math.inf:
            return 1.0
        own = _shapes()[self.shape].scipy(*self.numbers)
        low, high = (to_scale(x, self.on) if x > 0 or self.on == "lin" else -math.inf for x in (self.low, self.high))
        # A family with its support within the bounds is not truncated: exactly 1.
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
"""Families of version 1, and whether they are of the logarithm; names on the scale begin with `parameterScale`."""
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


def parameter_count(shape: str) -> int:
    """Return the number of parameters of a family."""
    return _shapes()[shape].numbers
