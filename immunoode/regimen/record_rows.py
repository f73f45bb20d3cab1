"""From the event records of one subject to the rows of its schedule: doses written out, covariates carried, cancellations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from immunoode.regimen import record as kind
from immunoode.regimen.expand import Row
from immunoode.regimen.record import Record
from immunoode.regimen.record_times import days_of, exact
from immunoode.regimen.schedule import MULTIPLY, REPLACE, RESET, SET

SEEN, AFTER = 0.25, 0.5
"""An observation comes after what its own row sets, and before what is set for the time after that row."""
_Pending = tuple[Row, bool]
"""A row, and whether it is an additional dose, which a reset or a steady state that comes first cancels."""


class Due(NamedTuple):
    """A record that is right: its running day, and exact time in the table's unit, the input that it is about ("" for none),
    and which row of the table it is.
    """

    record: Record
    day: float
    moment: Fraction
    name: str
    row: int


def due_rows(due: Sequence[Due], per_day: float, courses: Mapping[str, Sequence[float]], forward: bool) -> list[Row]:
    """Return the rows of one subject's schedule, in the order of its records.

    Parameters
    ----------
    due : sequence of Due, length n
    per_day : float
        How many units of the records' time are a day.
    courses : mapping of str to sequence of float, length n
        The values of covariates, by parameter; NaN where there is none.
    forward : bool
        Whether values are carried forward rather than backward.
    """
    days = [one.day for one in due]
    before, after = (_carried_forward if forward else _carried_backward)(days, courses)
    rows = list[_Pending]()
    for k, one in enumerate(due):
        again = k > 0 and one.record.time < due[k - 1].record.time  # the clock starts again, after the row above
        rows = _uncancelled(rows, one, math.nextafter(days[k - 1], math.inf) if again else one.day)
        rows += [(row._replace(order=one.row), False) for row in before[k]]
        rows += [(row._replace(order=one.row), pending) for row, pending in _carried_out(one, per_day)]
        rows += [(row._replace(order=one.row + AFTER), False) for row in after[k]]
    return [row for row, _ in rows]


def _uncancelled(rows: list[_Pending], due: Due, since: float) -> list[_Pending]:
    """Return the rows without the additional doses that a record cancels from a day on."""
    everything = due.record.event in kind.RESETS
    if not (everything or due.record.steady == 1):
        return rows
    return [(row, pending) for row, pending in rows if not (pending and row[0] >= since and (everything or row[1] == due.name))]


def _carried_out(due: Due, per_day: float) -> list[_Pending]:
    """Return what a record does: nothing, one row, or a reset and doses."""
    record, day, name = due.record, due.day, due.name
    if record.event == kind.MULTIPLY:
        return [(Row(day, name, record.amount, action=MULTIPLY), False)]
    if record.event in kind.AMOUNTS:
        return [(Row(day, name, record.amount, action=REPLACE), False)]
    rows: list[_Pending] = [(Row(day, "", 0.0, action=RESET), False)] if record.event in kind.RESETS else []
    return rows + (_doses(due, per_day) if record.event in kind.DOSES else [])


def _doses(due: Due, per_day: float) -> list[_Pending]:
    """Return a dose with its additional doses, which are at no steady state themselves."""
    record, day, name = due.record, due.day, due.name
    if record.constant:
        return [(Row(day, name, record.rate * per_day, math.inf, steady=math.inf, adding=record.steady == 2), False)]
    lasting = 0.0 if record.rate > 0 else record.duration / per_day
    rate = record.speed * per_day if record.rate > 0 else 0.0 if record.rate == kind.DURATION and lasting else record.rate
    one = Row(day, name, record.amount, lasting, rate=rate)
    steady = record.interval / per_day if record.steady else 0.0
    rows: list[_Pending] = [(one._replace(steady=steady, adding=record.steady == 2), False)]
    every = exact(record.interval)
    for number in range(1, int(record.additional) + 1):
        rows.append((one._replace(time=days_of(due.moment + number * every, per_day)), True))
    return rows


_Sets = tuple[list[list[Row]], list[list[Row]]]
"""What is set before each record is carried out, and after."""


def _carried_forward(days: Sequence[float], courses: Mapping[str, Sequence[float]]) -> _Sets:
    before: list[list[Row]] = [[] for _ in days]
    for name, values in courses.items():
        current = math.nan
        for k, value in enumerate(values):
            if not math.isnan(value) and value != current:
                before[k].append(Row(days[k], name, value, action=SET))
                current = value
    return before, [[] for _ in days]


def _carried_backward(days: Sequence[float], courses: Mapping[str, Sequence[float]]) -> _Sets:
    before: list[list[Row]] = [[] for _ in days]
    after: list[list[Row]] = [[] for _ in days]
    for name, values in courses.items():
        current = math.nan
        for k, value in enumerate(_filled_backward(values)):
            if not math.isnan(value) and value != current:
                since = max(k - 1, 0)
                (after if k else before)[since].append(Row(days[since], name, value, action=SET))
                current = value
    return before, after


def _filled_backward(values: Sequence[float]) -> list[float]:
    """Return values with missing ones taken from the next; those after the last stay missing."""
    filled, following = list[float](), math.nan
    for value in reversed(values):
        following = following if math.isnan(value) else value
        filled.append(following)
    return filled[::-1]
