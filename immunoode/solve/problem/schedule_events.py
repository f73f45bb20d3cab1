"""The events of a schedule: doses, visits and courses of triggers, times at which rates switch, and outputs among them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.regimen.triggers import Trigger
from immunoode.solve.problem.clock import Clock
from immunoode.solve.problem.dose_events import EventRow, Known, events_of_dose, lasting_dose
from immunoode.solve.problem.event_table import (
    DOSE,
    EVENT,
    FIRST,
    INFUSION_END,
    INFUSION_START,
    MULTIPLY,
    REPLACE,
    REPORT,
    RESET,
    SET,
    STOP,
    VISIT,
    EventGradients,
    EventTable,
    FloatArray,
    largest_amounts,
)
from immunoode.solve.problem.layout import Layout
from immunoode.solve.problem.sensitivities import AMOUNT, TIME, SensitivityParameter

_FAR = 1_000_000
"""Ordinals of courses begin here, separate from those of the schedule; they are renumbered at the end."""
_KINDS = {words.REPLACE: REPLACE, words.MULTIPLY: MULTIPLY, words.RESET: RESET}


KnownAt = Callable[[int, int], Known]
"""Returns the known properties of an input at a row of a schedule: (row, input)."""


class Output(NamedTuple):
    """A time at which outputs are taken, and after which rows of that time: those that stand before `order` in the table."""

    time: float
    order: float


def events_of(
    schedule: Schedule | None,
    layout: Layout,
    start: float,
    end: float,
    known: KnownAt,
    switches: FloatArray,
    outputs: Sequence[Output] = (),
    known_in_course: KnownAt | None = None,
) -> EventTable:
    """Return the events of a schedule from `start` on; earlier events are left out. Visits continue until `end`.

    Parameters
    ----------
    known : callable
        Returns the lag, bioavailability, rate and duration of each dose.
    switches : ndarray, shape (n, 1 + m)
        Times at which rates switch, each with its derivatives.
    outputs : sequence of Output
        Sorted by time, then order. A sum of times that equals one of these, or one in the schedule, except for rounding is
        replaced by it.
    known_in_course : callable, optional
        The same of the doses of courses that triggers begin.
    """
    stated = () if schedule is None else schedule.times.tolist()
    clock = Clock(np.array([start, *stated, *(o.time for o in outputs)]))
    rows = [] if schedule is None else _given(schedule, layout, start, known, clock)
    rows += [EventRow(clock(t), STOP, time_by=tuple(by)) for t, *by in switches.tolist() if np.isfinite(t) and t > start]
    if schedule is not None:
        for number, trigger in enumerate(schedule.triggers):
            rows += _visits(number, trigger, start, end, clock)
            rows += _course(number, trigger, layout, known_in_course or known)
    rows.sort(key=lambda row: (row.time, row.kind != INFUSION_END, row.kind != VISIT))
    return _table(_with_reports(rows, outputs), len(layout.by), len(layout.inputs))


def _with_reports(rows: list[EventRow], outputs: Sequence[Output]) -> list[EventRow]:
    """Return events with those at which outputs are taken before others of their time."""
    early = [o for o in outputs if o.order < math.inf]
    if not early:
        return rows
    times = [row.time for row in rows]
    made = list[tuple[int, EventRow]]()
    for output in early:
        k = bisect_left(times, output.time)
        while k < len(rows) and times[k] == output.time and rows[k].order < output.order:
            k += 1
        if k < len(rows) and times[k] == output.time:
            if made and made[-1][0] == k:
                made[-1] = k, replace(made[-1][1], amount=made[-1][1].amount + 1)
            else:
                made.append((k, EventRow(output.time, REPORT, amount=1.0)))
    for k, row in reversed(made):
        rows.insert(k, row)
    return rows


def _given(schedule: Schedule, layout: Layout, start: float, known: KnownAt, clock: Clock) -> list[EventRow]:
    rows: list[EventRow] = []
    seen: dict[str, int] = {}
    begun, numbers = set[str](), count()
    given = zip(
        schedule.times.tolist(),
        schedule.inputs,
        schedule.amounts.tolist(),
        schedule.durations.tolist(),
        schedule.actions,
        schedule.steady.tolist(),
        schedule.rates.tolist(),
        schedule.adding.tolist(),
        schedule.orders.tolist(),
        strict=True,
    )
    for k, (time, name, amount, duration, action, interval, rate, adding, order) in enumerate(given):
        if action == words.DOSE:
            which = seen[name] = seen.get(name, -1) + 1
            i = layout.inputs[name]
            if name in layout.counted and amount > 0 and (name not in begun or schedule.triggers):
                rows.append(EventRow(max(time, start), FIRST, i, duration=max(start - time, 0.0), order=order, source=k))
                begun.add(name)
            if time < start:
                continue
            by_time = tuple(_is(by, TIME, name, which) for by in layout.by)
            by_amount = tuple(_is(by, AMOUNT, name, which) for by in layout.by)
            dose = EventRow(time, DOSE, i, amount, duration, 0, interval, 0.0, by_time, by_amount, order=order, source=k)
            facts = known(k, i)
            if not 0.0 <= facts.lag[0] < math.inf:
                raise SolveError(Problem(f"dose of {name}", f"has a lag of {facts.lag[0]:g} days", "zero or more"))
            dose = lasting_dose(dose, rate, facts, name, layout)
            if interval > 0.0 and not adding:
                rows = _interrupted(rows, time, by_time, layout.linked[i] if layout.linked.size else None)
            rows += events_of_dose(dose, facts.lag, adding, clock, numbers)
        elif action == words.SET:
            rows.append(EventRow(max(time, start), SET, layout.parameters[name], amount, order=order))
        elif time >= start:
            if action == words.RESET:
                rows = [
                    row
                    for row in rows
                    if not (row.time > time and row.kind in (DOSE, INFUSION_START, INFUSION_END))
                    or (row.kind == INFUSION_END and _begins(rows, row.ordinal, time))
                ]
                begun.clear()
            rows.append(EventRow(time, _KINDS[action], layout.inputs.get(name, -1), amount, order=order))
    return rows


def _begins(rows: Sequence[EventRow], ordinal: int, until: float) -> bool:
    """Whether an infusion begins by a time."""
    return any(row.kind == INFUSION_START and row.ordinal == ordinal and row.time <= until for row in rows)


def _interrupted(
    rows: list[EventRow], time: float, by_time: tuple[float, ...], linked: NDArray[np.bool_] | None
) -> list[EventRow]:
    """Return the events without those that a steady state replaces: doses on their way, and the remainder of infusions."""
    doses = (DOSE, INFUSION_START, INFUSION_END)
    if linked is None or not any(row.time > time and row.kind in doses and linked[row.which] for row in rows):
        return rows
    kept = list[EventRow]()
    for row in rows:
        if row.kind not in doses or row.time <= time or not linked[row.which]:
            kept.append(row)
        elif row.kind == INFUSION_END and _begins(rows, row.ordinal, time):
            kept.append(replace(row, time=time, time_by=by_time))
    return kept


def _visits(number: int, trigger: Trigger, start: float, end: float, clock: Clock) -> list[EventRow]:
    """Return the visits of a trigger that is not continuous."""
    if not trigger.every:
        return []
    first = max(0, int(np.ceil((start - trigger.since) / trigger.every)))
    last = int(np.floor((end - trigger.since) / trigger.every))
    return [EventRow(clock(trigger.since + k * trigger.every), VISIT, number) for k in range(first, last + 1)]


def _course(number: int, trigger: Trigger, layout: Layout, known: KnownAt) -> list[EventRow]:
    """Return the events of a course that has not begun."""
    if trigger.course is None:
        return []
    if np.any(trigger.course.steady):
        what = "begins a course with a steady state"
        raise SolveError(Problem(f"trigger on {trigger.quantity}", what, "doses from the first on"))
    made = _given(trigger.course, layout, 0.0, known, Clock(trigger.course.times))
    made.sort(key=lambda row: (row.time, row.kind != INFUSION_END))
    return [
        replace(row, time=np.inf, trigger=number, phase=row.time, ordinal=row.ordinal + _FAR * (number + 1), source=-1)
        for row in made
    ]


def _is(by: SensitivityParameter, kind: str, name: str, which: int) -> float:
    return float(by.kind == kind and by.name == name and by.which in (None, which))


def _table(rows: list[EventRow], by: int, size: int) -> EventTable:
    records = np.array(
        [(r.time, r.kind, r.which, r.amount, r.duration, 0, r.interval, r.phase, r.trigger) for r in rows], dtype=EVENT
    )
    records["infusion"] = np.unique([r.ordinal for r in rows], return_inverse=True)[1].reshape(-1)
    none = (0.0,) * by
    gradients = (
        np.array([getattr(r, name) or none for r in rows], dtype=float).reshape(len(rows), by)
        for name in ("time_by", "amount_by", "duration_by", "phase_by")
    )
    sources = np.array([r.source for r in rows], dtype=np.int64)
    return EventTable(records, EventGradients(*gradients), largest_amounts(records, size), sources)
