"""Event records as NONMEM has them, read into schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from immunoode.errors import DataError, Problem
from immunoode.regimen import record as kind
from immunoode.regimen.course import LOCF
from immunoode.regimen.record import Record, input_of, record_problems, records_of
from immunoode.regimen.record_clock import running_days
from immunoode.regimen.record_options import days_per, named, rule_problems
from immunoode.regimen.record_rows import Due, due_rows
from immunoode.regimen.record_table import RecordTable, record_table
from immunoode.regimen.rows import of_rows
from immunoode.regimen.schedule import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def read_records(
    table: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    covariates: Sequence[str] | Mapping[str, str] = (),
    rule: Literal["locf", "nocb"] | None = None,
) -> dict[str, Schedule]:
    """Read event records with the conventions of NONMEM, a schedule for each subject.

    Parameters
    ----------
    table : path or DataFrame
        A csv or tsv file with a line of names, or a table in memory. Columns, in any case of letters: ID, TIME and AMT; where
        needed RATE, DUR (duration of an infusion), II, ADDL, SS, CMT, EVID, MDV. Others are left alone. ".", "NA" and empty
        cells are missing. Without EVID, a row is a dose where one of its items is not 0.
    compartments : mapping, optional
        Which number in CMT is which input of the model: {1: "pembrolizumab"}. Left out: CMT has the names of inputs.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II, and of the time in RATE.
    covariates : sequence of str, or mapping of str to str, optional
        Columns that have the values of covariates: their names, or which column is which parameter of the model. Values are
        in the parameters' units. A missing value says nothing.
    rule : {"locf", "nocb"}, optional
        What holds between records; to be stated where there are covariates. Last observation carried forward: a value holds
        from its record until the next. Next observation carried backward: a value holds from the record before until its
        own, as in NONMEM.

    Returns
    -------
    dict of str to Schedule
        By subject, in the order of the table. Observations are not in it, but their times and covariates count.

    Raises
    ------
    DataError
        With every row that is wrong, what is wrong with it, and what would be right.

    Notes
    -----
    EVID 0 is an observation, 1 a dose, 2 another event, 3 a reset, 4 a reset and dose; 5 replaces a compartment by AMT (8, as
    mrgsolve has it, too) and 6 multiplies it, as in rxode2. SS 1 with AMT 0 and a RATE is a constant infusion at steady state
    that ends. ADDL doses are written out; a reset cancels those that are still to come, a steady state those of its own
    compartment. A reset whose TIME lies before that of the row above starts the clock again: it comes a whole number of days
    later, and `immunoode.regimen.record_clock.record_days` says which day each row then is. Refused: rates and durations that
    the model works out (RATE -1 and -2), steady states on top of what is there (SS 2), compartments turned off (negative CMT).

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> table = pd.DataFrame({"ID": [1, 1], "TIME": [0, 24], "AMT": [200, 0], "CMT": 1, "II": [504, 0], "ADDL": [2, 0]})
    >>> schedules = imo.read_records(table, {1: "pembrolizumab"}, time_unit="hour")
    >>> schedules["1"].times.tolist()
    [0.0, 21.0, 42.0]
    """
    columns = dict(covariates) if isinstance(covariates, Mapping) else {name: name for name in _listed(covariates)}
    per_day = days_per(time_unit)
    inputs, problems = named(compartments)
    problems += rule_problems(rule, bool(columns))
    if problems:
        raise DataError(problems)
    rows, problems = record_table(table, columns)
    due = _checked(rows, problems, inputs, per_day)
    courses = {name: rows.numbers[name].tolist() for name in columns.values()}
    schedules = {}
    for subject, span in rows.spans():
        own = {name: values[span.start : span.stop] for name, values in courses.items()}
        schedules[subject] = of_rows(due_rows(due[span.start : span.stop], per_day, own, rule == LOCF))
    return schedules


def _checked(rows: RecordTable, problems: list[Problem], inputs: Mapping[str, str] | None, per_day: float) -> list[Due]:
    """Return the records with their running days and inputs.

    Raises
    ------
    DataError
        With `problems`, of cells, and all others.
    """
    records = records_of(rows)
    unread = {problem.where for problem in problems}  # what else such a row says would not be what was meant
    found = [problem for record in records if record.label not in unread for problem in record_problems(record)]
    names = [_input(record, inputs) for record in records]
    days = list[float]()
    for _, span in rows.spans():
        own, backwards = running_days(records[span.start : span.stop], per_day)
        days.extend(own)
        found.extend(backwards)
    found += [*_apart(rows), *(name for name in names if isinstance(name, Problem))]
    if problems or found:
        raise DataError(_in_order([*problems, *found], rows.labels))
    return [Due(record, day, str(name)) for record, day, name in zip(records, days, names, strict=True)]


def _apart(rows: RecordTable) -> list[Problem]:
    """Return which subjects come again after others."""
    seen, problems = set[str](), list[Problem]()
    for subject, span in rows.spans():
        if subject in seen:
            right = "put the rows of a subject together, or give different subjects different IDs"
            problems.append(Problem(rows.labels[span.start], "has an ID that came before other subjects", right))
        seen.add(subject)
    return problems


def _listed(names: Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


def _input(record: Record, inputs: Mapping[str, str] | None) -> str | Problem:
    """Return the input of a record, "" where it has none, or what is wrong with its compartment."""
    if record.event in (*kind.DOSES, *kind.AMOUNTS) or record.compartment.startswith("-"):
        return input_of(record, inputs)
    return ""


def _in_order(problems: Sequence[Problem], labels: Sequence[str]) -> list[Problem]:
    """Return problems row by row."""
    place = {label: k for k, label in enumerate(labels)}
    return sorted(problems, key=lambda problem: place.get(problem.where, -1))
