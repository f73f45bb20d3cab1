"""The events of each subject of a simulator: those with the same schedule, start, times and known times are created once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.compiled_model import KNOWN, CompiledModel
from immunoode.solve.problem.dose_events import Known
from immunoode.solve.problem.evaluate import evaluate
from immunoode.solve.problem.event_table import EventTable
from immunoode.solve.problem.moved_doses import DoseColumns, MovedDoses
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.schedule_events import KnownAt, Output, events_of
from immunoode.solve.problem.time_stops import stops

_MOST_KEPT = 20_000
"""The number of event tables that are kept if lags and switches require many."""


class _Needs(NamedTuple):
    """Whether a schedule sets parameters of the known properties of inputs, and whether these are more than lags."""

    changing: bool
    all_facts: bool


@dataclass(frozen=True)
class SubjectEvents:
    """Creates and stores the events of subjects, whose arrays are those of `Simulator`."""

    system: CompiledModel
    schedules: tuple[Schedule | None, ...]
    starts: FloatArray
    times: FloatArray
    lengths: NDArray[np.int64]
    orders: FloatArray
    grids: NDArray[np.int64]
    end: float
    _made: dict[tuple[int, float, int, bytes, bytes], EventTable] = field(default_factory=dict)
    _needs: dict[int, _Needs] = field(default_factory=dict)
    _movable: dict[int, MovedDoses] = field(default_factory=dict)

    @property
    def fixed(self) -> bool:
        """Whether events do not depend on the values of parameters."""
        return not self.system.has_known_times and not self.system.equations.clock

    def of(
        self, rows: slice, parameters: FloatArray, doses: Sequence[DoseColumns | None] | None = None
    ) -> tuple[EventTable, ...]:
        """Return the events of some subjects with parameters (P, n), and with other times and amounts of doses, if given."""
        system, inputs, x = self.system, len(self.system.equations.inputs), self.system.rows(parameters)
        known = np.zeros((len(x), system.known_times.size))
        if system.has_known_times:
            evaluate(system.known_times, x, known)
            if len(self._made) > _MOST_KEPT:
                self._made.clear()
                self._movable.clear()
        shaped = known.reshape(len(x), -1, 1 + len(system.by))
        result, moved = list[EventTable](), dict[tuple[int, int], EventTable]()
        for row, own, p in zip(x, shaped, range(rows.start, rows.stop), strict=True):
            switches = own[len(KNOWN) * inputs :]
            if system.equations.clock:
                switches = np.concatenate([switches, stops(system, row, float(self.starts[p]), self.end)])
            facts = own[: len(KNOWN) * inputs].reshape(inputs, len(KNOWN), 1 + len(system.by))
            found = self._of_one(p, row, facts, switches)
            columns = doses[p - rows.start] if doses is not None else None
            if columns is not None:
                key = id(found), id(columns)
                if key not in moved:
                    moved[key] = self._moved(p, found).at(columns) or self._rebuilt(p, columns, row, facts, switches)
                found = moved[key]
            result.append(found)
        return tuple(result)

    def _of_one(self, p: int, x: FloatArray, known: FloatArray, switches: FloatArray) -> EventTable:
        schedule = self.schedules[p]
        if id(schedule) not in self._needs:
            self._needs[id(schedule)] = _needs_of(schedule, self.system)
        facts = _facts(schedule, known, self.system, x, self._needs[id(schedule)])
        key = id(schedule), float(self.starts[p]), int(self.grids[p]), facts.tobytes(), switches.tobytes()
        events = self._made.get(key)
        if events is None:
            events = self._made[key] = self._events_of(p, schedule, facts, switches)
        return events

    def _events_of(self, p: int, schedule: Schedule | None, facts: FloatArray, switches: FloatArray) -> EventTable:
        count, start = self.lengths[p], float(self.starts[p])
        outputs = list(map(Output, self.times[p, :count].tolist(), self.orders[p, :count].tolist()))
        known, in_course = _known(facts), _known(facts[:1])
        return events_of(schedule, self.system.layout, start, self.end, known, switches, outputs, in_course)

    def _moved(self, p: int, events: EventTable) -> MovedDoses:
        """Return the events of a subject, from which those with other times and amounts are made."""
        found = self._movable.get(id(events))
        if found is None:
            schedule, start = self.schedules[p], float(self.starts[p])
            assert schedule is not None  # it has doses
            found = MovedDoses(events, schedule, start, [start, *self.times[p, : self.lengths[p]].tolist()])
            self._movable[id(events)] = found
        return found

    def _rebuilt(self, p: int, columns: DoseColumns, x: FloatArray, known: FloatArray, switches: FloatArray) -> EventTable:
        """Return the events of a subject with other times and amounts of doses that change the order or kind of events."""
        schedule = self.schedules[p]
        assert schedule is not None
        made = columns.of(schedule)
        return self._events_of(p, made, _facts(made, known, self.system, x, _needs_of(made, self.system)), switches)


def doses_of(schedule: Schedule | None, name: str) -> bool:
    """Whether a schedule, or a course that a trigger begins, has a dose of an input."""
    if schedule is None:
        return False
    own = any(n == name and a == words.DOSE for n, a in zip(schedule.inputs, schedule.actions, strict=True))
    return own or any(doses_of(r.course, name) for r in schedule.triggers)


def at_start(parameters: FloatArray, events: Sequence[EventTable], starts: FloatArray) -> FloatArray:
    """Return parameters (P, n) at the start: values set by then also apply to the initial values."""
    if not any(e.sets.size for e in events):
        return parameters
    parameters = parameters.copy()
    for row, e, start in zip(parameters, events, starts, strict=True):
        for event in e.sets[e.sets["time"] <= start]:
            row[event["target"]] = event["amount"]
    return parameters


def _needs_of(schedule: Schedule | None, system: CompiledModel) -> _Needs:
    if schedule is None:
        return _Needs(False, False)
    own = {n for n, action in zip(schedule.inputs, schedule.actions, strict=True) if action == words.SET}
    courses = any(r.course is not None for r in schedule.triggers)
    return _Needs(bool(own & system.known_by), bool(schedule.rates.any() or np.isinf(schedule.steady).any() or courses))


def _facts(schedule: Schedule | None, known: FloatArray, system: CompiledModel, x: FloatArray, needs: _Needs) -> FloatArray:
    """Return the known properties of the inputs (inputs, 4, 1 + m) of one subject.

    For all rows of the schedule at once (1, ...), or for each row if the schedule sets a parameter on which they depend.
    Properties that do not apply to any dose are zero.
    """
    facts = known[None]
    if schedule is None:
        return facts[:0]
    if needs.changing:
        packed, rows = x.copy(), []
        for name, action, amount in zip(schedule.inputs, schedule.actions, schedule.amounts.tolist(), strict=True):
            if action == words.SET:
                packed[system.parameters_at + system.equations.parameters.index(name)] = amount
            rows.append(system.known_times(packed)[: known.size].reshape(known.shape))
        facts = np.array([known, *rows])  # those of courses, which have no times of their own yet, are the first
    if not needs.all_facts:
        facts = facts.copy()
        facts[:, :, 1:] = 0.0  # only lags count: events are made again for each value of what counts
    return facts


def _known(facts: FloatArray) -> KnownAt:
    """Return the function that gives the known properties of an input at a row of the schedule."""
    listed = facts.tolist()
    return lambda row, i: Known(*listed[row + 1 if len(listed) > 1 else 0][i])
