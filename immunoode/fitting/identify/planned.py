"""Planned observations: times, outputs and subjects per arm, without values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.identify.information import PlannedErrors, Size, planned_errors
from immunoode.fitting.observations import FloatArray, IntArray, Observations, output_units
from immunoode.model.model import Model
from immunoode.number_checks import is_whole

Times = Iterable[float] | Mapping[str, Iterable[float]]


def planned_observations(
    model: Model, times: Times, observe: str | Iterable[str] | None, subjects: int | Mapping[str, int], regimens: Any
) -> Observations:
    """Return the observations of a planned trial; values are NaN.

    Parameters
    ----------
    times : days of the visits, for all outputs or for each one
    observe : outputs; not needed if `times` names them
    subjects : number per arm; each regimen is an arm

    Raises
    ------
    FitError
        If a name is not known, or there is nothing to observe.
    """
    plan = _plan(model, times, observe)
    counts = _counts(subjects, regimens)
    problems = [
        Problem("subjects", f"is {n!r} in arm {a!r}", "a whole number from 1") for a, n in counts.items() if not is_whole(n, 1)
    ]
    FitError.raise_if(problems)
    arms = [a for a, n in counts.items() for _ in range(n)]
    names = [f"{a} {i + 1}" for a, n in counts.items() for i in range(n)]
    days = np.concatenate(list(plan.values()))
    quantity = np.repeat(np.arange(len(plan)), [len(d) for d in plan.values()])
    count, each = len(arms), len(days)
    units = output_units(model)
    return Observations(
        subjects=tuple(names),
        arms=tuple(arms),
        quantities=tuple(plan),
        outputs=tuple(plan),
        units=tuple(units[o] for o in plan),
        start=np.full(count, min(0.0, float(days.min()))),
        baselines={},
        subject=np.repeat(np.arange(count), each),
        quantity=np.tile(quantity, count),
        time=np.tile(days, count),
        value=np.full(count * each, np.nan),
        censoring=np.zeros(count * each, np.int64),
        lower=np.zeros(count * each),
        rows=tuple(range(count * each)),
        unused=_nothing(),
    )


def _plan(model: Model, times: Times, observe: str | Iterable[str] | None) -> dict[str, FloatArray]:
    """Return the days of each output."""
    known = output_units(model)
    if isinstance(times, Mapping):
        given = {str(o): np.sort(units.times(d)) for o, d in times.items()}
    else:
        days = np.sort(units.times(times))
        outputs = [observe] if isinstance(observe, str) else list(observe or [])
        if not outputs and "sum_of_diameters" in known:
            outputs = ["sum_of_diameters"]
        given = dict.fromkeys(outputs, days)
    problems = [
        Problem("observe", f"{o!r} is not an output of model {model.name!r}", nearest(o, known))
        for o in given
        if o not in known
    ]
    problems += [
        Problem(f"times of {o!r}", "are empty, or not all numbers", "days, for example [0, 42, 84]")
        for o, d in given.items()
        if not len(d) or not np.isfinite(d).all()
    ]
    if not given:
        problems = [Problem("observe", "no output is stated", "outputs of the model: " + ", ".join(list(known)[:12]))]
    FitError.raise_if(problems)
    return given


def _counts(subjects: int | Mapping[str, int], regimens: Any) -> dict[str, int]:
    arms = [str(a) for a in regimens] if isinstance(regimens, Mapping) else ["all"]
    if not isinstance(subjects, Mapping):
        return dict.fromkeys(arms, subjects)
    if not isinstance(regimens, Mapping):
        return {str(a): n for a, n in subjects.items()}
    problems = [Problem("subjects", f"{a!r} is not an arm", nearest(str(a), arms)) for a in subjects if str(a) not in arms]
    problems += [
        Problem("subjects", f"arm {a!r} is missing", "state the number of subjects per arm")
        for a in arms
        if a not in map(str, subjects)
    ]
    FitError.raise_if(problems)
    return {a: subjects[a] for a in arms}


def _nothing() -> Any:
    import pandas as pd

    return pd.DataFrame(columns=["row", "subject", "time", "quantity", "value", "reason"])


def at_times(seen: Observations, days: FloatArray, quantities: IntArray) -> Observations:
    """Return observations of every subject at `days` (T,) of `quantities` (T,), none before its start."""
    count = len(seen.subjects)
    subject, day, quantity = np.repeat(np.arange(count), len(days)), np.tile(days, count), np.tile(quantities, count)
    late = day >= seen.start[subject]
    n = int(late.sum())
    return replace(
        seen,
        subject=subject[late],
        time=day[late],
        quantity=quantity[late],
        value=np.full(n, np.nan),
        censoring=np.zeros(n, np.int64),
        lower=np.zeros(n),
        rows=tuple(range(n)),
        order=np.zeros(0),
    )


def with_outputs(
    model: Model,
    seen: Observations,
    errors: PlannedErrors,
    outputs: Iterable[str],
    error: str | Mapping[str, str],
    size: Size | Mapping[str, Size],
) -> tuple[Observations, PlannedErrors]:
    """Return the design with additional outputs of the model, and their planned errors.

    Raises
    ------
    FitError
        If an output is not known, or its error is invalid.
    """
    known, further = output_units(model), tuple(o for o in outputs if o not in seen.quantities)
    problems = [
        Problem("observe", f"{o!r} is not an output of model {model.name!r}", nearest(o, known))
        for o in further
        if o not in known
    ]
    FitError.raise_if(problems)
    if not further:
        return seen, errors
    units = tuple(known[o] for o in further)
    own = planned_errors(replace(seen, quantities=further, outputs=further, units=units), error, size)
    wider = replace(seen, quantities=seen.quantities + further, outputs=seen.outputs + further, units=seen.units + units)
    return wider, PlannedErrors(
        errors.kinds + own.kinds, np.append(errors.proportional, own.proportional), np.append(errors.additive, own.additive)
    )
