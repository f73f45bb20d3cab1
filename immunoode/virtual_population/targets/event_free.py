"""Whether virtual patients are free of an event at given times, also if their follow-up is censored earlier."""

from __future__ import annotations

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import numbers_of
from immunoode.virtual_population.targets.record import FloatArray

SAME = float(np.sqrt(np.finfo(float).eps))
"""Levels of a curve that differ by less are equal."""


def event_free(patients: VirtualPatients, arm: str, endpoint: str, days: FloatArray) -> FloatArray:
    """Return 1 for patients who are free of the event after a day, otherwise 0, shape (patients, days).

    A patient who is censored before a day counts as the probability of being free of the event at that day, given that at
    censoring, by the Kaplan-Meier curve of all patients with their prior weights: redistribution to the right (Efron 1967),
    so that the weighted mean is the Kaplan-Meier estimate.

    Raises
    ------
    DataError
        If there is no such endpoint, or no patient is followed until the last day.
    """
    times, events = event_times(patients, arm, endpoint)
    free = (times[:, None] > days).astype(np.float64)
    lost = ~events[:, None] & (times[:, None] <= days)
    if not lost.any():
        return free
    followed = times.max()
    if (days > followed).any():
        right = "longer simulations, or targets at earlier times"
        what = f"the follow-up of all virtual patients ends by day {followed:g}, but the target is on day {days.max():g}"
        raise DataError(Problem(f"{endpoint} of {arm}", what, right))
    steps, survival = weighted_survival(times, events, patients.prior)

    def at(when: FloatArray) -> FloatArray:
        return survival[np.searchsorted(steps, when, side="right")]

    then = at(times)[:, None]
    later = np.divide(at(days)[None, :], then, out=np.zeros_like(free), where=then > 0)
    return np.where(lost, later, free)


def event_times(patients: VirtualPatients, arm: str, endpoint: str) -> tuple[FloatArray, np.ndarray]:
    """Return the days and whether the event occurred, for one endpoint ("PFS": columns `pfs_time` and `pfs_event`).

    Raises
    ------
    DataError
        If the columns do not exist, or have missing values.
    """
    name = endpoint.lower()
    times = numbers_of(patients, f"{name}_time", arm)
    events = patients.column(f"{name}_event", arm)
    missing = np.isnan(times) | events.isna().to_numpy()
    if missing.any():
        who = patients.parameters.index[missing][0]
        what = f"{int(missing.sum())} virtual patients have no time or event, including patient {who}"
        raise DataError(Problem(f"{endpoint} of {arm}", what, "times to an event or to censoring for all patients"))
    return times, events.to_numpy(bool)


def weighted_survival(times: FloatArray, events: np.ndarray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Kaplan-Meier curve of weighted patients: days of events (k,), and survival before and after each (k + 1,).

    Patients without weight do not count: after the last one with weight, no patient is at risk and the curve ends.
    """
    some = weights > 0
    times, events, weights = times[some], events[some], weights[some]
    order = np.argsort(times, kind="stable")
    days, first = np.unique(times[order], return_index=True)
    mass = weights[order]
    at_risk = np.cumsum(mass[::-1])[::-1][first]
    died = np.add.reduceat(mass * events[order], first)
    return days, np.concatenate([[1.0], np.cumprod(1 - np.minimum(died / at_risk, 1.0))])


def weighted_median(days: FloatArray, survival: FloatArray) -> float:
    """Return the time at which a curve from `weighted_survival` reaches one half; infinite if it does not.

    If it is constant at one half up to a later event, this is the middle of the step, as in R and SAS.
    """
    after = survival[1:]
    reached, later = (np.flatnonzero(after <= 0.5 + SAME), np.flatnonzero(after < 0.5 - SAME))
    if not len(reached):
        return float("inf")
    first = days[reached[0]]
    return float((first + days[later[0]]) / 2 if len(later) else first)
