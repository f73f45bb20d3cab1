"""Milestone survival: survival at stated times, and its difference between arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.trial.survival.arm_contrasts import CONTRASTS, differences, reference_arm
from immunoode.trial.survival.kaplan_meier import MONTH, KaplanMeier, kaplan_meier
from immunoode.trial.survival.two_arms import check_confidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class MilestoneSurvival:
    """Survival at milestones.

    Attributes
    ----------
    kaplan_meier : KaplanMeier
    arms : DataFrame
        One row per arm and milestone: time (days), arm, at_risk, survival, standard_error (Greenwood), lower, upper (on the
        log(-log) scale).
    contrasts : DataFrame
        One row per other arm and milestone: time (days), arm, reference, measure, estimate, lower, upper (normal, with
        Greenwood's variances), p_value (of equal survival, on the log(-log) scale: Klein et al. 2007; NaN if survival of an arm
        is 1 or 0, where that scale ends).
    confidence : float
    """

    kaplan_meier: KaplanMeier
    arms: pd.DataFrame
    contrasts: pd.DataFrame
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return the contrasts; the estimates of the arms, if there is only one."""
        return (self.contrasts if len(self.contrasts) else self.arms).copy()

    def report(self) -> str:
        """Return the estimates and contrasts as text, times in months."""
        tables = [t.assign(time=t["time"] / MONTH) for t in (self.arms, self.contrasts) if len(t)]
        return "\n\n".join([f"{self}; months", *(t.to_string(index=False, float_format="{:.3f}".format) for t in tables)])

    def plot(self, **options: Any) -> Any:
        """Draw the curves with survival and its interval at the milestones; returns Axes."""
        from immunoode.plot.survival_comparisons import milestone_points

        return milestone_points(self, **options)

    def __str__(self) -> str:
        times = ", ".join(f"{t / MONTH:.1f}" for t in dict.fromkeys(self.arms["time"]))
        return f"{self.kaplan_meier.endpoint}: survival at {times} months"


def milestone_survival(
    endpoints: Any,
    at: str | float | Sequence[str | float],
    endpoint: str | None = None,
    *,
    by: str = "arm",
    reference: str | None = None,
    confidence: float = 0.95,
) -> MilestoneSurvival:
    """Estimate survival at milestones, and compare arms by its difference.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
    at : str, float or sequence of these
        Milestones: "12 months", ["1 year", "2 years"], or days.
    endpoint : str, optional
    by : str
        Column of the groups to compare.
    reference : str, optional
        The arm with which the others are compared; by default the first.
    confidence : float

    Returns
    -------
    MilestoneSurvival
        Estimates and intervals by lifelines.

    Raises
    ------
    DataError
        If a milestone is not above 0, or later than the last time of an arm.

    References
    ----------
    Klein JP, Logan B, Harhoff M, Andersen PK (2007). Analyzing survival curves at a fixed point in time. Statistics in Medicine
    26, 4505-4519.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcdef"), "arm": list("xxxyyy"), "time": [3, 5, 8, 7, 9, 12], "event": 1})
    >>> milestone_survival(table, 7.5).contrasts[["estimate", "lower"]].round(3).values.tolist()
    [[0.333, -0.421]]
    """
    import pandas as pd

    check_confidence(confidence)
    km = kaplan_meier(endpoints, endpoint, by=by, confidence=confidence)
    base = reference_arm(list(km.arms), reference)
    days = np.atleast_1d(units.times([at] if isinstance(at, (str, float, int)) else at))
    _check(km, days)
    arms, contrasts = [], []
    for day in days:
        own = pd.DataFrame([_arm(str(arm), curve, day) for arm, curve in km.curve.groupby("arm", sort=False)])
        arms.append(own)
        rows = differences(own, "survival", base, confidence, "difference")
        both = own.set_index("arm")
        contrasts += [{"time": day, **row, "p_value": _p_value(both.loc[row["arm"]], both.loc[base])} for row in rows]
    table = pd.concat(arms, ignore_index=True)
    return MilestoneSurvival(km, table, pd.DataFrame(contrasts, columns=["time", *CONTRASTS]), confidence)


def _check(km: KaplanMeier, days: np.ndarray[Any, Any]) -> None:
    """Raise an error if survival at a milestone is not known."""
    problems = [Problem("at", f"is {day:g}", "a time above zero") for day in days if not day > 0]
    if not len(days):
        problems.append(Problem("at", "has no time", "at least one milestone: '12 months'"))
    for arm, own in km.curve.groupby("arm", sort=False):
        end = float(own["time"].max())
        late = [day for day in days if day > end and own["survival"].iloc[-1] > 0]
        right = f"at most {end:g} days"
        problems += [Problem("at", f"day {day:g} is after the last time of arm {arm!r}, day {end:g}", right) for day in late]
    DataError.raise_if(problems)


def _arm(arm: str, curve: pd.DataFrame, day: float) -> dict[str, Any]:
    """Return survival of one arm at a milestone."""
    before = curve[curve["time"] <= day]
    last = before.iloc[-1]
    at_risk, events = before["at_risk"].to_numpy(np.float64), before["events"].to_numpy(np.float64)
    counts = events > 0
    alive = last["survival"] > 0
    terms = events[counts] / (at_risk[counts] * (at_risk[counts] - events[counts])) if alive else np.zeros(0)
    left = curve[curve["time"] >= day]
    return {
        "time": day,
        "arm": arm,
        "at_risk": int(left["at_risk"].iloc[0]) if len(left) else 0,
        "survival": float(last["survival"]),
        "standard_error": float(last["survival"] * np.sqrt(terms.sum())),
        "lower": float(last["lower"]),
        "upper": float(last["upper"]),
    }


def _p_value(one: Any, other: Any) -> float:
    """Return the p value of equal survival on the scale log(-log S); NaN if survival is 0 or 1 in an arm."""
    from scipy.stats import norm

    if not all(0 < arm["survival"] < 1 for arm in (one, other)):
        return np.nan
    scale = [np.log(-np.log(arm["survival"])) for arm in (one, other)]
    spread = [arm["standard_error"] / (arm["survival"] * -np.log(arm["survival"])) for arm in (one, other)]
    return float(2 * norm.sf(abs(scale[0] - scale[1]) / np.hypot(*spread)))
