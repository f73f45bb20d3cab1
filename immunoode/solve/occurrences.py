"""`simulate` with events of a model's own: from one event to the next, each carried out as SBML defines it.

A span between events is one run of the engine. Conditions stand in the rates of clocks of their own, so that steps end where
they change; which one does so first is what a reaction to the state tells. Times at which conditions of the clock alone
change are computed, and looked at exactly.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.interop.evaluate import evaluate
from immunoode.interop.plain import plain
from immunoode.model.expressions import TIME, names, parse
from immunoode.model.parts import Compartment, Derived, Flow, Model, Parameter
from immunoode.regimen.occurrences import Event, Events
from immunoode.regimen.reactions import Reaction
from immunoode.regimen.schedule import Schedule
from immunoode.solve.simulation import Simulation
from immunoode.solve.system import FloatArray

MOST = 10_000
"""Spans between events that are solved; more is a condition that flickers."""
SLACK, AFTER = 1e-12, 1e-10
"""Part of a time within which it is that time, and after which it is past."""
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
    watched = _Watched.of(whole.model, events)
    wanted = tuple(outputs) if outputs is not None else (*whole.initial, *whole.model.derived)
    table = _Table(watched, whole.constants | dict(parameters), whole.derived)
    course = _Course(table, run, wanted, dict(options), start, float(grid[-1]))
    first = run(model, None, times=[start], start=start, parameters=parameters, outputs=list(whole.initial), **options)
    table.states = {name: float(first[name][0]) for name in whole.initial}
    return course.over(grid, first)


@dataclass(frozen=True)
class _Watched:
    """A model whose initial values are parameters, with an output and a clock for each event's condition."""

    model: Model
    events: tuple[Event, ...]
    starts: Mapping[str, str]
    signals: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, events: Events) -> _Watched:
        _check(model, events)
        taken = {*model.compartments, *model.constants, *model.derived, *model.modifiables, *model.flows}
        starts = {name: _fresh(f"start_of_{name}", taken) for name in model.compartments}
        signals = tuple(_fresh(f"signal_{k + 1}", taken) for k in range(len(events)))
        clocks = [_fresh(f"clock_of_{signal}", taken) for signal in signals]
        made = replace(
            model,
            parameters={**model.parameters, **{s: Parameter(0.0, model.compartments[n].unit) for n, s in starts.items()}},
            compartments={n: replace(c, initial=starts[n]) for n, c in model.compartments.items()}
            | {clock: Compartment("day") for clock in clocks},
            derived={**model.derived,
                     **{s: Derived(e.trigger, "1") for s, e in zip(signals, events.events, strict=True)}},
            flows={**model.flows,
                   **{f"flow_of_{c}": Flow(target=c, rate=s) for c, s in zip(clocks, signals, strict=True)}},
        )  # fmt: skip
        return cls(made, events.events, starts, signals)


def _fresh(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    taken.add(wanted)
    return wanted


def _check(model: Model, events: Events) -> None:
    known = {*model.compartments, *model.constants, *model.derived, *model.modifiables, TIME}
    problems = []
    for event in events.events:
        where = f"event {event.name!r}"
        problems += [Problem(where, f"sets {a.target!r}", "a compartment of the model") for a in event.assignments
                     if a.target not in model.compartments]  # fmt: skip
        texts = (event.trigger, event.delay, event.priority, *(a.value for a in event.assignments))
        used = {name for text in texts if text for name in names(text)} | {a.size for a in event.assignments if a.size}
        problems += [Problem(where, f"uses {n!r}, which there is not", "names of the model") for n in sorted(used - known)]
    if problems:
        raise SolveError(problems)


@dataclass
class _Table:
    """What every name is worth at a time."""

    watched: _Watched
    constants: dict[str, float]
    derived: Mapping[str, str]
    states: dict[str, float] = field(default_factory=dict)
    time: float = 0.0
    slack: float = 0.0
    _known: dict[str, float] = field(default_factory=dict)

    def at(self, time: float, slack: float = 0.0) -> _Table:
        """Return the table, at a time, with what derived quantities were worth forgotten."""
        self.time, self.slack, self._known = time, slack, {}
        return self

    def value(self, name: str) -> float:
        """Return what a name is worth."""
        if name == TIME:
            return self.time
        if name in self.states:
            return self.states[name]
        if name in self.constants:
            return self.constants[name]
        if name not in self._known:
            self._known[name] = evaluate(self.derived[name], self.value, self.slack)
        return self._known[name]

    def number(self, text: str) -> float:
        """Return what an expression is worth."""
        return evaluate(text, self.value, self.slack)

    def holds(self) -> list[bool]:
        """Return which conditions hold."""
        return [self.number(e.trigger) > 0.5 for e in self.watched.events]

    def moving(self) -> set[str]:
        """Return the names whose values change between events."""
        found = {end for f in self.watched.model.flows.values() for end in (f.source, f.target) if end}
        found |= {name for name in self.watched.model.compartments if any(end.startswith("role:") for end in found)}
        for name, text in self.derived.items():  # each stands after those that it uses
            if names(text) & (found | {TIME}):
                found.add(name)
        return found


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
    table: _Table
    run: Run
    outputs: tuple[str, ...]
    options: dict[str, Any]
    start: float
    end: float
    waiting: list[_Due] = field(default_factory=list)
    fired: int = 0

    def __post_init__(self) -> None:
        self.watched = self.table.watched
        self.times = _times_of(self.table)
        self.looked_at = [_used(e.trigger, self.table.derived) for e in self.watched.events]
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


def _times_of(table: _Table) -> Callable[[float], list[float]]:
    """Return what gives the times, later than one, at which a condition of time could change while nothing else does."""
    moving = table.moving()
    gaps = [gap for event in table.watched.events for gap in _gaps(event.trigger, table.derived)]
    gaps = [gap for gap in dict.fromkeys(gaps) if not names(gap) & (moving - {TIME})]

    def later(time: float) -> list[float]:
        found = []
        for gap in gaps:
            here, there = (table.at(time + step).number(gap) for step in (0.0, 1.0))
            root = time - here / (there - here) if there != here and math.isfinite(here) else math.nan
            if root > time + 2 * SLACK * abs(time) and math.isfinite(root):
                found.append(root)
        return found

    return later


def _used(text: str, derived: Mapping[str, str]) -> set[str]:
    """Return all names that an expression goes back to."""
    found, waiting = set[str](), [text]
    while waiting:
        new = names(waiting.pop()) - found
        found |= new
        waiting += [derived[name] for name in new if name in derived]
    return found


def _gaps(text: str, derived: Mapping[str, str]) -> Iterable[str]:
    """Yield differences of the sides of comparisons that time is in, quantities of time alone written out."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Compare):
            sides = [ast.unparse(node.left), ast.unparse(node.comparators[0])]
            if TIME in names(sides[0]) | names(sides[1]):
                yield f"({sides[0]}) - ({sides[1]})"


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
