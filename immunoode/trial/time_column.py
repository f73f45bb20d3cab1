"""The times of the rows of a table in days: from numbers with a unit, labels of days, durations, or dates and a start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.tables.cells import as_numbers, as_text
from immunoode.tables.dates import DateColumn, DayNumbers, Partial, date_advice, looks_like_date, read_dates, study_days
from immunoode.tables.headings import ColumnRoles, parse_heading
from immunoode.tables.visit_labels import visit_time
from immunoode.unit_words import find_time_unit, time_unit

if TYPE_CHECKING:
    import pandas as pd

LATE = 10_000.0
"""Days (27 years): if the first time is later, the times are day numbers of SAS or Excel, not days from a dose."""
NEEDS_START = "dates need a start of treatment: give columns={'start': its column}, or give days"


@dataclass(frozen=True)
class TimeColumn:
    """Times of rows in days, NaN for invalid cells; the cells as text; what is wrong with each; notes; and the column."""

    values: pd.Series
    texts: pd.Series
    wrong: pd.Series
    notes: tuple[str, ...] = ()
    column: Any = None


def read_time_column(
    table: pd.DataFrame,
    columns: ColumnRoles,
    where: str,
    stated: str | None,
    partial: Partial = "refuse",
    day_numbers: DayNumbers | None = None,
) -> TimeColumn:
    """Read the times of the rows of a table, in days.

    Parameters
    ----------
    columns : ColumnRoles
        With "time" or "date", and "start" if there are dates.
    stated : str, optional
        Unit of numbers; by default that of the heading ("Time (weeks)", "hours"), else days.
    partial, day_numbers
        See `read_dates`.

    Raises
    ------
    DataError
        If the unit is not recognised or is stated twice, or there are dates but no start.
    """
    name = columns.found.get("time", columns.found.get("date"))
    return replace(_days(table, columns, name, where, stated, partial, day_numbers), column=name)


def _days(
    table: pd.DataFrame,
    columns: ColumnRoles,
    name: Any,
    where: str,
    stated: str | None,
    partial: Partial,
    day_numbers: DayNumbers | None,
) -> TimeColumn:
    import pandas as pd

    column = table[name]
    is_dates = pd.api.types.is_datetime64_any_dtype(column) or "time" not in columns.found
    if pd.api.types.is_timedelta64_dtype(column):
        values = column.dt.total_seconds() / units.SECONDS_PER_DAY
        return TimeColumn(values, as_text(column), _wrong(values, as_text(column)))
    read = as_numbers(column)
    some = read.values.dropna()
    if not is_dates and not len(some) and (dates := as_text(column)[~read.missing]).size and dates.map(looks_like_date).any():
        is_dates = True
    if not is_dates and len(some) and _compact(read.texts[~read.missing]):
        is_dates = True
    if is_dates or ("start" in columns.found and _are_dates(table[columns.found["start"]]) and day_numbers is not None):
        return _of_dates(table, columns, name, where, partial, day_numbers)
    if len(some) and some.min() >= LATE and "start" in columns.found:
        return _of_day_numbers(table, columns, name)
    unit, notes = _unit(str(name), columns, where, stated)
    if len(some) and some.min() * units.factor(unit, "day") >= LATE:
        what = f"begins on day {some.min() * units.factor(unit, 'day'):g}: these look like day numbers of SAS or Excel"
        raise DataError(Problem(f"{where}: column {str(name)!r}", what, NEEDS_START))
    if not len(some) and not read.missing.all():
        return _of_labels(read.texts, unit, notes)
    values = read.values * units.factor(unit, "day")
    return TimeColumn(values, read.texts, _wrong(values, read.texts), notes)


def _wrong(values: pd.Series, texts: pd.Series) -> pd.Series:
    """Return why a cell is not a time, "" for times."""
    wrong = values.isna() | (values.abs() == float("inf"))
    return texts.map(lambda cell: f"time {cell!r} is not a number").where(wrong, "")


def _are_dates(column: pd.Series) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_datetime64_any_dtype(column) or not pd.api.types.is_numeric_dtype(column))


def _compact(texts: pd.Series) -> bool:
    """Return whether whole numbers are dates of eight digits: 20240221."""
    return bool(texts.str.fullmatch(r"(?:19|20)\d{6}").all()) and bool(read_dates(texts).values.notna().all())


def _unit(name: str, columns: ColumnRoles, where: str, stated: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the unit of numbers, and notes on it."""
    headed = columns.units.get("time", "")
    if headed and not find_time_unit(headed):
        raise DataError(Problem(f"{where}: column {name!r}", f"{headed!r} is not a unit of time", "for example (days)"))
    worded = next((unit for word in parse_heading(name).words.split("_") if (unit := _word(word))), "")
    asked = stated_time_unit(stated, "time_unit", headed, f"{where}: column {name!r}")
    unit = asked or headed or worded
    notes = (f"column {name!r} is in {asked}s, as stated by time_unit",) if asked and worded and asked != worded else ()
    return (unit or "day"), notes if unit else ("no unit of time is stated: days",)


def stated_time_unit(stated: str | None, argument: str, headed: str, where: str) -> str:
    """Return the unit of time that an argument states, "" for None.

    Raises
    ------
    DataError
        If it is not recognised, or differs from the unit in the heading of the column ("" for none).
    """
    try:
        unit = time_unit(stated, argument) if stated else ""
    except UnitError as error:
        raise DataError(Problem(argument, f"{stated!r} cannot be read as a unit of time", error.problems[0].right)) from None
    if unit and headed and unit != headed:
        raise DataError(Problem(where, f"is in {headed}s by its heading, but {argument} is {stated!r}", "one of the two"))
    return unit


def _word(word: str) -> str:
    """Return the unit of time that a word in a heading stands for; "dpi" is days post inoculation."""
    return {"dpi": "day", "t": "", "dy": "day"}.get(word, find_time_unit(word))


def _of_labels(texts: pd.Series, unit: str, notes: tuple[str, ...]) -> TimeColumn:
    """Return the times of labels such as "Day 7", "week 2"."""
    import numpy as np

    found = {cell: visit_time(cell, unit) for cell in texts.unique()}
    values = texts.map({cell: np.nan if named.day is None else named.day for cell, named in found.items()}).astype(float)
    doubts = texts.map({cell: named.doubt for cell, named in found.items()})
    return TimeColumn(values, texts, doubts.where((doubts != "") & values.isna(), _wrong(values, texts)), notes)


def _of_dates(
    table: pd.DataFrame, columns: ColumnRoles, name: str, where: str, partial: Partial, day_numbers: DayNumbers | None
) -> TimeColumn:
    if "start" not in columns.found:
        raise DataError(Problem(f"{where}: column {str(name)!r}", "contains dates, but no column has the start", NEEDS_START))
    dates, start = (read_dates(table[c], partial=partial, day_numbers=day_numbers) for c in (name, columns.found["start"]))
    values = study_days(dates.values, start.values)
    wrong = _wrong(values, dates.texts)
    for read, what in ((start, "start "), (dates, "date ")):
        wrong = wrong.where(~read.unread, read.texts.map(lambda cell, what=what: what + _doubt(cell)))
    wrong = wrong.where(~(start.missing & ~dates.missing), "has no start to count its date from").where(values.isna(), "")
    return TimeColumn(values, dates.texts, wrong, _rules(dates, str(name)))


def _doubt(cell: str) -> str:
    return f"{cell!r} is not recognised: expected {date_advice(cell)}"


def _rules(dates: DateColumn, name: str) -> tuple[str, ...]:
    """Return notes on what was assumed about dates."""
    partial = int((dates.partial & ~dates.unread).sum())
    return (f"column {name!r}: {partial} partial dates are taken as {dates.taken_as.rsplit('as ', 1)[-1]}",) if partial else ()


def _of_day_numbers(table: pd.DataFrame, columns: ColumnRoles, name: str) -> TimeColumn:
    """Return the differences of day numbers, which do not depend on their origin."""
    days, start = as_numbers(table[name]), as_numbers(table[columns.found["start"]])
    values = days.values - start.values
    return TimeColumn(
        values,
        days.texts,
        _wrong(values, days.texts),
        (f"columns {str(name)!r} and {str(columns.found['start'])!r} are day numbers",),
    )
