"""The elapsed time of event records: the day of each row, even if a reset restarts the stated time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.regimen.record import RESETS, NonmemRecord, records_from_table
from immunoode.regimen.record_options import days_per
from immunoode.regimen.record_table import record_table
from immunoode.regimen.record_times import to_days

if TYPE_CHECKING:
    import pandas as pd

_NONE = Fraction(-(10**18))


def record_days(table: Any, *, time_unit: str) -> pd.Series:
    """Return the day of each record in the schedules that `read_records` returns.

    It differs from the stated time only for dates with times of day, and after a reset that restarts the time: such a reset is
    assumed to happen on a later day, at the stated time of day. Compare observations of these records at the days returned
    here.

    Parameters
    ----------
    table : path or DataFrame
        As for `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME.

    Returns
    -------
    Series
        Days, in the order of the rows, with the index of a DataFrame.

    Raises
    ------
    DataError
        If columns are missing, or times are invalid or run backwards.
    """
    import pandas as pd

    per_day = days_per(time_unit)
    rows, unread = record_table(table, {}, per_day=per_day)
    problems = [found.problem for found in unread]
    records, days = records_from_table(rows), list[float]()
    for _, span in rows.spans():
        found, wrong = running_days([records[k] for k in span], per_day)
        days.extend(found)
        problems.extend(wrong)
    DataError.raise_if(problems)
    return pd.Series(days, index=rows.frame.index if hasattr(table, "index") else None, name="day", dtype=float)


def running_days(records: Sequence[NonmemRecord], per_day: float) -> tuple[list[float], list[Problem]]:
    """Return the days of one subject's records (NaN if the time is missing) and problems of times that run backwards."""
    exact_times, problems = running_times(records, per_day)
    return [math.nan if m is None else to_days(m, per_day) for m in exact_times], problems


def running_times(records: Sequence[NonmemRecord], per_day: float) -> tuple[list[Fraction | None], list[Problem]]:
    """Return the exact elapsed times of one subject's records in the table's unit, and problems of times that run backwards.

    A reset with a time before that of the previous record is moved later by a whole number of days.
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
                right = "rows of a subject sorted by TIME; only a reset (EVID 3 or 4) may restart the clock"
                problems.append(Problem(record.label, f"has TIME {record.time:g}, before that of the row above", right))
        found.append(time + offset)
        before = max(before, time + offset)
    return found, problems
