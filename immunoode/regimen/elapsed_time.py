"""The clock of event records: the running day of each row, where a reset may start the stated time again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.regimen.record import RESETS, Record, records_of
from immunoode.regimen.record_options import days_per
from immunoode.regimen.record_table import record_table
from immunoode.regimen.record_times import days_of

if TYPE_CHECKING:
    import pandas as pd

_NONE = Fraction(-(10**18))


def record_days(table: Any, *, time_unit: str) -> pd.Series:
    """Return the day of each record on the clock of the schedules that `read_records` makes.

    It differs from the stated time only where dates and times of day state it, and after a reset that starts the time again:
    such a reset is taken to come on the next day, at the time of day that is stated. Observations of these records are to be
    compared at the days returned here.

    Parameters
    ----------
    table : path or DataFrame
        As of `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME.

    Returns
    -------
    Series
        Days, in the order of the rows; of a DataFrame, by its index.

    Raises
    ------
    DataError
        If columns are missing, or times are none or run backwards.
    """
    import pandas as pd

    per_day = days_per(time_unit)
    rows, unread = record_table(table, {}, per_day=per_day)
    problems = [found.problem for found in unread]
    records, days = records_of(rows), list[float]()
    for _, span in rows.spans():
        found, wrong = running_days([records[k] for k in span], per_day)
        days.extend(found)
        problems.extend(wrong)
    if problems:
        raise DataError(problems)
    return pd.Series(days, index=rows.frame.index if hasattr(table, "index") else None, name="day", dtype=float)


def running_days(records: Sequence[Record], per_day: float) -> tuple[list[float], list[Problem]]:
    """Return the running days of one subject's records, NaN where there is no time, and which run backwards."""
    moments, problems = running_times(records, per_day)
    return [math.nan if m is None else days_of(m, per_day) for m in moments], problems


def running_times(records: Sequence[Record], per_day: float) -> tuple[list[Fraction | None], list[Problem]]:
    """Return the running times of one subject's records in the table's unit, exactly, and which run backwards.

    A reset whose time lies before that of the record before it comes on a later day, a whole number of days after its time.
    """
    found, problems = list[Fraction | None](), list[Problem]()
    day, offset, before = Fraction(per_day), Fraction(0), _NONE
    for record in records:
        time = record.moment
        if time is None:
            found.append(None)
            continue
        if time + offset < before:
            if record.event in RESETS:
                offset = (math.floor((before - time) / day) + 1) * day
            else:
                right = "sort the subject's rows by TIME; only a reset (EVID 3 or 4) may start the clock again"
                problems.append(Problem(record.label, f"has TIME {record.time:g}, before that of the row above", right))
        found.append(time + offset)
        before = max(before, time + offset)
    return found, problems
