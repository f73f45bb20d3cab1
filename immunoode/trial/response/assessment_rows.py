"""The rows of a table of assessments, their columns as identifiers, numbers and booleans, and lists of what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.tables import cells
from immunoode.tables.identifiers import identifiers
from immunoode.trial.trial_data import LEFT_OUT
from immunoode.trial.validation import NO_VALUE

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray
NO_BASELINE = "no assessment at baseline: not evaluable"
WORST_COUNTS = "a second assessment at that visit; the worst of each counts"
_BOOLEANS = {**dict.fromkeys(("true", "yes", "y", "1", "1.0"), True), **dict.fromkeys(("false", "no", "n", "0", "0.0"), False)}


@dataclass(frozen=True)
class AssessmentRows:
    """The rows of a table that have a subject and a time.

    Attributes
    ----------
    frame : DataFrame
        These rows, in the order of the table.
    subject : array of int
        Index of each row's subject in `names`.
    time : array of float
        Days.
    names, arms : array of str
        All subjects, sorted, with their arms; subjects without a usable row are included.
    left_out : list of DataFrame
        What was left out so far.
    """

    frame: pd.DataFrame
    subject: Array
    time: Array
    names: Array
    arms: Array
    left_out: list[pd.DataFrame]


def identifier_column(column: pd.Series) -> pd.Series:
    """Return a column as texts without surrounding space; 3.0 and 3 are the same, and a missing cell is ""."""
    import pandas as pd

    codes, words = pd.factorize(column)
    clean = [*identifiers(words), ""]
    return pd.Series(np.asarray(clean, dtype=object)[codes], index=column.index)


def boolean_column(frame: pd.DataFrame, name: str, default: bool) -> Array:
    """Return a column of yes and no, with `default` for empty cells or a missing column.

    Raises
    ------
    DataError
        If a cell is neither yes nor no.
    """
    import pandas as pd

    if name not in frame.columns:
        return np.full(len(frame), default)
    codes, words = pd.factorize(frame[name])
    meaning = {**_BOOLEANS, "": default}
    read = [meaning.get(str(word).strip().lower()) for word in words]
    wrong = [str(w) for w, value in zip(words, read, strict=True) if value is None]
    DataError.raise_if(Problem(f"assessments: {name}", f"{w!r} is neither yes nor no", "True or False") for w in wrong)
    return np.asarray([*read, default], dtype=bool)[codes]


def number_column(frame: pd.DataFrame, name: str, default: float) -> Array:
    """Return a column of numbers: NaN for cells that are negative or not numbers, `default` for a missing column."""
    if name not in frame.columns:
        return np.full(len(frame), default)
    values = floats(frame[name])
    return np.where((values < 0) | ~np.isfinite(values), np.nan, values)


def floats(column: pd.Series) -> Array:
    """Return a column as numbers, NaN for cells that are not numbers."""
    if _is_numeric(column):
        return column.to_numpy(float)
    return cells.as_numbers(column).values.to_numpy(float)


def invalid_numbers(frame: pd.DataFrame, name: str) -> Array:
    """Return which cells of a column are neither numbers of at least 0 nor words for a missing value."""
    if _is_numeric(frame[name]):
        values = frame[name].to_numpy(float)
        return np.asarray((values < 0) | np.isinf(values))
    read = cells.as_numbers(frame[name])
    doubtful = read.unread & ~read.texts.str.lower().isin(NO_VALUE)
    return np.asarray(doubtful | (read.values < 0))


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype)


def left_out_rows(index: pd.Index, subject: pd.Series | Array, which: Array, reason: str) -> pd.DataFrame:
    """Return the rows that a mask selects as a table of what was left out."""
    import pandas as pd

    here = np.asarray(subject, dtype=object)[which]
    return pd.DataFrame({"row": np.asarray(index)[which], "subject": here, "reason": reason}, columns=list(LEFT_OUT))


def concatenate_left_out(left_out: list[pd.DataFrame]) -> pd.DataFrame:
    """Return one table of what was left out, sorted so that it does not depend on the order of the rows."""
    import pandas as pd

    some = [table for table in left_out if len(table)]
    if not some:
        return pd.DataFrame({name: [] for name in LEFT_OUT})
    table = pd.concat(some, ignore_index=True)
    order = np.lexsort((table["row"].astype(str), table["reason"].astype(str), table["subject"].astype(str)))
    return table.iloc[order].reset_index(drop=True)
