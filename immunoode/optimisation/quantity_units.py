"""Units of endpoints, of properties of a schedule, and of choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import ImmunoodeError
from immunoode.model.closed_model import ClosedModel
from immunoode.optimisation.choices import Choices
from immunoode.optimisation.dosages import INTERVAL, Dosage
from immunoode.optimisation.endpoints import Endpoint
from immunoode.optimisation.limits import Quantity
from immunoode.regimen.doses import Dose
from immunoode.regimen.regimen import Regimen

_DAY, _NUMBER = "day", "1"


def quantity_unit(quantity: Quantity, model: ClosedModel) -> str:
    """Return the unit of an endpoint or of a property of a schedule; "1" for a plain number."""
    if isinstance(quantity, Dosage):
        return _DAY if quantity.kind == INTERVAL else model.input_units.get(quantity.therapy, "")
    return endpoint_unit(quantity, model.output_units[quantity.output])


def endpoint_unit(endpoint: Endpoint, unit: str) -> str:
    """Return the unit of an endpoint of an output in some unit; "1" for changes and logarithms."""
    if endpoint.is_time:
        return _DAY
    if endpoint.is_change or endpoint.log:
        return _NUMBER
    return units.times_day(unit) if endpoint.reduction == "area" else unit


def quantity_units(quantities: Iterable[Quantity], model: ClosedModel) -> dict[str, str]:
    """Return the units of endpoints and properties of a schedule by their names."""
    return {str(one): quantity_unit(one, model) for one in quantities}


def choice_units(regimen_of: Callable[[dict[str, Any]], Any], chosen: Choices, model: ClosedModel) -> dict[str, str]:
    """Return the units of those choices that are an amount, a time or a count of doses as the regimen states it.

    A choice is one of these if it and the amount are equal for two of its values; a choice that the regimen calculates with
    has no unit here.
    """
    base = {**chosen.named(chosen.begin), **{name: values[0] for name, values in chosen.options.items()}}
    try:
        first = _stated(regimen_of(base), model)
        found = {
            name: _unit(base[name], other, first, _stated(regimen_of({**base, name: other}), model))
            for name, other in _others(base, chosen).items()
        }
    except ImmunoodeError:  # the combination is left out of the search, which says why
        return {}
    return {name: unit for name, unit in found.items() if unit}


def _others(base: Mapping[str, Any], chosen: Choices) -> dict[str, Any]:
    """Return another value of each choice of numbers."""
    numbers = {
        name: np.where(np.asarray(base[name]) != one.low, one.low, one.high) + 0.0 * np.asarray(base[name], float)
        for name, one in chosen.numbers.items()
    }
    plain = {name: float(other) if np.ndim(base[name]) == 0 else other for name, other in numbers.items()}
    return {**plain, **{name: values[1] for name, values in chosen.options.items() if len(values) > 1}}


def _stated(regimen: Any, model: ClosedModel) -> list[tuple[float, str]]:
    """Return the numbers of a regimen or schedule with their units, in order."""
    if not isinstance(regimen, Regimen):
        inputs = [model.input_units.get(name, "") for name in regimen.inputs]
        return [*zip(regimen.amounts, inputs, strict=True), *((time, _DAY) for time in regimen.times)]
    return [pair for rule in regimen.rules if isinstance(rule, Dose) for pair in _of_rule(rule, model)]


def _of_rule(rule: Dose, model: ClosedModel) -> list[tuple[float, str]]:
    unit = rule.unit or model.input_units.get(rule.therapy, "")
    first = rule.amount if rule.loading is None else rule.loading
    times = [(time, _DAY) for time in (rule.start, rule.every, rule.over)]
    return [(rule.amount, unit), (first, unit), *times, (rule.count, _NUMBER)]


def _unit(value: Any, other: Any, first: list[tuple[float, str]], second: list[tuple[float, str]]) -> str:
    """Return the unit of the numbers that change like the choice; "" if there are none, or their units differ."""
    try:
        pairs = set(zip(np.ravel(value).astype(float), np.ravel(other).astype(float), strict=True))
    except (TypeError, ValueError):  # an option in words, which states its unit itself
        return ""
    if len(first) != len(second):  # numbers of the two regimens do not correspond
        return ""
    moved = [(a, b, unit) for (a, unit), (b, _) in zip(first, second, strict=True) if a != b]
    alike = {unit for a, b, unit in moved if any(np.allclose((a, b), pair, rtol=1e-9, atol=0.0) for pair in pairs)}
    return alike.pop() if len(alike) == 1 else ""
