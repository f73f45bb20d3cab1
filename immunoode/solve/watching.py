"""A model whose events are watched: their conditions as outputs, what every name is worth, and when conditions could change."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from immunoode.errors import Problem, SolveError
from immunoode.interop.evaluate import evaluate
from immunoode.model.expressions import TIME, names, parse
from immunoode.model.parts import Compartment, Derived, Flow, Model, Parameter
from immunoode.regimen.occurrences import Event, Events

SLACK = 1e-12
"""Part of a time within which it is that time."""


@dataclass(frozen=True)
class Watched:
    """A model whose initial values are parameters, with an output and a clock for each event's condition."""

    model: Model
    events: tuple[Event, ...]
    starts: Mapping[str, str]
    signals: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, events: Events) -> Watched:
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
class Table:
    """What every name is worth at a time."""

    watched: Watched
    constants: dict[str, float]
    derived: Mapping[str, str]
    states: dict[str, float] = field(default_factory=dict)
    time: float = 0.0
    slack: float = 0.0
    _known: dict[str, float] = field(default_factory=dict)

    def at(self, time: float, slack: float = 0.0) -> Table:
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


def times_of(table: Table) -> Callable[[float], list[float]]:
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


def goes_back_to(text: str, derived: Mapping[str, str]) -> set[str]:
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
