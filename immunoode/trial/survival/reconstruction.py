"""Reconstruction of times to events from published survival curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.number_checks import has_whole_value
from immunoode.trial.survival.digitised_curve import ONE_ARM, DigitisedCurve, curves_of_arms
from immunoode.trial.survival.guyot import IntervalTimes, times_of_arm
from immunoode.trial.survival.kaplan_meier import KaplanMeier, kaplan_meier
from immunoode.trial.survival.numbers_at_risk import NumbersAtRisk, numbers_at_risk

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class SurvivalReconstruction:
    """Times to events that were reconstructed from survival curves, and how well they agree with what was published.

    Attributes
    ----------
    endpoints : DataFrame
        One row per reconstructed subject, a table of endpoints: subject, arm, endpoint, time (days), event.
    at_risk : DataFrame
        One row per number at risk: arm, time (days), stated, reconstructed, and events and censored until the next row (until
        the end of the curve in the last). Each reconstructed number is that of the previous row minus its events and censored
        subjects.
    events : DataFrame
        One row per arm: arm, subjects, stated (NaN if unknown) and reconstructed events, largest_difference and mean_difference
        (absolute, of the two curves at the points).
    curve : DataFrame
        One row per time at which a curve falls: arm, time (days), survival (as read, corrected), reconstructed (Kaplan-Meier
        estimate of `endpoints`).
    left_out : DataFrame
        Points of the curves that were not used: arm, row, reason.
    notes : tuple of str
        What was changed or assumed.
    unit : str
        Unit of time of the published curve, in which the report states times.
    """

    endpoints: pd.DataFrame
    at_risk: pd.DataFrame
    events: pd.DataFrame
    curve: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...] = ()
    unit: str = "day"

    def kaplan_meier(self, *, confidence: float = 0.95) -> KaplanMeier:
        """Return the Kaplan-Meier curves of the reconstructed subjects."""
        return kaplan_meier(self.endpoints, confidence=confidence)

    def to_frame(self) -> pd.DataFrame:
        """Return the table of endpoints, as `imo.kaplan_meier`, `imo.trial.cox` and other analyses take it."""
        return self.endpoints.copy()

    def report(self) -> str:
        """Return the reconciliation with the published numbers as text."""
        lines = [str(self), "", self.events.to_string(index=False, float_format="{:.3g}".format, na_rep="not stated"), ""]
        table = self.at_risk.assign(time=self.at_risk["time"] / units.factor(self.unit, "day"))
        lines += [f"Numbers at risk (time in the unit {self.unit}):"]
        lines += [table.to_string(index=False, float_format="{:.4g}".format), ""]
        lines += [f"Note: {note}." for note in self.notes]
        lines += [f"{n} points were left out: {why}" for why, n in self.left_out["reason"].value_counts().items()]
        return "\n".join(lines).rstrip()

    def plot(self, **options: Any) -> Any:
        """Draw the published points, the reconstructed curves and both numbers at risk; returns Axes."""
        from immunoode.plot.reconstruction import reconstructed_curves

        return reconstructed_curves(self, **options)

    def __str__(self) -> str:
        off = self.at_risk[self.at_risk["stated"] != self.at_risk["reconstructed"]]
        same = "all numbers at risk are as stated" if off.empty else f"{len(off)} numbers at risk differ from those stated"
        largest = self.events["largest_difference"].max()
        return f"{len(self.endpoints)} subjects in {len(self.events)} arms; {same}; curves differ by at most {largest:.3f}"


def reconstruct_survival(
    curve: Any, at_risk: Any, events: int | Mapping[str, int] | None = None, *, unit: str = "day", endpoint: str = "event"
) -> SurvivalReconstruction:
    """Reconstruct times to events from a published survival curve and its numbers at risk, by the method of Guyot et al.

    Parameters
    ----------
    curve : DataFrame, array (n, 2), or mapping of arm to these
        Points read off the figure, in any order: time, survival (a fraction or percent), and optionally arm. Several points at
        one time, points that rise, stray points and a curve that does not begin at 1 are corrected, and noted.
    at_risk : DataFrame, mapping of time to number, array (m, 2), or mapping of arm to these
        Numbers at risk: time, at_risk, and optionally arm. One number, that at time 0, is enough, but few numbers leave the
        censoring unknown. The last number may be missing.
    events : int or mapping of arm to int, optional
        Published number of events. Without it, the rate of censoring after the last number at risk is the previous one (none
        if there is only one number at risk), or higher if drops larger than any earlier one show that few subjects are left.
    unit : str
        Unit of the times of curve and numbers: "month" is 30.4375 days. The result is in days.
    endpoint : str
        Name of the endpoint in the result: "OS", "PFS".

    Returns
    -------
    SurvivalReconstruction

    Raises
    ------
    DataError
        If points cannot be on a survival curve (negative times, survival above 1), numbers at risk increase or are not whole,
        or arms of the tables differ; all problems at once.

    Notes
    -----
    Between two numbers at risk censoring is assumed to be at a constant rate. The numbers at risk are met exactly; where they
    do not allow as many events as the curve shows, there are fewer, and the difference between the curves is reported.

    References
    ----------
    Guyot P, Ades AE, Ouwens MJNM, Welton NJ (2012). Enhanced secondary analysis of survival data: reconstructing the data from
    published Kaplan-Meier survival curves. BMC Medical Research Methodology 12:9, doi 10.1186/1471-2288-12-9.

    Examples
    --------
    >>> points = [[0, 1], [3, 0.9], [6, 0.7], [9, 0.7], [12, 0.35]]
    >>> found = reconstruct_survival(points, {0: 10, 6: 8, 12: 4}, events=6, unit="month")
    >>> found.at_risk[["stated", "reconstructed", "events", "censored"]].values.tolist()
    [[10, 10, 1, 1], [8, 8, 2, 2], [4, 4, 2, 2]]
    >>> found.kaplan_meier().at_risk(["6 months", "12 months"]).values.tolist()
    [[8, 4]]
    """
    import pandas as pd

    curves, numbers = _same_arms(_read_both(curve, at_risk))
    stated = _stated_events(events, numbers)
    days = units.factor(unit, "day")
    parts = [
        _of_arm(arm, curves[arm], numbers[arm], times_of_arm(curves[arm], numbers[arm], stated[arm]), stated[arm], days)
        for arm in curves
    ]
    tables = {
        name: pd.concat([getattr(p, name) for p in parts], ignore_index=True)
        for name in ("at_risk", "events", "curve", "left_out")
    }
    endpoints = pd.concat([p.endpoints for p in parts], ignore_index=True).assign(endpoint=endpoint)
    ordered = endpoints[["subject", "arm", "endpoint", "time", "event"]]
    return SurvivalReconstruction(ordered, **tables, notes=tuple(note for p in parts for note in p.notes), unit=unit)


def _read_both(curve: Any, at_risk: Any) -> tuple[dict[str, DigitisedCurve], dict[str, NumbersAtRisk]]:
    """Return curves and numbers at risk, or an error with the problems of both."""
    read: list[Any] = []
    problems: list[Problem] = []
    for reader, source in ((curves_of_arms, curve), (numbers_at_risk, at_risk)):
        try:
            read.append(reader(source))
        except DataError as error:
            problems += error.problems
    DataError.raise_if(problems)
    return read[0], read[1]


def _same_arms(
    read: tuple[dict[str, DigitisedCurve], dict[str, NumbersAtRisk]],
) -> tuple[dict[str, DigitisedCurve], dict[str, NumbersAtRisk]]:
    """Return both by the same names of arms; where only one of them names its only arm, that name holds."""
    curves, numbers = read
    if len(curves) == len(numbers) == 1 and ONE_ARM in (*curves, *numbers):
        name = next((arm for arm in (*curves, *numbers) if arm != ONE_ARM), ONE_ARM)
        return {name: next(iter(curves.values()))}, {name: next(iter(numbers.values()))}
    problems = [
        Problem(f"curve of {arm}", "has no numbers at risk", nearest(arm, numbers)) for arm in curves if arm not in numbers
    ]
    problems += [Problem(f"at_risk of {arm}", "has no curve", nearest(arm, curves)) for arm in numbers if arm not in curves]
    DataError.raise_if(problems)
    return curves, numbers


def _stated_events(events: Any, numbers: Mapping[str, NumbersAtRisk]) -> dict[str, int | None]:
    """Return the stated number of events of each arm, None where it is unknown."""
    if events is None:
        return dict.fromkeys(numbers)
    if isinstance(events, Mapping):
        given = {str(arm): n for arm, n in events.items()}
    elif len(numbers) > 1:
        right = "a number for each arm: " + ", ".join(map(repr, numbers))
        raise DataError(Problem("events", f"is {events!r}, but there are {len(numbers)} arms", right))
    else:
        given = dict.fromkeys(numbers, events)
    problems = [Problem("events", f"{arm!r} is not an arm", nearest(arm, numbers)) for arm in given if arm not in numbers]
    for arm in set(given) & set(numbers):
        most = int(numbers[arm].count[0]) if numbers[arm].time[0] == 0 else np.inf
        if given[arm] is not None and not (has_whole_value(given[arm]) and 0 <= given[arm] <= most):
            right = f"a whole number from 0 to the number at risk at first ({most})"
            problems.append(Problem(f"events of {arm}", f"is {given[arm]!r}", right))
    DataError.raise_if(problems)
    return {arm: None if given.get(arm) is None else int(given[arm]) for arm in numbers}


def _of_arm(
    arm: str, curve: DigitisedCurve, numbers: NumbersAtRisk, intervals: list[IntervalTimes], stated: int | None, days: float
) -> SurvivalReconstruction:
    """Return the reconstruction of one arm."""
    import pandas as pd

    died = np.concatenate([i.events for i in intervals])
    gone = np.concatenate([i.censored for i in intervals])
    time, event = np.append(died, gone), np.append(np.ones(len(died), bool), np.zeros(len(gone), bool))
    order = np.lexsort([~event, time])
    subject = [f"{arm} {k}" for k in range(1, len(time) + 1)]
    endpoints = pd.DataFrame({"subject": subject, "arm": arm, "time": time[order] * days, "event": event[order]})
    again = _survival(time, event, curve.time)
    both = pd.DataFrame({"arm": arm, "time": curve.time * days, "survival": curve.survival, "reconstructed": again})
    off = np.abs(both["survival"] - both["reconstructed"])
    counts = {"arm": arm, "subjects": len(time), "stated": np.nan if stated is None else stated, "reconstructed": len(died)}
    summary = pd.DataFrame([{**counts, "largest_difference": off.max(), "mean_difference": off.mean()}])
    left_out = curve.left_out.assign(arm=arm)[["arm", "row", "reason"]]
    notes = (*curve.notes, *numbers.notes, *_assumed(numbers, intervals, stated, len(died)))
    table = _reconciled(arm, numbers, intervals, time, days)
    return SurvivalReconstruction(endpoints, table, summary, both, left_out, tuple(f"{arm}: {note}" for note in notes))


def _survival(time: np.ndarray[Any, Any], event: np.ndarray[Any, Any], at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the Kaplan-Meier estimate at times (k,)."""
    days, deaths = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), days)
    level = np.append(1.0, np.cumprod(1 - deaths / at_risk))
    return np.asarray(level[np.searchsorted(days, at, side="right")])


def _reconciled(
    arm: str, numbers: NumbersAtRisk, intervals: list[IntervalTimes], time: np.ndarray[Any, Any], days: float
) -> pd.DataFrame:
    """Return the numbers at risk, stated and reconstructed, with what happened until the next."""
    import pandas as pd

    rows = intervals[len(intervals) - len(numbers.time) :]
    return pd.DataFrame(
        {
            "arm": arm,
            "time": numbers.time * days,
            "stated": numbers.count,
            "reconstructed": [int(np.sum(time >= t)) for t in numbers.time],
            "events": [len(i.events) for i in rows],
            "censored": [len(i.censored) for i in rows],
        }
    )


def _assumed(numbers: NumbersAtRisk, intervals: list[IntervalTimes], stated: int | None, found: int) -> list[str]:
    """Return notes on what was assumed."""
    notes = []
    if numbers.time[0] > 0:
        notes.append(
            f"the first number at risk is at {numbers.time[0]:g}: {intervals[0].at_risk} subjects are assumed at time "
            f"0, with no censoring before it"
        )
    if stated is None and len(intervals) == 1:
        notes.append("one number at risk and no number of events: nobody is censored before the end of the curve")
    elif stated is None and numbers.count[-1]:
        last = f"after {numbers.time[-1]:g}, the last number at risk"
        notes.append(f"{last}, the rate of censoring is assumed to stay the same, or follows from large drops")
    if stated is not None and stated != found:
        notes.append(
            f"{found} events are reconstructed, although {stated} are stated: the curve and the numbers at "
            f"risk allow no other number"
        )
    return notes
