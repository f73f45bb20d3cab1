"""The triggers of a run as TRIGGER records for the kernels; all subjects of a run have the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest
from immunoode.regimen import triggers as words
from immunoode.regimen.schedule import Schedule
from immunoode.regimen.triggers import Trigger
from immunoode.solve.problem.sensitivities import SensitivityParameter

TRIGGER = np.dtype(
    [
        ("above", np.int64),
        ("limit", np.float64),
        ("release", np.float64),
        ("reference", np.int64),
        ("by", np.float64),
        ("factor", np.float64),
        ("lasting", np.int64),
        ("continuous", np.int64),
        ("course", np.int64),
    ]
)
"""One trigger.

Whether its condition is to be above (1) the limit, the limit, and the limit that applies once the condition was met (fractions
of the reference, if there is one); the minimum difference from the reference, the factor for later doses, whether the effect is
permanent, whether the trigger is evaluated continuously and not at visits, and whether a course begins.
"""
NO_REFERENCE, BASELINE, NADIR = range(3)
_REFERENCES = {"": NO_REFERENCE, words.BASELINE: BASELINE, words.NADIR: NADIR}


@dataclass(frozen=True)
class TriggerTable:
    """R triggers: the quantities that they watch, their TRIGGER records (R,) and the inputs that they affect (R, inputs)."""

    quantities: tuple[str, ...]
    table: Any
    affects: NDArray[np.bool_]

    @property
    def continuous(self) -> bool:
        """Whether one of them is checked continuously, not only at visits."""
        return bool(self.table["continuous"].any())


def trigger_table_of(
    schedules: Sequence[Schedule | None],
    inputs: Mapping[str, int],
    outputs: Sequence[str],
    by: tuple[SensitivityParameter, ...],
) -> TriggerTable:
    """Return the triggers of a run.

    Raises
    ------
    SolveError
        If subjects have different triggers, a quantity or therapy is not known, or sensitivities are requested as well.
    """
    different = {s.triggers for s in schedules if s is not None}
    if len(different) > 1 or (different != {()} and different and None in schedules):
        what = "differ between the subjects of one run"
        raise SolveError(Problem("triggers", what, "simulate subjects with the same triggers together"))
    found: tuple[Trigger, ...] = next(iter(different), ())
    problems = [
        Problem(f"trigger on {r.quantity!r}", "is not an output of this model", nearest(r.quantity, outputs))
        for r in found
        if r.quantity not in outputs
    ]
    problems += [
        Problem(f"trigger on {r.quantity!r}: therapy {t!r}", "is not an input of this model", nearest(t, inputs))
        for r in found
        for t in r.therapies
        if t not in inputs
    ]
    if found and by:
        problems.append(Problem("sensitivities", "cannot be computed if a regimen has triggers", "leave one of them out"))
    SolveError.raise_if(problems)
    table = np.array([_record(r) for r in found], dtype=TRIGGER)
    affects = np.array([[not r.therapies or name in r.therapies for name in inputs] for r in found], dtype=bool)
    return TriggerTable(tuple(r.quantity for r in found), table, affects.reshape(len(found), len(inputs)))


def _record(r: Trigger) -> tuple[float, ...]:
    release = r.limit if r.until is None else r.until
    return (r.above, r.limit, release, _REFERENCES[r.of], r.by, r.factor, r.lasting, r.every == 0.0, r.course is not None)
