"""Copies of vectors of any length, and of the progress of a subject."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.records import Progress


@rare
def copy_progress(source: Progress, i: int, target: Progress, j: int) -> None:
    """Copy the progress of one subject: row i of the source to row j of the target."""
    target.subject[j], target.t[j], target.h[j] = source.subject[i], source.t[i], source.h[i]
    target.log_error[j], target.stop[j], target.end[j] = source.log_error[i], source.stop[i], source.end[i]
    target.event[j], target.output[j], target.taken[j] = source.event[i], source.output[i], source.taken[i]
    target.infusing[j] = source.infusing[i]
    for output in range(source.output[i]):
        copy_vector(target.saved[j, output], source.saved[i, output])
    for infusion in range(source.active.shape[1]):
        copy_vector(target.running[j, infusion], source.running[i, infusion])
    copy_vector(target.x[j], source.x[i])
    copy_vector(target.y[j], source.y[i])
    copy_vector(target.infusion[j], source.infusion[i])
    copy_vector(target.active[j], source.active[i])
    copy_vector(target.trigger_on[j], source.trigger_on[i])
    copy_vector(target.dose_factors[j], source.dose_factors[i])
    copy_vector(target.baseline[j], source.baseline[i])
    copy_vector(target.nadir[j], source.nadir[i])


@inner
def copy_vector(target: Any, source: Any) -> None:
    """Copy a vector of any length."""
    for i in range(source.size):
        target[i] = source[i]
