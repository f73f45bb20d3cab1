"""Times of records: exact numbers in the table's unit, from numbers, times of day and dates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from immunoode.errors import Problem
from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.dates import whole_date

if TYPE_CHECKING:
    import pandas as pd

DATES = {"DATE": "mdy", "DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
"""Columns of dates, and the order of month, day and year in each, as in NM-TRAN."""
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_PARTS = re.compile(r"(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})")
_CENTURY = 50
"""Years of two digits up to this one are in the 21st century, like NM-TRAN's default of LAST20."""
_RIGHT = "a number, or a time of day such as 14:30"
_Wrong = list[tuple[int, Problem]]


def exact_fraction(value: float) -> Fraction:
    """Return the decimal number that a float stands for: 0.1 is a tenth."""
    return Fraction(repr(float(value)))


def to_days(time: Fraction, per_day: float) -> float:
    """Return a time in a table's unit as days, correctly rounded, so that equal times in the table stay equal."""
    return float(time / Fraction(per_day))


def exact_times(
    frame: pd.DataFrame, found: Mapping[str, Any], subjects: Sequence[str], labels: Sequence[str], per_day: float
) -> tuple[list[Fraction | None], _Wrong, tuple[str, ...]]:
    """Return the time of each row, problems of times, and assumptions."""
    times, clocks, wrong = _times(frame[found["TIME"]], labels, per_day)
    name = next((n for n in DATES if n in found), "")
    if not name:
        return times, wrong, ()
    days, missing = _dates(frame[found[name]], DATES[name], name, labels)
    if not clocks and _times_follow_dates(times, days, subjects, per_day):
        return times, wrong, (f"{found[name]!r} is not used: TIME continues over the days by itself",)
    joined, firsts = list[Fraction | None](), dict[str, Fraction]()
    for time, day, subject in zip(times, days, subjects, strict=True):
        if time is None or day is None:
            joined.append(None)
            continue
        whole = day * Fraction(per_day) + time
        joined.append(whole - firsts.setdefault(subject, whole))
    order = {"mdy": "month/day/year", "dmy": "day/month/year", "ymd": "year/month/day", "ydm": "year/day/month"}[DATES[name]]
    note = f"times are counted from the first record of each subject, by {found[name]!r} (dates with slashes: {order}) and TIME"
    return joined, [*wrong, *missing], (note,)


def _times(column: pd.Series, labels: Sequence[str], per_day: float) -> tuple[list[Fraction | None], bool, _Wrong]:
    """Return the times in a column, whether some are times of day, and problems of those that are neither."""
    read = as_numbers(column)
    times: list[Fraction | None] = [exact_fraction(v) if v == v else None for v in read.values.tolist()]
    clocks, wrong = False, list[tuple[int, Problem]]()
    for k, cell in enumerate(read.texts.tolist()):
        if times[k] is not None or not read.unread.iat[k]:
            continue
        match = _CLOCK.fullmatch(cell)
        hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
        if hour > 24 or minute > 59 or second > 59:
            wrong.append((k, Problem(labels[k], f"has the TIME {cell!r}: time {cell!r} is not a number", _RIGHT)))
            continue
        clocks = True
        times[k] = Fraction(3600 * hour + 60 * minute + second, 86400) * Fraction(per_day)
    return times, clocks, wrong


def _dates(column: pd.Series, order: str, name: str, labels: Sequence[str]) -> tuple[list[int | None], _Wrong]:
    """Return dates as numbers of days, and problems."""
    cells = as_text(column)
    empty = is_missing(cells).tolist()
    days, wrong, known = list[int | None](), list[tuple[int, Problem]](), dict[str, int | None]()
    for k, cell in enumerate(cells.tolist()):
        if cell not in known:
            known[cell] = _day(cell, order)
        day = None if empty[k] else known[cell]
        if day is None:
            right = "an ISO date such as 2024-02-21, or a date in NM-TRAN's order for this column"
            wrong.append((k, Problem(labels[k], f"has the {name} {cell!r}", right)))
        days.append(day)
    return days, wrong


def _day(cell: str, order: str) -> int | None:
    """Return the day number of a cell: a number, an unambiguous date, or a date in NM-TRAN's order; None otherwise."""
    if re.fullmatch(r"-?\d{1,5}", cell):
        return int(cell)
    found = whole_date(cell)
    if found is not None:
        return found.toordinal()
    match = _PARTS.fullmatch(cell)
    if not match:
        return None
    parts = dict(zip(order, map(int, match.groups()), strict=True))
    year = parts["y"] + (0 if parts["y"] > 99 else 2000 if parts["y"] <= _CENTURY else 1900)
    try:
        return date(year, parts["m"], parts["d"]).toordinal()
    except ValueError:
        return None


def _times_follow_dates(
    times: Sequence[Fraction | None], days: Sequence[int | None], subjects: Sequence[str], per_day: float
) -> bool:
    """Whether numeric times increase with the dates, to within a day."""
    firsts = dict[str, tuple[Fraction, int]]()
    for time, day, subject in zip(times, days, subjects, strict=True):
        if time is None or day is None:
            continue
        first = firsts.setdefault(subject, (time, day))
        if abs((time - first[0]) / Fraction(per_day) - (day - first[1])) > 1:
            return False
    # on a single day, both agree trivially; over several days, times of day would not agree by chance
    return True
