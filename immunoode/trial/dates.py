"""Dates to study days: day 0 is the start, the day after it day 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SAS_EPOCH = "1960-01-01"
"""SAS counts its dates in days from here."""
SECONDS = 86_400.0


def as_dates(column: pd.Series) -> pd.Series:
    """Return dates: texts as ISO 8601 has them (2024-05-17), dates as they are, numbers as SAS counts days; NaT otherwise."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return pd.to_datetime(column, unit="D", origin=SAS_EPOCH, errors="coerce")
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    texts = column.astype("object").where(column.notna(), "").astype(str).str.strip()
    return pd.to_datetime(texts, format="ISO8601", errors="coerce")


def study_days(dates: pd.Series, start: pd.Series) -> pd.Series:
    """Return days from the start; NaN where either date is missing."""
    return (as_dates(dates) - as_dates(start)).dt.total_seconds() / SECONDS


def of_relative_day(day: pd.Series) -> pd.Series:
    """Return days from the start of relative days as CDISC has them, which have no day 0: day 1 is the start."""
    return day.where(day < 0, day - 1)
