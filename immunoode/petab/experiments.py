"""Experiments simulated, period by period: all that are at the same point at once, with slopes by the estimated parameters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.interop.evaluate import evaluate, goes_back_to, values_of
from immunoode.model.expressions import TIME
from immunoode.model.model import Model
from immunoode.petab.components import STEADY, Experiment, Period
from immunoode.petab.dual_numbers import Dual, FloatArray, dual, selected
from immunoode.petab.entities import START, Entities
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Events
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.simulate import simulate

SETTLED = 1e-6
"""Part of a state by which it may still change, over ten times as long, where it is steady."""
SHARES = np.array([0.1, 0.25, 0.5, 1.0])
"""Where in the time until then it is looked at."""
FIRST, LATEST = 10.0, 1e13
"""The first and last time, in the file's unit, at which a steady state is looked for."""
VANISHED = 1e-6
"""Part of the largest value of a state below which it counts as gone."""
_SLACK = 1e-12
"""Part of a time within which it is that time."""
AUTO, IMPLICIT = "auto", "rodas5p"
SWITCHED = 20_000
"""Steps after which a period that switches methods by itself is begun anew by implicit steps alone."""


@dataclass(frozen=True)
class Solver:
    """How experiments are integrated.

    Attributes
    ----------
    rtol : float
    atol : float, optional
        By the size of each state where it is not given.
    method : {"auto", "tsit5", "rodas5p"}
        What "auto" does not finish is tried again by the implicit method alone.
    most_steps : int
        Of one period of one experiment.
    """

    rtol: float = 1e-8
    atol: float | None = 1e-12
    method: str = "auto"
    most_steps: int = 200_000

    @property
    def first_steps(self) -> int:
        """The limit of steps of a first attempt."""
        return min(SWITCHED, self.most_steps) if self.method == AUTO else self.most_steps


@dataclass
class Stage:
    """One period of one experiment: values at its start, and what it came to."""

    period: Period
    key: tuple[Any, ...]
    constants: dict[str, Dual]
    start: float
    times: FloatArray
    label: str
    onward: bool
    held: tuple[bool, ...] | None = None
    states: dict[str, Dual] = field(default_factory=dict)
    """Values of states at `times`."""
    last: dict[str, Dual] = field(default_factory=dict)
    """Values of states at the end of the period, or at steady state."""
    end: float = math.nan

    @property
    def steady(self) -> bool:
        """Whether it lasts until nothing changes any more."""
        return self.period.time == STEADY or self.end == math.inf


@dataclass(frozen=True)
class Wanted:
    """What is asked of one experiment: the finite times in the file's unit, sorted, and whether the steady state after them."""

    experiment: Experiment
    times: FloatArray
    steady: bool


@dataclass(frozen=True)
class Seen:
    """States and constants of one experiment at each of its times, the steady state (time inf) last where asked for."""

    times: FloatArray
    states: Mapping[str, Dual]
    constants: Mapping[str, Dual]


class Courses:
    """The simulations of a model's experiments.

    Parameters
    ----------
    entities : Entities
    wanted : sequence of Wanted
    outputs : tuple of str
        States that observables are made of.
    outside : frozenset of str
        Constants of the model that the parameter table sets.
    """

    def __init__(self, entities: Entities, wanted: Sequence[Wanted], outputs: Sequence[str], outside: frozenset[str]) -> None:
        self.entities, self.wanted, self.outside = entities, tuple(map(_with_main_period, wanted)), outside
        self.outputs = tuple(outputs) or tuple(entities.equations.states[:1])
        model = entities.model
        overridden = {self._state(n) for w in self.wanted for n in w.experiment.periods[0].changes}
        self.overridden = tuple(n for n in model.compartments if n in overridden or n in entities.assigned)
        self.first = entities.started(self.overridden)
        self.later = entities.started(model.compartments)
        self._prepared: dict[Any, Simulator] = {}

    def _state(self, name: str) -> str:
        return self.entities.amounts[name][0] if name in self.entities.amounts else name

    @property
    def with_events(self) -> bool:
        """Whether the model's events are carried out one by one: then there are no slopes."""
        return isinstance(self._regimen, Events)

    @cached_property
    def _regimen(self) -> Regimen | Events | None:
        """Doses at stated times, where all experiments begin at time 0, have one period, and set nothing that events use."""
        entities = self.entities
        if not entities.events.events:
            return None
        plain = isinstance(entities.regimen, Regimen) and not self._moves_events
        single = all(len(w.experiment.periods) == 1 and w.experiment.periods[0].time == 0 for w in self.wanted)
        return entities.regimen if plain and single and not any(w.steady for w in self.wanted) else entities.events

    @property
    def _moves_events(self) -> bool:
        """Whether events use what conditions or the parameter table set."""
        moved = {n for w in self.wanted for p in w.experiment.periods for n in p.changes} | self.outside
        moved |= set(self.entities.follow)
        events = self.entities.events.events
        texts = [t for e in events for t in (e.trigger, e.delay, e.priority, *(a.value for a in e.assignments))]
        derived = {n: d.expr for n, d in self.entities.model.derived.items()}
        return any(goes_back_to(text, derived) & moved for text in texts if text)

    def run(self, given: Mapping[str, Dual], solver: Solver) -> list[Seen]:
        """Return what each experiment comes to.

        Parameters
        ----------
        given : mapping
            Values of the parameter table.
        solver : Solver

        Raises
        ------
        SolveError
            If one cannot be integrated or reaches no steady state: which condition, when and why.
        """
        done: dict[tuple[Any, ...], Stage] = {}
        stages: list[list[Stage]] = [[] for _ in self.wanted]
        for level in range(max(len(w.experiment.periods) for w in self.wanted)):
            made: dict[tuple[Any, ...], Stage] = {}
            for one, own in zip(self.wanted, stages, strict=True):
                if level < len(one.experiment.periods):
                    stage = self._stage(one, level, own[-1] if own else None, given)
                    own.append(done.get(stage.key) or made.setdefault(stage.key, stage))
            for group in _grouped(made.values(), lambda s: (s.steady, s.onward)):
                self._solve(group, level, solver)
            done |= made
        return [self._seen(one, own) for one, own in zip(self.wanted, stages, strict=True)]

    def _stage(self, one: Wanted, level: int, before: Stage | None, given: Mapping[str, Dual]) -> Stage:
        """Return a period with the values it starts from."""
        periods = one.experiment.periods
        period = periods[level]
        end = periods[level + 1].time if level + 1 < len(periods) else math.inf
        start = 0.0 if period.time == STEADY else period.time
        inner = one.times[(one.times >= start) & (one.times < end)] if period.time != STEADY else np.empty(0)
        last = level + 1 == len(periods)
        stop = end if not last else math.inf if one.steady else (float(inner[-1]) if inner.size else start)
        changes = tuple(sorted((n, str(f.expression)) for n, f in period.changes.items()))
        key = before.key if before else (), period.time, changes, stop, inner.tobytes(), last
        constants = self._constants(one.experiment, period, before, given, start)
        held = self._holding(before) if before is not None and self.with_events else None
        return Stage(period, key, constants, start, inner, _label(one.experiment, period), not last, held, end=stop)

    def _constants(
        self, experiment: Experiment, period: Period, before: Stage | None, given: Mapping[str, Dual], start: float
    ) -> dict[str, Dual]:
        """Return the values of a model's constants in a period, those that states start from among them."""
        entities, model = self.entities, self.entities.model
        own = {name: dual(math.nan if name in entities.unset else p.value) for name, p in model.constants.items()} | {
            name: value for name, value in given.items() if name in model.constants
        }
        current = own if before is None or experiment.fresh else before.constants
        time = dual(start * entities.days)
        states = before.last if before is not None else {}
        size_before = states | (before.constants if before is not None else {})

        def look(name: str) -> Dual:
            if name == "time":
                return time
            known = given.get(name) or states.get(name) or current.get(name)
            return known if known is not None else entities.initial[name](look)

        after = {name: change(look) for name, change in period.changes.items()}
        constants = dict(current) | {name: value for name, value in after.items() if name in model.constants}
        if before is None or experiment.fresh:
            constants = self._followed(constants, {*given, *after})
        starts = self._starts(after, constants, states, size_before, before is None)
        return constants | {f"{name}{START}": value for name, value in starts.items()}

    def _followed(self, constants: dict[str, Dual], fixed: set[str]) -> dict[str, Dual]:
        """Return constants with those that follow others by initial assignments, unless they were set."""
        found = dict(constants)
        for name, formula in self.entities.follow.items():
            if name not in fixed:
                found[name] = formula(found.__getitem__)
        return found

    def _starts(
        self,
        after: Mapping[str, Dual],
        constants: Mapping[str, Dual],
        states: Mapping[str, Dual],
        before: Mapping[str, Dual],
        first: bool,
    ) -> dict[str, Dual]:
        """Return the values that states start from: set, carried over, or the model's own."""
        entities = self.entities
        names = self.overridden if first else tuple(entities.model.compartments)
        found = {
            name: after[name] if name in after else entities.initial[name](constants.__getitem__) if first else states[name]
            for name in names
        }

        def here(name: str) -> Dual:
            """Return what a name is worth once all is set."""
            known = found.get(name) or constants.get(name)
            if known is None and name in entities.initial:
                known = entities.initial[name](constants.__getitem__)
            return known if known is not None else entities.formula(name)(here)

        for name, (amount, size) in entities.amounts.items():
            if name in after:
                found[amount] = _product(after[name], here(size))
            elif size in after and not first:  # the concentration stays, says PEtab
                found[amount] = _product(_ratio(states[amount], before[size]), after[size])
        return found

    def _holding(self, stage: Stage) -> tuple[bool, ...]:
        """Return which triggers hold at the end of a period: they do not fire again for having held."""
        from immunoode.interop.flatten import plain

        given = {n: float(v.value) for n, v in (stage.constants | stage.last).items()}
        whole = plain(self.later)
        value = values_of(whole.constants | given | {TIME: stage.end * self.entities.days}, whole.derived, _SLACK)
        return tuple(evaluate(event.trigger, value, _SLACK) > 0.5 for event in self.entities.events.events)

    def _solve(self, group: list[Stage], level: int, solver: Solver) -> None:
        """Integrate periods that begin and end alike."""
        model = self.first if level == 0 else self.later
        steady, onward = group[0].steady, group[0].onward
        every = tuple(self.entities.equations.states)
        outputs = every if onward or steady else self.outputs
        finite = [s for s in group if s.times.size or s.end != math.inf and s.period.time != STEADY]
        if finite:
            times = [np.unique(np.append(s.times, s.end)) if onward else s.times for s in finite]
            times = [t if t.size else np.array([s.start]) for t, s in zip(times, finite, strict=True)]
            for stage, at, values in zip(finite, times, self._engine(model, finite, times, outputs, solver), strict=True):
                places = np.searchsorted(at, stage.times)
                stage.states = {n: selected(v, places) for n, v in values.items()}
                if onward:
                    stage.last = {n: selected(v, -1) for n, v in values.items()}
        if steady:
            self._settle(model, group, every, solver)

    def _settle(self, model: Model, group: list[Stage], outputs: tuple[str, ...], solver: Solver) -> None:
        """Integrate until nothing changes any more: the values, and their slopes, over ten times as long."""
        left, until = list(group), FIRST
        while left:
            times = [s.start + until * SHARES for s in left]
            runs = self._engine(model, left, times, outputs, solver)
            waiting, moving = [], ""
            for stage, values in zip(left, runs, strict=True):
                moving = _moving(values)
                if moving:
                    waiting.append(stage)
                else:
                    stage.last = self._polished(stage, {n: selected(v, -1) for n, v in values.items()})
                    stage.end = stage.start + until
            left, until = waiting, until * 10
            if left and until > LATEST:
                what = f"reaches no steady state by time {until / 10:g}: {moving} still changes"
                right = "a condition in which nothing grows, is used up for ever, or oscillates"
                raise SolveError(Problem(f"{self.entities.where}: {left[0].label}", what, right))

    def _polished(self, stage: Stage, states: dict[str, Dual]) -> dict[str, Dual]:
        """Return a steady state after Newton's steps, where these are as small as what was left to change."""
        if self.with_events:
            return states
        system = self._systems
        names = self.entities.equations.parameters
        packed = system.packed(np.array([float(stage.constants[n].value) for n in names]), stage.end)
        x = np.array([float(states[n].value) for n in self.entities.equations.states])
        polished = _newton(system, packed, x)
        if polished is None:
            return states
        return {n: Dual(np.asarray(v), states[n].slope) for n, v in zip(self.entities.equations.states, polished, strict=True)}

    @property
    def _systems(self) -> Any:
        from immunoode.solve.problem.compiled_model import system_of

        return system_of(self.entities.equations)

    def _engine(
        self, model: Model, group: Sequence[Stage], times: Sequence[FloatArray], outputs: tuple[str, ...], solver: Solver
    ) -> list[dict[str, Dual]]:
        """Return outputs at times (in the file's unit) of each period, with slopes where its constants have some."""
        days = self.entities.days
        moved = [{n: v for n, v in s.constants.items() if v.slope is not None and n in model.constants} for s in group]
        by = tuple(n for n in model.constants if any(n in m for m in moved))
        if self.with_events:
            return [self._with_events(model, s, at, outputs, solver) for s, at in zip(group, times, strict=True)]
        starts = np.array([s.start * days for s in group])
        rows = [np.maximum(at * days, start) for at, start in zip(times, starts, strict=True)]
        simulator = self._simulator(model, rows, starts, outputs, by, solver)
        matrix = np.array([[float(s.constants[n].value) for n in simulator.parameters] for s in group])
        solution = simulator.run(matrix, 1)
        found = []
        for p, (stage, at) in enumerate(zip(group, times, strict=True)):
            if not solution.ok[p]:
                if solver.method != AUTO:
                    raise self._failure(stage, solution.status(p))
                found += self._engine(model, [stage], [at], outputs, replace(solver, method=IMPLICIT))
                continue
            values = {n: solution.values[p, : at.size, k] for k, n in enumerate(outputs)}
            slopes: Mapping[str, FloatArray | None] = dict.fromkeys(outputs)
            if by:
                count = max(m.slope.shape[-1] for own in moved for m in own.values() if m.slope is not None)
                seeds = np.array([_slope(moved[p].get(n), count) for n in by])
                total = np.einsum("tbk,bm->tkm", solution.derivatives[p, : at.size], seeds)
                slopes = {n: total[:, k] for k, n in enumerate(outputs)}
            found.append({n: Dual(v, slopes[n]) for n, v in values.items()})
        return found

    def _simulator(
        self,
        model: Model,
        rows: list[FloatArray],
        starts: FloatArray,
        outputs: tuple[str, ...],
        by: tuple[str, ...],
        solver: Solver,
    ) -> Simulator:
        key = id(model), tuple(r.tobytes() for r in rows), starts.tobytes(), outputs, by, solver
        if key not in self._prepared:
            if len(self._prepared) > 64:
                self._prepared.clear()
            regimen = self._regimen
            inputs = {name: target.unit for name, target in self.entities.equations.inputs.items()}
            schedule = regimen.schedule(inputs, {}) if isinstance(regimen, Regimen) else None
            self._prepared[key] = make_simulator(
                model,
                [schedule] * len(rows),
                rows,
                outputs,
                start=starts,
                solver=SolverOptions(
                    method=solver.method, rtol=solver.rtol, atol=solver.atol, extinction=False, max_steps=solver.first_steps
                ),
                sensitivities=by,
            )
        return self._prepared[key]

    def _with_events(
        self, model: Model, stage: Stage, times: FloatArray, outputs: tuple[str, ...], solver: Solver
    ) -> dict[str, Dual]:
        days = self.entities.days
        events = self.entities.events
        if stage.held is not None:
            pairs = zip(events.events, stage.held, strict=True)
            events = Events(tuple(replace(e, starts=on) for e, on in pairs), events.title)
        constants = {n: float(stage.constants[n].value) for n in model.constants}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            run = simulate(
                model,
                events,
                times=np.maximum(times, stage.start) * days,
                start=stage.start * days,
                parameters=constants,
                outputs=list(outputs),
                rtol=solver.rtol,
                atol=solver.atol,
                method=solver.method,
                most_steps=solver.first_steps,
                extinction=False,
            )
        if not run.ok and solver.method == AUTO:
            return self._with_events(model, stage, times, outputs, replace(solver, method=IMPLICIT))
        if not run.ok:
            raise self._failure(stage, run.status[0])
        return {n: Dual(run.values[0, :, k]) for k, n in enumerate(outputs)}

    def _failure(self, stage: Stage, status: Any) -> SolveError:
        time = status.time / self.entities.days
        return SolveError(
            Problem(
                f"{self.entities.where}: {stage.label}",
                f"stopped at time {time:g}: {status.message}",
                f"{status.advice}; or other tolerances, method or limit of steps (with_solver)",
            )
        )

    def _seen(self, one: Wanted, stages: list[Stage]) -> Seen:
        """Return what was seen of an experiment, its periods joined."""
        times = np.append(one.times, math.inf) if one.steady else one.times
        last = stages[-1]
        parts: dict[str, list[Dual]] = {n: [s.states[n] for s in stages if s.times.size] for n in self.outputs}
        rows = [np.full(s.times.size, k) for k, s in enumerate(stages)] + ([np.array([len(stages) - 1])] if one.steady else [])
        if one.steady:
            for n in self.outputs:
                final = last.last[n]
                parts[n].append(Dual(final.value[None], None if final.slope is None else final.slope[None]))
        place = np.concatenate(rows).astype(int)
        states = {n: _joined(p) for n, p in parts.items()}
        constants = {n: _taken([s.constants[n] for s in stages], place) for n in self.entities.model.constants}
        return Seen(times, states, constants)


def _with_main_period(one: Wanted) -> Wanted:
    """Give an experiment that only comes to a steady state a period after it, in which it is measured."""
    periods = one.experiment.periods
    if periods[-1].time != STEADY:
        return one
    return replace(one, experiment=replace(one.experiment, periods=(*periods, Period(0.0, {}, periods[-1].label))))


def _label(experiment: Experiment, period: Period) -> str:
    when = "before the start" if period.time == STEADY else f"from time {period.time:g}"
    return f"condition {period.label or experiment.name!r} {when}" if period.label else f"experiment {experiment.name!r} {when}"


def _grouped(stages: Any, key: Callable[[Stage], Any]) -> list[list[Stage]]:
    found: dict[Any, list[Stage]] = {}
    for stage in stages:
        found.setdefault(key(stage), []).append(stage)
    return list(found.values())


def _slope(value: Dual | None, count: int) -> FloatArray:
    return np.zeros(count) if value is None or value.slope is None else np.asarray(value.slope)


def _product(a: Dual, b: Dual) -> Dual:
    return Dual(a.value * b.value, _added(_scaled(a.slope, b.value), _scaled(b.slope, a.value)))


def _ratio(a: Dual, b: Dual) -> Dual:
    return _product(a, Dual(1 / b.value, _scaled(b.slope, -1 / b.value**2)))


def _scaled(slope: FloatArray | None, by: FloatArray) -> FloatArray | None:
    return None if slope is None else slope * by


def _added(a: FloatArray | None, b: FloatArray | None) -> FloatArray | None:
    return b if a is None else a if b is None else a + b


def _joined(parts: list[Dual]) -> Dual:
    """Return values at times of several periods, one after another."""
    count = max((p.slope.shape[-1] for p in parts if p.slope is not None), default=0)
    value = np.concatenate([p.value for p in parts])
    if not count:
        return Dual(value)
    return Dual(value, np.concatenate([np.zeros((p.value.size, count)) if p.slope is None else p.slope for p in parts]))


def _taken(each: list[Dual], place: Any) -> Dual:
    """Return the value of a constant at each time: that of the period it lies in."""
    if len(each) == 1:
        return each[0]
    count = max((v.slope.shape[-1] for v in each if v.slope is not None), default=0)
    value = np.array([float(v.value) for v in each])[place]
    return Dual(value, np.array([_slope(v, count) for v in each])[place] if count else None)


def _moving(values: Mapping[str, Dual]) -> str:
    """Return the first state that still changes, or whose slopes do; "" where all is steady."""
    for name, seen in values.items():
        if _changes(seen.value[:, None]) or (seen.slope is not None and _changes(seen.slope)):
            return name
    return ""


def _changes(values: FloatArray) -> bool:
    end = np.abs(values[-1])
    allowed = SETTLED * (end + VANISHED * np.abs(values).max())
    return bool((np.abs(values - values[-1]).max(axis=0) > allowed).any())


def _newton(system: Any, packed: FloatArray, x: FloatArray) -> FloatArray | None:
    """Return the root of the rates next to x; None where Newton's steps lead away, or do not make the rates smaller."""
    from immunoode.solve.problem.compiled_model import STATES_AT

    n = x.size
    scale = np.abs(x) + 1e-12 * np.abs(x).max() + 1e-300
    at = x.copy()

    def rates(states: FloatArray) -> FloatArray:
        packed[STATES_AT : STATES_AT + n] = states
        return np.asarray(system.rates(packed))[:n]

    first = np.abs(rates(x) / scale).max()
    for _ in range(3):
        left = rates(at)
        slopes = np.asarray(system.jacobian(packed)).reshape(n, n)
        with np.errstate(all="ignore"):
            if not (np.isfinite(slopes).all() and np.isfinite(left).all()):
                return None
            step = np.linalg.lstsq(slopes * scale / scale[:, None], -left / scale, rcond=1e-13)[0] * scale
        if not (np.abs(step) <= 100 * SETTLED * scale).all():
            return None
        at = at + step
    return at if np.abs(rates(at) / scale).max() < first else None
