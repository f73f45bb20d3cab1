"""Schedules as flat event arrays: doses, infusions' starts and ends, times at which rates switch, outputs among them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.model.equations import Equations
from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.regimen.triggers import Trigger
from immunoode.solve.problem.sensitivities import AMOUNT, TIME, SensitivityParameter

(DOSE, INFUSION_START, INFUSION_END, STOP, REPLACE, MULTIPLY, RESET, SET, STEADY, VISIT, FIRST, REPORT, SUPERPOSE) = range(13)
FloatArray = NDArray[np.float64]
IMPLIED = -math.inf
"""The order of events that no row of the table states: the end of an infusion, a dose that arrives after a lag.

They act first.
"""
_FAR = 1_000_000
"""Ordinals of courses begin here, separate from those of the schedule; they are renumbered at the end."""
_KINDS = {words.REPLACE: REPLACE, words.MULTIPLY: MULTIPLY, words.RESET: RESET}
_SAME = 1e-12
"""Times that differ by less than this, in days or relative to them, are treated as equal.

Rounding errors of sums of times are smaller.
"""


EVENT = np.dtype(
    [
        ("time", np.float64),
        ("kind", np.int64),
        ("target", np.int64),
        ("amount", np.float64),
        ("duration", np.float64),
        ("infusion", np.int64),
        ("interval", np.float64),
        ("phase", np.float64),
        ("trigger", np.int64),
    ]
)
"""One event.

`target` is the input (the parameter of SET, the trigger of VISIT), -1 if there is none; `infusion` numbers infusions, with the
same number for the start and the end. `interval` and `phase` belong to STEADY and SUPERPOSE: the dosing interval, and the time
since the arrival of a dose. For a course that a trigger begins, times are infinite, `trigger` is the number of the trigger
(otherwise -1) and `phase` the day of the course. For REPORT, `amount` is the number of outputs that are taken before the
following events at the same time.
"""


class EventGradients(NamedTuple):
    """Derivatives (E, m) of times, amounts, durations and phases of E events with respect to the sensitivity parameters."""

    time: Any
    amount: Any
    duration: Any
    phase: Any


@dataclass(frozen=True)
class EventTable:
    """Events of one subject, sorted by time; of those at one time, infusion ends and visits come first, then the order given.

    `records` (E,) are EVENT records; `sources` (E,) are the rows of the schedule whose doses they belong to, -1 if they belong
    to none; `largest` is the largest single amount of each input.
    """

    records: Any
    gradients: EventGradients
    largest: FloatArray
    sources: NDArray[np.int64]

    @cached_property
    def infusions(self) -> int:
        """The maximum number of infusions (they are numbered)."""
        starts = self.records["kind"] == INFUSION_START
        return int(self.records["infusion"][starts].max(initial=-1)) + 1

    @cached_property
    def sets(self) -> Any:
        """The events that set a parameter."""
        return self.records[self.records["kind"] == SET]


def joined(tables: Sequence[EventTable]) -> tuple[Any, EventGradients]:
    """Return the records and gradients of some tables, one after another; they are copies."""
    gradients = zip(*(table.gradients for table in tables), strict=True)
    records = np.concatenate(
        [table.records.view(np.uint8) for table in tables]
    )  # as bytes: NumPy compares types field by field
    return records.view(EVENT), EventGradients(*map(np.concatenate, gradients))


@dataclass(frozen=True)
class Layout:
    """The positions of names in a system: inputs, parameters, and sensitivity parameters.

    `linked` (inputs, inputs) states which inputs have compartments that exchange matter with each other; `counted` are the
    inputs with a clock that starts at the first dose; `unknown_shares` those whose bioavailability is not known before the
    simulation; `states_rate` and `states_duration` those that state the rate, or the duration, of infusions.
    """

    inputs: Mapping[str, int]
    parameters: Mapping[str, int]
    by: tuple[SensitivityParameter, ...]
    counted: frozenset[str] = frozenset()
    unknown_shares: frozenset[str] = frozenset()
    states_rate: frozenset[str] = frozenset()
    states_duration: frozenset[str] = frozenset()
    linked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))


def layout_of(equations: Equations, by: tuple[SensitivityParameter, ...]) -> Layout:
    """Return the layout of some equations."""
    targets = equations.inputs
    return Layout(
        {name: i for i, name in enumerate(targets)},
        {name: i for i, name in enumerate(equations.parameters)},
        by,
        frozenset(equations.counted),
        frozenset(name for name, target in targets.items() if target.share is None),
        frozenset(name for name, target in targets.items() if target.rate is not None),
        frozenset(name for name, target in targets.items() if target.duration is not None),
    )


class Known(NamedTuple):
    """The known properties of an input at a dose: values with their m derivatives (see
    `immunoode.solve.problem.compiled_model.KNOWN`)."""

    lag: Sequence[float]
    share: Sequence[float]
    rate: Sequence[float]
    duration: Sequence[float]


KnownAt = Callable[[int, int], Known]
"""Returns the known properties of an input at a row of a schedule: (row, input)."""


class Output(NamedTuple):
    """A time at which outputs are taken, and after which rows of that time: those that stand before `order` in the table."""

    time: float
    order: float


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
    duration_by: tuple[float, ...] = ()
    phase_by: tuple[float, ...] = ()
    order: float = IMPLIED
    trigger: int = -1
    source: int = -1


_NO_TIMES = np.zeros(0)


class Clock:
    """Replaces times that differ only by rounding with one time: the anchors are times that were stated."""

    def __init__(self, anchors: FloatArray) -> None:
        self.anchors: list[float] = np.unique(anchors[np.isfinite(anchors)]).tolist()

    def with_anchors(self, times: Sequence[float]) -> Clock:
        """Return a clock with additional anchors."""
        made = Clock(_NO_TIMES)
        made.anchors = self.anchors.copy()
        for time in times:
            k = bisect_left(made.anchors, time)
            if k == len(made.anchors) or made.anchors[k] != time:
                made.anchors.insert(k, time)
        return made

    def __call__(self, time: float) -> float:
        """Return the anchor that equals a time, otherwise the time itself."""
        if not self.anchors or not math.isfinite(time):
            return time
        k = bisect_left(self.anchors, time)
        near = min(self.anchors[max(k - 1, 0) : k + 1], key=lambda anchor: abs(anchor - time))
        return near if same_time(near, time) else time


def same_time(a: float, b: float) -> bool:
    """Whether two times differ by no more than the rounding of sums."""
    return abs(a - b) <= _SAME * max(1.0, abs(a), abs(b))


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
    rows += [_Row(clock(t), STOP, time_by=tuple(by)) for t, *by in switches.tolist() if np.isfinite(t) and t > start]
    if schedule is not None:
        for number, trigger in enumerate(schedule.triggers):
            rows += _visits(number, trigger, start, end, clock)
            rows += _course(number, trigger, layout, known_in_course or known)
    rows.sort(key=lambda row: (row.time, row.kind != INFUSION_END, row.kind != VISIT))
    return _table(_with_reports(rows, outputs), len(layout.by), len(layout.inputs))


def _with_reports(rows: list[_Row], outputs: Sequence[Output]) -> list[_Row]:
    """Return events with those at which outputs are taken before others of their time."""
    early = [o for o in outputs if o.order < math.inf]
    if not early:
        return rows
    times = [row.time for row in rows]
    made = list[tuple[int, _Row]]()
    for output in early:
        k = bisect_left(times, output.time)
        while k < len(rows) and times[k] == output.time and rows[k].order < output.order:
            k += 1
        if k < len(rows) and times[k] == output.time:
            if made and made[-1][0] == k:
                made[-1] = k, replace(made[-1][1], amount=made[-1][1].amount + 1)
            else:
                made.append((k, _Row(output.time, REPORT, amount=1.0)))
    for k, row in reversed(made):
        rows.insert(k, row)
    return rows


def _given(schedule: Schedule, layout: Layout, start: float, known: KnownAt, clock: Clock) -> list[_Row]:
    rows: list[_Row] = []
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
                rows.append(_Row(max(time, start), FIRST, i, duration=max(start - time, 0.0), order=order, source=k))
                begun.add(name)
            if time < start:
                continue
            by_time = tuple(_is(by, TIME, name, which) for by in layout.by)
            by_amount = tuple(_is(by, AMOUNT, name, which) for by in layout.by)
            dose = _Row(time, DOSE, i, amount, duration, 0, interval, 0.0, by_time, by_amount, order=order, source=k)
            facts = known(k, i)
            if not 0.0 <= facts.lag[0] < math.inf:
                raise SolveError(Problem(f"dose of {name}", f"has a lag of {facts.lag[0]:g} days", "zero or more"))
            dose = _lasting(dose, rate, facts, name, layout)
            if interval > 0.0 and not adding:
                rows = _interrupted(rows, time, by_time, layout.linked[i] if layout.linked.size else None)
            rows += _dose(dose, facts.lag, adding, clock, numbers)
        elif action == words.SET:
            rows.append(_Row(max(time, start), SET, layout.parameters[name], amount, order=order))
        elif time >= start:
            if action == words.RESET:
                rows = [
                    row
                    for row in rows
                    if not (row.time > time and row.kind in (DOSE, INFUSION_START, INFUSION_END))
                    or (row.kind == INFUSION_END and _begins(rows, row.ordinal, time))
                ]
                begun.clear()
            rows.append(_Row(time, _KINDS[action], layout.inputs.get(name, -1), amount, order=order))
    return rows


def _begins(rows: Sequence[_Row], ordinal: int, until: float) -> bool:
    """Whether an infusion begins by a time."""
    return any(row.kind == INFUSION_START and row.ordinal == ordinal and row.time <= until for row in rows)


def _interrupted(rows: list[_Row], time: float, by_time: tuple[float, ...], linked: NDArray[np.bool_] | None) -> list[_Row]:
    """Return the events without those that a steady state replaces: doses on their way, and the remainder of infusions."""
    doses = (DOSE, INFUSION_START, INFUSION_END)
    if linked is None or not any(row.time > time and row.kind in doses and linked[row.which] for row in rows):
        return rows
    kept = list[_Row]()
    for row in rows:
        if row.kind not in doses or row.time <= time or not linked[row.which]:
            kept.append(row)
        elif row.kind == INFUSION_END and _begins(rows, row.ordinal, time):
            kept.append(replace(row, time=time, time_by=by_time))
    return kept


def _lasting(dose: _Row, rate: float, known: Known, name: str, layout: Layout) -> _Row:
    """Return a dose with its duration in days, and the derivatives of the duration.

    For a rate, this is the bioavailable amount divided by the rate.

    Raises
    ------
    SolveError
        If the model does not state the rate or duration that the dose leaves to it, or its value is invalid.
    """
    if dose.interval == math.inf or rate:
        where = f"dose of {name}"
        if name in layout.unknown_shares:
            what = "has a rate, but the bioavailability of its input depends on states or time, so its duration is not known"
            raise SolveError(Problem(where, what, "state its duration instead"))
        for model, states, word in (
            (words.MODEL_RATE, layout.states_rate, "rate"),
            (words.MODEL_DURATION, layout.states_duration, "duration"),
        ):
            if rate == model and name not in states:
                right = f"state `{word}` with the input, an expression of parameters; or state the {word} with the dose"
                raise SolveError(Problem(where, f"leaves its {word} to the model, which states none", right))
    (share, *share_by), amount_by = known.share, dose.amount_by
    if dose.interval == math.inf:  # at a rate without end: all of the rate arrives
        if not share > 0:
            what = f"is a constant infusion of which a share of {share:g} arrives"
            raise SolveError(Problem(f"dose of {name}", what, "a bioavailability above 0"))
        by = tuple(d / share - dose.amount * s / share**2 for d, s in zip(amount_by, share_by, strict=True))
        return replace(dose, amount=dose.amount / share, amount_by=by, duration_by=(0.0,) * len(by))
    if rate == words.MODEL_DURATION:
        lasts, *by_model = known.duration
        if not 0 <= lasts < math.inf:
            raise SolveError(Problem(f"dose of {name}", f"lasts {lasts:g} days according to the model", "zero or more days"))
        return replace(dose, duration=lasts, duration_by=tuple(by_model))
    if not rate:
        return replace(dose, duration_by=(0.0,) * len(amount_by))
    speed, *speed_by = known.rate if rate == words.MODEL_RATE else (rate, *(0.0 for _ in amount_by))
    if not 0 < speed < math.inf:
        raise SolveError(
            Problem(f"dose of {name}", f"has a rate of {speed:g} per day according to the model", "a positive rate")
        )
    by = tuple(
        (s * dose.amount + share * d) / speed - share * dose.amount * v / speed**2
        for d, s, v in zip(amount_by, share_by, speed_by, strict=True)
    )
    return replace(dose, duration=max(share, 0.0) * dose.amount / speed, duration_by=by)


def _visits(number: int, trigger: Trigger, start: float, end: float, clock: Clock) -> list[_Row]:
    """Return the visits of a trigger that is not continuous."""
    if not trigger.every:
        return []
    first = max(0, int(np.ceil((start - trigger.since) / trigger.every)))
    last = int(np.floor((end - trigger.since) / trigger.every))
    return [_Row(clock(trigger.since + k * trigger.every), VISIT, number) for k in range(first, last + 1)]


def _course(number: int, trigger: Trigger, layout: Layout, known: KnownAt) -> list[_Row]:
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


def _dose(dose: _Row, lag: Sequence[float], adding: bool, clock: Clock, numbers: Iterator[int]) -> list[_Row]:
    """Return the events of one dose.

    At steady state, also those of earlier doses that are on their way or whose infusion still runs.

    The doses of a steady state were given one interval apart, the last with this record; each arrives a lag later.
    """
    (late, *late_by), interval = lag, dose.interval
    if not interval > 0.0:
        return _arrival(dose, late, tuple(late_by), clock, next(numbers))
    offsets = _offsets(late, interval, dose.duration) if interval < math.inf else []
    following = min((o for o in offsets if o >= 0.0), default=0.0)
    phase = interval - following if following > 0.0 else 0.0
    rows = [replace(dose, kind=SUPERPOSE if adding else STEADY, phase=phase, phase_by=tuple(-d for d in late_by))]
    for offset in offsets:
        rows += _arrival(dose, offset, tuple(late_by), clock, next(numbers))
    return rows


def _offsets(lag: float, interval: float, duration: float) -> list[float]:
    """Return the arrival times of the doses of a steady state that have not arrived completely.

    Days after the last one was given.
    """
    found, k = list[float](), 0
    while True:
        offset = lag - k * interval
        if abs(offset) <= _SAME * max(1.0, lag):
            offset = 0.0
        if offset < 0.0 and offset + duration <= _SAME * max(1.0, lag, duration):
            return found
        found.append(offset)
        k += 1


def _arrival(dose: _Row, offset: float, late_by: tuple[float, ...], clock: Clock, ordinal: int) -> list[_Row]:
    """Return the events of a dose that arrives `offset` days after it was given.

    If negative, those of the remainder of its infusion.
    """
    moved = tuple(a + b for a, b in zip(dose.time_by, late_by, strict=True))
    ended = tuple(a + b for a, b in zip(moved, dose.duration_by, strict=True))
    end = clock(dose.time + offset + dose.duration)
    if offset < 0.0:
        left = dose.duration + offset
        share = left / dose.duration
        part = replace(
            dose,
            amount=dose.amount * share,
            duration=left,
            ordinal=ordinal,
            amount_by=tuple(d * share for d in dose.amount_by),
            duration_by=tuple(d * share for d in dose.duration_by),
        )
        return _infusion(part, end, ended) if end > dose.time else []
    begins = clock(dose.time + offset) if offset else dose.time
    order = dose.order if offset == 0.0 else IMPLIED
    arriving = replace(dose, time=begins, time_by=moved, order=order, ordinal=ordinal)
    if not end > begins:  # a bolus, or shorter than the clock can tell
        return [replace(arriving, duration=0.0)]
    return _infusion(arriving, end, ended)


def _infusion(dose: _Row, end: float, ended: tuple[float, ...]) -> list[_Row]:
    return [replace(dose, kind=INFUSION_START), replace(dose, kind=INFUSION_END, time=end, time_by=ended, order=IMPLIED)]


def _table(rows: list[_Row], by: int, size: int) -> EventTable:
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


def largest_amounts(records: Any, inputs: int) -> FloatArray:
    """Return the largest single amount of each input."""
    given = given_at(records)
    return largest_of(records["target"][given], records["amount"][given], inputs)


def given_at(records: Any) -> NDArray[np.int64]:
    """Return which events give a dose with an amount."""
    kinds = (DOSE, INFUSION_START, REPLACE, MULTIPLY, STEADY, SUPERPOSE)
    return np.flatnonzero(np.isin(records["kind"], kinds) & (records["target"] >= 0))


def largest_of(targets: NDArray[np.int64], amounts: FloatArray, inputs: int) -> FloatArray:
    """Return the largest of some amounts of each input."""
    largest = np.zeros(inputs)
    np.maximum.at(largest, targets, np.abs(amounts))
    return largest
