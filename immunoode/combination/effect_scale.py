"""The scale of an effect, computed from the burden, its initial value and the burden without treatment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BurdenContext:
    """The reference of a scale: the burden at the start (draws, 1), that without treatment (draws, times), and days
    (times,).
    """

    start: FloatArray
    control: FloatArray
    days: FloatArray


@dataclass(frozen=True)
class EffectScale:
    """A scale.

    Attributes
    ----------
    name, label : str
        `label` is for tables and axes.
    better : int
        1 if larger values are better, -1 if smaller ones are.
    shown : callable
        From burdens and context to values on the scale.
    """

    name: str
    label: str
    better: int
    shown: Callable[[FloatArray, BurdenContext], FloatArray]


def _log_size(burden: FloatArray, of: BurdenContext) -> FloatArray:
    return np.log(burden / of.start)


def _growth_rate(burden: FloatArray, of: BurdenContext) -> FloatArray:
    return np.log(burden / of.start) / of.days


def _killed(burden: FloatArray, of: BurdenContext) -> FloatArray:
    return 1.0 - burden / of.control


def _response(burden: FloatArray, of: BurdenContext) -> FloatArray:
    return 1.0 - burden


def _log(burden: FloatArray, of: BurdenContext) -> FloatArray:
    return np.log(burden)


SCALES = {
    scale.name: scale
    for scale in (
        EffectScale("log_size", "log size relative to the start", -1, _log_size),
        EffectScale("growth_rate", "growth rate (per day)", -1, _growth_rate),
        EffectScale("killed", "fraction killed, relative to no treatment", 1, _killed),
        EffectScale("response_rate", "response rate", 1, _response),
        EffectScale("hazard", "log hazard", -1, _log),
    )
}


def scale_of(name: str, allowed: tuple[str, ...]) -> EffectScale:
    """Return the scale with this name.

    Raises
    ------
    DataError
        If it is unknown, or not one of those allowed.
    """
    if name not in allowed:
        raise DataError(Problem("scale", f"is {name!r}", nearest(str(name), allowed)))
    return SCALES[name]
