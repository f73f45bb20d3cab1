"""Writing of models and regimens as SBML, Level 3 Version 2: flows become reactions, doses become events."""

from __future__ import annotations

import ast
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from immunoode.atomic import write_whole
from immunoode.interop.flatten import FlatFlow, FlatModel, flatten
from immunoode.interop.infix import Infix, infix
from immunoode.interop.sbml_schedules import checked_schedule, schedule_of, with_first_doses
from immunoode.interop.sbml_text import condition_of, printable, with_dose
from immunoode.model.model import Model
from immunoode.optional import require
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Event, Events
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, SET, Schedule
from immunoode.units import SECONDS_PER_DAY

SIZE = "size_of_all"
"""The name of the only SBML compartment, of size 1; the compartments of a model become species in amounts."""


def write_sbml(
    model: Model, path: str | Path | None = None, *, regimen: Regimen | Schedule | Events | None = None, overwrite: bool = False
) -> str:
    """Write a model, and a regimen for it, as SBML.

    Parameters
    ----------
    model : Model
        Any model without missing needs, also a combined one.
    path : path, optional
        The file to write, completely or not at all.
    regimen : Regimen, Schedule or Events, optional
        Its doses become events: a bolus adds to a species, an infusion raises and lowers a rate. Events are written unchanged.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    str
        The text of the file. Time is in days; every number is in the unit of the model, which is in the name of each element;
        units are not declared. Compartments become species in amounts, flows reactions, derived and modifiable quantities
        assignment rules. SBML has no extinction of the last cells (`extinct_below`): compare with
        `simulate(..., extinction=False)`.

    Raises
    ------
    RegimenError
        If the regimen has steady states, resets or triggers, which SBML events cannot express.
    ModelError
        If no model offers a quantity that the model needs.
    FileError
        If the file cannot be written, or exists and must not be replaced.

    Examples
    --------
    >>> import immunoode as imo
    >>> text = imo.io.write_sbml(imo.load_model("kuznetsov1994"))
    >>> imo.io.read_sbml(text).compartments.keys() == imo.load_model("kuznetsov1994").compartments.keys()
    True
    """
    whole = flatten(model)
    events = regimen.events if isinstance(regimen, Events) else ()
    schedule = None if isinstance(regimen, Events) else schedule_of(regimen, whole)
    arms = {} if schedule is None else {"": schedule}
    text = _Writer(with_first_doses(whole, arms), arms, events).text()
    if path is not None:
        write_whole(path, text, overwrite=overwrite)
    return text


def sbml_of_arms(model: Model, arms: Mapping[str, Schedule]) -> str:
    """Return a model with several schedules as SBML; each is active if the parameter of its name is 1.

    Raises
    ------
    RegimenError, ModelError
        As for `write_sbml`.
    """
    whole = flatten(model)
    return _Writer(with_first_doses(whole, arms), {name: checked_schedule(s, whole) for name, s in arms.items()}).text()


class _Writer:
    def __init__(self, whole: FlatModel, schedules: Mapping[str, Schedule], own: tuple[Event, ...] = ()) -> None:
        libsbml = require("libsbml", "SBML")

        self.own = own
        self.sbml, self.whole, self.schedules, self.arm = libsbml, whole, schedules, ""
        self.document = libsbml.SBMLDocument(3, 2)
        self.model = self.document.createModel()
        self.settings = libsbml.L3ParserSettings()
        self.events = 0

    def text(self) -> str:
        """Return the text of the file."""
        self._head()
        changing = self._set_by_regimen()
        for name, value in self.whole.constants.items():
            self._parameter(name, value, constant=name not in changing, title=self._unit(name))
        for arm in filter(None, self.schedules):
            self._parameter(arm, 0.0, constant=True, title="1 if the doses of this arm are given, otherwise 0")
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
            self._reaction(FlatFlow(f"arrival_{given}", "", state, f"{name} * {self.whole.inputs[given].scale}", ""))
        for arm, schedule in self.schedules.items():
            self.arm = arm
            self._doses(schedule, running)
        for event in self.own:
            self._sbml_event(event)
        return str(self.sbml.writeSBMLToString(self.document))

    def _head(self) -> None:
        model = self.whole.model
        self.model.setId(self.whole.identifier)
        self.model.setName(printable(model.title or model.name))
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
            part.setNotes(f'<p xmlns="http://www.w3.org/1999/xhtml">{html.escape(printable(text), quote=False)}</p>')

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
            made.setName(printable(title))
        if name in self.whole.model.constants:
            self._notes(made, self.whole.model.constants[name].source)
        if value is not None:
            made.setValue(value)

    def _species(self, name: str) -> None:
        made = self.model.createSpecies()
        made.setId(name)
        made.setName(printable(self._unit(name)))
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
        written = Infix().visit(condition_of(text)) if condition else infix(text)
        tree = self.sbml.parseL3FormulaWithSettings(written, self.settings)
        assert tree is not None, self.sbml.getLastParseL3Error()
        part.setMath(tree)

    def _reaction(self, flow: FlatFlow) -> None:
        """Write a flow; one with a gain becomes two reactions."""
        if flow.gain and flow.source and flow.target:
            self._reaction(FlatFlow(f"{flow.name}_leaves", flow.source, "", flow.rate, "", flow.title))
            rate = f"({flow.rate}) * ({flow.gain})"
            self._reaction(FlatFlow(f"{flow.name}_arrives", "", flow.target, rate, "", flow.title))
            return
        made = self.model.createReaction()
        made.setId(f"flow_{flow.name}")
        made.setName(printable(flow.title))
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
        """Return the name of the parameter for the infusion rate of each infused input."""
        rows = [row for s in self.schedules.values() for row in zip(s.inputs, s.actions, s.durations, strict=True)]
        return {name: f"rate_of_{name}" for name, action, lasting in rows if action == DOSE and lasting > 0}

    def _infusions(self, schedule: Schedule, running: Mapping[str, str]) -> None:
        """Write an event per change of an infusion rate, which sets the new total rate."""
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
        """Return the new values of the states that the pulses of a dose change."""
        changes: dict[str, str] = {}
        for pulse in self.whole.pulses:
            if pulse.on != name:
                continue
            fraction = with_dose(pulse.fraction, amount)
            left = changes.get(pulse.source, pulse.source)
            changes[pulse.source] = f"{left} - ({fraction}) * {pulse.source}"
            if pulse.target:
                gain = f" * ({with_dose(pulse.gain, amount)})" if pulse.gain else ""
                there = changes.get(pulse.target, pulse.target)
                changes[pulse.target] = f"{there} + ({fraction}) * {pulse.source}{gain}"
        return changes

    def _event(self, time: float, lag: str, changes: Mapping[str, str]) -> None:
        """Write one event; simultaneous events happen in the order in which they are written."""
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

    def _sbml_event(self, event: Event) -> None:
        """Write an SBML event unchanged."""
        self.events += 1
        made = self.model.createEvent()
        made.setId(f"event_{self.events}")
        made.setName(printable(event.name))
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
