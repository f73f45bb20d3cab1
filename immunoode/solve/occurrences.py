"""`simulate` with events of a model's own: from one event to the next, each carried out as SBML defines it.

A span between events is one run of the engine. Conditions stand in the rates of clocks of their own, so that steps end where
they change; which one does so first is what a reaction to the state tells. Times at which conditions of the clock alone
change are computed, and looked at exactly.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.interop.plain import plain
from immunoode.model.parts import Model
from immunoode.regimen.occurrences import Event, Events
from immunoode.regimen.reactions import Reaction
from immunoode.regimen.schedule import Schedule
from immunoode.solve.simulation import Simulation
from immunoode.solve.system import FloatArray
from immunoode.solve.watching import SLACK, Table, Watched, goes_back_to, times_of

MOST = 10_000
"""Spans between events that are solved; more is a condition that flickers."""
AFTER = 1e-10
"""Part of the whole span after which a time is past."""
BLIND = 1e-3
"""Longest part of the whole span for which a condition that has just changed is not looked at: until it clearly has."""
Run = Callable[..., Simulation]


def run_events(model: Model, events: Events, run: Run, grid: FloatArray, start: float, parameters: Mapping[str, float],
               outputs: Iterable[str] | None, options: Mapping[str, Any]) -> Simulation:  # fmt: skip
    """Return the simulation of one patient with events.

    Parameters
    ----------
    model, events
    run : callable
        `simulate`.
    grid : ndarray, shape (T,)
        When to report, days.
    start : float
    parameters, outputs, options
        As of `simulate`.

    Raises
    ------
    SolveError
        If an event sets what is no compartment, uses a name that there is not, has a delay that is negative or no number, or
        if there are more events than can be meant.
    """
    whole = plain(model)
    watched = Watched.of(whole.model, events)
    wanted = tuple(outputs) if outputs is not None else (*whole.initial, *whole.model.derived)
    table = Table(watched, whole.constants | dict(parameters), whole.derived)
    course = _Course(table, run, wanted, dict(options), start, float(grid[-1]))
    first = run(model, None, times=[start], start=start, parameters=parameters, outputs=list(whole.initial), **options)
    table.states = {name: float(first[name][0]) for name in whole.initial}
    return course.over(grid, first)


@dataclass
class _Due:
    """An event that has fired: when it is carried out, and with what values (none: those of that time)."""

    time: float
    number: int
    order: int
    values: list[float] | None


@dataclass(frozen=True)
class _Here:
    """Where a course is: the time, which conditions hold, and which of them are not looked at again until a little later."""

    time: float
    held: list[bool]
    blind: frozenset[int] = frozenset()
    blind_until: float = math.inf
    waits: float = 0.0


@dataclass
class _Course:
    table: Table
    run: Run
    outputs: tuple[str, ...]
    options: dict[str, Any]
    start: float
    end: float
    waiting: list[_Due] = field(default_factory=list)
    fired: int = 0

    def __post_init__(self) -> None:
        self.watched = self.table.watched
        self.times = times_of(self.table)
        self.looked_at = [goes_back_to(e.trigger, self.table.derived) for e in self.watched.events]
        self.sure: dict[int, bool] = {}
        atol = self.options.get("atol")
        if isinstance(atol, np.ndarray) and atol.ndim:
            atol = np.append(atol, np.ones(len(self.watched.signals)))
        self.inner = self.options | {"atol": atol}

    def over(self, grid: FloatArray, first: Simulation) -> Simulation:
        """Return what is reported at the times of a grid."""
        values = np.full((1, grid.size, len(self.outputs)), np.nan)
        counts, status, ok = np.zeros_like(first.counts), first.status, True
        here = self.happen(self.start, [e.starts for e in self.watched.events])
        values[0, (grid >= self.start) & (grid <= here.time)] = self.seen(here.time)
        for _ in range(MOST):
            if here.time >= self.end or not ok:
                break
            span = self.span(here, grid)
            chosen = (grid >= here.time) & (grid <= span.until)
            values[0, chosen] = span.values[: int(chosen.sum())]
            counts, status, ok = counts + span.counts, span.status, not span.failed
            if ok:
                here = self.happen(span.until, here.held, span.changed, here)
                passed = (grid >= span.until) & (grid <= here.time)
                if passed.any():
                    values[0, passed] = self.seen(here.time)
        else:
            what = f"more than {MOST} spans between events, at day {here.time:g}"
            raise SolveError(Problem("events", what, "conditions that do not become true again at once"))
        model = first.model
        units = {n: _unit(model, n) for n in self.outputs}
        made = replace(first, times=grid, names=self.outputs, units=units, values=values, counts=counts, status=status)
        if not made.ok:
            warnings.warn(made.failures(), RuntimeWarning, stacklevel=4)
        return made

    def seen(self, time: float) -> FloatArray:
        return self.solve(time, np.array([time]), []).values[0, 0, : len(self.outputs)]

    def solve(self, time: float, times: FloatArray, reactions: list[Reaction]) -> Simulation:
        """Return a run of the engine from the present states on."""
        starts = {self.watched.starts[n]: v for n, v in self.table.states.items()}
        given = {n: v for n, v in self.table.constants.items() if n in self.watched.model.constants}
        schedule = Schedule(np.zeros(0), (), np.zeros(0), np.zeros(0), reactions=tuple(reactions)) if reactions else None
        states = list(self.table.states)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return self.run(self.watched.model, schedule, times=times, start=time, parameters=given | starts,
                            outputs=[*self.outputs, *states], **self.inner)  # fmt: skip

    def span(self, here: _Here, grid: FloatArray) -> _Span:
        """Solve from a time to the next event, or to where one is known that could be."""
        time, width = here.time, len(self.outputs)
        stop = min([self.end, here.blind_until, *(d.time for d in self.waiting), *self.times(time)])
        watching = [k for k in range(len(here.held)) if k not in here.blind]
        reactions = [Reaction(self.watched.signals[k], not here.held[k], 0.5) for k in watching]
        until, inside, changed = stop, grid[(grid >= time) & (grid <= stop)], set[int]()
        run = self.solve(time, np.append(inside, stop), reactions)
        first = float(run.fired.min()) if run.fired.size else math.inf
        if first < stop:
            until, changed = first, {watching[k] for k in np.flatnonzero(run.fired[0] <= first)}
            inside = grid[(grid >= time) & (grid <= first)]
            # The same steps once more, for the state at which the engine found the condition changed, to the last digit.
            run = self.solve(time, np.array([*inside, first, stop]), reactions)
        if until > time:
            last = run.values[0, inside.size, width:].tolist()
            self.table.states = dict(zip(self.table.states, last, strict=True))
        failed = not run.ok and not np.isfinite(run.values[0, inside.size]).all()
        return _Span(until, run.values[0, : inside.size, :width], run.counts, run.status, changed, failed)

    def happen(self, time: float, held: list[bool], changed: Iterable[int] = (), here: _Here | None = None) -> _Here:
        """Let happen what happens at a time, and right after it; return where that leads.

        `changed` are the conditions of which the engine says that they just did: it is believed until an assignment changes
        what they look at, or the state is so far from where they change that nothing is left to believe.
        """
        blind = here.blind if here is not None else frozenset[int]()
        self.sure = {k: held[k] for k in blind} | {k: not held[k] for k in changed}
        moment = time + AFTER * max(abs(time), self.end - self.start)
        held = self.carry_out(time, time, self.fire(time, time, held))
        later = self.carry_out(time, moment, self.fire(time, moment, held))
        reached = moment if later != held else time
        clear = self.table.at(reached, SLACK).holds()
        longest = BLIND * (self.end - self.start)
        waits = 10 * here.waits if here is not None and blind & self.sure.keys() else AFTER * (self.end - self.start)
        unclear = frozenset(k for k, on in self.sure.items() if clear[k] != on or k in changed)
        if not unclear or waits > longest:
            return _Here(reached, later)
        return _Here(reached, later, unclear, reached + waits, waits)

    def holds(self, moment: float) -> list[bool]:
        return [self.sure.get(k, on) for k, on in enumerate(self.table.at(moment, SLACK).holds())]

    def fire(self, time: float, moment: float, before: list[bool]) -> list[bool]:
        """Note which events fire, as their conditions became true, and forget those that do not persist."""
        now = self.holds(moment)
        for k, event in enumerate(self.watched.events):
            if now[k] and not before[k]:
                self.fired += 1
                values = self.values(event) if event.at_firing else None
                self.waiting.append(_Due(time + self.delay(event), k, self.fired, values))
            elif not now[k] and not event.persistent:
                self.waiting = [d for d in self.waiting if d.number != k]
        return now

    def delay(self, event: Event) -> float:
        delay = self.table.number(event.delay) if event.delay else 0.0
        if not delay >= 0:
            raise SolveError(Problem(f"event {event.name!r}", f"has the delay {delay:g}", "zero or more days"))
        return delay

    def values(self, event: Event) -> list[float]:
        found = [self.table.number(a.value) for a in event.assignments]
        bad = [a.target for a, v in zip(event.assignments, found, strict=True) if not math.isfinite(v)]
        if bad:
            what = f"sets {bad[0]!r} to what is no number at day {self.table.time:g}"
            raise SolveError(Problem(f"event {event.name!r}", what, "an expression that has a value there"))
        return found

    def carry_out(self, time: float, moment: float, held: list[bool]) -> list[bool]:
        """Carry out what is due, the most urgent first; conditions are looked at anew after each."""
        for _ in range(MOST):
            due = [d for d in self.waiting if d.time <= time + SLACK * abs(time)]
            if not due:
                return held
            self.table.at(moment, SLACK)
            now = min(due, key=lambda d: (-self.priority(d), d.order))
            self.waiting.remove(now)
            self.assign(self.watched.events[now.number], now.values, moment)
            held = self.fire(time, moment, held)
        raise SolveError(Problem("events", f"set off each other without end at day {time:g}", "conditions that settle"))

    def priority(self, due: _Due) -> float:
        text = self.watched.events[due.number].priority
        found = self.table.number(text) if text else -math.inf
        return found if not math.isnan(found) else -math.inf

    def assign(self, event: Event, values: list[float] | None, time: float) -> None:
        values = self.values(event) if values is None else values
        pairs = list(zip(event.assignments, values, strict=True))
        self.table.at(time, SLACK)
        self.table.states.update({a.target: v * (self.table.value(a.size) if a.size else 1.0) for a, v in pairs})
        changed = {a.target for a in event.assignments}
        self.sure = {k: on for k, on in self.sure.items() if not self.looked_at[k] & changed}


@dataclass(frozen=True)
class _Span:
    until: float
    values: FloatArray
    counts: Any
    status: Any
    changed: set[int]
    failed: bool


def _unit(model: Model, name: str) -> str:
    tables: tuple[Mapping[str, Any], ...] = (model.compartments, model.derived, model.modifiables)
    return next((str(t[name].unit) for t in tables if name in t), "1")


def many_with_events(
    model: Model, events: Events, run: Run, grid: FloatArray, start: float, matrix: FloatArray, subjects: tuple[Any, ...],
    outputs: Iterable[str] | None, options: Mapping[str, Any], progress: bool | None,
) -> Simulation:  # fmt: skip
    """Return the simulation of patients with events, each solved by itself: rows of `matrix` are their parameters.

    Raises
    ------
    SolveError
        As `run_events`.
    """
    from tqdm.auto import tqdm

    names_of = list(plain(model).model.constants)
    wanted = None if outputs is None else list(outputs)
    bar = tqdm(matrix, desc="patients", disable=not progress)
    each = [run_events(model, events, run, grid, start, dict(zip(names_of, map(float, row), strict=True)), wanted, options)
            for row in bar]  # fmt: skip
    values, counts = (np.concatenate([getattr(e, part) for e in each]) for part in ("values", "counts"))
    status = tuple(s for e in each for s in e.status)
    return replace(each[0], subjects=subjects, values=values, counts=counts, status=status, parameters=matrix,
                   schedules=(None,) * len(each), fired=np.empty((len(each), 0)))  # fmt: skip
