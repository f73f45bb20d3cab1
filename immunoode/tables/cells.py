"""The cells of a table: as texts, as numbers, or missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from immunoode.number_checks import NUMBER

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset({"", ".", "na", "n/a", "nan", "nat", "none", "null", "<na>", "missing"})
"""Words that mean that a cell is empty, in lower case."""
_EXACT = 2.0**53
"""Whole numbers up to this are exact in double precision."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d{4,},\d+")
_COMMA = re.compile(r"[-+]?\d{1,3}(?:,\d+)+(?:\.\d+)?")
_BOUND = re.compile(r"\s*(?:<=|>=|<|>|≤|≥)\s*[-+]?\d.*")
_WITH_UNIT = re.compile(rf"\s*({NUMBER})\s*([^\d\s,;].*?)\s*")


@dataclass(frozen=True)
class NumberColumn:
    """A column as numbers.

    Attributes
    ----------
    values : Series of float
        NaN for cells that are empty or not numbers.
    missing, unread : Series of bool
        Which cells are empty; which are not empty but not finite numbers.
    texts : Series of str
        The cells as text.
    """

    values: pd.Series
    missing: pd.Series
    unread: pd.Series
    texts: pd.Series


def as_text(column: pd.Series) -> pd.Series:
    """Return cells as text without surrounding blanks, "" for missing ones; 3.0 in a column of whole numbers is "3"."""
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("object")
    if pd.api.types.is_float_dtype(column):
        known = column.dropna()
        if (known.abs() < _EXACT).all() and (known % 1 == 0).all():
            column = column.astype("Int64")
    if pd.api.types.is_numeric_dtype(column) and not column.hasnans:
        return column.astype(str)
    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        codes, words = pd.factorize(column)  # few different words in many rows: each is cleaned once
        clean = np.asarray([*(str(word).strip() for word in words), ""], dtype=object)
        return pd.Series(clean[codes], index=column.index, name=column.name)
    return column.astype("object").where(column.notna(), "").astype(str).str.strip()


def is_missing(texts: pd.Series) -> pd.Series:
    """Return which texts stand for a missing value."""
    return texts.str.lower().isin(MISSING)


def as_numbers(column: pd.Series) -> NumberColumn:
    """Return a column as numbers without guessing: "1,000", "0,5", "100 mg" and "<0.5" are not numbers.

    Parameters
    ----------
    column : Series, length n
        Numbers, texts or other objects.

    Examples
    --------
    >>> import pandas as pd
    >>> read = as_numbers(pd.Series(["1.5", ".", "1,000", "2e3"]))
    >>> read.values.tolist(), read.unread.tolist()
    ([1.5, nan, nan, 2000.0], [False, False, True, False])
    """
    import numpy as np
    import pandas as pd

    if (
        pd.api.types.is_bool_dtype(column)
        or pd.api.types.is_datetime64_any_dtype(column)
        or pd.api.types.is_timedelta64_dtype(column)
        or pd.api.types.is_complex_dtype(column)
    ):
        texts = as_text(column)
        missing = is_missing(texts)
        return NumberColumn(pd.Series(np.nan, index=column.index), missing, ~missing, texts)
    if pd.api.types.is_numeric_dtype(column):
        values = column.astype("Float64").astype(float) if column.dtype.kind not in "iuf" else column.astype(float)
        missing = values.isna()
        unread = pd.Series(np.isinf(values.to_numpy()), index=column.index)
        return NumberColumn(values.mask(unread), missing, unread, as_text(column))
    texts = as_text(column)
    distinct = texts.drop_duplicates()
    read = {cell: float(re.sub("[dD]", "e", cell)) for cell in distinct if _NUMBER.fullmatch(cell)}
    values = texts.map(read).astype(float)
    infinite = ~np.isfinite(values) & values.notna()
    missing = is_missing(texts)
    return NumberColumn(values.mask(infinite), missing, ((values.isna() | infinite) & ~missing), texts)


def number_advice(cell: str) -> str:
    """Return advice on what to write instead of a cell that is not a number.

    Examples
    --------
    >>> number_advice("1,000")
    "a plain number: the comma in '1,000' may be a thousands separator or a decimal comma"
    >>> number_advice("100 mg")
    "only the number, 100, with the unit 'mg' stated in the heading or as an argument"
    """
    stripped = cell.strip()
    if _COMMA.fullmatch(stripped):
        return f"a plain number: the comma in {stripped!r} may be a thousands separator or a decimal comma"
    if _DECIMAL_COMMA.fullmatch(stripped):
        return "a plain number: a point in place of the comma"
    if _BOUND.fullmatch(stripped):
        return "the limit as the value, and 'left' or 'right' in a column of censoring"
    with_unit = _WITH_UNIT.fullmatch(cell)
    if with_unit:
        return f"only the number, {with_unit[1]}, with the unit {with_unit[2]!r} stated in the heading or as an argument"
    return "a plain number such as 12.5, or an empty cell"
