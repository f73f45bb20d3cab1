"""A table of event records as columns of numbers: which column is what, which cells are no numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.schedule import FloatArray

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("ID", "TIME", "AMT", "RATE", "DUR", "II", "ADDL", "SS", "CMT", "EVID", "MDV")
"""The columns of event records, in the order in which they are written."""
NEEDED = ("ID", "TIME", "AMT")
DOSE_ITEMS = ("AMT", "RATE", "DUR", "II", "ADDL", "SS")
_LABELS = ("ID", "CMT")
_WHOLE = re.compile(r"([-+]?\d+)\.0*")
_MISSING = frozenset({"", ".", "na", "nan", "none", "<na>"})


@dataclass(frozen=True)
class RecordTable:
    """Event records row by row; what is missing is NaN.

    Attributes
    ----------
    labels : tuple of str, length n
        Each row in messages: "records, row 3 (subject 1)".
    subjects, compartments : tuple of str, length n
        As they stand, 1.0 and 1 being the same.
    numbers : dict of str to ndarray, shape (n,)
        The other columns of `COLUMNS` that there are, in their own units, and covariates by their parameters' names.
    """

    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    compartments: tuple[str, ...]
    numbers: dict[str, FloatArray]

    def spans(self) -> list[tuple[str, range]]:
        """Return the rows of each subject, in the order of their appearance; rows apart are apart here too."""
        starts = [k for k, s in enumerate(self.subjects) if not k or s != self.subjects[k - 1]]
        ends = [*starts[1:], len(self.subjects)][: len(starts)]
        return [(self.subjects[a], range(a, b)) for a, b in zip(starts, ends, strict=True)]


def record_table(source: Any, covariates: Mapping[str, str]) -> tuple[RecordTable, list[Problem]]:
    """Return the records of a table or file, and which of its cells are no numbers.

    Parameters
    ----------
    source : path or DataFrame
        A csv or tsv file with a line of names, or a table in memory.
    covariates : mapping of str to str
        Columns to parameters.

    Raises
    ------
    DataError
        If it is no table, or columns are missing.
    """
    frame, where, rows = _frame(source)
    found = _found(frame, covariates, where)
    texts = {name: _texts(frame[column]) for name, column in found.items()}
    subjects = texts["ID"]
    labels = tuple(f"{where}, row {row}" + (f" (subject {s})" if s else "") for row, s in zip(rows, subjects, strict=True))
    problems = [Problem(label, "has no ID", "the subject's number") for label, s in zip(labels, subjects, strict=True) if not s]
    numbers = {}
    for name, column in texts.items():
        if name not in _LABELS:
            numbers[name], wrong = _numbers(column)
            problems += [Problem(labels[k], f"has the {name} {column[k]!r}", _RIGHT.get(name, "a number")) for k in wrong]
    compartments = texts.get("CMT", [""] * len(labels))
    return RecordTable(labels, tuple(subjects), tuple(compartments), numbers), problems


_RIGHT = {"TIME": "a number of days or hours; work clock times and dates out first"}


def _frame(source: Any) -> tuple[pd.DataFrame, str, Sequence[Any]]:
    """Return the table, its name in messages, and the names of its rows: lines of a file, or the index."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source, "records", list(source.index)
    if not isinstance(source, (str, Path)):
        raise DataError(Problem("records", f"are {type(source).__name__}", "the path of a csv file, or a DataFrame"))
    path = Path(source)
    if not path.is_file():
        raise DataError(Problem(str(path), "there is no such file", "give the path of a csv file"))
    try:
        separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
        frame = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise DataError(Problem(path.name, f"cannot be read as a table ({error})", "give a csv file")) from None
    return frame, path.name, range(2, len(frame) + 2)


def _found(frame: pd.DataFrame, covariates: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return which column of the table is what, in any case of letters; covariates by parameter."""
    names = {column: str(column).strip().upper() for column in frame.columns}
    problems, found = list[Problem](), dict[str, Any]()
    for name in COLUMNS:
        same = [column for column, upper in names.items() if upper == name]
        if len(same) > 1 or (same and list(names).count(same[0]) > 1):
            problems.append(Problem(f"{where}: {name}", f"is there {len(same)} times", "one column of that name"))
        elif same:
            found[name] = same[0]
        elif name in NEEDED:
            close = nearest(name, map(str, frame.columns))
            problems.append(Problem(f"{where}: {name}", "there is no such column", f"rename the one that it is: {close}"))
    for column, parameter in covariates.items():
        if column not in frame.columns:
            right = nearest(str(column), map(str, frame.columns))
            problems.append(Problem(f"{where}: covariates", f"there is no column {column!r}", right))
        elif parameter in COLUMNS:
            problems.append(Problem(f"{where}: covariates", f"{parameter!r} is no parameter", "the name of a parameter"))
        else:
            found[parameter] = column
    if not problems and not frame.columns.is_unique:
        problems.append(Problem(where, "has two columns of one name", "names that differ"))
    if problems:
        raise DataError(problems)
    return found


def _texts(column: pd.Series) -> list[str]:
    """Return the cells as text, "" where missing; whole numbers without a decimal point."""
    return [_text(cell) for cell in column.tolist()]


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    text = str(cell).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else "" if text.lower() in _MISSING else text


def _numbers(texts: Sequence[str]) -> tuple[FloatArray, list[int]]:
    """Return the cells as numbers, NaN where missing, and the places of those that are none."""
    values = [_number(text) for text in texts]
    wrong = [k for k, value in enumerate(values) if value is None]
    return np.array([math.nan if value is None else value for value in values], dtype=float), wrong


def _number(text: str) -> float | None:
    """Return a finite number, NaN for a missing one, None for what is neither."""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
