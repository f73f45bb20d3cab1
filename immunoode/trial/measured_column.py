"""Finding the column of measurements of a table, with its quantity and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.tables.cells import NumberColumn, as_numbers
from immunoode.tables.headings import ColumnRoles, parse_heading
from immunoode.trial.trial_data import DIAMETER, SUM_OF_DIAMETERS

if TYPE_CHECKING:
    import pandas as pd

SIZES = ("volume", "sum_of_diameters", "diameter")
"""Roles that are measurements if no column is named as the value."""
_NAMES = {"tv": "tumour_volume", "vol": "volume", "tumourvolume": "tumour_volume"}


@dataclass(frozen=True)
class MeasuredColumn:
    """Measurements of a table: numbers, name and unit of the quantity, the columns they are from, and notes."""

    read: NumberColumn
    quantity: str
    unit: str
    columns: tuple[Any, ...]
    notes: tuple[str, ...] = ()


def find_measured_column(table: pd.DataFrame, columns: ColumnRoles, where: str) -> MeasuredColumn:
    """Find the measurements of a long table.

    Raises
    ------
    DataError
        If there is no column of values, or several candidates.
    """
    found = columns.found
    if "value" in found:
        return _of(table, found["value"], str(found["value"]), columns.units.get("value", ""))
    sizes = [role for role in SIZES if role in found]
    if len(sizes) == 1:
        name, unit = found[sizes[0]], columns.units.get(sizes[0], "")
        return _of(table, name, _quantity(sizes[0], str(name), unit), unit)
    if not sizes and "length" in found and "width" in found:
        return _of_axes(table, columns)
    others = [c for c in table.columns if c not in set(found.values()) and _measures(str(c))] if not sizes else []
    if len(others) == 1:
        head = parse_heading(str(others[0]))
        return _of(table, others[0], standard_quantity(head.words), head.unit)
    several = [str(found[role]) for role in sizes] or list(map(str, others))
    doubt = f": {' and '.join(map(repr, several))} could each be it" if several else ""
    here = ", ".join(repr(str(c)) for c in table.columns[:40])
    raise DataError(Problem(where, f"no column for the value{doubt} (columns: {here})", "give columns={'value': 'its name'}"))


def standard_quantity(words: str) -> str:
    """Return the name of a quantity in the spelling of the models: "tumour_volume" for "tumor_volume"."""
    return _NAMES.get(spelt := words.replace("tumor", "tumour"), spelt)


def _of(table: pd.DataFrame, column: Any, quantity: str, unit: str) -> MeasuredColumn:
    return MeasuredColumn(as_numbers(table[column]), quantity, unit, (column,))


def _quantity(role: str, column: str, unit: str) -> str:
    """Return the quantity of a column of sizes: a sum or diameter if it is a length, else the name in its heading."""
    words = standard_quantity(parse_heading(column).words)
    lengthy = not unit or _is_length(unit)
    return {"sum_of_diameters": SUM_OF_DIAMETERS, "diameter": DIAMETER}.get(role, words) if lengthy else words


def _is_length(unit: str) -> bool:
    try:
        return units.dimension(unit) == units.dimension("mm")
    except UnitError:
        return False


def _measures(column: str) -> bool:
    """Return whether a heading ends in a unit other than one of time."""
    unit = parse_heading(column).unit
    return bool(unit) and units.dimension(unit) != units.dimension("day")


def _of_axes(table: pd.DataFrame, columns: ColumnRoles) -> MeasuredColumn:
    """Return volumes from length and width: half of the longer times the square of the shorter."""
    import numpy as np
    import pandas as pd

    names = [columns.found[role] for role in ("length", "width")]
    stated = [columns.units.get(role, "") for role in ("length", "width")]
    first, second = (as_numbers(table[name]) for name in names)
    unit = stated[0] or stated[1]
    values = [r.values * (units.factor(u, unit) if u and unit else 1.0) for r, u in zip((first, second), stated, strict=True)]
    longer, shorter = (pd.Series(f(*values), index=table.index) for f in (np.maximum, np.minimum))
    texts = (first.texts + " x " + second.texts).where(~(first.missing & second.missing), "")
    unread = first.unread | second.unread | (first.missing ^ second.missing)
    read = NumberColumn(longer * shorter**2 / 2, first.missing & second.missing, unread, texts)
    note = f"volume is half of the longer of {str(names[0])!r} and {str(names[1])!r} times the square of the shorter"
    return MeasuredColumn(read, "tumour_volume", f"{unit}^3" if unit else "", tuple(names), (note,))
