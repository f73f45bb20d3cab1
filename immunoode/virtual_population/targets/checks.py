"""Checks that are common to several targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number, is_whole
from immunoode.virtual_population.patients import VirtualPatients

FloatArray = NDArray[np.float64]


def size_problems(n: Any, where: str = "n") -> list[Problem]:
    """Return what is wrong with a number of subjects."""
    if is_number(n) and n > 0:
        return []
    return [Problem(where, f"is {n!r}", "the number of subjects, above zero; math.inf for a statistic without error")]


def share_problems(values: Iterable[tuple[Any, Any]], where: str) -> list[Problem]:
    """Return which of several named proportions are not between 0 and 1."""
    right = "a fraction between 0 and 1: 0.25 for 25 %"
    return [Problem(f"{where} {name!r}", f"is {v!r}", right) for name, v in values if not (is_number(v) and 0 <= v <= 1)]


def increasing(values: FloatArray) -> bool:
    """Return whether numbers are finite and strictly increasing."""
    return bool(np.isfinite(values).all() and (np.diff(values) > 0).all())


def check_count(n: Any) -> None:
    """Raise an error unless this is a number of patients to draw."""
    if not is_whole(n, 1):
        raise DataError(Problem("n", f"is {n!r}", "a whole number of patients, at least 1"))


def subject_values(values: Any) -> FloatArray:
    """Return values of subjects as an array.

    Raises
    ------
    DataError
        If they are not numbers.
    """
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise DataError(Problem("values", "are not all numbers", "one number per subject, NaN if missing")) from None


def numbers_of(patients: VirtualPatients, column: str, arm: str) -> FloatArray:
    """Return a numeric column of virtual patients.

    Raises
    ------
    DataError
        If it is not numeric, or no patient has a value.
    """
    import pandas as pd

    values = pd.to_numeric(patients.column(column, arm), errors="coerce").to_numpy(np.float64)
    if not np.isfinite(values).any():
        where = f"column {column!r}" + (f" of {arm!r}" if arm else "")
        raise DataError(Problem(where, "no virtual patient has a number there", "a numeric column"))
    return values
