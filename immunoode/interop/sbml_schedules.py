"""Schedules that SBML events can express."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from immunoode.errors import Problem, RegimenError
from immunoode.interop.flatten import FlatModel, first_dose_parameter
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.schedule import DOSE, RESET, Schedule


def with_first_doses(whole: FlatModel, arms: Mapping[str, Schedule]) -> FlatModel:
    """Return the flat model with the days of first doses, if expressions use them.

    Raises
    ------
    RegimenError
        If such a day differs between arms.
    """
    found, problems = dict[str, float](), list[Problem]()
    for name in whole.inputs:
        parameter = first_dose_parameter(name)
        given = [
            [
                float(t)
                for t, n, a, amount in zip(s.times, s.inputs, s.actions, s.amounts, strict=True)
                if n == name and a == DOSE and amount > 0
            ]
            for s in arms.values()
        ]
        firsts = {min(days) for days in given if days}
        if parameter in whole.constants and firsts:
            found[parameter] = min(firsts)
            if len(firsts) > 1:
                problems.append(
                    Problem(f"regimens: {name}", "begins on different days, which the model uses", "one file per regimen")
                )
    RegimenError.raise_if(problems)
    return replace(whole, constants={**whole.constants, **found})


def schedule_of(regimen: Regimen | Schedule | None, whole: FlatModel) -> Schedule | None:
    """Return the schedule of a regimen, checked."""
    if regimen is None:
        return None
    inputs = {name: given.unit for name, given in whole.model.inputs.items()}
    return checked_schedule(regimen.schedule(inputs, whole.constants) if isinstance(regimen, Regimen) else regimen, whole)


def checked_schedule(schedule: Schedule, whole: FlatModel) -> Schedule:
    problems = [Problem("regimen", "has triggers", "doses at given times")] if schedule.triggers else []
    problems += [Problem("regimen", "has a steady state", "all doses from the first one")] if np.any(schedule.steady) else []
    problems += [Problem("regimen", "has a reset", "doses at given times")] if RESET in schedule.actions else []
    shared = [n for n, rate in zip(schedule.inputs, schedule.rates, strict=True) if rate > 0 and whole.inputs[n].share != "1"]
    what = "has infusions with a stated rate and a bioavailability other than 1"
    problems += [Problem(f"regimen: {n}", what, "a duration") for n in dict.fromkeys(shared)]
    if np.any(schedule.rates < 0):
        problems.append(Problem("regimen", "leaves rates or durations of infusions to the model", "stated durations"))
    problems += (
        [Problem("regimen", "begins before day 0", "a later start: regimen.shift(...)")]
        if len(schedule.times) and schedule.times[0] < 0
        else []
    )
    RegimenError.raise_if(problems)
    return schedule
