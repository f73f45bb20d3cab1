"""Independent drug action in a cohort: an arm in which each patient has the better of the outcomes under single drugs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from immunoode.cohorts.arm_simulation import with_response_times
from immunoode.virtual_population.patients import VirtualPatients

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("CR", "iCR", "PR", "iPR", "SD", "iSD", "PD", "iUPD", "iCPD", "NE")
"""Responses, starting with the best."""


def arm_name(arms: Sequence[str]) -> str:
    """Return the name of the arm."""
    return " or ".join(arms)


def with_better_of(patients: VirtualPatients, arms: Sequence[str]) -> VirtualPatients:
    """Return virtual patients with an arm of the better outcomes of several arms.

    The same patient is in each arm, so that the outcomes are correlated as in the cohort. The longer of two times counts. It
    is an event only if both are: if one of them is censored, the longer time is only known as a lower limit, and is censored.

    Parameters
    ----------
    patients : VirtualPatients
    arms : sequence of str
    """
    better = reduce(_better, (patients.outcomes[arm] for arm in arms))
    return replace(patients, outcomes={**patients.outcomes, arm_name(arms): better})


def _better(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    rank = {name: k for k, name in enumerate(ORDER)}
    first = one["best_response"].map(rank).to_numpy() <= other["best_response"].map(rank).to_numpy()
    columns = {"best_response": np.where(first, one["best_response"], other["best_response"])}
    for name in ("best_change", "time_to_response"):
        columns[name] = np.fmin(one[name], other[name])
    for name in ("pfs", "os"):
        if f"{name}_time" in one:
            columns[f"{name}_time"] = np.maximum(one[f"{name}_time"], other[f"{name}_time"])
            columns[f"{name}_event"] = one[f"{name}_event"] & other[f"{name}_event"]
    made = one.assign(**columns)
    lasted = made["pfs_time"] - made["time_to_response"]
    known = lasted >= 0
    return with_response_times(made.assign(duration_of_response=lasted.where(known), duration_event=known & made["pfs_event"]))
