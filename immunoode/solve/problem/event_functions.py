"""Events as compiled functions for a kernel.

Switches (comparisons and steps), triggers over them, delays, priorities and values. A trigger is a condition over switches:
differences whose sign is a condition, and arguments of steps (floor). The next change of a switch is found directly if it is
linear in time, beforehand by `immunoode.solve.problem.time_roots` if it is another function of time, and within each step if it
depends on the state.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.interop.flatten import FlatModel
from immunoode.model.closed_model import resolve
from immunoode.model.expressions import TIME, names_in
from immunoode.model.symbolic import Expr, derivative, symbolic
from immunoode.regimen.sbml_event import Event, Events
from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.compiled_model import CompiledModel, compiled_model_of
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.time_roots import roots

STILL, LINEAR, CURVED, MOVED = range(4)
"""Causes of a change of a switch: events alone, time linearly, time otherwise, the state."""
SWITCH = np.dtype([("kind", np.int64), ("step", np.int64)])
"""The cause of changes of a switch, and whether it is a step."""
EVENT_TRAITS = np.dtype([(n, np.int64) for n in ("starts", "persistent", "at_firing", "delayed", "prioritised")])
"""The properties of an event."""


@dataclass(frozen=True)
class _Switch:
    """A difference left - right whose sign is a condition, or (a step) an argument of floor, and its symbol."""

    symbol: Expr
    left: Expr
    right: Expr
    step: bool

    @property
    def difference(self) -> Expr:
        return self.left - self.right


class _Switches:
    """Collects the switches of trees."""

    def __init__(self) -> None:
        import symengine as se

        self.se = se
        self.found: list[_Switch] = []
        self._known: dict[tuple[Expr, Expr | None], Expr] = {}

    def comparison(self, left: Expr, right: Expr, strict: bool) -> Expr:
        """Return a condition over the symbol for the sign of left - right."""
        if not (left.free_symbols or right.free_symbols):
            return left < right if strict else left <= right
        if (right, left) in self._known:
            sign = -self._known[right, left]
        else:
            sign = self._symbol(left, right, False)
        return sign < 0 if strict else sign <= 0

    def step(self, argument: Expr) -> Expr:
        """Return the symbol of a step."""
        if not argument.free_symbols:
            return self.se.floor(argument)
        return self._symbol(argument, self.se.Integer(0), True)

    def _symbol(self, left: Expr, right: Expr, step: bool) -> Expr:
        key = (left, None) if step else (left, right)
        if key not in self._known:
            self._known[key] = self.se.Symbol(f"switch {len(self.found)}")
            self.found.append(_Switch(self._known[key], left, right, step))
        return self._known[key]


class _Trees:
    """Trees of a model's expressions, in which switches have symbols."""

    def __init__(self, whole: FlatModel, system: CompiledModel, switches: _Switches) -> None:
        import symengine as se

        self.se, self.whole, self.switches = se, whole, switches
        chain = system.chain
        self.symbols = {str(s): s for s in (chain.time, *chain.states, *chain.parameters)}
        self.derived: dict[str, Expr] = {}

    def of(self, text: str) -> Expr:
        """Return the tree of an expression."""
        for name in self._in_order(text):
            self.derived[name] = self._tree(self.whole.derived[name])
        return self._tree(text)

    def _tree(self, text: str) -> Expr:
        return symbolic(text, self._name, lambda role: self.se.Integer(0), self.switches)

    def _name(self, name: str) -> Expr:
        if name in self.derived:
            return self.derived[name]
        return self.symbols[name] if name in self.symbols else self.se.RealDouble(self.whole.constants[name])

    def _in_order(self, text: str) -> list[str]:
        """Return the derived quantities without a tree on which an expression depends, each after those that it uses."""
        wanted, waiting = set[str](), [text]
        while waiting:
            new = (names_in(waiting.pop()) & self.whole.derived.keys()) - wanted - self.derived.keys()
            wanted |= new
            waiting += [self.whole.derived[name] for name in new]
        return [name for name in self.whole.derived if name in wanted]


@dataclass(frozen=True)
class EventFunctions:
    """The compiled functions of a model and its events.

    Attributes
    ----------
    system : System
        Of the model.
    events : tuple of Event
    switches : ndarray of SWITCH, shape (U,)
    levels : int
        The number of evaluations until switches within others have their final values.
    traits : ndarray of EVENT_TRAITS, shape (E,)
    offsets, targets : ndarray of int, shapes (E + 1,) and (A,)
        The assignments of event e are offsets[e]:offsets[e + 1]; the state that each sets.
    sides, slopes, triggers, delays, priorities, values : Function
        Left and right of each switch (2 U), how fast their difference changes (U), whether triggers hold (E), delays (E),
        priorities (E), and values and sizes of assignments (2 A), over the packed input followed by the values of the switches.
    curved : tuple of (Expr, bool)
        The switches that are other functions of time than linear ones, and whether each is a step.
    bent : bool
        Whether a switch is another function of the state than a linear one.
    """

    system: CompiledModel
    events: tuple[Event, ...]
    switches: Any
    levels: int
    traits: Any
    offsets: NDArray[np.int64]
    targets: NDArray[np.int64]
    sides: NativeFunction
    slopes: NativeFunction
    triggers: NativeFunction
    delays: NativeFunction
    priorities: NativeFunction
    values: NativeFunction
    curved: tuple[tuple[Expr, bool], ...]
    bent: bool

    @cached_property
    def read_by_curved(self) -> NDArray[np.int64]:
        """The states that only events change and that occur in non-linear functions of time."""
        used = self._known_to_curved
        return np.array([i for i, name in enumerate(self.system.equations.states) if name in used], dtype=np.int64)

    def times(self, parameters: FloatArray, y: FloatArray, start: float, end: float) -> FloatArray:
        """Return the times in (start, end] at which switches that are non-linear functions of time change."""
        eq = self.system.equations
        every = dict(zip(eq.parameters, parameters.tolist(), strict=True)) | dict(zip(eq.states, y.tolist(), strict=False))
        values = {name: every[name] for name in self._known_to_curved}
        key = start, end, *values.values()
        if key not in self._times:
            if len(self._times) > _KEPT:
                self._times.clear()
            found = [roots(tree, values, start, end, step) for tree, step in self.curved]
            self._times[key] = np.unique(np.concatenate(found)) if found else np.empty(0)
        return self._times[key]

    @cached_property
    def _known_to_curved(self) -> list[str]:
        return sorted({str(s) for tree, _ in self.curved for s in tree.free_symbols} - {TIME})

    @cached_property
    def _times(self) -> dict[tuple[float, ...], FloatArray]:
        return {}


_CACHE: OrderedDict[tuple[str, Events], EventFunctions] = OrderedDict()
_KEPT = 32


def event_functions(whole: FlatModel, events: Events) -> EventFunctions:
    """Return the compiled functions of a model with events, made once.

    Raises
    ------
    SolveError
        If an event sets something that is not a compartment, or uses an unknown name.
    """
    system = compiled_model_of(resolve(whole.model).equations)
    key = system.equations.key, events
    if key not in _CACHE:
        _check(whole, events)
        _CACHE[key] = _compiled(whole, system, events.events)
        while len(_CACHE) > _KEPT:
            _CACHE.popitem(last=False)
    return _CACHE[key]


def _check(whole: FlatModel, events: Events) -> None:
    known = {*whole.initial, *whole.constants, *whole.derived, TIME}
    problems = []
    for event in events.events:
        where = f"event {event.name!r}"
        problems += [
            Problem(where, f"sets {a.target!r}", "a compartment of the model")
            for a in event.assignments
            if a.target not in whole.initial
        ]
        texts = (event.trigger, event.delay, event.priority, *(a.value for a in event.assignments))
        used = {name for text in texts if text for name in names_in(text)} | {a.size for a in event.assignments if a.size}
        problems += [Problem(where, f"uses the unknown name {n!r}", "names that the model has") for n in sorted(used - known)]
    SolveError.raise_if(problems)


def _compiled(whole: FlatModel, system: CompiledModel, events: tuple[Event, ...]) -> EventFunctions:
    switches = _Switches()
    trees = _Trees(whole, system, switches)
    triggers = [trees.of(e.trigger) for e in events]
    delays = [trees.of(e.delay or "0") for e in events]
    priorities = [trees.of(e.priority or "0") for e in events]
    assignments = [a for e in events for a in e.assignments]
    values = [trees.of(a.value) for a in assignments] + [trees.of(a.size or "1") for a in assignments]
    own = len(switches.found)
    for flow in whole.flows:
        trees.of(flow.rate)
        trees.of(flow.gain or "1")
    kinds = _kinds(switches.found, system)
    kept = [k for k in range(len(kinds)) if k < own or kinds[k] in (LINEAR, CURVED)]
    found = [switches.found[k] for k in kept]
    inputs = [*system.chain.inputs(list(system._lifted.constants.values())), *(s.symbol for s in found)]

    def function(expressions: Iterable[Expr]) -> NativeFunction:
        return NativeFunction(inputs, [*expressions] or [system.chain.zero])  # a kernel calls it in any case

    place = {name: i for i, name in enumerate(system.equations.states)}
    raw = _raw(switches.found)
    return EventFunctions(
        system=system,
        events=events,
        switches=np.array([(kinds[k], switches.found[k].step) for k in kept], dtype=SWITCH),
        levels=_levels(found),
        traits=np.array(
            [(e.starts, e.persistent, e.at_firing, bool(e.delay), bool(e.priority)) for e in events], dtype=EVENT_TRAITS
        ),
        offsets=np.cumsum([0, *(len(e.assignments) for e in events)]),
        targets=np.array([place[a.target] for a in assignments], dtype=np.int64),
        sides=function(side for s in found for side in (s.left, s.right)),
        slopes=function(_slope(s.difference, system) for s in found),
        triggers=function(triggers),
        delays=function(delays),
        priorities=function(priorities),
        values=function(values),
        curved=tuple((switches.found[k].difference.xreplace(raw), switches.found[k].step) for k in kept if kinds[k] == CURVED),
        bent=any(
            _bent(s.difference, [system.chain.time, *system.chain.states])
            for s, kind in zip(switches.found[:own], kinds, strict=False)
            if kind == MOVED
        ),
    )


def _slope(difference: Expr, system: CompiledModel) -> Expr:
    """Return the rate of change of a difference with time and with the states."""
    chain, free = system.chain, difference.free_symbols
    total = derivative(difference, chain.time) if chain.time in free else chain.zero
    for state, rate in zip(chain.states, system.equations.rhs, strict=True):
        if state in free and rate != 0:
            total = total + derivative(difference, state) * rate
    return total


def _kinds(found: list[_Switch], system: CompiledModel) -> list[int]:
    """Return the cause of changes of each switch; the switches that it contains also count, and precede it."""
    time, kinds = system.chain.time, list[int]()
    moving = {s for s, rate in zip(system.chain.states, system.equations.rhs, strict=True) if rate != 0}
    place = {s.symbol: k for k, s in enumerate(found)}
    for switch in found:
        free = switch.difference.free_symbols
        inner = max((kinds[place[s]] for s in free if s in place), default=STILL)
        if free & moving or inner == MOVED:
            kinds.append(MOVED)
        elif time not in free:
            kinds.append(STILL)  # whatever steps in it do, they do it at times that are known
        else:
            kinds.append(CURVED if _bent(switch.difference, [time]) else LINEAR)
    return kinds


def _bent(difference: Expr, along: Iterable[Expr]) -> bool:
    """Whether a difference is a non-linear function of some symbols, between the changes of the switches in it."""
    used = [s for s in along if s in difference.free_symbols]
    return not all(_vanishes(derivative(derivative(difference, a), b)) for a in used for b in used)


def _vanishes(tree: Expr) -> bool:
    """Whether a tree is zero regardless of the conditions in it."""
    kind = type(tree).__name__
    if kind == "Piecewise":
        return all(_vanishes(value) for value in tree.args[::2])
    if kind in ("Add", "Mul"):
        return (all if kind == "Add" else any)(map(_vanishes, tree.args))
    return bool(tree == 0)


def _levels(found: list[_Switch]) -> int:
    """Return the depth of nested switches."""
    depth: dict[Expr, int] = {}
    for switch in found:
        depth[switch.symbol] = 1 + max((depth[s] for s in switch.difference.free_symbols if s in depth), default=0)
    return max(depth.values(), default=0)


def _raw(found: list[_Switch]) -> Mapping[Expr, Expr]:
    """Return the expression of each switch, written out."""
    import symengine as se

    table: dict[Expr, Expr] = {}
    for switch in found:
        written = switch.difference.xreplace(table)
        table[switch.symbol] = se.floor(written) if switch.step else written
    return table
