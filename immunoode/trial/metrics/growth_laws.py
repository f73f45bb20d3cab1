"""Closed-form laws of tumour size under treatment, relative to the size at the start.

Stein-Fojo (simultaneous growth and decay) is the two-phase equation of Stein, Figg, Dahut, Fojo and others (PMC3313464); the
tumgr package fits it and its variants. Claret-Bruno (waning drug effect) is Claret et al. 2009 (J Clin Oncol
27:4103, doi 10.1200/JCO.2008.21.0807) at constant exposure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Values = Mapping[str, float]
GROWTH, SHRINKAGE, RESISTANCE, FRACTION = "growth_rate", "shrinkage_rate", "resistance_rate", "sensitive_fraction"
RATES = (GROWTH, SHRINKAGE, RESISTANCE)


@dataclass(frozen=True)
class GrowthLaw:
    """One law: size relative to the start as a function of days.

    Attributes
    ----------
    name, formula : str
        Name of the law, and its formula.
    parameters : tuple of str
        Rates per day (positive), and `sensitive_fraction` between 0 and 1.
    relative : callable
        Relative sizes as a function of days and values.
    gradient : callable
        Derivatives by the parameters, shape (parameters, times), as a function of days and values.
    time_to_growth : callable
        Exact day of the smallest size as a function of values: 0 if it grows from the start, infinite if it never grows.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    relative: Callable[[FloatArray, Values], FloatArray]
    gradient: Callable[[FloatArray, Values], FloatArray]
    time_to_growth: Callable[[Values], float]


def _positive_log_ratio(a: float, b: float) -> float:
    """Return log(a / b), at least 0, and infinite for b = 0."""
    if a <= 0:
        return 0.0
    return float(max(np.log(a / b), 0.0)) if b > 0 else np.inf


def _stein_fojo(t: FloatArray, v: Values) -> FloatArray:
    return np.exp(-v[SHRINKAGE] * t) + np.expm1(v[GROWTH] * t)


def _stein_fojo_gradient(t: FloatArray, v: Values) -> FloatArray:
    return np.array([t * np.exp(v[GROWTH] * t), -t * np.exp(-v[SHRINKAGE] * t)])


def _stein_fojo_time_to_growth(v: Values) -> float:
    g, d = v[GROWTH], v[SHRINKAGE]
    return _positive_log_ratio(d, g) / (d + g) if d + g > 0 else 0.0


def _generalised(t: FloatArray, v: Values) -> FloatArray:
    f = v[FRACTION]
    return (1 - f) * np.exp(v[GROWTH] * t) + f * np.exp(-v[SHRINKAGE] * t)


def _generalised_gradient(t: FloatArray, v: Values) -> FloatArray:
    f, up, down = v[FRACTION], np.exp(v[GROWTH] * t), np.exp(-v[SHRINKAGE] * t)
    return np.array([(1 - f) * t * up, -f * t * down, down - up])


def _generalised_time_to_growth(v: Values) -> float:
    g, d, f = v[GROWTH], v[SHRINKAGE], v[FRACTION]
    return _positive_log_ratio(d * f, g * (1 - f)) / (d + g) if d + g > 0 else 0.0


def _growth(t: FloatArray, v: Values) -> FloatArray:
    return np.exp(v[GROWTH] * t)


def _growth_gradient(t: FloatArray, v: Values) -> FloatArray:
    return np.array([t * np.exp(v[GROWTH] * t)])


def _decay(t: FloatArray, v: Values) -> FloatArray:
    return np.exp(-v[SHRINKAGE] * t)


def _decay_gradient(t: FloatArray, v: Values) -> FloatArray:
    return np.array([-t * np.exp(-v[SHRINKAGE] * t)])


def _claret_bruno(t: FloatArray, v: Values) -> FloatArray:
    return np.exp(v[GROWTH] * t - v[SHRINKAGE] * _waned(t, v[RESISTANCE]))


def _waned(t: FloatArray, rate: float) -> FloatArray:
    """Return (1 - exp(-rate t)) / rate."""
    return -np.expm1(-rate * t) / rate if rate != 0 else t


def _claret_bruno_gradient(t: FloatArray, v: Values) -> FloatArray:
    size, rate = _claret_bruno(t, v), v[RESISTANCE]
    waned = _waned(t, rate)
    by_rate = (t * np.exp(-rate * t) - waned) / rate if rate != 0 else -(t**2) / 2
    return np.array([t * size, -waned * size, -v[SHRINKAGE] * by_rate * size])


def _claret_bruno_time_to_growth(v: Values) -> float:
    ratio = _positive_log_ratio(v[SHRINKAGE], v[GROWTH])
    return ratio / v[RESISTANCE] if v[RESISTANCE] > 0 else (np.inf if ratio > 0 else 0.0)


LAWS: Mapping[str, GrowthLaw] = {
    law.name: law
    for law in (
        GrowthLaw(
            "stein-fojo",
            "exp(-d t) + exp(g t) - 1",
            (GROWTH, SHRINKAGE),
            _stein_fojo,
            _stein_fojo_gradient,
            _stein_fojo_time_to_growth,
        ),
        GrowthLaw("growth", "exp(g t)", (GROWTH,), _growth, _growth_gradient, lambda v: 0.0),
        GrowthLaw("shrinkage", "exp(-d t)", (SHRINKAGE,), _decay, _decay_gradient, lambda v: np.inf),
        GrowthLaw(
            "generalised",
            "(1 - f) exp(g t) + f exp(-d t)",
            (GROWTH, SHRINKAGE, FRACTION),
            _generalised,
            _generalised_gradient,
            _generalised_time_to_growth,
        ),
        GrowthLaw(
            "claret-bruno",
            "exp(g t - d (1 - exp(-r t)) / r)",
            (GROWTH, SHRINKAGE, RESISTANCE),
            _claret_bruno,
            _claret_bruno_gradient,
            _claret_bruno_time_to_growth,
        ),
    )
}
"""Laws by name."""
STEIN_FAMILY = ("stein-fojo", "growth", "shrinkage", "generalised")
"""Simultaneous growth and decay, each of them alone, and with a fraction that decays."""


def doubling_time(growth_rate: float) -> float:
    """Return the doubling time of exponential growth, in the inverse of the unit of the rate; infinite for rates up to 0."""
    return float(np.log(2) / growth_rate) if growth_rate > 0 else np.inf
