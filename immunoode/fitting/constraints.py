"""Constraints: parameters that are lmfit expressions of other parameters, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem

if TYPE_CHECKING:
    from lmfit import Parameters

_STEP = 1e-6


def constrain(parameters: Parameters, constraints: Mapping[str, str]) -> None:
    """Set the constraints as expressions in the lmfit parameters.

    Raises
    ------
    FitError
        If a constraint uses an unknown name or itself, or has no value.
    """
    problems = []
    for key, text in constraints.items():
        try:
            parameters[key].set(expr=text)
            value = float(parameters[key].value)
        except Exception as error:  # asteval raises any error that Python raises for the expression
            what = f"{text!r} cannot be evaluated: {_short(error)}"
            problems.append(Problem(f"constraints[{key!r}]", what, _right(parameters)))
            parameters[key].set(expr="")
            continue
        if not np.isfinite(value):
            what = f"{text!r} is {value} at the starting values"
            problems.append(Problem(f"constraints[{key!r}]", what, "change the starting values or the expression"))
    FitError.raise_if(problems)


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__


def _right(parameters: Parameters) -> str:
    return "use " + ", ".join(n for n, p in parameters.items() if not n.startswith("log_"))


def slopes_of(parameters: Parameters, key: str, log: bool) -> dict[str, float]:
    """Return the derivatives of a constrained parameter (of its logarithm if `log`) by each parameter that lmfit varies."""
    varied = [n for n, p in parameters.items() if p.vary]
    trial = parameters.copy()
    found = {}
    for name in varied:
        middle = float(parameters[name].value)
        step = _STEP * max(1.0, abs(middle))
        ends = []
        for sign in (-1.0, 1.0):
            trial[name].set(value=middle + sign * step, min=-np.inf, max=np.inf)
            trial.update_constraints()
            ends.append(float(trial[key].value))
        trial[name].set(value=middle)
        low, high = np.log(ends) if log else ends
        if high != low:
            found[name] = float((high - low) / (2 * step))
    return found
