"""Triggers in the reference engine: the rules are the kernel's, when they are asked is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.solve.integrator.records import Run
from immunoode.solve.problem.event_table import DOSE, FIRST, INFUSION_START, STOP
from immunoode.solve.problem.packed_input import FloatArray

_HALVINGS = 60


@dataclass
class TriggerStates:
    """What the triggers of one subject have come to, in lane 0 of a run. Events are changed in place.

    `quantities` gives what they look at.
    """

    quantities: Callable[[float, FloatArray], FloatArray]
    run: Run

    def begin(self, t: float, y: FloatArray) -> None:
        """Begin with triggers that are off."""
        own = self.run.progress
        own.trigger_on[0], own.dose_factors[0] = 0, 1.0
        own.baseline[0] = own.nadir[0] = self.quantities(t, y)

    def update(self, r: int, t: float, y: FloatArray) -> bool:
        """Decide trigger r; True if a course begins, whose events are put among those to come."""
        from immunoode.solve.integrator.triggers import update_trigger_from_python

        self.run.progress.t[0] = t
        return bool(update_trigger_from_python(self.run, 0, r, float(self.quantities(t, y)[r])))

    def update_nadirs(self, t: float, y: FloatArray) -> None:
        """Keep the lowest values of what is looked at continuously."""
        rows = self.run.triggers.table["continuous"] != 0
        nadir = self.run.progress.nadir[0]
        nadir[rows] = np.minimum(nadir, self.quantities(t, y))[rows]

    def update_continuous(self, t: float, y: FloatArray) -> bool:
        """Decide the triggers that are decided continuously; True if a course begins."""
        return any([self.update(int(r), t, y) for r in np.flatnonzero(self.run.triggers.table["continuous"])])

    def scales_dose(self, event: Any) -> bool:
        """Whether an event is applied at all; what changes a dose is done to the event."""
        if event["kind"] not in (DOSE, INFUSION_START, FIRST):
            return True
        factor = self.run.progress.dose_factors[0, event["target"]]
        if event["kind"] == FIRST:
            if factor == 0.0:
                event["kind"] = STOP  # the dose is left out: it is not the first
            return bool(factor != 0.0)
        event["amount"] *= factor
        return bool(factor != 0.0)

    def would_change(self, t: float, y: FloatArray) -> bool:
        """Whether a trigger that is decided continuously would change now."""
        from immunoode.solve.integrator.triggers import would_change_from_python

        self.run.work.quantities[:] = self.quantities(t, y)
        return bool(would_change_from_python(self.run, 0))

    def locate(self, steps: Any) -> float | None:
        """Return when in a step, at whose end a trigger would change, the first does."""
        if not self.would_change(steps.t, steps.y):
            return None
        low, high, dense = steps.t_old, steps.t, steps.dense_output()
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.would_change(middle, dense(middle)) else (middle, high)
        return float(high)
