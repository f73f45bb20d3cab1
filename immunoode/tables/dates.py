"""Dates in tables, and days from the start: day 0 is the start, the next day is day 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from immunoode.tables.cells import as_text, is_missing
from immunoode.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    import pandas as pd

Partial = Literal["refuse", "first", "middle", "last"]
DayNumbers = Literal["sas", "excel"]
DAY_ZERO = {"sas": "1960-01-01", "excel": "1899-12-30"}
"""Origin of day numbers; that of Excel is correct from 1 March 1900 on."""
FURTHEST = 100_000.0
"""Numbers from this on (273 years) are not day numbers."""
_TIME = r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})" + _TIME)
_COMPACT = re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})")
_MONTH_WORD = re.compile(
    r"(?P<day>\d{1,2})[\s-]?(?P<word>[A-Za-z]{3,9})[\s,-]?(?P<year>\d{4})"
    r"(?:[:T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?)?"
)
_WORD_FIRST = re.compile(r"(?P<word>[A-Za-z]{3,9})\.?\s(?P<day>\d{1,2}),?\s(?P<year>\d{4})")
_PARTIAL = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?(?:-(?:--?|UN|XX)?)?", re.I)
_SLASHES = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{1,4}(?:\s.*)?")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@dataclass(frozen=True)
class DateColumn:
    """A column as dates.

    Attributes
    ----------
    values : Series of datetime64
        NaT for cells that are empty or not recognised.
    missing, partial, unread : Series of bool
        Which cells are empty; which state only a year or month; which are not recognised (or partial and refused).
    texts : Series of str
        The cells as text.
    taken_as : str
        The interpretation of the column, for the reconciliation.
    """

    values: pd.Series
    missing: pd.Series
    partial: pd.Series
    unread: pd.Series
    texts: pd.Series
    taken_as: str


def read_dates(column: pd.Series, *, partial: Partial = "refuse", day_numbers: DayNumbers | None = None) -> DateColumn:
    """Return a column as dates.

    Recognised are dates of pandas, ISO 8601 ("2024-02-21", with a time of day), DATE9 and other dates with the month as an
    English word ("21FEB2024", "21 Feb 2024", "Feb 21, 2024"), and eight digits (20240221). Dates such as 02/03/2024 are not
    recognised, as the order of day and month is not stated.

    Parameters
    ----------
    column : Series, length n
    partial : {"refuse", "first", "middle", "last"}
        Whether a year, or a year and month, is refused (the cell counts as unread) or stands for the first, middle or last
        day.
    day_numbers : {"sas", "excel"}, optional
        Origin of day numbers. By default, numbers are not recognised as dates.

    Examples
    --------
    >>> import pandas as pd
    >>> read_dates(pd.Series(["2024-02-21", "21FEB2024", 20240221])).values.dt.day.tolist()
    [21, 21, 21]
    >>> read_dates(pd.Series([23427, 23428]), day_numbers="sas").values.dt.strftime("%Y-%m-%d").tolist()
    ['2024-02-21', '2024-02-22']
    """
    import pandas as pd

    texts = as_text(column)
    missing = is_missing(texts) | column.isna()
    none = pd.Series(False, index=column.index)
    if pd.api.types.is_datetime64_any_dtype(column):
        zone = getattr(column.dt, "tz", None)
        values = column.dt.tz_localize(None) if zone is not None else column
        return DateColumn(values, missing, none, none, texts, "dates")
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return _unread(column, missing, texts)
    if pd.api.types.is_numeric_dtype(column) and day_numbers is not None and not _all_compact(texts[~missing]):
        counted = column.astype(float)
        counted = counted.where(counted.abs() < FURTHEST)
        values = pd.to_datetime(counted, unit="D", origin=DAY_ZERO[day_numbers], errors="coerce")
        return DateColumn(
            values,
            missing,
            none,
            values.isna() & ~missing,
            texts,
            f"day numbers of {day_numbers.capitalize()}".replace("Sas", "SAS"),
        )
    return _of_texts(texts, missing, partial)


def _unread(column: pd.Series, missing: pd.Series, texts: pd.Series) -> DateColumn:
    import pandas as pd

    none = pd.Series(False, index=column.index)
    return DateColumn(
        pd.Series(pd.NaT, index=column.index, dtype="datetime64[ns]"), missing, none, ~missing, texts, "not dates"
    )


def _all_compact(texts: pd.Series) -> bool:
    return bool(len(texts)) and all(_compact(cell) is not None for cell in texts.unique())


def _of_texts(texts: pd.Series, missing: pd.Series, partial: Partial) -> DateColumn:
    import pandas as pd

    cells = texts[~missing].unique()
    whole = {cell: found for cell in cells if (found := whole_date(cell)) is not None}
    parts = {cell for cell in cells if cell not in whole and _month_of(cell) is not None}
    filled = {} if partial == "refuse" else {cell: _filled(cell, partial) for cell in parts}
    values = pd.to_datetime(texts.map(whole | filled), errors="coerce")
    is_partial = texts.isin(parts) & ~missing
    rule = f"; partial dates as the {partial} day" if filled else ""
    return DateColumn(values, missing, is_partial, values.isna() & ~missing, texts, "dates" + rule)


def whole_date(cell: str) -> datetime | None:
    """Return the date (and time of day) in a text, None if it is not a complete date."""
    for pattern in (_ISO, _MONTH_WORD, _WORD_FIRST):
        match = pattern.fullmatch(cell)
        if match:
            return _made(match)
    return _compact(cell)


def _compact(cell: str) -> datetime | None:
    match = _COMPACT.fullmatch(cell)
    return _made(match) if match else None


def _made(match: re.Match[str]) -> datetime | None:
    found: dict[str, Any] = match.groupdict()
    month = _month_number(found["word"]) if "word" in found else int(found["month"])
    try:
        hour, minute, second = (int(found.get(k) or 0) for k in ("hour", "minute", "second"))
        return datetime(int(found["year"]), month, int(found["day"]), hour, minute, second)
    except ValueError:
        return None


def _month_number(word: str) -> int:
    """Return 1 to 12 for the name of a month or its first three letters; 0 for other words."""
    lower = word.lower()
    return next((k for k, name in enumerate(_MONTHS, 1) if lower in (name, name[:3]) or lower == "sept" and k == 9), 0)


def _month_of(cell: str) -> tuple[int, int] | None:
    """Return the year and month (0 if not stated) of a partial date, None for other texts."""
    match = _PARTIAL.fullmatch(cell)
    if not match:
        return None
    month = int(match["month"] or 0)
    return (int(match["year"]), month) if month <= 12 and 1900 <= int(match["year"]) <= 2100 else None


def _filled(cell: str, partial: Partial) -> datetime:
    import calendar

    year, month = _month_of(cell) or (1900, 1)
    choose: dict[str, Callable[[], datetime]] = {
        "first": lambda: datetime(year, month or 1, 1),
        "middle": lambda: datetime(year, month, 15) if month else datetime(year, 7, 1),
        "last": lambda: datetime(year, month or 12, calendar.monthrange(year, month or 12)[1]),
    }
    return choose[partial]()


def date_advice(cell: str) -> str:
    """Return advice on what to write instead of a cell that is not recognised as a date.

    Examples
    --------
    >>> date_advice("02/03/2024")
    "an ISO date such as 2024-02-21: the order of day and month in '02/03/2024' is not stated"
    >>> date_advice("2024-03")
    'a complete date; or choose partial_dates="first", "middle" or "last"'
    """
    if _SLASHES.fullmatch(cell):
        return f"an ISO date such as 2024-02-21: the order of day and month in {cell!r} is not stated"
    if _month_of(cell) is not None:
        return 'a complete date; or choose partial_dates="first", "middle" or "last"'
    if re.fullmatch(r"\d+(?:\.\d+)?", cell):
        return "a date; or state the origin of day numbers: 'sas' (1960-01-01) or 'excel' (1899-12-30)"
    return "an ISO date such as 2024-02-21, or DATE9 such as 21FEB2024"


def looks_like_date(cell: str) -> bool:
    """Return whether a text is, or was meant as, a date and is therefore not a number of days."""
    return bool(whole_date(cell)) or bool(_SLASHES.fullmatch(cell)) or (_month_of(cell) is not None and "-" in cell)


def study_days(dates: pd.Series, start: pd.Series) -> pd.Series:
    """Return days from the start, with times of day as fractions; NaN if either date is missing.

    Parameters
    ----------
    dates, start : Series of datetime64, length n
    """
    return (dates - start).dt.total_seconds() / SECONDS_PER_DAY


def days_from_relative_days(day: pd.Series) -> pd.Series:
    """Convert relative days of CDISC, in which day 1 is the start and day 0 does not exist (NaN), to days from the start."""
    return day.where(day < 0, day - 1).where(day != 0)
