"""Reading of SBML events: as a regimen if they are doses at given times, otherwise as events for `simulate`."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem, UnitError
from immunoode.interop.evaluate import Values, evaluate, holds
from immunoode.interop.open_sbml import open_document
from immunoode.interop.sbml_symbols import Symbols, days_per_unit
from immunoode.model.expressions import ExpressionError, names_in, parse
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Assignment, Event, Events

BEFORE = 1e-9
"""Relative time before and after a time at which a trigger is checked to see whether it becomes true there."""


def read_sbml_events(source: str | Path, *, time_unit: str | None = None, regimen: bool = True) -> Regimen | Events:
    """Read the events of an SBML file, for the model that `read_sbml` returns.

    Parameters
    ----------
    source : path or str
        A file, or its text.
    time_unit : str, optional
        As for `read_sbml`.
    regimen : bool
        Whether to return a regimen if possible. Its numbers are those of the file, whereas events use the values of parameters
        at the time of simulation.

    Returns
    -------
    Regimen or Events
        A regimen if every event happens at given times and sets a compartment to a number, multiplies it or adds to it; it can
        be shifted, combined with others, and used in fits. Otherwise Events, with the semantics of SBML for triggers, delays,
        priorities, persistence and values at the time of firing. `simulate` takes both.

    Raises
    ------
    ModelError
        If the file is invalid, or has a formula that is not supported.
    """
    document, where = open_document(source)
    sbml = document.getModel()
    try:
        symbols = Symbols.of(sbml, where)
        given = [sbml.getEvent(k) for k in range(sbml.getNumEvents())]
        found = [_event(e, symbols) for e in given if e.getTrigger() is not None and e.getTrigger().getMath() is not None]
        title = sbml.getName() or where
        days = days_per_unit(sbml) if time_unit is None else _stated(time_unit)
        made = _regimen(found, symbols, days or 1.0, title) if regimen or not found else None
    except ExpressionError as error:
        raise ModelError(Problem(where, str(error), "shorter formulas")) from None
    except RecursionError:
        raise ModelError(Problem(where, "has too long a chain of values that depend on each other", "shorter chains")) from None
    return Events(tuple(found), title) if made is None else made


def _stated(time_unit: str) -> float:
    from immunoode import units

    try:
        return units.factor(time_unit, "day")
    except UnitError as error:
        raise ModelError(Problem("time_unit", str(error), "day, hour, second, ...")) from None


def _event(event: Any, symbols: Symbols) -> Event:
    name = event.getId() or event.getName() or "event"
    trigger = event.getTrigger()
    delay = _part(event.getDelay(), symbols, f"the delay of {name}")
    at_firing = event.getUseValuesFromTriggerTime() if event.isSetUseValuesFromTriggerTime() else True
    return Event(
        name,
        symbols.condition(trigger.getMath(), f"the trigger of {name}"),
        tuple(_assignments(event, symbols, name)),
        f"({delay}) / {symbols.scale}" if delay else "",
        _part(event.getPriority(), symbols, f"the priority of {name}"),
        bool(trigger.getInitialValue()) if trigger.isSetInitialValue() else True,
        bool(trigger.getPersistent()) if trigger.isSetPersistent() else True,
        bool(at_firing),
    )


def _part(part: Any, symbols: Symbols, place: str) -> str:
    return "" if part is None or part.getMath() is None else symbols.text(part.getMath(), place)


def _assignments(event: Any, symbols: Symbols, name: str) -> Iterator[Assignment]:
    for k in range(event.getNumEventAssignments()):
        assignment = event.getEventAssignment(k)
        if assignment.getMath() is None:
            continue
        target = symbols.name(assignment.getVariable())
        text = symbols.text(assignment.getMath(), f"what {name} assigns")
        species = symbols.model.getSpecies(assignment.getVariable())
        if species is not None and symbols.kept_as_amount(species):
            yield Assignment(symbols.amount(assignment.getVariable()), text, symbols.name(species.getCompartment()))
        else:
            yield Assignment(target, text)


@dataclass(frozen=True)
class _TimedChange:
    """The changes of an event at one time in the file's unit: each target, its factor, and the amount added."""

    time: float
    priority: float
    name: str
    changes: tuple[tuple[str, float, float], ...]
    own: bool


def _regimen(events: list[Event], symbols: Symbols, days: float, title: str) -> Regimen | None:
    """Return the events as a regimen, or None if that is not possible."""
    found: list[_TimedChange] = []
    for event in events:
        made = _given(event, symbols)
        if made is None:
            return None
        found += made
    found.sort(key=lambda g: (g.time, -g.priority))
    if _order_matters(found):
        return None
    regimen = Regimen(title=title)
    for given in found:
        for target, factor, add in given.changes:
            name, at = f"{target}_event", given.time * days
            if factor == 0:
                regimen = regimen.replace(name, add, at=at)
            else:
                regimen = regimen if factor == 1 else regimen.multiply(name, factor, at=at)
                regimen = regimen if add == 0 else regimen.dose(name, add, start=at)
    return regimen


def _order_matters(found: list[_TimedChange]) -> bool:
    """Whether simultaneous events change the same target depending on its value, so that their order matters."""
    for k, given in enumerate(found):
        for other in found[k + 1 :]:
            if not math.isclose(other.time, given.time, rel_tol=1e-9, abs_tol=1e-12):
                break
            targets = {t for t, *_ in given.changes} & {t for t, *_ in other.changes}
            if targets and (given.own or other.own):
                return True
    return False


def _given(event: Event, symbols: Symbols) -> list[_TimedChange] | None:
    """Return the changes of an event with their times, or None if a regimen cannot express them."""
    changing = _changing(symbols)
    condition = parse(event.trigger).args[1]  # type: ignore[attr-defined]  # piecewise(1, condition, 0)
    free = names_in(event.trigger) | names_in(event.delay or "0") | names_in(event.priority or "0")
    if free & changing or (event.delay and not event.persistent) or any(a.size for a in event.assignments):
        return None
    if not all(_linear(part, symbols) for part in ast.walk(condition) if isinstance(part, ast.Compare)):
        return None
    found = []
    for time in _times(condition, symbols, event.starts):
        at = _values(time, symbols)
        delay, priority = (evaluate(text or "0", at) for text in (event.delay, event.priority))
        changes = [_affine(a, time, symbols, changing) for a in event.assignments]
        own = any(a.target in names_in(a.value) for a in event.assignments)
        if not delay >= 0 or None in changes or (own and delay > 0 and event.at_firing):
            return None
        shared = {a.target for a in event.assignments}
        if any(names_in(a.value) & (shared - {a.target}) for a in event.assignments):
            return None
        whole = tuple((a.target, *c) for a, c in zip(event.assignments, changes, strict=True) if c is not None)
        found.append(_TimedChange(time + delay, priority, event.name, whole, own and event.at_firing))
    return found


def _affine(assignment: Assignment, time: float, symbols: Symbols, changing: set[str]) -> tuple[float, float] | None:
    """Return a and b if the assigned value is a x + b, where x is the target; otherwise None."""
    target, text = assignment.target, assignment.value
    if (names_in(text) & changing) - {target} or "time" in names_in(text):
        return None
    own = target in names_in(text)
    values = [evaluate(text, _values(time, symbols, target, x)) for x in (0.0, 1.0, 3.0)]
    factor, add = values[1] - values[0], values[0]
    straight = all(map(math.isfinite, values)) and math.isclose(values[2], add + 3 * factor, rel_tol=1e-9, abs_tol=1e-12)
    if not straight or factor < 0 or add < 0:
        return None
    return (factor if own else 0.0), add


def _changing(symbols: Symbols) -> set[str]:
    """Return the names in the model of quantities that change in time."""
    model = symbols.model
    ids = {*symbols.rate_rules, *symbols.assignment_rules, *symbols.event_targets, *(r.getId() for r in symbols.reactions)}
    for reaction in symbols.reactions:
        ids |= {r.getSpecies() for r in symbols.references(reaction)}
    fixed = {
        s for s in ids if (sp := model.getSpecies(s)) is not None and s not in symbols.event_targets and _held(sp, symbols)
    }
    species_of = [model.getSpecies(k) for k in range(model.getNumSpecies())]
    diluted = {s.getId() for s in species_of if symbols.kept_as_amount(s)}
    return {symbols.names[s] for s in (ids - fixed) | diluted if s in symbols.names} | {*symbols.rates_used.values()}


def _held(species: Any, symbols: Symbols) -> bool:
    ruled = species.getId() in symbols.rate_rules or species.getId() in symbols.assignment_rules
    return (species.getBoundaryCondition() or species.getConstant()) and not ruled


def _value(name: str, time: float, symbols: Symbols) -> float:
    """Return the value of a constant, or of time in the model's unit."""
    if name == "time":
        return time
    if name == symbols.scale:
        return 1.0
    back = {ours: theirs for theirs, ours in symbols.names.items()}
    return symbols.value(back[name])


def _values(time: float, symbols: Symbols, target: str = "", x: float = 0.0) -> Values:
    """Return the function of the values of names at a time, with the value x for the target."""
    return lambda name: x if name == target else _value(name, time, symbols)


def _times(condition: ast.expr, symbols: Symbols, starts_true: bool) -> list[float]:
    """Return the times at which a condition of time alone becomes true."""

    def true(time: float) -> bool:
        return holds(condition, _values(time, symbols))

    found = [0.0] if true(0.0) and not starts_true else []
    for time in sorted(set(_compared(condition, symbols))):
        before, after = time - BEFORE * max(abs(time), 1.0), time + BEFORE * max(abs(time), 1.0)
        if time > 0 and not true(before) and (true(time) or true(after)):
            found.append(time)
        elif time == 0 and true(time) and not true(after) and not found:
            found.append(0.0)  # "time == 0" is true at no later time, but is intended
        if found[-1:] == [time] and not true(after):
            what = f"{symbols.where}: a trigger is true only at time {time:g}; its event happens then"
            warnings.warn(what, stacklevel=5)
    return found


def _compared(condition: ast.expr, symbols: Symbols) -> Iterator[float]:
    """Yield the numbers with which time is compared."""
    for node in ast.walk(condition):
        if not isinstance(node, ast.Compare):
            continue
        gap = _gap(node)
        if "time" not in names_in(gap):
            continue
        at = [evaluate(gap, _values(t, symbols)) for t in (0.0, 1.0)]
        if math.isfinite(at[0]) and at[1] != at[0]:
            yield -at[0] / (at[1] - at[0])


def _gap(node: ast.Compare) -> str:
    return f"({ast.unparse(node.left)}) - ({ast.unparse(node.comparators[0])})"


def _linear(node: ast.Compare, symbols: Symbols) -> bool:
    """Whether the difference of both sides is linear in time."""
    at = [evaluate(_gap(node), _values(t, symbols)) for t in (0.0, 1.0, 3.0, 1000.7)]
    straight = [at[0] + t * (at[1] - at[0]) for t in (3.0, 1000.7)]
    return all(map(math.isfinite, at)) and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(at[2:], straight, strict=True)
    )
