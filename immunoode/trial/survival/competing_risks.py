"""Cumulative incidence with competing risks, by the estimator of Aalen and Johansen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode import units
from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.tables.cells import as_text, is_missing
from immunoode.trial.survival.two_arms import check_confidence, rows_by_arm

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
@shown
class CumulativeIncidence:
    """Cumulative incidence of each cause in each arm.

    Attributes
    ----------
    endpoint : str
    curve : DataFrame
        One row per arm, cause and day with an event of any cause, from day 0: arm, cause, time (days), incidence,
        standard_error (after Aalen 1978, as in the R package cmprsk), lower, upper (on the log(-log) scale; NaN where the
        incidence is 0).
    counts : DataFrame
        One row per arm and cause: arm, cause, subjects (of the arm), events, and last_time (days).
    confidence : float
    """

    endpoint: str
    curve: pd.DataFrame
    counts: pd.DataFrame
    confidence: float

    @property
    def causes(self) -> tuple[str, ...]:
        """Causes in order of appearance."""
        return tuple(dict.fromkeys(self.counts["cause"]))

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Return incidence at times in days, one row per arm, cause and time; NaN after the last time of an arm."""
        import pandas as pd

        last = self.counts.drop_duplicates("arm").set_index("arm")["last_time"]
        values = ["incidence", "standard_error", "lower", "upper"]
        rows = []
        for (arm, cause), own in self.curve.groupby(["arm", "cause"], sort=False):
            for day in np.atleast_1d(units.times(times)):
                row = own[own["time"] <= day].iloc[-1] if 0 <= day <= last[arm] else dict.fromkeys(values, np.nan)
                rows.append({"arm": arm, "cause": cause, "time": float(day), **{v: row[v] for v in values}})
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the curves."""
        return self.curve.copy()

    def report(self) -> str:
        """Return the numbers of events and the incidence at the last event as text."""
        last = self.curve.groupby(["arm", "cause"], sort=False)[["incidence", "lower", "upper"]].last().reset_index()
        table = self.counts.merge(last, on=["arm", "cause"]).drop(columns="last_time")
        lines = [f"{self.endpoint}: cumulative incidence at the last event of each arm", ""]
        return "\n".join([*lines, table.to_string(index=False, float_format="{:.3f}".format)])

    def plot(self, **options: Any) -> Any:
        """Draw the incidence of each cause in each arm; returns Axes."""
        from immunoode.plot.survival_comparisons import incidence_curves

        return incidence_curves(self, **options)

    def __str__(self) -> str:
        return self.report()


def cumulative_incidence(
    endpoints: Any, endpoint: str | None = None, *, cause: str = "reason", by: str = "arm", confidence: float = 0.95
) -> CumulativeIncidence:
    """Estimate the cumulative incidence of each cause of an event that a subject has at most once.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
        Subject, time (days), event (of any cause), and the cause of each event, as `progression_free_survival` returns them
        (progression, death).
    endpoint : str, optional
    cause : str
        Column of the causes.
    by : str
        Column of the groups.
    confidence : float

    Returns
    -------
    CumulativeIncidence
        The incidences of all causes and survival add up to 1 at any time. One minus the Kaplan-Meier estimate, with other
        causes as censoring, would be larger: it is the incidence in a world without the other causes.

    Raises
    ------
    DataError
        If an event has no cause, or there is no such column.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcd"), "time": [5, 8, 9, 12], "event": [1, 1, 0, 1],
    ...                       "reason": ["progression", "death", "", "progression"]})
    >>> cumulative_incidence(table).at([8, 12])["incidence"].tolist()
    [0.25, 0.75, 0.25, 0.25]
    """
    import pandas as pd

    z = check_confidence(confidence)
    rows = rows_by_arm(endpoints, endpoint, by)
    if cause not in rows.columns:
        raise DataError(Problem("cause", f"there is no column {cause!r}", nearest(cause, map(str, rows.columns))))
    causes = as_text(rows[cause])
    without = rows["event"] & is_missing(causes)
    if without.any():
        right = "a cause for each event"
        raise DataError(
            [Problem(f"endpoints, subject {s}", "has an event without cause", right) for s in rows.loc[without, "subject"]]
        )
    known = list(dict.fromkeys(causes[rows["event"]]))
    if not known:
        raise DataError(Problem("endpoints", "have no event", "data with at least one event"))
    curves, counts = [], []
    for arm, own in rows.assign(cause=causes).groupby("arm", sort=False):
        for kind in known:
            curves.append(_curve(own, kind, z).assign(arm=arm, cause=kind))
            events = int((own["event"] & (own["cause"] == kind)).sum())
            last = float(own["time"].max())
            counts.append({"arm": arm, "cause": kind, "subjects": len(own), "events": events, "last_time": last})
    columns = ["arm", "cause", "time", "incidence", "standard_error", "lower", "upper"]
    curve = pd.concat(curves, ignore_index=True)[columns]
    return CumulativeIncidence(str(rows["endpoint"].iloc[0]), curve, pd.DataFrame(counts), confidence)


def _curve(rows: pd.DataFrame, kind: str, z: float) -> pd.DataFrame:
    """Return the incidence of one cause in one arm, at day 0 and at each day with an event."""
    import pandas as pd

    time, event = rows["time"].to_numpy(np.float64), rows["event"].to_numpy(bool)
    days = np.unique(time[event])
    n = len(time) - np.searchsorted(np.sort(time), days).astype(np.float64)
    all_events = _count(time[event], days)
    own = _count(time[event & (rows["cause"] == kind).to_numpy()], days)
    survival = np.cumprod(1 - all_events / n)
    before = np.append(1.0, survival[:-1]) if len(days) else np.ones(0)
    incidence = np.cumsum(before * own / n)
    spread = _standard_error(incidence, before, n, all_events, own)
    inside = (incidence > 0) & (incidence < 1)
    x = np.where(inside, incidence, np.nan)
    power = np.exp(z * spread / np.abs(x * np.log(x)))
    table = {"incidence": incidence, "standard_error": spread, "lower": x**power, "upper": x ** (1 / power)}
    start = {"incidence": 0.0, "standard_error": 0.0, "lower": np.nan, "upper": np.nan}
    return pd.DataFrame({"time": np.append(0.0, days), **{name: np.append(start[name], v) for name, v in table.items()}})


def _count(times: FloatArray, days: FloatArray) -> FloatArray:
    ordered = np.sort(times)
    return np.asarray(np.searchsorted(ordered, days, side="right") - np.searchsorted(ordered, days), dtype=np.float64)


def _standard_error(
    incidence: FloatArray, before: FloatArray, n: FloatArray, events: FloatArray, own: FloatArray
) -> FloatArray:
    """Return the standard error of an incidence at each event (k,), after Aalen (1978), with hypergeometric variances of ties.

    An increment of the hazard of the cause changes the incidence by itself less what those who had the event no longer
    contribute until the time; an increment of others by the latter alone. The variance is a quadratic in the incidence at the
    time, whose coefficients are sums over the events until then.
    """
    survival = before * (1 - events / n)
    share = np.divide(before, survival, out=np.zeros(len(n)), where=survival > 0)
    variances = [count * (1 - (np.maximum(count, 1) - 1) / np.maximum(n - 1, 1)) / n**2 for count in (own, events - own)]
    gains = (before + incidence * share, incidence * share)
    terms = [
        (np.cumsum(share**2 * v), np.cumsum(share * g * v), np.cumsum(g**2 * v)) for g, v in zip(gains, variances, strict=True)
    ]
    variance = sum(incidence**2 * a - 2 * incidence * b + c for a, b, c in terms)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
