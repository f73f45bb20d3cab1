"""Survival curves read off figures: points become a decreasing curve that starts at 1, and all changes are stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.tables.cells import as_numbers, as_text
from immunoode.tables.headings import KNOWN, find_columns

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
ONE_ARM = "all"
SYNONYMS = {
    "time": (*KNOWN["time"], "x", "trisk", "t_risk", "time_at_risk"),
    "survival": tuple("survival s surv st survival_probability probability proportion percent percentage y value".split()),
    "at_risk": tuple(
        "at_risk n_risk nrisk n_at_risk number_at_risk numbers_at_risk no_at_risk natrisk atrisk risk n number count".split()
    ),
    "arm": KNOWN["arm"],
}
"""Recognised headings of the tables of points and of numbers at risk."""
HIGHEST_FRACTION = 1.5
"""A curve that goes higher is in percent."""
SLACK = 0.1
"""Reading errors of survival up to this above 1 or below 0 are clipped; larger ones are refused."""
EARLY = 0.02
"""Times before 0 up to this share of the time axis are reading errors."""
SPIKE = 0.03
"""A point that lies further than this below or above both of its neighbours is a stray point, as survival never rises."""
OFFSET = (0.005, 0.05)
"""A curve whose first level differs from 1 by this much is misread by a factor; a smaller difference is rounding."""


@dataclass(frozen=True)
class DigitisedCurve:
    """The survival curve of one arm.

    Attributes
    ----------
    time : (n,)
        Distinct times in increasing order, from 0, in the unit of the points.
    survival : (n,)
        Level from each time on; it starts at 1 and falls at each later time.
    end : float
        Time of the last point: the curve is known until then.
    left_out : DataFrame
        Points that were not used: row, reason.
    notes : tuple of str
        The changes.
    """

    time: FloatArray
    survival: FloatArray
    end: float
    left_out: pd.DataFrame
    notes: tuple[str, ...] = ()


def curves_of_arms(source: Any) -> dict[str, DigitisedCurve]:
    """Return the curve of each arm.

    Parameters
    ----------
    source : DataFrame, array (n, 2), or mapping of arm to these
        Points: time, survival (a fraction or percent), and optionally arm.

    Raises
    ------
    DataError
        All points that cannot be on a survival curve.
    """
    found: dict[str, DigitisedCurve] = {}
    problems: list[Problem] = []
    for arm, table in tables_of_arms(source, "curve", "survival").items():
        where = "curve" if arm == ONE_ARM else f"curve of {arm}"
        try:
            found[arm] = _curve(table, where)
        except DataError as error:
            problems += error.problems
    DataError.raise_if(problems)
    return found


def tables_of_arms(source: Any, where: str, column: str) -> dict[str, pd.DataFrame]:
    """Return a table with the columns row, time and `column` for each arm; one arm is "all" if none is stated.

    Raises
    ------
    DataError
        If the source is not a table, or lacks these columns.
    """
    import pandas as pd

    if isinstance(source, Mapping) and source and all(_is_table(v) for v in source.values()):
        own = {str(arm): tables_of_arms(part, f"{where} of {arm}", column) for arm, part in source.items()}
        return {arm: pd.concat(parts.values(), ignore_index=True) for arm, parts in own.items()}
    table = _as_table(source, where, column)
    found = find_columns(table, where, roles=("time", column, "arm"), needed=("time", column), synonyms=SYNONYMS).found
    arms = as_text(table[found["arm"]]) if "arm" in found else pd.Series(ONE_ARM, index=table.index)
    if (arms == "").any():
        lost = [str(row) for row in table.index[arms == ""]]
        raise DataError([Problem(f"{where}, row {row}", "has no arm", "a name in every row") for row in lost])
    plain = pd.DataFrame({"row": table.index, "time": table[found["time"]], column: table[found[column]], "arm": arms})
    return {str(arm): part.drop(columns="arm") for arm, part in plain.groupby("arm", sort=False)}


def _is_table(value: Any) -> bool:
    return not np.isscalar(value) and (hasattr(value, "__len__") or isinstance(value, Mapping))


def _as_table(source: Any, where: str, column: str) -> pd.DataFrame:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        table = source
    elif isinstance(source, (Mapping, pd.Series)):
        table = pd.DataFrame(list(source.items()), columns=["time", column])
    else:
        rows = np.asarray(source)
        if rows.ndim != 2 or rows.shape[1] != 2:
            right = f"a table with the columns time and {column}, or an array with these two columns"
            raise DataError(Problem(where, f"is {type(source).__name__}", right))
        table = pd.DataFrame(rows, columns=["time", column])
    if table.empty:
        raise DataError(Problem(where, "has no rows", f"one row per time, with the columns time and {column}"))
    return table


def numbers(table: pd.DataFrame, column: str, where: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Return time and a column as numbers, without the rows in which one is missing, and the cells that are not numbers."""
    read = {name: as_numbers(table[name]) for name in ("time", column)}
    problems = [
        Problem(f"{where}, row {table['row'].loc[at]}", f"{name} {cells.texts.loc[at]!r} is not a number")
        for name, cells in read.items()
        for at in table.index[cells.unread]
    ]
    return table.assign(**{name: cells.values for name, cells in read.items()}), problems


def _curve(table: pd.DataFrame, where: str) -> DigitisedCurve:
    """Return the curve of one arm."""
    import pandas as pd

    points, problems = numbers(table, "survival", where)
    notes: list[str] = []
    blank = points[["time", "survival"]].isna().any(axis=1)
    left_out = [points.loc[blank, ["row"]].assign(reason="has no time or no survival")]
    points = points[~blank]
    if problems or points.empty:
        raise DataError(problems or Problem(where, "has no points", "times and survival read off the figure"))
    if points["survival"].max() > HIGHEST_FRACTION:
        points = points.assign(survival=points["survival"] / 100)
        notes.append("survival is in percent")
    _check(points, where)
    points = points.assign(time=points["time"].clip(lower=0.0))
    points = points.sort_values(["time", "survival"], ascending=[True, False], kind="stable")
    stray = _stray(points["survival"].to_numpy(np.float64))
    left_out.append(points.loc[stray, ["row"]].assign(reason="is far from both of its neighbours, and survival cannot rise"))
    points = points[~stray]
    time, level = points["time"].to_numpy(np.float64), points["survival"].to_numpy(np.float64)
    factor = _first_level(time, level)
    if factor != 1:
        notes.append(f"begins at {factor:.3g} instead of 1: survival is divided by {factor:.3g}")
    rises = int(np.sum(np.diff(level) > 0))
    if rises:
        notes.append(f"rises at {rises} points: the closest falling curve is taken (least squares)")
    days, survival = _falling(time, level / factor)
    return DigitisedCurve(days, survival, float(time[-1]), pd.concat(left_out, ignore_index=True), tuple(notes))


def _check(points: pd.DataFrame, where: str) -> None:
    """Raise an error if points cannot be on a survival curve."""
    span = float(points["time"].max())
    wrong = {
        "time is negative": points["time"] < -EARLY * span,
        "survival is below 0": points["survival"] < -SLACK,
        "survival is above 1": points["survival"] > 1 + SLACK,
    }
    problems = [
        Problem(f"{where}, row {row.row}", f"{what} ({row.time if 'time' in what else row.survival:.4g})")
        for what, which in wrong.items()
        for row in points[which].itertuples()
    ]
    ordered = points.sort_values("time", kind="stable")["survival"]
    if not problems and ordered.iloc[0] < 0.5 and ordered.iloc[-1] > ordered.iloc[0]:
        right = "a survival curve: if it is a cumulative incidence, give 1 minus its values"
        problems.append(Problem(where, f"rises from {ordered.iloc[0]:.3g} to {ordered.iloc[-1]:.3g}", right))
    if not problems and span <= 0:
        problems.append(Problem(where, "has no time above 0", "at least one point after time 0"))
    DataError.raise_if(problems)


def _stray(level: FloatArray) -> NDArray[np.bool_]:
    """Return which points lie below or above both neighbours by more than `SPIKE`."""
    stray = np.zeros(len(level), bool)
    before, after = level[:-2] - level[1:-1], level[2:] - level[1:-1]
    stray[1:-1] = (np.minimum(np.abs(before), np.abs(after)) > SPIKE) & (before * after > 0)
    return stray


def _first_level(time: FloatArray, level: FloatArray) -> float:
    """Return the level at which a curve begins: 1, unless its first points agree on another level close to 1."""
    flat = np.abs(level - level[0]) <= OFFSET[0]
    plateau = level[: len(level) if flat.all() else int(np.argmin(flat))]
    begins = float(np.median(plateau))
    misread = OFFSET[0] < abs(begins - 1) <= OFFSET[1]
    early = begins > 1 or time[0] <= 0.0025 * time[-1]
    return begins if misread and early and len(plateau) >= 3 else 1.0


def _falling(time: FloatArray, level: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the times at which the closest falling curve falls, from (0, 1), and its level from each time on."""
    from scipy.optimize import isotonic_regression

    fitted = np.clip(isotonic_regression(level, increasing=False).x, 0.0, 1.0)
    last = np.flatnonzero(np.append(np.diff(time) > 0, True))
    days, survival = np.append(0.0, time[last]), np.append(1.0, fitted[last])
    if days[1] == 0:
        days, survival = days[1:], np.append(1.0, survival[2:])
    falls = np.append(True, np.diff(survival) < 0)
    return days[falls], survival[falls]
