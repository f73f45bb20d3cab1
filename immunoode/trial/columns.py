"""Which column of a user's table is which: names given, names known, constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem, nearest

if TYPE_CHECKING:
    from pandas import DataFrame

KNOWN = {
    "subject": ("subject", "id", "subject_id", "patient", "patient_id", "ptid", "usubjid", "mouse", "animal", "name"),
    "arm": ("arm", "group", "treatment", "cohort", "trt", "arm_name"),
    "time": ("time", "day", "days", "t", "time_days", "visit_day"),
    "quantity": ("quantity", "observable", "variable", "param", "endpoint"),
    "value": ("value", "dv", "y", "observation", "measurement", "aval"),
    "unit": ("unit", "units", "observable unit", "value_unit"),
    "lesion": ("lesion", "lesion_id", "trlnkid", "tulnkid"),
    "kind": ("kind", "lesion_kind", "lesion_type", "trgrpid"),
    "censoring": ("censoring", "cens"),
    "limit": ("limit",),
    "flag": ("flag", "flags", "note", "comment"),
    "visit": ("visit", "avisit", "visit_name"),
    "start": ("start_date", "first_dose_date", "trtsdt", "randdt"),
}
"""Names that a column is recognised by, without being told (any case)."""
REQUIRED = ("subject", "time", "value")
UNITS = {
    "mm3": "mm^3", "cm3": "cm^3", "mm": "mm", "cm": "cm", "mg_l": "mg/L", "ug_ml": "ug/mL", "ng_ml": "ng/mL", "pg_ml": "pg/mL",
}  # fmt: skip
"""Units at the end of a column's name, and how we write them: volume_mm3."""


def find(
    table: DataFrame, columns: Mapping[str, str] | None, where: str, needed: Sequence[str] = REQUIRED
) -> dict[str, str]:
    """Return which column of `table` holds what, every problem reported at once.

    Parameters
    ----------
    columns : mapping
        What the caller says: ours to theirs, for example {"subject": "ID", "value": "volume_mm3"}.
    needed : sequence of str
        What there has to be.
    """
    given = dict(columns or {})
    problems = [
        Problem(f"{where}: columns", f"{k!r} is not something a trial table has", nearest(k, KNOWN))
        for k in given
        if k not in KNOWN
    ]
    problems += [
        Problem(f"{where}: columns", f"there is no column {v!r} for {k}", nearest(str(v), map(str, table.columns)))
        for k, v in given.items()
        if v not in table.columns
    ]
    found = {**_recognised(table, set(given.values())), **given}
    if "value" in needed and "value" not in found:
        measured = with_unit(table, found.values())
        found |= {"value": measured[0]} if measured else {}
    problems += [_missing(name, table, where) for name in needed if name not in found]
    if problems:
        raise DataError(problems)
    return found


def with_unit(table: DataFrame, taken: Iterable[str]) -> tuple[str, str, str] | None:
    """Return the one column that names its quantity and unit (volume_mm3), with the two; None of several, or none."""
    hits = []
    for column in map(str, table.columns):
        found = next((s for s in UNITS if column.lower().endswith("_" + s) and column not in set(taken)), None)
        if found is not None:
            hits.append((column, column[: -len(found) - 1], UNITS[found]))
    return hits[0] if len(hits) == 1 else None


def _recognised(table: DataFrame, taken: set[str]) -> dict[str, str]:
    by_name = {str(c).strip().lower(): str(c) for c in table.columns if c not in taken}
    found = {}
    for ours, names in KNOWN.items():
        hit = next((by_name[n] for n in names if n in by_name), None)
        if hit is not None:
            found[ours] = hit
    return found


def _missing(name: str, table: DataFrame, where: str) -> Problem:
    here = ", ".join(repr(str(c)) for c in table.columns)
    return Problem(where, f"no column for the {name} (columns: {here})", f"say columns={{{name!r}: 'its name'}}")
