"""NONMEM records of one subject as event records: additional doses written out, covariates carried, cancelled doses removed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from immunoode.regimen import record as nonmem
from immunoode.regimen.record import NonmemRecord
from immunoode.regimen.record_times import exact_fraction, to_days
from immunoode.regimen.schedule import MULTIPLY, REPLACE, RESET, SET, EventRecord

OBSERVATION_ORDER, AFTER_ORDER = 0.25, 0.5
"""Fractions of a row: an observation comes after the values that its own row sets and before values that later rows set."""
_Pending = tuple[EventRecord, bool]
"""An event record, and whether it is an additional dose, which an earlier reset or steady state cancels."""


class TimedRecord(NamedTuple):
    """A valid record: its day, its exact time in the table's unit, its input ("" for none) and its row in the table."""

    record: NonmemRecord
    day: float
    moment: Fraction
    name: str
    row: int


def event_records(
    due: Sequence[TimedRecord], per_day: float, covariates: Mapping[str, Sequence[float]], forward: bool
) -> list[EventRecord]:
    """Return the event records of one subject, in the order of its rows.

    Parameters
    ----------
    due : sequence of TimedRecord, length n
    per_day : float
        Units of the records' time per day.
    covariates : mapping of str to sequence of float, length n
        The values of covariates by parameter; NaN if missing.
    forward : bool
        Whether values are carried forward rather than backward.
    """
    days = [one.day for one in due]
    before, after = (_carried_forward if forward else _carried_backward)(days, covariates)
    rows = list[_Pending]()
    for k, one in enumerate(due):
        again = k > 0 and one.record.time < due[k - 1].record.time  # the clock restarts after the row above
        rows = _without_cancelled(rows, one, math.nextafter(days[k - 1], math.inf) if again else one.day)
        rows += [(row._replace(order=one.row), False) for row in before[k]]
        rows += [(row._replace(order=one.row), pending) for row, pending in _records_of(one, per_day)]
        rows += [(row._replace(order=one.row + AFTER_ORDER), False) for row in after[k]]
    return [row for row, _ in rows]


def _without_cancelled(rows: list[_Pending], due: TimedRecord, since: float) -> list[_Pending]:
    """Return the event records without the additional doses that a record cancels from a day on."""
    everything = due.record.event in nonmem.RESETS
    if not (everything or due.record.steady == 1):
        return rows
    return [
        (row, pending) for row, pending in rows if not (pending and row.time >= since and (everything or row.name == due.name))
    ]


def _records_of(due: TimedRecord, per_day: float) -> list[_Pending]:
    """Return the events of a record: none, one, or a reset and doses."""
    record, day, name = due.record, due.day, due.name
    if record.event == nonmem.MULTIPLY:
        return [(EventRecord(day, name, record.amount, action=MULTIPLY), False)]
    if record.event in nonmem.AMOUNTS:
        return [(EventRecord(day, name, record.amount, action=REPLACE), False)]
    rows: list[_Pending] = [(EventRecord(day, "", 0.0, action=RESET), False)] if record.event in nonmem.RESETS else []
    return rows + (_doses(due, per_day) if record.event in nonmem.DOSES else [])


def _doses(due: TimedRecord, per_day: float) -> list[_Pending]:
    """Return a dose with its additional doses; only the first can be at steady state."""
    record, day, name = due.record, due.day, due.name
    if record.constant_infusion:
        return [(EventRecord(day, name, record.rate * per_day, math.inf, steady=math.inf, adding=record.steady == 2), False)]
    rate, lasting = _infusion(record, per_day)
    one = EventRecord(day, name, record.amount, lasting, rate=rate)
    steady = record.interval / per_day if record.steady else 0.0
    rows: list[_Pending] = [(one._replace(steady=steady, adding=record.steady == 2), False)]
    every = exact_fraction(record.interval)
    for number in range(1, int(record.additional) + 1):
        rows.append((one._replace(time=to_days(due.moment + number * every, per_day)), True))
    return rows


def _infusion(record: NonmemRecord, per_day: float) -> tuple[float, float]:
    """Return the rate and duration of a dose as a schedule has them; a stated rate counts, rather than DUR."""
    if record.rate > 0:
        return record.effective_rate * per_day, 0.0
    lasting = record.duration / per_day
    return (0.0 if record.rate == nonmem.DURATION and lasting else record.rate), lasting


_CovariateRecords = tuple[list[list[EventRecord]], list[list[EventRecord]]]
"""The covariates that are set before each record, and after it."""


def _carried_forward(days: Sequence[float], covariates: Mapping[str, Sequence[float]]) -> _CovariateRecords:
    before: list[list[EventRecord]] = [[] for _ in days]
    for name, values in covariates.items():
        current = math.nan
        for k, value in enumerate(values):
            if not math.isnan(value) and value != current:
                before[k].append(EventRecord(days[k], name, value, action=SET))
                current = value
    return before, [[] for _ in days]


def _carried_backward(days: Sequence[float], covariates: Mapping[str, Sequence[float]]) -> _CovariateRecords:
    before: list[list[EventRecord]] = [[] for _ in days]
    after: list[list[EventRecord]] = [[] for _ in days]
    for name, values in covariates.items():
        current = math.nan
        for k, value in enumerate(_filled_backward(values)):
            if not math.isnan(value) and value != current:
                since = max(k - 1, 0)
                (after if k else before)[since].append(EventRecord(days[since], name, value, action=SET))
                current = value
    return before, after


def _filled_backward(values: Sequence[float]) -> list[float]:
    """Return values with missing ones filled from the next value; those after the last value stay missing."""
    filled, following = list[float](), math.nan
    for value in reversed(values):
        following = following if math.isnan(value) else value
        filled.append(following)
    return filled[::-1]
