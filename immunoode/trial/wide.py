"""Reading wide tables: a row a subject and a column a day, or a row a day and a column a subject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem
from immunoode.tables.files import open_table
from immunoode.trial.columns import KNOWN
from immunoode.trial.reading import read_rows
from immunoode.trial.rows import text
from immunoode.trial.table import TrialData

if TYPE_CHECKING:
    import pandas as pd

_DAY = re.compile(
    r"\s*(?:(?P<before>[A-Za-z]*)[\s_:.-]*)?(?P<number>(?<![\d.])-?\d+(?:\.\d+)?)\s*(?P<after>[A-Za-z]*)\s*"
)
TIME_WORDS = {
    "": "", "d": "day", "day": "day", "days": "day", "tag": "day", "h": "hour", "hour": "hour", "hours": "hour",
    "w": "week", "wk": "week", "week": "week", "weeks": "week", "month": "month", "months": "month", "t": "", "x": "",
}  # fmt: skip
"""What stands before or after the number in the heading of a column of times; "" is the table's own unit."""


def read_wide(
    source: str | Path | pd.DataFrame,
    *,
    quantity: str,
    unit: str,
    subjects: Literal["rows", "columns"] = "rows",
    columns: Mapping[str, str] | None = None,
    arm: str = "all",
    arms: Mapping[str, str] | None = None,
    time_unit: str = "day",
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a spreadsheet with a row (or a column) a subject.

    Parameters
    ----------
    source : path or DataFrame
    quantity, unit : str
        What was measured, and its unit.
    subjects : {"rows", "columns"}
        "rows": columns of times ("0", "Day 7", "d10", "week 2") beside those of the subject and the arm. "columns": a column
        of times beside a column a subject.
    columns : mapping, optional
        {"subject": ..., "arm": ..., "time": ...} where these have unusual names.
    arm : str
        The arm of all where there is no such column.
    arms : mapping, optional
        The arm of each subject, by name.
    time_unit : str
        Unit of times without one.
    title, bad_rows
        As in `read_trial`. Empty cells are times at which nothing was measured; they are not listed.

    Returns
    -------
    TrialData
        `row` is the row of the sheet and its column.

    Raises
    ------
    DataError
        If no column is a time, the subjects are not named once each, or cells make no sense; all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> sheet = pd.DataFrame({"Mouse": ["m1", "m2"], "Group": ["control", "drug"], "Day 0": [100, 90], "Day 4": [180, None]})
    >>> data = read_wide(sheet, quantity="tumour_volume", unit="mm^3")
    >>> data.frame[["subject", "time", "value"]].values.tolist()
    [['m1', 0.0, 100.0], ['m1', 4.0, 180.0], ['m2', 0.0, 90.0]]
    """
    table, where = open_table(source)
    if subjects not in ("rows", "columns"):
        raise DataError(Problem("subjects", f"is {subjects!r}", "'rows' or 'columns'"))
    found = _found(table, columns, where, ("subject", "arm") if subjects == "rows" else ("time",))
    cells = (
        _by_rows(table, found, arm, time_unit, where)
        if subjects == "rows"
        else _by_columns(table, found, arm, time_unit)
    )
    if arms is not None:
        cells = cells.assign(arm=cells["subject"].map({str(k): v for k, v in arms.items()}).fillna(arm))
    cells = cells[text(cells["value"]) != ""]
    names = {name: name for name in ("subject", "arm", "time", "value")}
    return read_rows(cells, where, names, unit, quantity=quantity, title=title or where, bad_rows=bad_rows)


def _found(
    table: pd.DataFrame, columns: Mapping[str, str] | None, where: str, wanted: tuple[str, ...]
) -> dict[str, Any]:
    """Return the columns that are not measurements, as said or by their usual names."""
    given = dict(columns or {})
    missing = [
        Problem(f"{where}: columns", f"there is no column {c!r}") for c in given.values() if c not in table.columns
    ]
    if missing:
        raise DataError(missing)
    lower = {str(c).strip().lower(): c for c in table.columns}
    known = {k: next((lower[n] for n in KNOWN[k] if n in lower), None) for k in wanted if k not in given}
    found = {**{k: c for k, c in known.items() if c is not None}, **given}
    needed = wanted[0]
    if needed not in found:
        raise DataError(Problem(where, f"no column for the {needed}", f"say columns={{{needed!r}: 'its name'}}"))
    return found


def heading_day(heading: Any, time_unit: str) -> float | None:
    """Return the day that a heading names, None where it names none.

    Examples
    --------
    >>> heading_day("Day 7", "day"), heading_day("week 2", "day"), heading_day(3, "week"), heading_day("Notes", "day")
    (7.0, 14.0, 21.0, None)
    """
    match = _DAY.fullmatch(str(heading))
    if not match:
        return None
    before, after = ((match[k] or "").lower() for k in ("before", "after"))
    if before not in TIME_WORDS or after not in TIME_WORDS:
        return None
    unit = TIME_WORDS[before] or TIME_WORDS[after] or time_unit
    return float(match["number"]) * unit_texts.factor(unit, "day")


def _by_rows(table: pd.DataFrame, found: Mapping[str, Any], arm: str, time_unit: str, where: str) -> pd.DataFrame:
    import pandas as pd

    headings = {c: heading_day(c, time_unit) for c in table.columns if c not in found.values()}
    days = {c: day for c, day in headings.items() if day is not None}
    subject = text(table[found["subject"]])
    problems = [] if days else [Problem(where, "no column is a time", "head them '0', 'Day 7', 'week 2', ...")]
    right = "one row a subject, or read_trial for a long table"
    problems += [
        Problem(f"{where}, row {row}", f"has the subject {name!r} a second time", right)
        for row, name in subject[subject.duplicated() & (subject != "")].items()
    ]
    if problems:
        raise DataError(problems)
    arms = text(table[found["arm"]]) if "arm" in found else pd.Series(arm, index=table.index)
    parts = [
        pd.DataFrame({"subject": subject, "arm": arms, "time": day, "value": table[c]}).set_axis(
            [f"{row}, column {c!r}" for row in table.index], axis=0
        )
        for c, day in days.items()
    ]
    return pd.concat(parts)


def _by_columns(table: pd.DataFrame, found: Mapping[str, Any], arm: str, time_unit: str) -> pd.DataFrame:
    import pandas as pd

    time = pd.to_numeric(table[found["time"]], errors="coerce") * unit_texts.factor(time_unit, "day")
    time = time.where(time.notna(), text(table[found["time"]]))
    return pd.concat(
        pd.DataFrame({"subject": str(c).strip(), "arm": arm, "time": time, "value": table[c]}).set_axis(
            [f"{row}, column {c!r}" for row in table.index], axis=0
        )
        for c in table.columns
        if c not in found.values()
    )
