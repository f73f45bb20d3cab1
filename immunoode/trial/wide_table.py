"""Reading wide tables: one row per subject and one column per day, or one row per day and one column per subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode.errors import DataError, Problem
from immunoode.tables.cells import as_text, is_missing
from immunoode.tables.dates import whole_date
from immunoode.tables.headings import ColumnRoles, find_columns, heading_words
from immunoode.tables.identifiers import identifier, identifiers, values_of_subjects
from immunoode.tables.reconciliation import UNUSED, Reconciliation
from immunoode.tables.table_files import open_table
from immunoode.tables.visit_labels import visit_time
from immunoode.trial.long_table import read_rows
from immunoode.trial.reconcile import baseline_notes, reconcile
from immunoode.trial.time_column import read_time_column
from immunoode.trial.trial_data import LEFT_OUT, TrialData

if TYPE_CHECKING:
    import pandas as pd

CELL = ", column "
VISITS = frozenset(
    "baseline bl screening pre predose pre_dose pre_treatment post post_treatment eot end_of_treatment eos follow_up".split()
)
"""Headings that name a visit without its day, as `heading_words` writes them."""


def read_wide(
    source: str | Path | pd.DataFrame,
    *,
    quantity: str,
    unit: str,
    subjects: Literal["rows", "columns"] = "rows",
    columns: Mapping[str, str] | None = None,
    arm: str | None = None,
    arms: Mapping[str, str] | None = None,
    time_unit: str | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a spreadsheet with one row (or column) per subject.

    Parameters
    ----------
    source : path or DataFrame
    quantity, unit : str
        The measured quantity, and its unit.
    subjects : {"rows", "columns"}
        "rows": one column per time ("0", "Day -7", "d10", "week 2"), and columns of the subject and the arm. "columns": one
        column per subject, and a column of times.
    columns : mapping, optional
        {"subject": ..., "arm": ..., "time": ...} if these have unusual headings.
    arm : str, optional
        The arm of all subjects without a column of arms (and of those that `arms` does not name); "all" by default.
    arms : mapping, optional
        The arm of each subject.
    time_unit : str, optional
        Unit of times without a unit; days by default.
    title, bad_rows
        As in `read_trial`. Empty cells are missing measurements; they are counted in the reconciliation.

    Returns
    -------
    TrialData
        `row` is the row and column of the sheet.

    Raises
    ------
    DataError
        If no column is a time, a heading looks like a time but is not recognised ("Day 21*"), two columns are the same day,
        a subject is missing or repeated, or cells are invalid; all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"Mouse": ["m1", "m2"], "Group": ["control", "drug"], "Day 0": [100, 90], "Day 4": [180, None]})
    >>> data = read_wide(sheet, quantity="tumour_volume", unit="mm^3")
    >>> data.frame[["subject", "time", "value"]].values.tolist()
    [['m1', 0.0, 100.0], ['m1', 4.0, 180.0], ['m2', 0.0, 90.0]]
    """
    import pandas as pd

    table, where = open_table(source)
    if subjects not in ("rows", "columns"):
        raise DataError(Problem("subjects", f"is {subjects!r}", "'rows' or 'columns'"))
    roles = ("subject", "arm") if subjects == "rows" else ("time",)
    found = find_columns(table, where, columns, roles=roles, needed=roles[:1])
    headed = _subjects(table, found) if subjects == "columns" else _days(table, found, time_unit or "day", where)
    make = _by_rows if subjects == "rows" else _by_columns
    cells = make(table, found, headed, time_unit, where)
    cells = cells.assign(arm=_arms(cells, arms, arm, where))
    empty = is_missing(as_text(cells["value"]))
    names = {name: name for name in ("subject", "arm", "time", "value")}
    data = read_rows(
        cells[~empty], where, names, unit, quantity=quantity, time_unit="day", title=title or where, bad_rows=bad_rows
    )
    lost = cells.loc[empty, ["subject"]].assign(row=cells.index[empty], reason="an empty cell")
    whole = pd.concat([data.left_out, lost[list(LEFT_OUT)]], ignore_index=True)
    return replace(data, reconciliation=_reconciliation(table, found, headed, cells, data, whole, where))


def _reconciliation(
    table: pd.DataFrame,
    found: ColumnRoles,
    headed: Mapping[Any, Any],
    cells: pd.DataFrame,
    data: TrialData,
    left_out: pd.DataFrame,
    where: str,
) -> Reconciliation:
    """Return the reconciliation of the cells, and of the rows of the sheet."""
    taken = {c: what if what != UNUSED or c not in map(str, headed) else "" for c, what in found.taken_as(table).items()}
    taken |= {str(c): f"day {what:g}" if isinstance(what, float) else f"subject {what}" for c, what in headed.items()}
    cells_reconciled = reconcile(
        where,
        cells.index,
        data.frame["row"],
        left_out,
        taken,
        subjects=cells["subject"],
        kept=data.subjects,
        what="cells",
        notes=[*found.notes, *baseline_notes(data.frame)],
    )
    used = {row.split(CELL)[0] for row in data.frame["row"]}
    bare = left_out.assign(row=left_out["row"].map(lambda row: str(row).split(CELL)[0]), reason="no measurement")
    rows = reconcile(where, map(str, table.index), used, bare, {})
    return replace(cells_reconciled, tallies=(*rows.tallies, *cells_reconciled.tallies))


def _days(table: pd.DataFrame, found: ColumnRoles, time_unit: str, where: str) -> dict[Any, float]:
    """Return the days of the columns that are times.

    Raises
    ------
    DataError
        If a heading looks like a time but is not recognised, two columns are the same day, or none is a time.
    """
    named = {c: visit_time(c, time_unit) for c in table.columns if c not in set(found.found.values())}
    right = "headings of times such as '0', 'Day 7', 'week 2'"
    problems = [Problem(f"{where}: column {str(c)!r}", n.doubt, right) for c, n in named.items() if n.doubt]
    problems += [
        Problem(f"{where}: column {str(c)!r}", "has a date as heading", right)
        for c in named
        if whole_date(str(c)[:10]) is not None
    ]
    days = {c: float(n.day) for c, n in named.items() if n.day is not None}
    problems += [
        Problem(f"{where}: column {str(c)!r}", "names a visit without its day", right)
        for c in named
        if heading_words(str(c)) in VISITS
    ]
    seen: dict[float, Any] = {}
    for c, day in days.items():
        if day in seen:
            problems.append(Problem(where, f"{str(seen[day])!r} and {str(c)!r} are both day {day:g}", "one column per day"))
        seen.setdefault(day, c)
    if not days and not problems:
        problems.append(Problem(where, "no column is a time", "headings of times such as '0', 'Day 7', 'week 2'"))
    DataError.raise_if(problems)
    return days


def _subjects(table: pd.DataFrame, found: ColumnRoles) -> dict[Any, str]:
    """Return the identifiers of the columns that are subjects."""
    return {c: identifier(c) for c in table.columns if c not in set(found.found.values())}


def _arms(cells: pd.DataFrame, arms: Mapping[str, str] | None, arm: str | None, where: str) -> pd.Series:
    """Return the arm of each cell: from the mapping, the column of the sheet, or the same for all."""
    import pandas as pd

    if arms is None:
        return cells["arm"] if "arm" in cells.columns else pd.Series(arm or "all", index=cells.index)
    here = list(dict.fromkeys(cells["subject"]))
    named = values_of_subjects(arms, here, "arms", f"is not a subject of {where}")
    missing = [name for name in here if name and name not in named] if arm is None else []
    if missing:
        right = "an arm for each subject, or arm= for the others"
        raise DataError([Problem("arms", f"has no arm for {name!r}", right) for name in missing[:20]])
    return cells["subject"].map(named).fillna(arm or "all")


def _by_rows(table: pd.DataFrame, found: ColumnRoles, days: Mapping[Any, Any], _: str | None, where: str) -> pd.DataFrame:
    import pandas as pd

    subject = pd.Series(identifiers(table[found.found["subject"]]), index=table.index, dtype=object)
    right = "one row per subject, or read_trial for a long table"
    problems = [
        Problem(f"{where}, row {row}", f"repeats the subject {name!r}", right)
        for row, name in subject[subject.duplicated() & (subject != "")].items()
    ]
    DataError.raise_if(problems)
    own = {"arm": as_text(table[found.found["arm"]])} if "arm" in found.found else {}
    parts = [
        pd.DataFrame({"subject": subject, **own, "time": day, "value": table[c].astype(object)}).set_axis(
            [f"{row}{CELL}{c!r}" for row in table.index], axis=0
        )
        for c, day in days.items()
    ]
    return pd.concat(parts)


def _by_columns(
    table: pd.DataFrame, found: ColumnRoles, subjects: Mapping[Any, Any], time_unit: str | None, where: str
) -> pd.DataFrame:
    import pandas as pd

    if not subjects:
        raise DataError(Problem(where, "has no column of a subject", "one column per subject, and one of the times"))
    days = read_time_column(table, found, where, time_unit)
    time = days.values.astype(object).where(days.values.notna(), days.texts)
    return pd.concat(
        pd.DataFrame({"subject": name, "time": time, "value": table[c].astype(object)}).set_axis(
            [f"{row}{CELL}{c!r}" for row in table.index], axis=0
        )
        for c, name in subjects.items()
    )
