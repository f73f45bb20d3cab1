"""Checks of parameter values."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import ModelError, OutOfBoundsWarning, Problem, callers_level, nearest
from immunoode.model.components import ModelTables, Parameter

_ROUNDING = 1e-9
"""Relative tolerance of bounds, so that a value at a bound is not outside by rounding."""


def checked_values(model: ModelTables, values: Mapping[str, float]) -> dict[str, float]:
    """Return values of parameters of the model as floats.

    Raises
    ------
    ModelError
        If a name is not a parameter of the model, or a value is not a finite number.
    """
    problems, checked = list[Problem](), dict[str, float]()
    for name, value in values.items():
        place = f"{model.name}: {name}"
        if name not in model.constants:
            problems.append(Problem(place, "is not a parameter of this model", nearest(name, model.constants)))
        elif isinstance(value, str | bool) or not _finite(value):
            problems.append(Problem(place, f"is {value!r}", f"a finite number in {model.constants[name].unit}"))
        else:
            checked[name] = float(value)
    ModelError.raise_if(problems)
    return checked


def warn_out_of_bounds(
    where: str, constants: Mapping[str, Parameter], values: Mapping[str, Any], what: str = "used nevertheless"
) -> None:
    """Issue one warning with all values outside the bounds of their parameters.

    Parameters
    ----------
    where : str
        The name of the model, or of the argument with the values.
    constants : mapping of str to Parameter
    values : mapping of str to float or array
        A value, or one per subject.
    what : str
        What happens with such values.

    Warns
    -----
    OutOfBoundsWarning
        At the first line outside this package in the call stack.
    """
    found = [text for name, given in values.items() if name in constants and (text := _outside(name, constants[name], given))]
    if found:
        text = f"{where}: values outside their bounds are {what}: {'; '.join(found)}"
        warnings.warn(text, OutOfBoundsWarning, stacklevel=callers_level())


@dataclass(frozen=True)
class Limits:
    """Bounds of P parameters with a tolerance for rounding; infinite if there are none."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def hold(self, values: NDArray[np.float64]) -> bool:
        """Return whether all values, shape (..., P), are within the bounds."""
        return not bool(((values < self.low) | (values > self.high)).any())


def limits_of(constants: Mapping[str, Parameter]) -> Limits:
    """Return the bounds of parameters, in their order."""
    found = np.array([p.bounds or (-np.inf, np.inf) for p in constants.values()], dtype=float).reshape(-1, 2)
    slack = _ROUNDING * np.where(np.isfinite(found), np.abs(found), 0.0).max(axis=1)
    return Limits(found[:, 0] - slack, found[:, 1] + slack)


def _outside(name: str, parameter: Parameter, given: Any) -> str:
    """Return the values outside the bounds as text, or ""."""
    if parameter.bounds is None:
        return ""
    values, (low, high), wide = np.ravel(np.asarray(given, dtype=float)), parameter.bounds, limits_of({name: parameter})
    far = values[np.isfinite(values) & ((values < wide.low) | (values > wide.high))]
    if not far.size:
        return ""
    unit, limits = "" if parameter.unit == "1" else f" {parameter.unit}", f"[{low:g}, {high:g}]"
    if values.size == 1:
        return f"{name} = {far[0]:g}{unit} is outside {limits}"
    span = f"{far.min():g}" if far.min() == far.max() else f"{far.min():g} to {far.max():g}"
    return f"{name} of {far.size} of {values.size} ({span}{unit}) is outside {limits}"


def _finite(value: object) -> bool:
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
