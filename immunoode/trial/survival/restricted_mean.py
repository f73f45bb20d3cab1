"""Restricted mean survival time, and its differences and ratios between arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.trial.survival.arm_contrasts import CONTRASTS, differences, ratios, reference_arm
from immunoode.trial.survival.kaplan_meier import MONTH, KaplanMeier, kaplan_meier
from immunoode.trial.survival.two_arms import check_confidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class RestrictedMeanSurvival:
    """Restricted mean survival times.

    Attributes
    ----------
    kaplan_meier : KaplanMeier
    until : float
        The horizon, in days.
    arms : DataFrame
        One row per arm: arm, restricted_mean (days), standard_error, lower, upper.
    contrasts : DataFrame
        Rows per other arm: arm, reference, measure ("difference" in days, "ratio", "ratio of time lost"), estimate, lower,
        upper, p_value (NaN if no arm varies; all NaN for a ratio with a zero, such as the time lost in an arm without
        events).
    confidence : float
    """

    kaplan_meier: KaplanMeier
    until: float
    arms: pd.DataFrame
    contrasts: pd.DataFrame
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return the contrasts; the estimates of the arms, if there is only one."""
        return (self.contrasts if len(self.contrasts) else self.arms).copy()

    def report(self) -> str:
        """Return the estimates and contrasts as text, in months."""
        columns = ["restricted_mean", "standard_error", "lower", "upper"]
        arms = self.arms.assign(**{c: self.arms[c] / MONTH for c in columns})
        lines = [f"{self}; months", "", arms.to_string(index=False, float_format="{:.3f}".format)]
        if len(self.contrasts):
            scale = np.where(self.contrasts["measure"] == "difference", MONTH, 1.0)
            shown = self.contrasts.assign(**{c: self.contrasts[c] / scale for c in ("estimate", "lower", "upper")})
            lines += ["", shown.to_string(index=False, float_format="{:.3f}".format)]
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Draw the curves with the areas below them until the horizon; returns Axes."""
        from immunoode.plot.survival_comparisons import restricted_mean_curves

        return restricted_mean_curves(self, **options)

    def __str__(self) -> str:
        return f"{self.kaplan_meier.endpoint}: restricted mean survival time until {self.until / MONTH:.1f} months"


def restricted_mean_survival(
    endpoints: Any,
    until: str | float | None = None,
    endpoint: str | None = None,
    *,
    by: str = "arm",
    reference: str | None = None,
    confidence: float = 0.95,
) -> RestrictedMeanSurvival:
    """Estimate the mean survival time until a horizon, and compare arms by its difference and ratio.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
    until : str or float, optional
        The horizon: "18 months", or days. By default the last time of the arm that ends first.
    endpoint : str, optional
    by : str
        Column of the groups to compare.
    reference : str, optional
        The arm that others are compared with; by default the first.
    confidence : float

    Returns
    -------
    RestrictedMeanSurvival
        The estimate is the area below the Kaplan-Meier curve, with Greenwood's variance, as `survfit` of the R package survival
        has it.

    Raises
    ------
    DataError
        If the horizon is not above 0, or later than the last time of an arm, where its curve is not known.

    References
    ----------
    Royston P, Parmar MKB (2013). Restricted mean survival time: an alternative to the hazard ratio for the design and analysis
    of randomized trials with a time-to-event outcome. BMC Medical Research Methodology 13:152.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcdef"), "arm": list("xxxyyy"), "time": [3, 5, 8, 7, 9, 12], "event": 1})
    >>> found = restricted_mean_survival(table, 8)
    >>> found.arms["restricted_mean"].round(3).tolist(), found.contrasts["estimate"].round(3).tolist()
    ([5.333, 7.667], [2.333, 1.438, 0.125])
    """
    import pandas as pd

    z = check_confidence(confidence)
    km = kaplan_meier(endpoints, endpoint, by=by, confidence=confidence)
    base = reference_arm(list(km.arms), reference)
    horizon = _horizon(km, until)
    arms = pd.DataFrame([_arm(str(arm), curve, horizon) for arm, curve in km.curve.groupby("arm", sort=False)])
    spread = z * arms["standard_error"]
    arms = arms.assign(lower=arms["restricted_mean"] - spread, upper=arms["restricted_mean"] + spread)
    lost = arms.assign(time_lost=horizon - arms["restricted_mean"])
    rows = [
        *differences(arms, "restricted_mean", base, confidence, "difference"),
        *ratios(arms, "restricted_mean", base, confidence, "ratio"),
        *ratios(lost, "time_lost", base, confidence, "ratio of time lost"),
    ]
    return RestrictedMeanSurvival(km, horizon, arms, pd.DataFrame(rows, columns=list(CONTRASTS)), confidence)


def _horizon(km: KaplanMeier, until: str | float | None) -> float:
    """Return the horizon in days.

    Raises
    ------
    DataError
    """
    ends = {str(arm): own for arm, own in km.curve.groupby("arm", sort=False)}
    last = {arm: np.inf if own["survival"].iloc[-1] == 0 else float(own["time"].max()) for arm, own in ends.items()}
    if until is None:
        first = min(float(own["time"].max()) for own in ends.values())
        return min(first, *last.values())
    day = units.days(until)
    if not day > 0:
        raise DataError(Problem("until", f"is {until!r}", "a time above zero"))
    problems = [
        Problem(
            "until", f"day {day:g} is after the last time of arm {arm!r}, day {end:g}", f"at most {min(last.values()):g} days"
        )
        for arm, end in last.items()
        if day > end
    ]
    DataError.raise_if(problems)
    return day


def _arm(arm: str, curve: pd.DataFrame, until: float) -> dict[str, Any]:
    """Return the area below a curve until the horizon, and its standard error."""
    time, survival = curve["time"].to_numpy(np.float64), curve["survival"].to_numpy(np.float64)
    at_risk, events = curve["at_risk"].to_numpy(np.float64), curve["events"].to_numpy(np.float64)
    edges = np.append(np.minimum(time, until), until)
    pieces = survival * np.diff(edges)
    after = np.cumsum(pieces[::-1])[::-1]
    counts = (events > 0) & (time <= until) & (at_risk > events)
    terms = after[counts] ** 2 * events[counts] / (at_risk[counts] * (at_risk[counts] - events[counts]))
    return {"arm": arm, "restricted_mean": float(pieces.sum()), "standard_error": float(np.sqrt(terms.sum()))}
