"""Triggers in the reference engine: the rules are those of the kernel; the times of evaluation are determined here."""

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
    """The state of the triggers of one subject, in lane 0 of a run.

    Events are changed in place. `quantities` computes the quantities that they watch.
    """

    quantities: Callable[[float, FloatArray], FloatArray]
    run: Run

    def begin(self, t: float, y: FloatArray) -> None:
        """Initialise the triggers: all are off."""
        own = self.run.progress
        own.trigger_on[0], own.dose_factors[0] = 0, 1.0
        own.baseline[0] = own.nadir[0] = self.quantities(t, y)

    def update(self, r: int, t: float, y: FloatArray) -> bool:
        """Evaluate trigger r; True if a course begins, whose events are added to the future events."""
        from immunoode.solve.integrator.triggers import update_trigger_from_python

        self.run.progress.t[0] = t
        return bool(update_trigger_from_python(self.run, 0, r, float(self.quantities(t, y)[r])))

    def update_nadirs(self, t: float, y: FloatArray) -> None:
        """Store the lowest values of the quantities of continuous triggers."""
        rows = self.run.triggers.table["continuous"] != 0
        nadir = self.run.progress.nadir[0]
        nadir[rows] = np.minimum(nadir, self.quantities(t, y))[rows]

    def update_continuous(self, t: float, y: FloatArray) -> bool:
        """Evaluate the continuous triggers; True if a course begins."""
        return any([self.update(int(r), t, y) for r in np.flatnonzero(self.run.triggers.table["continuous"])])

    def scales_dose(self, event: Any) -> bool:
        """Whether an event is applied at all; changes of a dose are made in the event."""
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
        """Whether a continuous trigger would change now."""
        from immunoode.solve.integrator.triggers import would_change_from_python

        self.run.work.quantities[:] = self.quantities(t, y)
        return bool(would_change_from_python(self.run, 0))

    def locate(self, steps: Any) -> float | None:
        """Return the time in a step, at whose end a trigger would change, at which the first trigger changes."""
        if not self.would_change(steps.t, steps.y):
            return None
        low, high, dense = steps.t_old, steps.t, steps.dense_output()
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.would_change(middle, dense(middle)) else (middle, high)
        return float(high)
