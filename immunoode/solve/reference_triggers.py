"""Reactions to the state in the reference engine: the rules are the kernel's, when they are asked is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from immunoode.solve.problem.compiled_model import FloatArray
from immunoode.solve.problem.event_table import DOSE, FIRST, INFUSION_START, STOP, Events
from immunoode.solve.problem.trigger_table import CONTINUOUS, Reactions

_HALVINGS = 60


@dataclass
class Decisions:
    """What the reactions of one patient have come to.

    `watched` gives what they look at; `made` is as in `immunoode.solve.integrator.triggers.first_look`. Events are changed
    in place.
    """

    watched: Callable[[float, FloatArray], FloatArray]
    reactions: Reactions
    fired: FloatArray
    events: Events
    made: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        count, inputs = self.reactions.affects.shape
        self.made = np.zeros(count, np.int64), np.ones(inputs), np.empty(count), np.empty(count)

    def begin(self, t: float, y: FloatArray) -> None:
        self.made[2][:] = self.made[3][:] = self.watched(t, y)

    def visit(self, r: int, t: float, y: FloatArray, e: int) -> bool:
        """Take a decision; True where a course begins, whose events are put in place from e on."""
        from immunoode.solve.integrator.triggers import update_trigger_from_python

        on, factors, baseline, nadir = self.made
        table, affects = self.reactions.table, self.reactions.affects
        value = float(self.watched(t, y)[r])
        return bool(
            update_trigger_from_python(
                table, affects, r, t, value, on, self.fired, factors, baseline, nadir, self.events.columns, e
            )
        )

    def look(self, t: float, y: FloatArray) -> None:
        """Keep the lowest of what is watched continuously."""
        rows = self.reactions.table[:, CONTINUOUS] != 0
        self.made[3][rows] = np.minimum(self.made[3], self.watched(t, y))[rows]

    def decide(self, t: float, y: FloatArray, e: int) -> bool:
        """Take the decisions that are taken continuously."""
        return any([self.visit(int(r), t, y, e) for r in np.flatnonzero(self.reactions.table[:, CONTINUOUS])])

    def given(self, e: int) -> bool:
        """Whether a dose is given at all; what changes it is done to the event."""
        if self.events.kinds[e] not in (DOSE, INFUSION_START, FIRST):
            return True
        factor = self.made[1][self.events.inputs[e]]
        if self.events.kinds[e] == FIRST:
            if factor == 0.0:
                self.events.kinds[e] = STOP  # the dose is left out: it is not the first
            return bool(factor != 0.0)
        self.events.amounts[e] *= factor
        return bool(factor != 0.0)

    def due(self, t: float, y: FloatArray) -> bool:
        """Whether a decision that is taken continuously would be another one now."""
        from immunoode.solve.integrator.triggers import would_change_from_python

        on, _, baseline, nadir = self.made
        return bool(would_change_from_python(self.reactions.table, self.watched(t, y), on, baseline, nadir))

    def first(self, steps: Any) -> float | None:
        """Return when in a step, at whose end a decision is due, it first is."""
        if not self.due(steps.t, steps.y):
            return None
        low, high, dense = steps.t_old, steps.t, steps.dense_output()
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.due(middle, dense(middle)) else (middle, high)
        return float(high)
