"""Event records with the conventions of NONMEM, read into schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem, renamed_arguments
from immunoode.regimen import record as nonmem
from immunoode.regimen.covariate_series import LOCF
from immunoode.regimen.elapsed_time import running_times
from immunoode.regimen.record import NonmemRecord, record_input, record_problems, records_from_table
from immunoode.regimen.record_options import COVARIATES, compartment_names, covariate_columns, days_per, rule_problems
from immunoode.regimen.record_rows import TimedRecord, event_records
from immunoode.regimen.record_table import NEEDED, CellProblem, RecordTable, record_table
from immunoode.regimen.record_times import to_days
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.tables.reconciliation import Reconciliation, Tally

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CANCELLED = "additional doses that a reset or a steady state cancels"


class Schedules(dict[str, Schedule]):
    """Schedules by subject, with the reconciliation of the table that they were read from.

    Attributes
    ----------
    reconciliation : Reconciliation
        Counts of rows, doses and subjects; the role of each column; assumptions.
    """

    def __init__(self, schedules: Mapping[str, Schedule], reconciliation: Reconciliation) -> None:
        super().__init__(schedules)
        self.reconciliation = reconciliation

    def __reduce__(self) -> Any:
        return Schedules, (dict(self), self.reconciliation)


@dataclass(frozen=True)
class ParsedRecords:
    """The parsed rows of a table of event records.

    Attributes
    ----------
    table : RecordTable
    records : list of NonmemRecord, length n
    days : ndarray, shape (n,)
        NaN if the time is missing.
    schedules : mapping of str to Schedule
    doses : Tally
        Counts of the doses in the table, including additional ones, and of those that are given.
    """

    table: RecordTable
    records: list[NonmemRecord]
    days: np.ndarray[Any, np.dtype[np.float64]]
    schedules: dict[str, Schedule]
    doses: Tally


@renamed_arguments(table="source")
def read_records(
    source: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    covariates: Mapping[str, str] | None = None,
    rule: Literal["locf", "nocb"] | None = None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
) -> Schedules:
    """Read event records with the conventions of NONMEM into one schedule per subject.

    Parameters
    ----------
    source : path or DataFrame
        A csv, tsv, xlsx, xpt or sas7bdat file with a line of column names, or a table in memory. Columns, in upper or lower
        case: ID, TIME and AMT; as needed RATE, DUR (duration of an infusion), II, ADDL, SS, CMT, EVID, MDV; DATE, DAT1, DAT2
        or DAT3 together with a TIME of day. Other columns are ignored. ".", "NA" and empty cells are missing. Without EVID, a
        row is a dose if one of its dose items is not 0.
    compartments : mapping, optional
        The input of the model for each number in CMT: {1: "pembrolizumab"}. By default, CMT has the names of inputs.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II, and of the time in RATE. Times of day (14:30) may be used with either.
    covariates : mapping of str to str, optional
        The parameter of the model for each column with values of a covariate: {"WT": "weight"}. Values are in the parameters'
        units. Missing values are skipped.
    rule : {"locf", "nocb"}, optional
        The rule between records, required with covariates. Last observation carried forward ("locf"): a value holds from its
        record until the next. Next observation carried backward ("nocb"): a value holds from the previous record until its
        own, as in NONMEM.
    columns : mapping of str to str, optional
        NONMEM's name to the name in the table, if they differ: {"AMT": "DOSE"}.
    ignore : str, optional
        Like IGNORE of NM-TRAN: rows that begin with this character are skipped ("@": with a letter or @). Rows marked C in a
        column C are always skipped.

    Returns
    -------
    Schedules
        A mapping of subject to Schedule, in the order of the table, with a `.reconciliation`. Observations are left out, but
        their times and covariates are used, and `Schedule.orders` has the position of each row in the table.

    Raises
    ------
    DataError
        With all invalid rows, what is wrong with each, and what would be right.

    Notes
    -----
    EVID 0 is an observation, 1 a dose, 2 another event, 3 a reset, 4 a reset and dose; 5 replaces a compartment by AMT (8, as
    in mrgsolve, too) and 6 multiplies it, as in rxode2. RATE defines an infusion, or DUR if there is no positive RATE; RATE -1
    and -2 leave rate and duration to the model, and -2 with a DUR means that duration. SS 1 is a steady state, SS 2 one that is
    added to the present state; with AMT 0 and a RATE, SS is a constant infusion at steady state that ends. ADDL doses are
    written out; a reset cancels all that are still to come, a steady state those of its own compartment. A reset with a TIME
    before that of the row above restarts the clock: it comes a whole number of days later, and
    `immunoode.regimen.elapsed_time.record_days` returns the resulting day of each row. Times are exact: those that are equal in
    the table's unit are equal in days. Compartments turned off (negative CMT) are refused.

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
    named_columns = covariate_columns(covariates, "read_records(covariates)", usual=COVARIATES)
    read = parse_records(source, compartments, time_unit, named_columns, rule, columns, ignore)
    found = read.table
    total = len(found.labels) + sum(found.ignored.values())
    rows = Tally("rows", total, len(found.labels), found.ignored)
    subjects = Tally("subjects", len(read.schedules), len(read.schedules))
    account = Reconciliation(found.where, (rows, read.doses, subjects), found.taken_as(time_unit), found.notes)
    return Schedules(read.schedules, account)


def parse_records(
    table: Any,
    compartments: Mapping[int | str, str] | None,
    time_unit: str,
    covariates: Mapping[str, str],
    rule: str | None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
    *,
    needed: Sequence[str] = NEEDED,
    handled_elsewhere: Callable[[CellProblem, NonmemRecord], bool] = lambda found, record: False,
) -> ParsedRecords:
    """Return the parsed rows of a table of event records; `handled_elsewhere` selects problems that the caller reports itself.

    Raises
    ------
    DataError
        With everything that is wrong.
    """
    per_day = days_per(time_unit)
    inputs, problems = compartment_names(compartments)
    problems += rule_problems(rule, bool(covariates))
    DataError.raise_if(problems)
    rows, unread = record_table(table, covariates, columns, ignore, per_day=per_day, needed=needed)
    records = records_from_table(rows)
    unread = [found for found in unread if not handled_elsewhere(found, records[found.row])]
    due = _checked(rows, records, unread, inputs, per_day)
    measured = {name: rows.numbers[name].tolist() for name in covariates.values()}
    schedules: dict[str, Schedule] = {}
    asked = given = 0
    for subject, span in rows.spans():
        chosen = [k for k in span if due[k] is not None]
        own = {name: [values[k] for k in chosen] for name, values in measured.items()}
        mine = [one for k in chosen if (one := due[k]) is not None]
        made = schedules[subject] = Schedule.from_records(event_records(mine, per_day, own, rule == LOCF))
        asked += sum(1 + int(one.record.additional) for one in mine if one.record.event in nonmem.DOSES)
        given += sum(action == DOSE for action in made.actions)
    doses = Tally("doses", asked, given, {CANCELLED: asked - given} if asked > given else {})
    days = np.array([math.nan if one is None else one.day for one in due], dtype=float)
    return ParsedRecords(rows, records, days, schedules, doses)


def _checked(
    rows: RecordTable,
    records: Sequence[NonmemRecord],
    unread: Sequence[CellProblem],
    inputs: Mapping[str, str] | None,
    per_day: float,
) -> list[TimedRecord | None]:
    """Return the records with their days and inputs, or None for an observation without a time.

    Raises
    ------
    DataError
        With everything that is wrong.
    """
    reported = {found.problem.where for found in unread}  # further problems of such a row would be misleading
    problems = [found.problem for found in unread]
    for record in records:
        if record.label not in reported and (record.moment is not None or record.event != nonmem.OBSERVATION):
            problems += record_problems(record)
    names = [_input(record, inputs) for record in records]
    due = list[TimedRecord | None]()
    for _, span in rows.spans():
        times, backwards = running_times(records[span.start : span.stop], per_day)
        problems.extend(backwards)
        due += [
            None if t is None else TimedRecord(records[k], to_days(t, per_day), t, str(names[k]), k)
            for k, t in zip(span, times, strict=True)
        ]
    problems += [*_split_subjects(rows), *(name for name in names if isinstance(name, Problem))]
    if problems:
        raise DataError(_in_row_order(problems, rows.labels))
    return due


def _split_subjects(rows: RecordTable) -> list[Problem]:
    """Return a problem for each subject whose rows are not contiguous."""
    seen, problems = set[str](), list[Problem]()
    for subject, span in rows.spans():
        if subject in seen:
            right = "contiguous rows per subject, or different IDs for different subjects"
            problems.append(Problem(rows.labels[span.start], "has an ID that occurs again after other subjects", right))
        seen.add(subject)
    return problems


def _input(record: NonmemRecord, inputs: Mapping[str, str] | None) -> str | Problem:
    """Return the input of a record, "" if it has none, or a problem of its compartment."""
    if record.event in (*nonmem.DOSES, *nonmem.AMOUNTS) or record.compartment.startswith("-"):
        return record_input(record, inputs)
    return ""


def _in_row_order(problems: Iterable[Problem], labels: Sequence[str]) -> list[Problem]:
    """Return the problems sorted by row."""
    place = {label: k for k, label in enumerate(labels)}
    return sorted(problems, key=lambda problem: place.get(problem.where, -1))
