"""The table of numbers at risk below a published survival curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.trial.survival.digitised_curve import ONE_ARM, numbers, tables_of_arms

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class NumbersAtRisk:
    """Numbers at risk of one arm: subjects whose time is at least the time stated.

    Attributes
    ----------
    time : (m,)
        In increasing order, in the unit of the table.
    count : (m,)
    notes : tuple of str
    """

    time: NDArray[np.float64]
    count: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def numbers_at_risk(source: Any) -> dict[str, NumbersAtRisk]:
    """Return the numbers at risk of each arm; rows without a number are noted.

    Parameters
    ----------
    source : DataFrame, mapping of time to number, array (m, 2), or mapping of arm to these
        Columns time, at_risk, and optionally arm.

    Raises
    ------
    DataError
        If a number is negative, not whole, or larger than one before it; all of them at once.
    """
    found: dict[str, NumbersAtRisk] = {}
    problems: list[Problem] = []
    for arm, table in tables_of_arms(source, "at_risk", "at_risk").items():
        where = "at_risk" if arm == ONE_ARM else f"at_risk of {arm}"
        rows, wrong = numbers(table, "at_risk", where)
        known = rows.dropna(subset=["time", "at_risk"]).sort_values("time", kind="stable")
        wrong += _problems(known, where)
        if wrong:
            problems += wrong
            continue
        missing = len(rows) - len(known)
        notes = (f"{missing} times without a number at risk are left out",) if missing else ()
        found[arm] = NumbersAtRisk(known["time"].to_numpy(np.float64), known["at_risk"].to_numpy(np.int64), notes)
    DataError.raise_if(problems)
    return found


def _problems(rows: pd.DataFrame, where: str) -> list[Problem]:
    """Return what is wrong with the numbers of one arm, in order of time."""
    if rows.empty:
        return [Problem(where, "has no numbers", "at least the number of subjects at time 0")]
    count = rows["at_risk"].to_numpy(np.float64)
    wrong = {
        "time is negative": rows["time"].to_numpy() < 0,
        "a second number at one time": rows["time"].duplicated().to_numpy(),
        "is negative": count < 0,
        "is not a whole number": count % 1 != 0,
        "is larger than the number before; numbers at risk cannot increase": np.append(False, np.diff(count) > 0),
    }
    found = [
        Problem(f"{where}, time {row.time:g}", f"{row.at_risk:g}: {what}")
        for what, which in wrong.items()
        for row in rows[which].itertuples()
    ]
    return found or ([Problem(where, "is 0 at the first time", "the number of subjects")] if count[0] == 0 else [])
