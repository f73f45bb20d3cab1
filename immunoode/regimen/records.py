"""Event records as NONMEM has them, read into schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.regimen import record as kind
from immunoode.regimen import schedule as words
from immunoode.regimen.covariate_series import LOCF
from immunoode.regimen.elapsed_time import running_times
from immunoode.regimen.expand import of_rows
from immunoode.regimen.record import Record, input_of, record_problems, records_of
from immunoode.regimen.record_options import covariate_columns, days_per, named, rule_problems
from immunoode.regimen.record_rows import Due, due_rows
from immunoode.regimen.record_table import NEEDED, Found, RecordTable, record_table
from immunoode.regimen.record_times import days_of
from immunoode.regimen.schedule import Schedule
from immunoode.tables.reconciliation import Reconciliation, Tally

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CANCELLED = "additional doses that a reset or a steady state cancels"


class Schedules(dict[str, Schedule]):
    """Schedules by subject, as a mapping, and what became of everything in the table that they were read from.

    Attributes
    ----------
    reconciliation : Reconciliation
        Of rows, doses and subjects; what each column was taken as; what was assumed.
    """

    def __init__(self, schedules: Mapping[str, Schedule], reconciliation: Reconciliation) -> None:
        super().__init__(schedules)
        self.reconciliation = reconciliation

    def __reduce__(self) -> Any:
        return Schedules, (dict(self), self.reconciliation)


@dataclass(frozen=True)
class Events:
    """What a table of event records says.

    Attributes
    ----------
    table : RecordTable
    records : list of Record, length n
    days : ndarray, shape (n,)
        NaN where there is no time.
    schedules : mapping of str to Schedule
    doses : Tally
        Of the doses in the table, additional ones too, and those that are given.
    """

    table: RecordTable
    records: list[Record]
    days: np.ndarray[Any, np.dtype[np.float64]]
    schedules: dict[str, Schedule]
    doses: Tally


def read_records(
    table: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    covariates: Sequence[str] | Mapping[str, str] = (),
    rule: Literal["locf", "nocb"] | None = None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
) -> Schedules:
    """Read event records with the conventions of NONMEM, a schedule for each subject.

    Parameters
    ----------
    table : path or DataFrame
        A csv, tsv, xlsx, xpt or sas7bdat file with a line of names, or a table in memory. Columns, in any case of letters: ID,
        TIME and AMT; where needed RATE, DUR (duration of an infusion), II, ADDL, SS, CMT, EVID, MDV; DATE, DAT1, DAT2 or DAT3
        beside a TIME of day. Others are left alone. ".", "NA" and empty cells are missing. Without EVID, a row is a dose where
        one of its items is not 0.
    compartments : mapping, optional
        Which number in CMT is which input of the model: {1: "pembrolizumab"}. Left out: CMT has the names of inputs.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II, and of the time in RATE. Times of day (14:30) are understood in either.
    covariates : sequence of str, or mapping of str to str, optional
        Columns that have the values of covariates: which column is which parameter of the model, {"WT": "weight"}, or their
        names; usual ones are understood (WT and BW are `weight`, BSA is `surface_area`). Values are in the parameters' units. A
        missing value says nothing.
    rule : {"locf", "nocb"}, optional
        What holds between records; to be stated where there are covariates. Last observation carried forward: a value holds
        from its record until the next. Next observation carried backward: a value holds from the record before until its
        own, as in NONMEM.
    columns : mapping of str to str, optional
        NONMEM's name to the table's own, where they differ: {"AMT": "DOSE"}.
    ignore : str, optional
        As IGNORE of NM-TRAN: rows that begin with this sign do not count ("@": with a letter or @). Rows that are marked C in a
        column C do not count in any case.

    Returns
    -------
    Schedules
        A mapping of subject to Schedule, in the order of the table, with its `.reconciliation`. Observations are not in it, but
        their times and covariates count, and `Schedule.orders` says where each row stood among them.

    Raises
    ------
    DataError
        With every row that is wrong, what is wrong with it, and what would be right.

    Notes
    -----
    EVID 0 is an observation, 1 a dose, 2 another event, 3 a reset, 4 a reset and dose; 5 replaces a compartment by AMT (8, as
    mrgsolve has it, too) and 6 multiplies it, as in rxode2. RATE holds of an infusion, or DUR where there is no positive RATE;
    RATE -1 and -2 leave rate and duration to the model, -2 with a DUR to that. SS 1 is a steady state, SS 2 one that is added
    to what is there; with AMT 0 and a RATE, a constant infusion at steady state that ends. ADDL doses are written out; a reset
    cancels those that are still to come, a steady state those of its own compartment. A reset whose TIME lies before that of
    the row above starts the clock again: it comes a whole number of days later, and
    `immunoode.regimen.elapsed_time.record_days` says which day each row then is. Times are exact: those that are equal in the
    table's unit are equal. Refused: compartments turned off (negative CMT).

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> table = pd.DataFrame({"ID": [1, 1], "TIME": [0, 24], "AMT": [200, 0], "CMT": 1, "II": [504, 0], "ADDL": [2, 0]})
    >>> schedules = imo.io.read_records(table, {1: "pembrolizumab"}, time_unit="hour")
    >>> schedules["1"].times.tolist()
    [0.0, 21.0, 42.0]
    >>> print(schedules.reconciliation.tally("doses"))
    3 doses, all used
    """
    named_columns = covariate_columns(covariates)
    read = read_events(table, compartments, time_unit, named_columns, rule, columns, ignore)
    found = read.table
    total = len(found.labels) + sum(found.ignored.values())
    rows = Tally("rows", total, len(found.labels), found.ignored)
    subjects = Tally("subjects", len(read.schedules), len(read.schedules))
    account = Reconciliation(found.where, (rows, read.doses, subjects), found.taken_as(time_unit), found.notes)
    return Schedules(read.schedules, account)


def read_events(
    table: Any,
    compartments: Mapping[int | str, str] | None,
    time_unit: str,
    covariates: Mapping[str, str],
    rule: str | None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
    *,
    needed: Sequence[str] = NEEDED,
    passed_over: Callable[[Found, Record], bool] = lambda found, record: False,
) -> Events:
    """Return what a table of event records says; `passed_over` says which wrong cells are told elsewhere.

    Raises
    ------
    DataError
        With everything that is wrong.
    """
    per_day = days_per(time_unit)
    inputs, problems = named(compartments)
    problems += rule_problems(rule, bool(covariates))
    if problems:
        raise DataError(problems)
    rows, unread = record_table(table, covariates, columns, ignore, per_day=per_day, needed=needed)
    records = records_of(rows)
    unread = [found for found in unread if not passed_over(found, records[found.row])]
    due = _checked(rows, records, unread, inputs, per_day)
    courses = {name: rows.numbers[name].tolist() for name in covariates.values()}
    schedules: dict[str, Schedule] = {}
    asked = given = 0
    for subject, span in rows.spans():
        chosen = [k for k in span if due[k] is not None]
        own = {name: [values[k] for k in chosen] for name, values in courses.items()}
        mine = [one for k in chosen if (one := due[k]) is not None]
        made = schedules[subject] = of_rows(due_rows(mine, per_day, own, rule == LOCF))
        asked += sum(1 + int(one.record.additional) for one in mine if one.record.event in kind.DOSES)
        given += sum(action == words.DOSE for action in made.actions)
    doses = Tally("doses", asked, given, {CANCELLED: asked - given} if asked > given else {})
    days = np.array([math.nan if one is None else one.day for one in due], dtype=float)
    return Events(rows, records, days, schedules, doses)


def _checked(
    rows: RecordTable, records: Sequence[Record], unread: Sequence[Found], inputs: Mapping[str, str] | None, per_day: float
) -> list[Due | None]:
    """Return the records with their running days and inputs, None where an observation has no time.

    Raises
    ------
    DataError
        With everything that is wrong.
    """
    told = {found.problem.where for found in unread}  # what else such a row says would not be what was meant
    problems = [found.problem for found in unread]
    for record in records:
        if record.label not in told and (record.moment is not None or record.event != kind.OBSERVATION):
            problems += record_problems(record)
    names = [_input(record, inputs) for record in records]
    due = list[Due | None]()
    for _, span in rows.spans():
        times, backwards = running_times(records[span.start : span.stop], per_day)
        problems.extend(backwards)
        due += [
            None if t is None else Due(records[k], days_of(t, per_day), t, str(names[k]), k)
            for k, t in zip(span, times, strict=True)
        ]
    problems += [*_apart(rows), *(name for name in names if isinstance(name, Problem))]
    if problems:
        raise DataError(_in_order(problems, rows.labels))
    return due


def _apart(rows: RecordTable) -> list[Problem]:
    """Return which subjects come again after others."""
    seen, problems = set[str](), list[Problem]()
    for subject, span in rows.spans():
        if subject in seen:
            right = "put the rows of a subject together, or give different subjects different IDs"
            problems.append(Problem(rows.labels[span.start], "has an ID that came before other subjects", right))
        seen.add(subject)
    return problems


def _input(record: Record, inputs: Mapping[str, str] | None) -> str | Problem:
    """Return the input of a record, "" where it has none, or what is wrong with its compartment."""
    if record.event in (*kind.DOSES, *kind.AMOUNTS) or record.compartment.startswith("-"):
        return input_of(record, inputs)
    return ""


def _in_order(problems: Iterable[Problem], labels: Sequence[str]) -> list[Problem]:
    """Return problems row by row."""
    place = {label: k for k, label in enumerate(labels)}
    return sorted(problems, key=lambda problem: place.get(problem.where, -1))
