"""Models and regimens as SBML, Level 3 Version 2: flows are reactions, doses are events."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from immunoode.atomic import write_whole
from immunoode.errors import Problem, RegimenError
from immunoode.interop.flatten import Plain, PlainFlow, first_dose_parameter, plain
from immunoode.model.expressions import function_of
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Event, Events
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET, Schedule
from immunoode.units import SECONDS_PER_DAY

SIZE = "size_of_all"
"""Name of the one compartment of SBML, of size 1: our compartments are species in amounts."""
ARRIVED = "dose"


def write_sbml(
    model: Model, path: str | Path | None = None, *, regimen: Regimen | Schedule | Events | None = None, overwrite: bool = False
) -> str:
    """Write a model, and a regimen for it, as SBML.

    Parameters
    ----------
    model : Model
        Combined or alone; whatever it needs must be there.
    path : path, optional
        The file to write, whole or not at all.
    regimen : Regimen, Schedule or Events, optional
        Its doses become events: a bolus adds to a species, an infusion raises a rate and lowers it again. Events stay such.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    str
        The file's text. Time is in days; every number is in the unit that the model states for it, which is in the name of
        each part, and no units are declared. Compartments are species in amounts; flows are reactions; derived and modifiable
        quantities are assignment rules. Extinction of the last cells (`extinct_below`) is not in SBML: compare with
        `simulate(..., extinction=False)`.

    Raises
    ------
    RegimenError
        If the regimen has what events of SBML cannot say: steady states, resets, reactions to the state.
    ModelError
        If something that the model needs is missing.
    FileError
        If the file cannot be written, or is there and is not to be replaced.

    Examples
    --------
    >>> import immunoode as imo
    >>> text = imo.io.write_sbml(imo.load_model("kuznetsov1994"))
    >>> imo.io.read_sbml(text).compartments.keys() == imo.load_model("kuznetsov1994").compartments.keys()
    True
    """
    whole = plain(model)
    events = regimen.events if isinstance(regimen, Events) else ()
    schedule = None if isinstance(regimen, Events) else _schedule(regimen, whole)
    arms = {} if schedule is None else {"": schedule}
    text = _Writer(_with_first_doses(whole, arms), arms, events).text()
    if path is not None:
        write_whole(path, text, overwrite=overwrite)
    return text


def sbml_of_arms(model: Model, arms: Mapping[str, Schedule]) -> str:
    """Return a model with several schedules as SBML: each is carried out where the parameter of its name is 1.

    Raises
    ------
    RegimenError, ModelError
        As `write_sbml`.
    """
    whole = plain(model)
    return _Writer(_with_first_doses(whole, arms), {name: _checked(s, whole) for name, s in arms.items()}).text()


def _with_first_doses(whole: Plain, arms: Mapping[str, Schedule]) -> Plain:
    """Return the equations with the days of first doses, where something counts from them.

    Raises
    ------
    RegimenError
        If arms differ in such a day.
    """
    found, problems = dict[str, float](), list[Problem]()
    for name in whole.inputs:
        parameter = first_dose_parameter(name)
        given = [
            [
                float(t)
                for t, n, a, amount in zip(s.times, s.inputs, s.actions, s.amounts, strict=True)
                if n == name and a == DOSE and amount > 0
            ]
            for s in arms.values()
        ]
        firsts = {min(days) for days in given if days}
        if parameter in whole.constants and firsts:
            found[parameter] = min(firsts)
            if len(firsts) > 1:
                problems.append(
                    Problem(f"regimens: {name}", "begins on different days, from which its model counts", "one file for each")
                )
    if problems:
        raise RegimenError(problems)
    return replace(whole, constants={**whole.constants, **found})


def _schedule(regimen: Regimen | Schedule | None, whole: Plain) -> Schedule | None:
    """Return what is done, or say what cannot be written."""
    if regimen is None:
        return None
    inputs = {name: given.unit for name, given in whole.model.inputs.items()}
    return _checked(regimen.schedule(inputs, whole.constants) if isinstance(regimen, Regimen) else regimen, whole)


def _checked(schedule: Schedule, whole: Plain) -> Schedule:
    problems = [Problem("regimen", "reacts to the state", "doses at times")] if schedule.triggers else []
    problems += [Problem("regimen", "has a steady state", "doses from the first on")] if np.any(schedule.steady) else []
    problems += [Problem("regimen", "has a reset", "doses at times")] if RESET in schedule.actions else []
    shared = [n for n, rate in zip(schedule.inputs, schedule.rates, strict=True) if rate > 0 and whole.inputs[n].share != "1"]
    what = "runs at a rate, and a share of it arrives"
    problems += [Problem(f"regimen: {n}", what, "a duration") for n in dict.fromkeys(shared)]
    if np.any(schedule.rates < 0):
        problems.append(Problem("regimen", "leaves rates or durations of infusions to the model", "durations"))
    problems += [Problem("regimen", "begins before day 0", "shift it")] if len(schedule.times) and schedule.times[0] < 0 else []
    if problems:
        raise RegimenError(problems)
    return schedule


class _Writer:
    def __init__(self, whole: Plain, schedules: Mapping[str, Schedule], own: tuple[Event, ...] = ()) -> None:
        import libsbml

        self.own = own
        self.sbml, self.whole, self.schedules, self.arm = libsbml, whole, schedules, ""
        self.document = libsbml.SBMLDocument(3, 2)
        self.model = self.document.createModel()
        self.settings = libsbml.L3ParserSettings()
        self.events = 0

    def text(self) -> str:
        """Return the file."""
        self._head()
        changing = self._set_by_regimen()
        for name, value in self.whole.constants.items():
            self._parameter(name, value, constant=name not in changing, title=self._unit(name))
        for arm in filter(None, self.schedules):
            self._parameter(arm, 0.0, constant=True, title="1 where this arm's doses are given, else 0")
        for name in self.whole.initial:
            self._species(name)
        for name in self.whole.derived:
            self._parameter(name, None, constant=False, title=self._unit(name))
        running = self._infused()
        for name in running.values():
            self._parameter(name, 0.0, constant=False)
        self.settings.setModel(self.model)
        for name, text in self.whole.initial.items():
            self._initial(name, text)
        for name, text in self.whole.derived.items():
            rule = self.model.createAssignmentRule()
            rule.setVariable(name)
            self._math(rule, text)
        for flow in self.whole.flows:
            self._reaction(flow)
        for given, name in running.items():
            state = self.whole.inputs[given].into
            self._reaction(PlainFlow(f"arrival_{given}", "", state, f"{name} * {self.whole.inputs[given].scale}", ""))
        for arm, schedule in self.schedules.items():
            self.arm = arm
            self._doses(schedule, running)
        for event in self.own:
            self._own_event(event)
        return str(self.sbml.writeSBMLToString(self.document))

    def _head(self) -> None:
        model = self.whole.model
        self.model.setId(self.whole.identifier)
        self.model.setName(_printable(model.title or model.name))
        self.model.setTimeUnits("day")
        self._notes(self.model, model.description)
        unit = self.model.createUnitDefinition()
        unit.setId("day")
        part = unit.createUnit()
        part.setKind(self.sbml.UNIT_KIND_SECOND)
        part.setExponent(1)
        part.setScale(0)
        part.setMultiplier(SECONDS_PER_DAY)
        made = self.model.createCompartment()
        made.setId(SIZE)
        made.setSize(1)
        made.setSpatialDimensions(3)
        made.setConstant(True)

    def _notes(self, part: Any, text: str) -> None:
        if text:
            part.setNotes(f'<p xmlns="http://www.w3.org/1999/xhtml">{html.escape(_printable(text), quote=False)}</p>')

    def _unit(self, name: str) -> str:
        model = self.whole.model
        for table in (model.constants, model.derived, model.modifiables, model.compartments):
            if name in table:
                return f"{table[name].title} [{table[name].unit}]".strip()
        return ""

    def _parameter(self, name: str, value: float | None, *, constant: bool, title: str = "") -> None:
        made = self.model.createParameter()
        made.setId(name)
        made.setConstant(constant)
        if title:
            made.setName(_printable(title))
        if name in self.whole.model.constants:
            self._notes(made, self.whole.model.constants[name].source)
        if value is not None:
            made.setValue(value)

    def _species(self, name: str) -> None:
        made = self.model.createSpecies()
        made.setId(name)
        made.setName(_printable(self._unit(name)))
        made.setCompartment(SIZE)
        made.setHasOnlySubstanceUnits(True)
        made.setBoundaryCondition(False)
        made.setConstant(False)

    def _initial(self, name: str, text: str) -> None:
        try:
            self.model.getSpecies(name).setInitialAmount(float(text))
        except ValueError:
            first = self.model.createInitialAssignment()
            first.setSymbol(name)
            self._math(first, text)

    def _math(self, part: Any, text: str, *, condition: bool = False) -> None:
        written = _Infix().visit(_condition(text)) if condition else infix(text)
        tree = self.sbml.parseL3FormulaWithSettings(written, self.settings)
        assert tree is not None, self.sbml.getLastParseL3Error()
        part.setMath(tree)

    def _reaction(self, flow: PlainFlow) -> None:
        """Write a flow; with a gain, as two reactions: what leaves, and what arrives."""
        if flow.gain and flow.source and flow.target:
            self._reaction(PlainFlow(f"{flow.name}_leaves", flow.source, "", flow.rate, "", flow.title))
            rate = f"({flow.rate}) * ({flow.gain})"
            self._reaction(PlainFlow(f"{flow.name}_arrives", "", flow.target, rate, "", flow.title))
            return
        made = self.model.createReaction()
        made.setId(f"flow_{flow.name}")
        made.setName(_printable(flow.title))
        made.setReversible(True)
        for end, create in ((flow.source, made.createReactant), (flow.target, made.createProduct)):
            if end:
                reference = create()
                reference.setSpecies(end)
                reference.setStoichiometry(1)
                reference.setConstant(True)
        law = made.createKineticLaw()
        self._math(law, f"({flow.rate}) * ({flow.gain})" if flow.gain else flow.rate)
        used = {n.id for n in ast.walk(ast.parse(flow.rate, mode="eval")) if isinstance(n, ast.Name)}
        for name in sorted(used & self.whole.initial.keys() - {flow.source, flow.target}):
            made.createModifier().setSpecies(name)

    def _set_by_regimen(self) -> set[str]:
        schedules = self.schedules.values()
        return {n for s in schedules for n, action in zip(s.inputs, s.actions, strict=True) if action == SET}

    def _infused(self) -> dict[str, str]:
        """Return a parameter for the running rate of each input that is infused."""
        rows = [row for s in self.schedules.values() for row in zip(s.inputs, s.actions, s.durations, strict=True)]
        return {name: f"rate_of_{name}" for name, action, lasting in rows if action == DOSE and lasting > 0}

    def _infusions(self, schedule: Schedule, running: Mapping[str, str]) -> None:
        """Write each change of a running rate: to how much runs from then on."""
        for name, rate in running.items():
            changes: dict[float, float] = {}
            rows = zip(schedule.times, schedule.inputs, schedule.amounts, schedule.durations, schedule.actions, strict=True)
            for time, own, amount, lasting, action in rows:
                if own == name and action == DOSE and lasting > 0:
                    changes[time] = changes.get(time, 0.0) + amount / lasting
                    changes[time + lasting] = changes.get(time + lasting, 0.0) - amount / lasting
            total, largest = 0.0, max(map(abs, changes.values()), default=0.0)
            for time in sorted(changes):
                total += changes[time]
                total = 0.0 if abs(total) < 1e-12 * largest else total
                self._event(time, self.whole.inputs[name].lag, {rate: repr(float(total))})

    def _doses(self, schedule: Schedule, running: Mapping[str, str]) -> None:
        self._infusions(schedule, running)
        rows = zip(schedule.times, schedule.inputs, schedule.amounts, schedule.durations, schedule.actions, strict=True)
        for time, name, amount, lasting, action in rows:
            if action == SET:
                self._event(time, "", {name: repr(float(amount))})
                continue
            given = self.whole.inputs[name]
            if action in (REPLACE, MULTIPLY):
                value = f"{float(amount)!r} * ({given.scale})" if action == REPLACE else f"{given.into} * {float(amount)!r}"
                self._event(time, given.lag, {given.into: value})
                continue
            changes = self._pulses(name, float(amount))
            if lasting > 0:
                if changes:
                    self._event(time, given.lag, changes)
            else:
                before = changes.get(given.into, given.into)
                changes[given.into] = f"{before} + {float(amount)!r} * ({given.scale})"
                self._event(time, given.lag, changes)

    def _pulses(self, name: str, amount: float) -> dict[str, str]:
        """Return what the pulses of a dose make of the states that they move between."""
        changes: dict[str, str] = {}
        for pulse in self.whole.pulses:
            if pulse.on != name:
                continue
            fraction = _with_dose(pulse.fraction, amount)
            left = changes.get(pulse.source, pulse.source)
            changes[pulse.source] = f"{left} - ({fraction}) * {pulse.source}"
            if pulse.target:
                gain = f" * ({_with_dose(pulse.gain, amount)})" if pulse.gain else ""
                there = changes.get(pulse.target, pulse.target)
                changes[pulse.target] = f"{there} + ({fraction}) * {pulse.source}{gain}"
        return changes

    def _event(self, time: float, lag: str, changes: Mapping[str, str]) -> None:
        """Write one event; those of one time happen in the order in which they are written."""
        self.events += 1
        made = self.model.createEvent()
        made.setId(f"event_{self.events}")
        made.setUseValuesFromTriggerTime(False)
        trigger = made.createTrigger()
        trigger.setInitialValue(False)
        trigger.setPersistent(True)
        given_at = f"time >= {float(time)!r}"
        trigger.setMath(self.sbml.parseL3Formula(f"({given_at}) && ({self.arm} > 0.5)" if self.arm else given_at))
        priority = made.createPriority()
        priority.setMath(self.sbml.parseL3Formula(str(10**6 - self.events)))
        if lag:
            self._math(made.createDelay(), lag)
        for name, text in changes.items():
            given = made.createEventAssignment()
            given.setVariable(name)
            self._math(given, text)

    def _own_event(self, event: Event) -> None:
        """Write an event of the model's own as it is."""
        self.events += 1
        made = self.model.createEvent()
        made.setId(f"event_{self.events}")
        made.setName(_printable(event.name))
        made.setUseValuesFromTriggerTime(event.at_firing)
        trigger = made.createTrigger()
        trigger.setInitialValue(event.starts)
        trigger.setPersistent(event.persistent)
        self._math(trigger, event.trigger, condition=True)
        if event.delay:
            self._math(made.createDelay(), event.delay)
        if event.priority:
            self._math(made.createPriority(), event.priority)
        for assignment in event.assignments:
            given = made.createEventAssignment()
            given.setVariable(assignment.target)
            self._math(given, f"({assignment.value}) * {assignment.size}" if assignment.size else assignment.value)


def _condition(text: str) -> ast.expr:
    """Return the condition of an expression that is 1 where it holds, else 0."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Call) and function_of(node) == "piecewise" and len(node.args) == 3:
        if [ast.unparse(node.args[k]) for k in (0, 2)] == ["1", "0"]:
            return node.args[1]
    return ast.parse(f"({text}) > 0.5", mode="eval").body


def _with_dose(text: str, amount: float) -> str:
    """Return an expression with the dose that arrived."""
    tree = ast.parse(text, mode="eval").body
    return ast.unparse(_Dose(amount).visit(tree))


class _Dose(ast.NodeTransformer):
    def __init__(self, amount: float) -> None:
        self.amount = amount

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.amount) if node.id == ARRIVED else node


def infix(text: str) -> str:
    """Return a plain expression in the infix notation of libsbml: "a ** b" is "a^b", "and" is "&&"."""
    return _Infix().visit(ast.parse(text, mode="eval").body)


class _Infix:
    def visit(self, node: ast.expr) -> str:
        """Return a tree in text, in brackets where there could be doubt."""
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.UnaryOp):
            sign = {ast.Not: "!", ast.USub: "-"}.get(type(node.op), "")
            return f"{sign}({self.visit(node.operand)})"
        if isinstance(node, ast.BinOp):
            return f"({self.visit(node.left)} {_SIGNS[type(node.op)]} {self.visit(node.right)})"
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            return "(" + sign.join(self.visit(v) for v in node.values) + ")"
        if isinstance(node, ast.Compare):
            return f"({self.visit(node.left)} {_COMPARED[type(node.ops[0])]} {self.visit(node.comparators[0])})"
        assert isinstance(node, ast.Call)
        called = function_of(node)
        arguments = [self.visit(a) for a in node.args]
        if called in ("min", "max"):
            return _extreme(arguments, "<=" if called == "min" else ">=")
        return f"{'ln' if called == 'log' else called}({', '.join(arguments)})"


def _extreme(arguments: list[str], sign: str) -> str:
    """Return the smallest or largest by piecewise, which every tool has."""
    found = arguments[0]
    for other in arguments[1:]:
        found = f"piecewise({found}, {found} {sign} {other}, {other})"
    return found


_SIGNS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_COMPARED: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def _printable(text: str) -> str:
    """Return a text without the characters that XML cannot have, or should not."""
    return _UNPRINTABLE.sub("", text)
