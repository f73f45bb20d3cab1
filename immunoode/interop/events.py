"""Events of SBML as regimens: what happens at a time, or once the state says so, to compartments."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immunoode.errors import ModelError, Problem
from immunoode.interop.document import open_document
from immunoode.interop.evaluate import Values, evaluate, holds
from immunoode.interop.symbols import Symbols, days_per_unit
from immunoode.model.expressions import names, parse
from immunoode.regimen.regimen import Regimen

BEFORE = 1e-9
"""How long before a time, in the model's unit relative to it, a trigger is looked at to see whether it becomes true there."""
_RIGHT = "a trigger that compares time with a number, or one quantity with one"


def read_sbml_events(source: str | Path, *, time_unit: str | None = None) -> Regimen:
    """Read the events of an SBML file as a regimen, for the model that `read_sbml` makes of it.

    Parameters
    ----------
    source : path or str
        A file, or its text.
    time_unit : str, optional
        As of `read_sbml`.

    Returns
    -------
    Regimen
        Events at times, after their delays, by priority where several come at once: a compartment set to a number, multiplied,
        or added to. An event whose trigger compares one quantity with a number becomes a reaction that happens once; SBML would
        repeat it each time that the trigger becomes true again, of which a warning tells.

    Raises
    ------
    ModelError
        If an event does something else; each message names it.
    """
    document, where = open_document(source)
    sbml = document.getModel()
    symbols = Symbols.of(sbml, where)
    days = days_per_unit(sbml) if time_unit is None else _stated(time_unit)
    regimen = Regimen(title=sbml.getName() or where)
    found = [event for k in range(sbml.getNumEvents()) for event in _events(sbml.getEvent(k), symbols)]
    for event in sorted(found, key=lambda event: (event.time, -event.priority)):
        regimen = event.added_to(regimen, days or 1.0, symbols)
    return regimen


def _stated(time_unit: str) -> float:
    from immunoode import units

    return units.factor(time_unit, "day")


@dataclass(frozen=True)
class _Event:
    """One event that happens: at a time (infinite: once `quantity` is above or below `limit`), with what it assigns."""

    name: str
    time: float
    delay: float
    priority: float
    assignments: tuple[tuple[str, str], ...]
    quantity: str = ""
    limit: float = 0.0
    above: bool = True

    def added_to(self, regimen: Regimen, days: float, symbols: Symbols) -> Regimen:
        """Return the regimen with this event."""
        if not self.quantity:
            return self._carried_out(regimen, self.time + self.delay, days, symbols)
        course = self._carried_out(Regimen(), self.delay, days, symbols)
        above, below = (self.limit, None) if self.above else (None, self.limit)
        warnings.warn(
            f"{symbols.where}: event {self.name!r} happens once here, and again each time in SBML", stacklevel=4
        )
        return regimen.when(self.quantity, above=above, below=below, then=course)

    def _carried_out(self, regimen: Regimen, time: float, days: float, symbols: Symbols) -> Regimen:
        at = time * days
        for target, text in self.assignments:
            factor, add = self._straight(target, text, symbols)
            if factor == 0:
                regimen = regimen.replace(f"{target}_event", add, at=at)
            else:
                regimen = regimen if factor == 1 else regimen.multiply(f"{target}_event", factor, at=at)
                regimen = regimen if add == 0 else regimen.dose(f"{target}_event", add, start=at)
        return regimen

    def _straight(self, target: str, text: str, symbols: Symbols) -> tuple[float, float]:
        """Return a and b of what is assigned, a x + b of the target x.

        Raises
        ------
        ModelError
            If it is something else.
        """
        others = (names(text) & _changing(symbols)) - {target}
        own = target in names(text)
        values = [evaluate(text, _values(self.time, symbols, target, x)) for x in (0.0, 1.0, 3.0)]
        factor, add = values[1] - values[0], values[0]
        straight = all(map(math.isfinite, values)) and math.isclose(
            values[2], add + 3 * factor, rel_tol=1e-9, abs_tol=1e-12
        )
        late = own and (self.delay > 0 or self.quantity)
        if others or not straight or late or factor < 0 or add < 0:
            what = f"the event {self.name!r} sets {target!r} to {text[:80]!r}"
            right = f"a number, {target} + a number, or {target} * a number (not negative, and not after a delay)"
            raise ModelError(Problem(symbols.where, what, right))
        return (factor if own else 0.0), add


def _changing(symbols: Symbols) -> set[str]:
    """Return our names of what changes in time by itself."""
    model = symbols.model
    ids = {*symbols.rated, *symbols.assigned, *symbols.by_events}
    for reaction in symbols.reactions:
        ids |= {r.getSpecies() for r in symbols.references(reaction)}
    fixed = {
        s for s in ids if (sp := model.getSpecies(s)) is not None and s not in symbols.by_events and _held(sp, symbols)
    }
    return {symbols.names[s] for s in ids - fixed if s in symbols.names}


def _held(species: Any, symbols: Symbols) -> bool:
    ruled = species.getId() in symbols.rated or species.getId() in symbols.assigned
    return (species.getBoundaryCondition() or species.getConstant()) and not ruled


def _value(name: str, time: float, symbols: Symbols) -> float:
    """Return the value of a name that does not change, or of time in the model's unit."""
    if name == "time":
        return time
    if name == symbols.scale:
        return 1.0
    back = {ours: theirs for theirs, ours in symbols.names.items()}
    return symbols.value(back[name])


def _events(event: Any, symbols: Symbols) -> Iterator[_Event]:
    """Yield what an event makes happen: at each time at which its trigger becomes true, or once by the state."""
    name = event.getId() or event.getName() or "event"
    if event.getTrigger() is None or event.getTrigger().getMath() is None:
        raise ModelError(Problem(symbols.where, f"the event {name!r} has no trigger", _RIGHT))
    trigger = symbols.text(event.getTrigger().getMath(), f"the trigger of {name}")
    assignments = tuple(_assignments(event, symbols, name))
    common = (_number(event.getDelay(), symbols, name), _number(event.getPriority(), symbols, name), assignments)
    condition = parse(trigger).args[1]  # type: ignore[attr-defined]  # piecewise(1, condition, 0)
    used = names(trigger) - {"time", symbols.scale}
    if used & _changing(symbols):
        quantity, limit, above = _limit(condition, symbols, name)
        yield _Event(name, math.inf, *common, quantity=quantity, limit=limit, above=above)
        return
    for time in _times(condition, symbols, _starts_true(event.getTrigger())):
        yield _Event(name, time, *common)


def _starts_true(trigger: Any) -> bool:
    return bool(trigger.getInitialValue()) if trigger.isSetInitialValue() else True


def _assignments(event: Any, symbols: Symbols, name: str) -> Iterator[tuple[str, str]]:
    for k in range(event.getNumEventAssignments()):
        assignment = event.getEventAssignment(k)
        species = symbols.model.getSpecies(assignment.getVariable())
        if species is not None and symbols.concentration(species) and symbols.varying(species.getCompartment()):
            what = f"the event {name!r} sets a concentration in a compartment whose size changes"
            raise ModelError(Problem(symbols.where, what, "a species in amounts, or a compartment of one size"))
        yield symbols.name(assignment.getVariable()), symbols.text(assignment.getMath(), f"what {name} assigns")


def _values(time: float, symbols: Symbols, target: str = "", x: float = 0.0) -> Values:
    """Return what gives the values of names at a time, that of the target being x."""
    return lambda name: x if name == target else _value(name, time, symbols)


def _number(part: Any, symbols: Symbols, name: str) -> float:
    """Return a delay or a priority, 0 where there is none."""
    if part is None or part.getMath() is None:
        return 0.0
    text = symbols.text(part.getMath(), f"the delay or priority of {name}")
    if names(text) & _changing(symbols):
        raise ModelError(Problem(symbols.where, f"the event {name!r} has a delay or priority that changes", "a number"))
    return evaluate(text, _values(0.0, symbols))


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
            found.append(0.0)  # "time == 0": what is meant, though it is true at no later time
        if found[-1:] == [time] and not true(after):
            what = f"{symbols.where}: a trigger is true at time {time:g} alone, which solvers pass over; it is taken as meant"
            warnings.warn(what, stacklevel=5)
    return found


def _compared(condition: ast.expr, symbols: Symbols) -> Iterator[float]:
    """Yield the numbers that time is compared with."""
    for node in ast.walk(condition):
        if not isinstance(node, ast.Compare):
            continue
        sides = [ast.unparse(node.left), ast.unparse(node.comparators[0])]
        if "time" not in names(sides[0]) | names(sides[1]):
            continue
        gap = f"({sides[0]}) - ({sides[1]})"
        at = [evaluate(gap, _values(t, symbols)) for t in (0.0, 1.0)]
        if math.isfinite(at[0]) and at[1] != at[0]:
            yield -at[0] / (at[1] - at[0])


def _limit(condition: ast.expr, symbols: Symbols, name: str) -> tuple[str, float, bool]:
    """Return the quantity, the limit, and whether it is to be above, of a trigger of the state.

    Raises
    ------
    ModelError
        If it is not one quantity beside one number.
    """
    wrong = ModelError(
        Problem(symbols.where, f"the event {name!r} has a trigger {ast.unparse(condition)[:80]!r}", _RIGHT)
    )
    if not isinstance(condition, ast.Compare):
        raise wrong
    left, right = condition.left, condition.comparators[0]
    above = isinstance(condition.ops[0], (ast.Gt, ast.GtE))
    if isinstance(right, ast.Name) and right.id in _changing(symbols):
        left, right, above = right, left, not above
    if not isinstance(left, ast.Name) or names(ast.unparse(right)) & _changing(symbols):
        raise wrong
    return left.id, evaluate(ast.unparse(right), _values(0.0, symbols)), above
