"""The looks of replicates of a trial: their days, their results, and the look at which the trial stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.virtual_trial.trial_design import TrialDesign, TrialSubjects

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
EFFICACY, FUTILITY, FINAL = "efficacy", "futility", "final analysis"
"""Reasons for which a trial ends at a look."""


def look_days(design: TrialDesign, subjects: TrialSubjects) -> FloatArray:
    """Return the calendar days of the looks, shape (replicates, looks).

    Data are cut at the end of the day of the event; if there are not enough events, at the end of follow-up of all subjects.
    """
    size, analysis = design.size, design.analysis
    end = np.floor((subjects.entry + subjects.courses.last_contact).reshape(-1, size).max(axis=1)) + 1
    if analysis.at is not None:
        return np.minimum(units.days(analysis.at), end)[:, None]
    if analysis.events is None:
        return end[:, None]
    time, event = analysis.times(outcomes_at(design, subjects, np.inf))
    calendar = np.sort(np.where(event, subjects.entry + time, np.inf).reshape(-1, size), axis=1)
    counts = np.asarray(analysis.event_counts())
    days = np.floor(calendar[:, counts - 1]) + 1
    return np.minimum(days, end[:, None])


def outcomes_at(design: TrialDesign, subjects: TrialSubjects, day: FloatArray | float) -> pd.DataFrame:
    """Return the outcomes of all subjects as known on a calendar day, one per row or the same for all."""
    return subjects.courses.outcomes(
        design.rules, pfs_rules=design.pfs_rules, confirmed=design.confirmed, until=day - subjects.entry
    )


def looks(design: TrialDesign, subjects: TrialSubjects) -> list[dict[str, Any]]:
    """Return the results of all looks, one row per replicate, look and comparison.

    Looks after the end of the trial are included; `stopped_at` finds the end.
    """
    days = look_days(design, subjects)
    tables = [_with_arms(design, subjects, outcomes_at(design, subjects, day[subjects.replicate])) for day in days.T]
    bounds = design.analysis.boundaries(max(len(design.compared), 1))
    rows = []
    for k, replicate in enumerate(subjects.replicates):
        for look, table in enumerate(tables):
            own = slice(k * design.size, (k + 1) * design.size)
            entered = table.iloc[own][subjects.entry[own] <= days[k, look]]
            shared = {"replicate": replicate, "look": look + 1, "day": days[k, look], **_counts(design, entered)}
            rows += [{**shared, **found} for found in _comparisons(design, entered, float(bounds[look]))]
    return rows


def _with_arms(design: TrialDesign, subjects: TrialSubjects, table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(arm=np.asarray(list(design.arms), dtype=object)[subjects.arm])


def _counts(design: TrialDesign, table: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of subjects, events and responders, in total and by arm."""
    _, event = design.analysis.times(table)
    responded = table["time_to_response"].notna().to_numpy()
    found: dict[str, Any] = {"randomised": len(table), "events": int(event.sum())}
    for name in design.arms:
        own = (table["arm"] == name).to_numpy()
        found |= {f"{name}: subjects": int(own.sum()), f"{name}: events": int(event[own].sum())}
        found[f"{name}: response_rate"] = float(responded[own].mean()) if own.any() else np.nan
    return found


def _comparisons(design: TrialDesign, table: pd.DataFrame, bound: float) -> list[dict[str, Any]]:
    """Return the comparison of each arm with the control arm; one row without numbers for a trial of one arm."""
    if not design.compared:
        return [{"arm": design.control, "boundary": np.nan, "crossed": False, "futile": False}]
    found = []
    for name in design.compared:
        result = design.analysis.compare(table[table["arm"].isin((design.control, name))], design.control)
        futile = design.analysis.futility is not None and result.get("hazard_ratio", np.nan) >= design.analysis.futility
        found.append({"arm": name, **result, "boundary": bound, "crossed": bool(result["z"] >= bound), "futile": futile})
    return found


def stopped_at(rows: list[dict[str, Any]], number_of_looks: int) -> dict[str, Any]:
    """Return the look at which one comparison of one replicate ends the trial, with `stopped` and `success`."""
    for row in rows:
        last = row["look"] == number_of_looks
        if row["crossed"] or row["futile"] or last:
            why = FINAL if last else EFFICACY if row["crossed"] else FUTILITY
            kept = {name: value for name, value in row.items() if name not in ("crossed", "futile")}
            return {**kept, "stopped": why, "success": row["crossed"]}
    raise AssertionError("a trial without a last look")
