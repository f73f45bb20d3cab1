"""Values of parameters, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping

from immunoode.errors import ModelError, Problem, nearest
from immunoode.model.parts import Model


def checked_values(model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """Return values for parameters of the model as floats.

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
    if problems:
        raise ModelError(problems)
    return checked


def _finite(value: object) -> bool:
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
