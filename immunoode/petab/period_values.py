"""Values of the constants of a model at the start of a period, with the initial values of its states."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from immunoode.interop.evaluate import evaluate, values_of
from immunoode.interop.flatten import flatten
from immunoode.model.expressions import TIME
from immunoode.model.model import Model
from immunoode.petab.components import Experiment, Period
from immunoode.petab.dual_numbers import Dual, as_dual
from immunoode.petab.sbml_entities import START, PetabEntities
from immunoode.petab.simulated_periods import SimulatedPeriod

_SLACK = 1e-12
"""Relative difference up to which two times are equal."""


def period_constants(
    entities: PetabEntities,
    overridden: tuple[str, ...],
    experiment: Experiment,
    period: Period,
    before: SimulatedPeriod | None,
    given: Mapping[str, Dual],
    start: float,
) -> dict[str, Dual]:
    """Return the values of the constants of a model in a period, including those that states start from.

    Parameters
    ----------
    overridden : tuple of str
        States with initial values that are set from outside in the first period.
    before : SimulatedPeriod or None
        The previous period of the experiment.
    given : mapping
        Values of the parameter table.
    start : float
        Start of the period in the unit of the file.
    """
    model = entities.model
    own = {name: as_dual(math.nan if name in entities.without_value else p.value) for name, p in model.constants.items()}
    own |= {name: value for name, value in given.items() if name in model.constants}
    reset = before is None or experiment.resets_constants
    current = own if before is None or reset else before.constants
    time = as_dual(start * entities.days)
    states = before.last if before is not None else {}

    def look(name: str) -> Dual:
        if name == "time":
            return time
        known = given.get(name) or states.get(name) or current.get(name)
        return known if known is not None else entities.initial[name](look)

    changes = {name: change(look) for name, change in period.changes.items()}
    constants = dict(current) | {name: value for name, value in changes.items() if name in model.constants}
    if reset:
        constants = _with_assigned_constants(entities, constants, {*given, *changes})
    starts = _initial_values(entities, overridden, changes, constants, before)
    return constants | {f"{name}{START}": value for name, value in starts.items()}


def _with_assigned_constants(entities: PetabEntities, constants: dict[str, Dual], fixed: set[str]) -> dict[str, Dual]:
    """Return the constants with those that initial assignments compute from others, unless they were set."""
    found = dict(constants)
    for name, formula in entities.assigned_constants.items():
        if name not in fixed:
            found[name] = formula(found.__getitem__)
    return found


def _initial_values(
    entities: PetabEntities,
    overridden: tuple[str, ...],
    changes: Mapping[str, Dual],
    constants: Mapping[str, Dual],
    before: SimulatedPeriod | None,
) -> dict[str, Dual]:
    """Return the values that states start from: set by a change, carried over, or those of the model."""
    found = {}
    for name in overridden if before is None else tuple(entities.model.compartments):
        if name in changes:
            found[name] = changes[name]
        else:
            found[name] = entities.initial[name](constants.__getitem__) if before is None else before.last[name]

    def current(name: str) -> Dual:
        """Return the value of a name after all changes."""
        known = found.get(name) or constants.get(name)
        if known is None and name in entities.initial:
            known = entities.initial[name](constants.__getitem__)
        return known if known is not None else entities.formula(name)(current)

    for name, (amount, size) in entities.amounts.items():
        if name in changes:
            found[amount] = changes[name] * current(size)
        elif size in changes and before is not None:  # PEtab keeps the concentration
            size_before = before.constants[size] if size in before.constants else before.last[size]
            found[amount] = before.last[amount] / size_before * changes[size]
    return found


def true_triggers(entities: PetabEntities, model: Model, period: SimulatedPeriod) -> tuple[bool, ...]:
    """Return which triggers are true at the end of a period, so that they do not fire again at the start of the next."""
    given = {n: float(v.value) for n, v in (period.constants | period.last).items()}
    flat = flatten(model)
    value: Any = values_of(flat.constants | given | {TIME: period.end * entities.days}, flat.derived, _SLACK)
    return tuple(evaluate(event.trigger, value, _SLACK) > 0.5 for event in entities.events.events)
