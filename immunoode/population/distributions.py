"""Distributions of individual parameters: normal after a transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.observations import FloatArray
from immunoode.model.components import Parameter

NORMAL, LOGNORMAL, LOGIT = "normal", "lognormal", "logit"
DISTRIBUTIONS = (NORMAL, LOGNORMAL, LOGIT)
_FAR = 36.0
"""Limit at which latent values of a logit are truncated, because the parameter then equals its bound to rounding."""


@dataclass(frozen=True)
class Distribution:
    """The distribution of a parameter: its value, its logarithm or its logit is normal, and called the latent value.

    `low` and `high` are the limits of a logit.
    """

    kind: str
    low: float = -np.inf
    high: float = np.inf

    def latent(self, value: FloatArray) -> FloatArray:
        """Return the latent (normal) value; NaN outside the distribution."""
        if self.kind == NORMAL:
            return np.asarray(value, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.kind == LOGNORMAL:
                return np.asarray(np.log(value))
            share = (np.asarray(value) - self.low) / (self.high - self.low)
            return np.asarray(np.log(share) - np.log1p(-share))

    def value(self, latent: FloatArray) -> FloatArray:
        """Return the parameter."""
        if self.kind == NORMAL:
            return latent
        if self.kind == LOGNORMAL:
            return np.asarray(np.exp(latent))
        return self.low + (self.high - self.low) / (1.0 + np.exp(-np.clip(latent, -_FAR, _FAR)))

    def slope(self, latent: FloatArray) -> FloatArray:
        """Return the derivative of the parameter with respect to its latent value."""
        if self.kind == NORMAL:
            return np.ones_like(latent)
        if self.kind == LOGNORMAL:
            return np.asarray(np.exp(latent))
        share = 1.0 / (1.0 + np.exp(-np.clip(latent, -_FAR, _FAR)))
        return (self.high - self.low) * share * (1.0 - share)


def distribution_of(name: str, parameter: Parameter, given: Mapping[str, str]) -> Distribution:
    """Return the distribution of a parameter: as stated, otherwise log-normal if it cannot be negative, otherwise normal.

    Raises
    ------
    FitError
        If the kind is not known, or the parameter's value or bounds do not allow it.
    """
    low, high = parameter.bounds or (-np.inf, np.inf)
    kind = given.get(name) or (LOGNORMAL if low >= 0 and parameter.value > 0 else NORMAL)
    where = f"distribution[{name!r}]"
    if kind not in DISTRIBUTIONS:
        raise FitError(Problem(where, f"{kind!r} is not known", nearest(str(kind), DISTRIBUTIONS)))
    if kind == LOGNORMAL and parameter.value <= 0:
        raise FitError(Problem(where, f"the value {parameter.value:g} has no logarithm", "'normal', or a positive value"))
    if kind == LOGIT and not low < parameter.value < high < np.inf:
        raise FitError(
            Problem(where, f"a logit needs finite bounds on both sides of the value, not ({low:g}, {high:g})", "state bounds=")
        )
    return Distribution(kind, *((low, high) if kind == LOGIT else ()))
