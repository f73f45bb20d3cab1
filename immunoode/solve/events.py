"""Schedules as flat event arrays: doses, infusions' starts and ends, times at which rates switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from immunoode.model.equations import Equations
from immunoode.regimen import schedule as words
from immunoode.regimen.reactions import Reaction
from immunoode.regimen.schedule import Schedule
from immunoode.solve.sensitivity import AMOUNT, TIME, By

DOSE, INFUSION_START, INFUSION_END, STOP, REPLACE, MULTIPLY, RESET, SET, STEADY, VISIT = range(10)
FloatArray = NDArray[np.float64]
_FAR = 1_000_000
"""Ordinals of courses begin here, apart from those of the schedule; they are numbered anew in the end."""
_KINDS = {words.REPLACE: REPLACE, words.MULTIPLY: MULTIPLY, words.RESET: RESET}


@dataclass(frozen=True)
class Events:
    """Events of one patient, sorted by time; of those at one time, infusion ends and visits come first, then the order given.

    `inputs` is the input (the parameter of SET, the reaction of VISIT), -1 where there is none; `ordinals` numbers infusions,
    the same for a start and its end. `intervals` and `phases` belong to STEADY: the interval of doses, and how long after a
    dose's arrival it is. Of a course that a reaction begins, times are infinite, `intervals` are the reaction and `phases`
    the day of the course. `time_by` and `amount_by` (E, m) are the derivatives of times and amounts. `largest` is
    the largest single amount of each input.
    """

    times: FloatArray
    kinds: NDArray[np.int64]
    inputs: NDArray[np.int64]
    amounts: FloatArray
    durations: FloatArray
    ordinals: NDArray[np.int64]
    intervals: FloatArray
    phases: FloatArray
    time_by: FloatArray
    amount_by: FloatArray
    largest: FloatArray

    @cached_property
    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """The arrays, in the order that kernels take them."""
        return (self.times, self.kinds, self.inputs, self.amounts, self.durations, self.ordinals, self.intervals, self.phases,
                self.time_by, self.amount_by)  # fmt: skip

    @cached_property
    def sets(self) -> bool:
        """Whether a parameter changes on the way."""
        return bool((self.kinds == SET).any())


@dataclass(frozen=True)
class Layout:
    """Where names stand in a system: inputs, parameters, and what sensitivities are by."""

    inputs: Mapping[str, int]
    parameters: Mapping[str, int]
    by: tuple[By, ...]


def layout_of(equations: Equations, by: tuple[By, ...]) -> Layout:
    """Return the layout of some equations."""
    inputs = {name: i for i, name in enumerate(equations.inputs)}
    return Layout(inputs, {name: i for i, name in enumerate(equations.parameters)}, by)


@dataclass(frozen=True)
class _Row:
    time: float
    kind: int
    which: int = -1
    amount: float = 0.0
    duration: float = 0.0
    ordinal: int = 0
    interval: float = 0.0
    phase: float = 0.0
    time_by: tuple[float, ...] = ()
    amount_by: tuple[float, ...] = ()


def events_of(schedule: Schedule | None, layout: Layout, start: float, end: float, known: FloatArray) -> Events:
    """Return the events of a schedule from `start` on; what was given before it is left out. Visits go on until `end`.

    Parameters
    ----------
    known : ndarray, shape (inputs + switches, 1 + m)
        Lags of the inputs and times at which rates switch, each with its derivatives.
    """
    count = len(layout.inputs)
    rows = [] if schedule is None else _given(schedule, layout, start, known[:count])
    rows += [_Row(t, STOP, time_by=tuple(by)) for t, *by in known[count:].tolist() if np.isfinite(t) and t > start]
    if schedule is not None:
        for number, reaction in enumerate(schedule.reactions):
            rows += _visits(number, reaction, start, end)
            rows += _course(number, reaction, layout, known[:count], len(rows))
    rows.sort(key=lambda row: (row.time, row.kind != INFUSION_END, row.kind != VISIT))
    return _events(rows, len(layout.by), count)


def _given(schedule: Schedule, layout: Layout, start: float, lags: FloatArray) -> list[_Row]:
    rows: list[_Row] = []
    seen: dict[str, int] = {}
    given = zip(schedule.times.tolist(), schedule.inputs, schedule.amounts.tolist(), schedule.durations.tolist(),
                schedule.actions, schedule.steady.tolist(), strict=True)  # fmt: skip
    for time, name, amount, duration, action, interval in given:
        if action == words.DOSE:
            which = seen[name] = seen.get(name, -1) + 1
            if time < start:
                continue
            lag, *lag_by = lags[layout.inputs[name]].tolist()
            by_time = tuple(_is(by, TIME, name, which) + d for by, d in zip(layout.by, lag_by, strict=True))
            by_amount = tuple(_is(by, AMOUNT, name, which) for by in layout.by)
            dose = _Row(time + lag, DOSE, layout.inputs[name], amount, duration, len(rows), interval, 0.0, by_time, by_amount)
            rows += _dose(dose, time, lag)
        elif action == words.SET:
            rows.append(_Row(max(time, start), SET, layout.parameters[name], amount))
        elif time >= start:
            rows.append(_Row(time, _KINDS[action], layout.inputs.get(name, -1), amount))
    return rows


def _visits(number: int, reaction: Reaction, start: float, end: float) -> list[_Row]:
    """Return the visits of a reaction that is not decided continuously."""
    if not reaction.every:
        return []
    first = max(0, int(np.ceil((start - reaction.since) / reaction.every)))
    last = int(np.floor((end - reaction.since) / reaction.every))
    return [_Row(reaction.since + k * reaction.every, VISIT, number) for k in range(first, last + 1)]


def _course(number: int, reaction: Reaction, layout: Layout, lags: FloatArray, ordinal: int) -> list[_Row]:
    """Return the events of a course that has not begun."""
    if reaction.course is None:
        return []
    made = _given(reaction.course, layout, 0.0, lags)
    return [replace(row, time=np.inf, interval=float(number), phase=row.time, ordinal=row.ordinal + _FAR + ordinal)
            for row in made]  # fmt: skip


def _is(by: By, kind: str, name: str, which: int) -> float:
    return float(by.kind == kind and by.name == name and by.which in (None, which))


def _dose(dose: _Row, nominal: float, lag: float) -> list[_Row]:
    """Return the events of one dose; at steady state those of the doses before it that have not ended yet as well."""
    rows: list[_Row] = []
    if dose.interval > 0.0:
        phase = dose.interval - lag % dose.interval if np.isfinite(dose.interval) else 0.0
        rows.append(replace(dose, time=nominal, kind=STEADY, phase=phase % dose.interval if phase else 0.0))
        if not np.isfinite(dose.interval):
            return rows
        earlier = dose.duration + lag % dose.interval - dose.interval
        while earlier > 0.0:
            share = earlier / dose.duration
            part = replace(dose, time=nominal, amount=dose.amount * share, duration=earlier,
                           ordinal=dose.ordinal + len(rows), amount_by=tuple(d * share for d in dose.amount_by))  # fmt: skip
            rows += _infusion(part)
            earlier -= dose.interval
    if dose.time + dose.duration <= dose.time:  # a bolus, or shorter than the clock can tell
        return [*rows, replace(dose, duration=0.0)]
    return [*rows, *_infusion(replace(dose, ordinal=dose.ordinal + len(rows)))]


def _infusion(dose: _Row) -> list[_Row]:
    return [replace(dose, kind=INFUSION_START), replace(dose, time=dose.time + dose.duration, kind=INFUSION_END)]


def _events(rows: list[_Row], by: int, count: int) -> Events:
    numbers = [(r.time, r.kind, r.which, r.amount, r.duration, r.ordinal, r.interval, r.phase) for r in rows]
    table = np.array(numbers, dtype=float).reshape(-1, 8)
    kinds, inputs = (table[:, c].astype(np.int64) for c in (1, 2))
    times, amounts, durations, intervals, phases = (np.ascontiguousarray(table[:, c]) for c in (0, 3, 4, 6, 7))
    ordinals = np.unique(table[:, 5], return_inverse=True)[1].astype(np.int64).reshape(-1)
    none = (0.0,) * by
    time_by, amount_by = (np.array([d or none for d in column], dtype=float).reshape(len(rows), by)
                          for column in ([r.time_by for r in rows], [r.amount_by for r in rows]))  # fmt: skip
    largest = np.zeros(count)
    given = (kinds != SET) & (kinds != VISIT) & (inputs >= 0)
    np.maximum.at(largest, inputs[given], np.abs(amounts[given]))
    return Events(times, kinds, inputs, amounts, durations, ordinals, intervals, phases, time_by, amount_by, largest)
