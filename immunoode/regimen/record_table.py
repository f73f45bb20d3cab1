"""A table of event records as columns of numbers: roles of columns, cells that are not numbers, rows that are ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.record_times import DATES, exact_times
from immunoode.regimen.schedule import FloatArray
from immunoode.tables.cells import as_numbers, as_text, is_missing, number_advice
from immunoode.tables.headings import column_advice, columns_like, heading_words
from immunoode.tables.identifiers import identifiers
from immunoode.tables.reconciliation import UNUSED
from immunoode.tables.table_files import open_table

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("ID", "TIME", "AMT", "RATE", "DUR", "II", "ADDL", "SS", "CMT", "EVID", "MDV")
"""The columns of event records, in the order in which they are written."""
NEEDED = ("ID", "TIME", "AMT")
DOSE_ITEMS = ("AMT", "RATE", "DUR", "II", "ADDL", "SS")
_LABELS = ("ID", "CMT", "TIME", *DATES)
_AMOUNTS = ("dose", "dos", "amount", "dosage", "dose_amount", "dose_mg", "amt_mg")
"""Headings that may mean AMT."""
_DURATIONS = (
    "tinf",
    "tin",
    "infdur",
    "inf_dur",
    "dur_inf",
    "duration",
    "inf_duration",
    "infusion_duration",
    "infusion_time",
    "inftime",
    "inf_time",
)
"""Headings that may mean DUR."""
_ROLES = {"ID": "subject", "TIME": "time"}
"""The roles under which `headings` knows other names of these columns."""
_CONTENTS = {"ID": "subjects", "TIME": "times", "AMT": "amounts"}
"""What needed columns have, for messages."""
_MARK = "C"
"""The column, and the mark in it, of rows that NM-TRAN skips by IGNORE=C."""


@dataclass(frozen=True)
class RecordTable:
    """Event records row by row; missing values are NaN.

    Attributes
    ----------
    frame : DataFrame
        The rows that are used, as in the table.
    labels : tuple of str, length n
        The place of each row in messages: "records, row 3 (subject 1)".
    subjects, compartments : tuple of str, length n
        As in the table, where 1.0 and 1 are equal.
    times : tuple of Fraction or None, length n
        Exact times in the table's unit; None if missing.
    numbers : dict of str to ndarray, shape (n,)
        The other columns of `COLUMNS` that the table has, in their own units, and covariates by the names of parameters.
    columns : mapping
        The column of the table by NONMEM's name or by parameter.
    ignored : mapping of str to int
        Number of ignored rows by reason.
    notes : tuple of str
        Assumptions.
    """

    frame: pd.DataFrame
    where: str
    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    compartments: tuple[str, ...]
    times: tuple[Fraction | None, ...]
    numbers: dict[str, FloatArray]
    columns: Mapping[str, Any]
    ignored: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def spans(self) -> list[tuple[str, range]]:
        """Return each subject with a range of its contiguous rows, in the order of the table."""
        starts = [k for k, s in enumerate(self.subjects) if not k or s != self.subjects[k - 1]]
        ends = [*starts[1:], len(self.subjects)][: len(starts)]
        return [(self.subjects[a], range(a, b)) for a, b in zip(starts, ends, strict=True)]

    def taken_as(self, time_unit: str) -> dict[str, str]:
        """Return the role of each column."""
        words = {name: name for name in (*COLUMNS, *DATES)}
        words |= {"ID": "subject", "TIME": f"time in {time_unit}", "AMT": "amount", "CMT": "compartment"}
        words |= {"EVID": "kind of record", _MARK: "mark of ignored rows"}
        roles = {column: words.get(name, f"covariate {name}") for name, column in self.columns.items()}
        return {str(c): roles.get(c, UNUSED) for c in self.frame.columns}


@dataclass(frozen=True)
class CellProblem:
    """A problem of one cell: the index of its row, NONMEM's name of its column, and the problem."""

    row: int
    name: str
    problem: Problem


def record_table(
    source: Any,
    covariates: Mapping[str, str],
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
    *,
    per_day: float = 1.0,
    needed: Sequence[str] = NEEDED,
) -> tuple[RecordTable, list[CellProblem]]:
    """Return the records of a table or file, and its cells that are not numbers.

    Parameters
    ----------
    source : path or DataFrame
        A file with a line of column names, or a table in memory.
    covariates : mapping of str to str
        Columns to parameters.
    columns : mapping of str to str, optional
        NONMEM's name to the name in the table, if they differ.
    ignore : str, optional
        Like IGNORE of NM-TRAN: rows that begin with this character are skipped; "@": with a letter or @.
    per_day : float
        Units of time per day.

    Raises
    ------
    DataError
        If it is not a table, or columns are missing.
    """
    frame, where = _opened(source)
    found = _find_columns(frame, covariates, columns or {}, where, needed)
    frame, ignored = _without_ignored(frame, found, ignore, where)
    subjects = identifiers(frame[found["ID"]])
    subjects = ["" if s.lower() in (".", "na", "nan") else s for s in subjects]
    pairs = zip(frame.index, subjects, strict=True)
    labels = tuple(f"{where}, row {row}" + (f" (subject {s})" if s else "") for row, s in pairs)
    missing = [k for k, s in enumerate(subjects) if not s]
    problems = [CellProblem(k, "ID", Problem(labels[k], "has no ID", "the subject's number")) for k in missing]
    values: dict[str, FloatArray] = {}
    for name, column in found.items():
        if name not in _LABELS and name != _MARK:
            read = as_numbers(frame[column])
            values[name] = read.values.to_numpy(float)
            cells = read.texts.tolist()
            for k in np.flatnonzero(read.unread.to_numpy()).tolist():
                right = f"a number: {number_advice(cells[k])}"
                problems.append(CellProblem(k, name, Problem(labels[k], f"has the {name} {cells[k]!r}", right)))
    times, wrong, notes = exact_times(frame, found, subjects, labels, per_day)
    problems += [CellProblem(k, "TIME", problem) for k, problem in wrong]
    values["TIME"] = np.array([math.nan if t is None else float(t) for t in times], dtype=float)
    compartments = _texts(frame[found["CMT"]]) if "CMT" in found else [""] * len(labels)
    table = RecordTable(frame, where, labels, tuple(subjects), tuple(compartments), tuple(times), values, found, ignored, notes)
    return table, problems


def _opened(source: Any) -> tuple[pd.DataFrame, str]:
    """Return the table, indexed by the lines of its file or by its own index, and its place in messages."""
    import pandas as pd

    if not isinstance(source, (pd.DataFrame, str, Path)):
        raise DataError(Problem("records", f"are {type(source).__name__}", "the path of a csv file, or a DataFrame"))
    if isinstance(source, pd.DataFrame) and not source.columns.is_unique:
        return source, "records"
    frame, where = open_table(source)
    return frame, "records" if isinstance(source, pd.DataFrame) else where


def _find_columns(
    frame: pd.DataFrame, covariates: Mapping[str, str], given: Mapping[str, str], where: str, needed: Sequence[str]
) -> dict[str, Any]:
    """Return the column of the table by NONMEM's name (in upper or lower case) or by parameter."""
    names = {column: str(column).strip().upper() for column in frame.columns}
    problems, found = list[Problem](), dict[str, Any]()
    stated = {str(name).strip().upper(): column for name, column in given.items()}
    for name, column in stated.items():
        if name not in (*COLUMNS, *DATES):
            problems.append(Problem(f"{where}: columns", f"{name!r} is not a column of event records", nearest(name, COLUMNS)))
        elif column not in frame.columns:
            right = nearest(str(column), map(str, frame.columns))
            problems.append(Problem(f"{where}: columns", f"there is no column {column!r} for {name}", right))
        else:
            found[name] = column
    for name in (*COLUMNS, *DATES, _MARK):
        if name in stated:
            continue
        same = [column for column, upper in names.items() if upper == name]
        count = len(same) if frame.columns.is_unique else list(names[c] for c in frame.columns).count(name)
        if count > 1:
            problems.append(Problem(f"{where}: {name}", f"occurs {count} times", "one column of that name"))
        elif same:
            found[name] = same[0]
        elif name in needed:
            problems.append(Problem(f"{where}: {name}", "is missing", _rename(name, frame)))
    for column, parameter in covariates.items():
        if column not in frame.columns:
            right = nearest(str(column), map(str, frame.columns))
            problems.append(Problem(f"{where}: covariates", f"there is no column {column!r}", right))
        elif parameter in COLUMNS:
            problems.append(Problem(f"{where}: covariates", f"{parameter!r} is not a parameter", "the name of a parameter"))
        else:
            found[parameter] = column
    if not problems and not frame.columns.is_unique:
        problems.append(Problem(where, "has two columns of the same name", "different names"))
    if "AMT" not in found and "AMT" not in needed and not problems:
        problems += _overlooked_doses(frame, found, where)
    if not {"RATE", "DUR"} & set(found) and "AMT" in found and not problems:
        problems += _overlooked_durations(frame, found, where)
    DataError.raise_if(problems)
    return found


def _overlooked_durations(frame: pd.DataFrame, found: Mapping[str, Any], where: str) -> list[Problem]:
    """Return a problem for each column that seems to have the durations of doses that would be read as boluses."""
    given = as_numbers(frame[found["AMT"]]).values.fillna(0) != 0
    like = [c for c in frame.columns if heading_words(str(c)) in _DURATIONS and c not in set(found.values())]
    return [
        Problem(
            f"{where}: DUR",
            f"is missing, but {str(c)!r} may be the duration of infusions",
            f"columns={{'DUR': {str(c)!r}}}, or leave that column out",
        )
        for c in like
        if (as_numbers(frame[c]).values[given].fillna(0) > 0).any()
    ]


def _rename(name: str, frame: pd.DataFrame) -> str:
    like = _like_amounts(frame) if name == "AMT" else columns_like(_ROLES[name], frame)
    return column_advice(name, _CONTENTS[name], like, frame)


def _like_amounts(frame: pd.DataFrame) -> list[str]:
    return [str(c) for c in frame.columns if heading_words(str(c)) in _AMOUNTS]


def _overlooked_doses(frame: pd.DataFrame, found: Mapping[str, Any], where: str) -> list[Problem]:
    """Return a problem if a table without AMT seems to have doses."""
    events = as_numbers(frame[found["EVID"]]).values.isin((1, 4)).any() if "EVID" in found else False
    like = [c for c in _like_amounts(frame) if (as_numbers(frame[c]).values.fillna(0) != 0).any()]
    if not events and not like:
        return []
    why = "but EVID has doses" if events else f"but {like[0]!r} may have doses"
    right = f"columns={{'AMT': {like[0]!r}}}, or leave that column out" if like else "the amounts in a column AMT"
    return [Problem(f"{where}: AMT", f"is missing, {why}", right)]


def _without_ignored(
    frame: pd.DataFrame, found: dict[str, Any], ignore: str | None, where: str
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows that are used, and the number of ignored rows by reason."""
    import pandas as pd

    marked = pd.Series(False, index=frame.index)
    reasons = dict[str, int]()
    if _MARK in found:
        cells = as_text(frame[found[_MARK]])
        marks = cells.str.upper() == _MARK
        if not (marks | is_missing(cells) | (cells == "0")).all():
            del found[_MARK]  # something else is called C
        elif marks.any():
            marked |= marks
            reasons["marked C in the column C (IGNORE=C)"] = int(marks.sum())
    if ignore is not None:
        if not isinstance(ignore, str) or len(ignore) != 1:
            raise DataError(Problem("ignore", f"is {ignore!r}", "one character, as in NM-TRAN's IGNORE: '@', 'C' or '#'"))
        first = as_text(frame.iloc[:, 0])
        begins = first.str.match(r"[A-Za-z@]") if ignore == "@" else first.str.startswith(ignore)
        fresh = begins & ~marked
        marked |= begins
        if fresh.any():
            reasons[f"begins with {ignore} (IGNORE={ignore})"] = int(fresh.sum())
    kept = frame[~marked]
    if len(frame) and not len(kept):
        raise DataError(Problem(where, "has only ignored rows", "rows without the mark of ignored rows"))
    return kept, reasons


def _texts(column: pd.Series) -> list[str]:
    """Return the cells as text, "" if missing; whole numbers have no decimal point."""
    cells = as_text(column)
    return identifiers(cells.mask(is_missing(cells), ""))
