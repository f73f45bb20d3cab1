"""Comparison of a calibrated cohort with trials: the table of targets and held-out statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.cohorts.independent_arms import arm_name, with_better_of
from immunoode.cohorts.predictions import StatisticPrediction, predicted, value_of
from immunoode.cohorts.published import TIME, PublishedStatistic, PublishedValue
from immunoode.errors import DataError
from immunoode.notebook import shown, without_mathematics
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.virtual_population.cohort import Cohort

if TYPE_CHECKING:
    import pandas as pd

TARGET, HELD_OUT = "target", "held out"
TIME_TO_RESPONSE = "median time to response"
COLUMNS = (
    "use",
    "set",
    "trial",
    "arm",
    "kind",
    "statistic",
    "unit",
    "published",
    "published_lower",
    "published_upper",
    "predicted",
    "lower",
    "upper",
    "trial_lower",
    "trial_upper",
    "within_published",
    "within_band",
    "independent_action",
    "independent_within",
    "note",
    "source",
)
BANDS = ("lower", "upper", "trial_lower", "trial_upper")


@dataclass(frozen=True)
@shown
class TrialComparison:
    """Targets and held-out statistics with the predictions of a cohort.

    Attributes
    ----------
    title : str
    table : DataFrame
        One row per number; times in months, rates as fractions. use ("target", "held out"), set (name of a set of held-out
        numbers, or empty), trial, arm, kind, statistic, unit; published with its 95 % interval; predicted with its 95 %
        interval for the population (lower, upper) and for a trial of the published size (trial_lower, trial_upper);
        within_published (whether the prediction is in the published interval; for a time to response without an interval,
        within a month), within_band (whether the published number is in the interval of the trial); independent_action (the
        prediction of independent drug action from the single drugs) and independent_within; note (why there is no
        prediction), source.
    effective_sample_size : float
    """

    title: str
    table: pd.DataFrame
    effective_sample_size: float

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def held_out(self) -> pd.DataFrame:
        """Return the rows that were not used in calibration."""
        return self.table[self.table["use"] == HELD_OUT]

    def counts(self) -> pd.DataFrame:
        """Return, by use and kind, how many numbers there are and how many are within the intervals.

        Returns
        -------
        DataFrame
            Columns numbers, within_published, within_band; for combinations also with_independent_action, independent_within,
            and, for the same numbers, combinations_within (how many predictions of the cohort are in the published interval).
        """
        return self.table.groupby(["use", "kind"], sort=False).apply(_counts, include_groups=False)

    def plot(self, **options: Any) -> Any:
        """Draw published numbers and predictions; see `imo.plot.trial_comparison`."""
        from immunoode.plot import cohorts as figures

        return figures.trial_comparison(self, **options)

    def report(self) -> str:
        """Return the comparison as text."""
        rows = [_line(row) for _, row in self.table.iterrows()]
        return "\n".join([str(self), "", *rows])

    def __str__(self) -> str:
        held = self.held_out()
        inside, total = int(held["within_published"].sum()), len(held)
        of_trial = int(held["within_band"].sum())
        return (
            f"{self.title}: {inside} of {total} held-out predictions are within the published 95 % intervals, "
            f"{of_trial} of {total} published numbers are within the predicted intervals for such a trial"
        )

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        shown = self.table.drop(columns=["source"])
        return f"<p>{escape(str(self))}</p>" + str(shown.to_html(index=False, float_format="{:.3g}".format, na_rep=""))


def compared(cohort: Cohort, uses: dict[str, tuple[PublishedStatistic, ...]], title: str) -> TrialComparison:
    """Return the comparison of a cohort with bands; its patients have the outcomes of all arms that are needed."""
    import pandas as pd

    rows = [row for use, ones in uses.items() for one in ones for row in _rows(cohort, one, use)]
    return TrialComparison(title, pd.DataFrame(rows, columns=list(COLUMNS)), cohort.effective_sample_size)


def _rows(cohort: Cohort, one: PublishedStatistic, use: str) -> Iterator[dict[str, Any]]:
    note = ""
    try:
        found = predicted(cohort, one)
    except DataError as error:
        note, found = str(error.problems[0].what), StatisticPrediction(*(np.full(len(one.values), np.nan) for _ in range(5)))
    independent = _independent(cohort, one)
    for k, value in enumerate(one.values):
        yield _row(one, use, value, found, k, independent[k]) | {"note": note}


def _independent(cohort: Cohort, one: PublishedStatistic) -> Any:
    """Return the statistic under independent action; NaN if there are no single drugs."""
    if not one.combination:
        return np.full(len(one.values), np.nan)
    patients = with_better_of(cohort.patients, one.combination)
    try:
        return value_of(patients, cohort.weights, one.of_arm(arm_name(one.combination)))
    except DataError:
        return np.full(len(one.values), np.nan)


def _row(
    one: PublishedStatistic, use: str, value: PublishedValue, found: StatisticPrediction, k: int, alone: float
) -> dict[str, Any]:
    unit = MONTH if one.scale == TIME else 1.0
    bands = {name: getattr(found, name)[k] / unit for name in BANDS}
    at = float(found.value[k])
    return {
        "use": use,
        "set": one.set,
        "trial": one.target.trial,
        "arm": " against ".join(one.arms),
        "kind": one.kind,
        "statistic": _statistic(one, value),
        "unit": "month" if one.scale == TIME else "1",
        "published": value.value / unit,
        "published_lower": value.lower / unit,
        "published_upper": value.upper / unit,
        "predicted": at / unit,
        **bands,
        "within_published": _within(one, value, at),
        "within_band": bool(bands["trial_lower"] <= value.value / unit <= bands["trial_upper"]),
        "independent_action": alone / unit,
        "independent_within": bool(np.isfinite(alone) and _within(one, value, float(alone))),
        "source": one.source,
    }


def _statistic(one: PublishedStatistic, value: PublishedValue) -> str:
    """Return the description of a number, with its subgroup if there is one."""
    if one.title:
        return f"{one.title}: {value.row}" if len(one.values) > 1 else one.title
    among = one.target.label.partition(" among ")[2] if one.target is not one.inner else ""
    stated = among if one.kind != TIME_TO_RESPONSE and "best response" not in among else ""
    return f"{value.row} among {stated}" if stated else value.row


def _within(one: PublishedStatistic, value: PublishedValue, predicted_value: float) -> bool:
    """Return whether a prediction is in the published interval; for a time to response without an interval, within a month."""
    if np.isfinite(value.lower) or np.isfinite(value.upper):
        return bool(value.lower <= predicted_value <= value.upper)
    return bool(one.scale == TIME and abs(predicted_value - value.value) <= MONTH)


def _counts(rows: pd.DataFrame) -> pd.Series:
    import pandas as pd

    combined = rows[rows["independent_action"].notna()]
    found = {
        "numbers": len(rows),
        "within_published": rows["within_published"].sum(),
        "within_band": rows["within_band"].sum(),
        "with_independent_action": len(combined),
        "combinations_within": combined["within_published"].sum(),
        "independent_within": combined["independent_within"].sum(),
    }
    return pd.Series(found).astype(int)


def _line(row: pd.Series) -> str:
    """Return one number in words."""
    verdict = "no prediction" if row["note"] else "within" if row["within_published"] else "MISSED"
    alone = f"; independent action {_number(row, 'independent_action')}" if np.isfinite(row["independent_action"]) else ""
    published = f"{_number(row, 'published')} {_limits(row, 'published_lower', 'published_upper')}".strip()
    said = f"predicted {_number(row, 'predicted')} {_limits(row, 'lower', 'upper')}".strip()
    where = " ".join(filter(None, [row["trial"], row["arm"]]))
    note = f" ({row['note']})" if row["note"] else ""
    return f"[{row['use']}] {where}: {row['statistic']}: published {published}, {said}: {verdict}{alone}{note}"


def _number(row: pd.Series, name: str) -> str:
    value = row[name]
    if np.isnan(value):
        return "unknown"
    if not np.isfinite(value):
        return "not reached"
    return f"{value:.1f} months" if row["unit"] == "month" else f"{value:.3g}"


def _limits(row: pd.Series, lower: str, upper: str) -> str:
    if np.isnan(row[lower]) and np.isnan(row[upper]):
        return ""
    return f"({_number(row, lower)} to {_number(row, upper)})".replace(" months to", " to")
