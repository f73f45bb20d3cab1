"""The check of units: each expression must have the dimension and scale that its place requires."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from immunoode.errors import Problem
from immunoode.model.components import Flow, Input, Pulse
from immunoode.model.expression_units import DAY, NUMBER, Measure, measure, measure_of_unit
from immunoode.model.expressions import DOSE, SELF, TIME, ExpressionError
from immunoode.model.model import Model
from immunoode.model.resistances import leaving
from immunoode.model.roles import source_target_pairs
from immunoode.model.schema import VALUES, expressions_of


def unit_problems(model: Model) -> Iterator[Problem]:
    """Yield a problem for each expression with a wrong unit."""
    lookups = Measures(model)
    for name, given in model.inputs.items():
        wanted = fraction_measure(model, given)
        if wanted is not None and wanted != NUMBER and not given.fraction:
            yield Problem(
                f"inputs.{name}.unit",
                f"{given.unit!r} is not a unit of {given.into!r}",
                f"a unit like {model.compartments[given.into].unit!r}, or a fraction such as '1 / volume'",
            )
    for table, name, field, text, part in expressions_of(model):
        for own, wanted in _cases(model, table, field, part):
            try:
                found = measure(text, {**lookups.names, **own}.get, lookups.role)
                if found is not None and wanted is not None and not found.agrees(wanted):
                    raise ExpressionError(f"'{text[:80]}' is {found}, but must be {wanted}{_ratio(found, wanted)}")
            except ExpressionError as error:
                yield Problem(f"{table}.{name}.{field}", str(error), "state the unit of the expression, or correct it")
                break


def _ratio(found: Measure, wanted: Measure) -> str:
    return f": {found.factor / wanted.factor:.6g} times too large" if found.dimension == wanted.dimension else ""


class Measures:
    """The measures of the names and roles of a model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names: dict[str, Measure | None] = {TIME: DAY}
        for name, need in model.needs.items():
            self.names[name] = measure_of_unit(need.unit) if need.unit else None
        for table in VALUES:
            self.names |= {name: measure_of_unit(part.unit) for name, part in getattr(model, table).items()}

    def role(self, role: str) -> Measure | None:
        """Return the measure of the sum over a role, or None if no compartment has it."""
        found = [measure_of_unit(c.unit) for c in self.model.compartments.values() if role in c.roles]
        return found[0] if found else None


Case = tuple[dict[str, "Measure | None"], "Measure | None"]


def _cases(model: Model, table: str, field: str, part: Any) -> Iterator[Case]:
    """Yield pairs of the measures of an expression's local names and the measure that it must have."""
    if isinstance(part, (Flow, Pulse)):
        yield from _flow_cases(model, field, part)
    elif table == "modifiers":
        of = model.modifiables.get(part.of) or model.needs.get(part.of)
        wanted = NUMBER if field == "factor" else (measure_of_unit(of.unit) if of and of.unit else None)
        yield {}, wanted
    elif table == "inputs":
        yield {}, _input_measure(model, field, part)
    elif table == "resistances":
        yield {}, NUMBER
    else:
        yield {}, measure_of_unit(part.unit)


def _input_measure(model: Model, field: str, given: Input) -> Measure | None:
    if field == "fraction":
        return fraction_measure(model, given)
    plain = {"bioavailability": NUMBER, "rate": measure_of_unit(given.unit).times(DAY, -1.0)}
    return plain.get(field, DAY)


def fraction_measure(model: Model, given: Input) -> Measure | None:
    """Return the measure of an input's fraction: dimensionless if input and compartment have the same dimension."""
    into = model.compartments.get(given.into)
    if into is None:
        return None
    ratio = measure_of_unit(into.unit).times(measure_of_unit(given.unit), -1.0)
    return NUMBER if not ratio.dimension else ratio


def _flow_cases(model: Model, field: str, part: Flow | Pulse) -> Iterator[Case]:
    def measure_of(name: str) -> Measure:
        return measure_of_unit(model.compartments[name].unit)

    dose: dict[str, Measure | None] = {DOSE: measure_of_unit(model.inputs[part.on].unit)} if isinstance(part, Pulse) else {}
    for source, target in _pairs(model, part):
        end = source or target
        own = {**dose, SELF: measure_of(end)} if end in model.compartments else {**dose, SELF: None}
        if field == "fraction":
            yield own, NUMBER
        elif field == "per_capita":
            yield own, NUMBER.times(DAY, -1.0)
        elif field == "rate":
            yield own, measure_of(end).times(DAY, -1.0) if end in model.compartments else None
        elif source in model.compartments and target in model.compartments:
            yield own, measure_of(target).times(measure_of(source), -1.0)


def _pairs(model: Model, part: Flow | Pulse) -> list[tuple[str, str]]:
    """Return the (source, target) pairs of a part; an open pair if its role has no compartment yet."""
    found, _ = source_target_pairs(model, leaving(part) if isinstance(part, Flow) and part.producer else part)
    return found or [("", "")]
