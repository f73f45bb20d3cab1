"""The columns of a table of assessments under standard names, in days and millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.tables.cells import as_numbers
from immunoode.tables.headings import ColumnRoles, find_columns
from immunoode.trial.time_column import LATE, read_time_column

if TYPE_CHECKING:
    import pandas as pd

ROLES = (
    "subject",
    "arm",
    "time",
    "date",
    "start",
    "visit",
    "lesion",
    "kind",
    "diameter",
    "finding",
    "organ",
    "markers_normal",
    "sum_of_diameters",
    "target",
    "non_target",
    "new_lesion",
    "response",
)
LENGTHS = ("diameter", "sum_of_diameters", "new_sum_of_diameters")


def standardise_columns(frame: pd.DataFrame, where: str = "assessments", roles: Sequence[str] = ROLES) -> pd.DataFrame:
    """Return the table with the recognised columns under their standard names.

    Dates, names of days and times in other units become days; lengths in other units become mm. A cell that cannot be
    converted stays as it is.

    Parameters
    ----------
    where : str
        Name of the table in messages.
    roles : sequence of str
        Which of the standard names are looked for.

    Raises
    ------
    DataError
        If two columns could have the same role, or the unit of a length is not one.
    """
    found = find_columns(frame, where, roles=roles)
    table = frame.rename(columns={column: role for role, column in found.found.items()})
    if {"time", "date"} & set(found.found):
        table = table.assign(time=_time(frame, found, where))
    for role in LENGTHS:
        unit = found.units.get(role, "")
        if unit and unit != "mm":
            table[role] = _millimetres(frame[found.found[role]], unit, where)
    return table


def _time(frame: pd.DataFrame, found: ColumnRoles, where: str) -> pd.Series:
    """Return days; cells that are not times are unchanged."""
    column = frame[found.found.get("time", found.found.get("date"))]
    if not len(frame):
        return column
    if str(column.name) == "time" and column.dtype.kind in "iuf" and column.min() < LATE and "start" not in found.found:
        return column
    days = read_time_column(frame, found, where, None)
    return days.values.astype(object).where(days.values.notna(), days.texts) if days.values.isna().any() else days.values


def _millimetres(column: pd.Series, unit: str, where: str) -> pd.Series:
    if units.dimension(unit) != units.dimension("mm"):
        raise DataError(Problem(f"{where}: column {str(column.name)!r}", f"{unit!r} is not a unit of length", "mm or cm"))
    read = as_numbers(column)
    values = read.values * units.factor(unit, "mm")
    return values.astype(object).where(~read.unread, read.texts) if read.unread.any() else values
