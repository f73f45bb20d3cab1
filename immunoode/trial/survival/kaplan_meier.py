"""Kaplan-Meier curves with confidence bands, medians, numbers at risk and the log-rank test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.number_checks import confidence_problems
from immunoode.trial.survival.endpoint_table import endpoint_table, group_names

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.survival.log_rank import LogRankTest
    from immunoode.trial.survival.regression import SurvivalRegression

FloatArray = NDArray[np.float64]
MONTH = 30.4375
SAME = float(np.sqrt(np.finfo(float).eps))
"""Levels of a curve that differ by less are equal, as survival is a product with rounding errors."""


@dataclass(frozen=True)
@shown
class KaplanMeier:
    """Kaplan-Meier curves of the arms of a trial.

    Attributes
    ----------
    endpoint : str
    rows : DataFrame
        Subject, arm, time (days), event.
    curve : DataFrame
        One row per arm and day with an event or censoring: arm, time (days), survival, lower, upper, at_risk (just before),
        events, censored.
    medians : DataFrame
        One row per arm: arm, subjects, events, median, lower, upper (days; infinite where not reached); see `quantile`.
    confidence : float
        Confidence level of bands and intervals, by Greenwood's variance on the log(-log) scale; NaN if survival is 0.
    """

    endpoint: str
    rows: pd.DataFrame
    curve: pd.DataFrame
    medians: pd.DataFrame
    confidence: float

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in order of appearance."""
        return tuple(self.medians["arm"])

    def to_frame(self) -> pd.DataFrame:
        """Return the curves: one row per arm and day with an event or censoring, with the columns of `curve`.

        Examples
        --------
        >>> import pandas as pd
        >>> km = kaplan_meier(pd.DataFrame({"subject": list("ab"), "time": [50, 60], "event": [1, 0]}), "OS")
        >>> km.to_frame()[["time", "survival", "at_risk", "events", "censored"]].values.tolist()
        [[0.0, 1.0, 2.0, 0.0, 0.0], [50.0, 0.5, 2.0, 1.0, 0.0], [60.0, 0.5, 1.0, 0.0, 1.0]]
        """
        frame = self.curve.copy()
        frame.attrs["units"] = {"time": "day"}
        return frame

    def at_risk(self, times: ArrayLike) -> pd.DataFrame:
        """Return the number of subjects at risk at times in days: one row per arm (index), one column per time."""
        import pandas as pd

        days = np.atleast_1d(units.times(times))
        counts = {a: [int((t >= d).sum()) for d in days] for a, t in self.rows.groupby("arm", sort=False)["time"]}
        return pd.DataFrame.from_dict(counts, orient="index", columns=days)

    def survival_at(self, time: str | float) -> pd.DataFrame:
        """Return survival with its interval at a time, one row per arm; NaN after the last time of an arm."""
        import pandas as pd

        time = units.days(time)
        last = self.rows.groupby("arm", sort=False)["time"].max()
        found = []
        for arm, curve in self.curve.groupby("arm", sort=False):
            at = curve[curve["time"] <= time].iloc[-1]
            known = time <= last[arm] or at["survival"] == 0
            found.append({"arm": arm, **{k: at[k] if known else np.nan for k in ("survival", "lower", "upper")}})
        return pd.DataFrame(found)

    def quantile(self, probability: float | Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Return the days by which given proportions of the subjects had the event, with confidence intervals.

        Parameters
        ----------
        probability : float or sequence of float
            Shares, between 0 and 1: 0.5 is the median.

        Returns
        -------
        DataFrame
            One row per arm and share: arm, probability, time, lower, upper (days; infinite where not reached). If survival
            is constant at 1 - probability up to a later event, the time is the middle of that step, as in R and SAS. The
            limits are where the confidence bands of the curve cross (Brookmeyer and Crowley).

        Examples
        --------
        >>> import pandas as pd
        >>> km = kaplan_meier(pd.DataFrame({"subject": list("abcd"), "time": [50, 52, 53, 60], "event": 1}), "OS")
        >>> km.quantile([0.25, 0.5])["time"].tolist()
        [51.0, 52.5]
        """
        import pandas as pd

        shares = [float(p) for p in np.atleast_1d(np.asarray(probability, dtype=np.float64))]
        wrong = [p for p in shares if not 0 < p < 1]
        DataError.raise_if(Problem("probability", f"is {p}", "a number between 0 and 1: 0.5 for the median") for p in wrong)
        arms = self.curve.groupby("arm", sort=False)
        return pd.DataFrame([{"arm": arm, "probability": p, **_quantile(curve, p)} for arm, curve in arms for p in shares])

    def log_rank(self) -> LogRankTest:
        """Return the log-rank test of equal survival in all arms; `imo.trial.log_rank` also stratifies and weights.

        Raises
        ------
        DataError
            If there is only one arm, or no event that distinguishes the arms.
        """
        from immunoode.trial.survival.log_rank import log_rank

        return log_rank(self.rows.assign(endpoint=self.endpoint))

    def hazard_ratio(self, *, reference: str | None = None) -> SurvivalRegression:
        """Return the Cox regression of the arms: hazard ratios to a reference (the first arm by default), with intervals.

        Raises
        ------
        DataError
            If there is only one arm, or no event.
        """
        from immunoode.trial.survival.regression import cox

        return cox(self.rows.assign(endpoint=self.endpoint), reference=reference, confidence=self.confidence)

    def report(self) -> str:
        """Return the medians in months and the log-rank test as text."""
        months = self.medians.assign(**{c: self.medians[c] / MONTH for c in ("median", "lower", "upper")})
        lines = [f"{self.endpoint}: {len(self.rows)} subjects, {int(self.rows['event'].sum())} events; medians in months", ""]
        lines.append(months.to_string(index=False, float_format="{:.2f}".format))
        return "\n".join([*lines, *(["", self._test()] if len(self.arms) > 1 else [])])

    def _test(self) -> str:
        """Return the log-rank test as text, or why there is none."""
        try:
            return str(self.log_rank())
        except DataError as error:
            return f"no log-rank test: {error}"

    def plot(self, **options: Any) -> Any:
        """Draw the curves with a table of numbers at risk; see `imo.plot.kaplan_meier`."""
        from immunoode.plot import survival as figures

        return figures.kaplan_meier(self, **options)

    def __str__(self) -> str:
        return self.report()


def kaplan_meier(endpoints: Any, endpoint: str | None = None, *, by: str = "arm", confidence: float = 0.95) -> KaplanMeier:
    """Estimate survival curves by the method of Kaplan and Meier.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
        Subject, time (days), event, and optionally arm and endpoint.
    endpoint : str, optional
        "OS", "PFS", ...; by default the only endpoint.
    by : str
        Column of the groups to compare.
    confidence : float

    Returns
    -------
    KaplanMeier

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcd"), "time": [10, 20, 30, 40], "event": [1, 0, 1, 1]})
    >>> km = kaplan_meier(table, "OS")
    >>> km.curve["survival"].round(3).tolist(), km.medians["median"].tolist(), km.at_risk([20, 21]).values.tolist()
    ([1.0, 0.75, 0.75, 0.375, 0.0], [30.0], [[3, 2]])
    """
    import pandas as pd

    DataError.raise_if(confidence_problems(confidence))
    rows = endpoint_table(endpoints, endpoint)
    rows = rows.assign(arm=group_names(rows, by))
    curves, medians = [], []
    for arm, own in rows.groupby("arm", sort=False):
        curve = _curve(own, 1 - confidence)
        curves.append(curve.assign(arm=arm))
        middle = _quantile(curve, 0.5)
        counts = {"arm": arm, "subjects": len(own), "events": int(own["event"].sum())}
        medians.append({**counts, "median": middle["time"], "lower": middle["lower"], "upper": middle["upper"]})
    names = ["arm", "time", "survival", "lower", "upper", "at_risk", "events", "censored"]
    curve = pd.concat(curves, ignore_index=True)[names]
    kept = rows[["subject", "arm", "time", "event"]]
    return KaplanMeier(str(rows["endpoint"].iloc[0]), kept, curve, pd.DataFrame(medians), confidence)


def _curve(rows: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return the curve of one arm, from day 0."""
    import pandas as pd

    days, event = rows["time"].to_numpy(np.float64), rows["event"].to_numpy(bool)
    times = np.unique(np.append(days, 0.0))
    at_risk = len(days) - np.searchsorted(np.sort(days), times)
    events, left = _counts(days[event], times), _counts(days, times)
    survival = np.cumprod(1 - events / at_risk, dtype=np.float64)
    lower, upper = _band(survival, events, at_risk, alpha)
    curve = {"time": times, "survival": survival, "lower": lower, "upper": upper}
    return pd.DataFrame({**curve, "at_risk": at_risk, "events": events, "censored": left - events})


def _counts(days: FloatArray, times: FloatArray) -> NDArray[np.int64]:
    """Return how many days equal each of the times."""
    ordered = np.sort(days)
    return np.asarray(np.searchsorted(ordered, times, side="right") - np.searchsorted(ordered, times), dtype=np.int64)


def _band(survival: FloatArray, events: Any, at_risk: Any, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return the confidence limits of survival: 1 before the first event, and NaN where survival is 0."""
    from scipy.stats import norm

    lower, upper = np.where(survival > 0, 1.0, np.nan), np.where(survival > 0, 1.0, np.nan)
    inside = (survival > 0) & (survival < 1)
    left = at_risk - events
    variance = np.cumsum(np.divide(events, at_risk * left, out=np.zeros(len(left)), where=left > 0))
    log = np.log(survival[inside])
    half = norm.isf(alpha / 2) * np.sqrt(variance[inside]) / -log
    lower[inside], upper[inside] = np.exp(log * np.exp(half)), np.exp(log * np.exp(-half))
    return lower, upper


def _quantile(curve: pd.DataFrame, probability: float) -> dict[str, float]:
    """Return the day by which a share of the subjects had the event, and its confidence limits."""
    days = curve["time"].to_numpy(np.float64)
    levels = {"time": "survival", "lower": "lower", "upper": "upper"}
    return {name: _crossing(days, curve[of].to_numpy(np.float64), 1 - probability) for name, of in levels.items()}


def _crossing(days: FloatArray, level: FloatArray, at: float) -> float:
    """Return where a falling step function reaches a level; the middle of the step if it is constant at that level."""
    reached = np.flatnonzero(level <= at + SAME)
    if not len(reached):
        return np.inf
    first = reached[0]
    later = np.flatnonzero(level < at - SAME)
    level_there = abs(level[first] - at) <= SAME
    return float((days[first] + days[later[0]]) / 2 if level_there and len(later) else days[first])
