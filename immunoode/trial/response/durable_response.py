"""Durable response rates: responses that last at least a stated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.number_checks import confidence_problems
from immunoode.trial.response.response_rates import exact_interval, group_subjects

if TYPE_CHECKING:
    import pandas as pd


def durable_rate_table(
    subjects: pd.DataFrame, lasting: str | float, within: str | float | None, by: str | None, confirmed: bool, confidence: float
) -> pd.DataFrame:
    """Return one row per group: responders, durable responders and their share of all subjects.

    Raises
    ------
    DataError
        If a time is not above 0, `confidence` is not between 0 and 1, or there is no such column.
    """
    import pandas as pd

    least = _above_zero("lasting", lasting)
    latest = float("inf") if within is None else _above_zero("within", within)
    DataError.raise_if(confidence_problems(confidence))
    prefix = "confirmed_" if confirmed else ""
    rows = []
    for name, part in group_subjects(subjects, by):
        start = part[f"{prefix}response_time"].astype(float)
        lasted = part[f"{prefix}duration_of_response"].astype(float)
        counts = start.notna() & (start <= latest)
        durable = counts & (lasted >= least)
        open_end = counts & ~durable & part["response_ongoing"].astype(bool)
        n, hits = len(part), int(durable.sum())
        lower, upper = exact_interval(hits, n, confidence)
        rows.append(
            {
                by or "group": name,
                "n": n,
                "responders": int(start.notna().sum()),
                "durable": hits,
                "censored_earlier": int(open_end.sum()),
                "durable_response_rate": hits / n if n else float("nan"),
                "lower": lower,
                "upper": upper,
            }
        )
    return pd.DataFrame(rows)


def _above_zero(name: str, value: str | float) -> float:
    day = units.days(value)
    if not day > 0:
        raise DataError(Problem(name, f"is {value!r}", "a time above zero"))
    return day
