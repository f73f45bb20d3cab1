"""The rows of a trial table: under our names, as numbers, and what is wrong with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from immunoode import units as unit_texts
from immunoode.errors import UnitError
from immunoode.trial.dates import study_days
from immunoode.trial.table import CENSORINGS, COLUMNS, INTERVAL

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = frozenset({"", "na", "nan", ".", "none", "null", "not evaluable", "ne", "not done", "missing"})
_CENSORED = {
    "1": "left",
    "1.0": "left",
    "-1": "right",
    "-1.0": "right",
    "0": "",
    "0.0": "",
    ".": "",
    "nan": "",
    "none": "",
    "uncensored": "",
}
SAME = ["subject", "arm", "time", "quantity", "lesion", "value"]
"""What two rows share of which one is a repeat."""


def canonical(
    table: pd.DataFrame,
    found: Mapping[str, str],
    units: str | Mapping[str, str] | None,
    quantity: str | None,
    arm: str,
    day: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table under our names, and the texts of time and value as they stood.

    Parameters
    ----------
    found : mapping
        Our names to the table's.
    units, quantity, arm
        What holds where the table has no such column.
    day : float
        The table's unit of time in days.
    """
    import pandas as pd

    def column(name: str, constant: str) -> pd.Series:
        if name not in found:
            return pd.Series(constant, index=table.index)
        return text(table[found[name]])

    frame = pd.DataFrame(
        {
            "subject": column("subject", ""),
            "arm": column("arm", arm),
            "time": _times(table, found, day),
            "quantity": column("quantity", quantity or str(found["value"])),
            "value": pd.to_numeric(table[found["value"]], errors="coerce").astype(float),
        }
    )
    frame["unit"] = column("unit", "") if "unit" in found else frame["quantity"].map(_unit_of(units))
    frame["lesion"], frame["kind"] = column("lesion", ""), column("kind", "").str.lower()
    frame["censoring"] = column("censoring", "").str.lower().replace(_CENSORED)
    frame["limit"] = (
        pd.to_numeric(table[found["limit"]], errors="coerce").astype(float) if "limit" in found else float("nan")
    )
    frame["censoring"] = frame["censoring"].mask((frame["censoring"] == "left") & frame["limit"].notna(), INTERVAL)
    frame["flag"] = column("flag", "")
    frame["visit"] = column("visit", "")
    frame["row"] = table.index
    texts = pd.DataFrame({"time": text(table[found["time"]]), "value": text(table[found["value"]])})
    return frame.reset_index(drop=True)[list(COLUMNS)], texts.reset_index(drop=True)


def _times(table: pd.DataFrame, found: Mapping[str, str], day: float) -> pd.Series:
    """Return days: numbers of the table's unit, or dates counted from the column of starts."""
    import pandas as pd

    column = table[found["time"]]
    numbers = pd.to_numeric(column, errors="coerce").astype(float) * day
    if "start" not in found or numbers.notna().any():
        return numbers
    return study_days(column, table[found["start"]])


def text(column: pd.Series) -> pd.Series:
    """Return labels as text: 3.0 and 3 are the same subject."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    if pd.api.types.is_numeric_dtype(column) and not column.hasnans:
        return column.astype(str)
    if (
        pd.api.types.infer_dtype(column, skipna=True) == "string"
    ):  # few different words in many rows: each is cleaned once
        codes, words = pd.factorize(column)
        clean = np.asarray([*(str(word).strip() for word in words), ""], dtype=object)
        return pd.Series(clean[codes], index=column.index, name=column.name)
    return column.astype("object").where(column.notna(), "").astype(str).str.strip()


def _unit_of(units: str | Mapping[str, str] | None) -> Mapping[str, str]:
    if isinstance(units, Mapping):
        return defaultdict(str, {str(k): v for k, v in units.items()})
    return defaultdict(lambda: units or "")


def reasons(frame: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """Return for every row why it makes no sense ("" where it does), and why it has no value."""
    import numpy as np
    import pandas as pd

    no_value = texts["value"].str.lower().isin(MISSING_WORDS)
    empty = (frame["subject"] == "") & no_value & (texts["time"] == "")
    upside_down = (frame["censoring"] == INTERVAL) & ~(frame["limit"] <= frame["value"])
    unread = frame["unit"].map(_unit_problem(frame["unit"])) != ""
    bad = first_reason(
        ((frame["subject"] == "") & ~empty, "has no subject"),
        (~np.isfinite(frame["time"]) & ~empty, quoting("time {} is not a number", texts["time"])),
        (~no_value & ~np.isfinite(frame["value"]), quoting("value {} is not a number", texts["value"])),
        (~frame["censoring"].isin(CENSORINGS), "censoring is not left, right, interval or empty"),
        (upside_down, "the limit of the interval is not below its value"),
        (_negative(frame), quoting("value {} is negative", texts["value"])),
        (unread, quoting("unit {} cannot be read", frame["unit"])),
        (_clash(frame), quoting("unit {} measures something else than the quantity's other rows", frame["unit"])),
        (frame.duplicated(SAME) & ~no_value, "repeats an earlier row"),
    )
    missing = pd.Series("", index=frame.index)
    missing[no_value] = "no value (" + texts["value"][no_value].replace("", "empty") + ")"
    missing[empty] = "empty row"
    return pd.DataFrame({"bad": bad, "missing": missing})


Reason = str | Callable[["pd.Series"], "pd.Series"]
"""Why rows are wrong; or what makes the reasons of the rows that are marked, for most tables have none."""


def quoting(words: str, cells: pd.Series) -> Callable[[pd.Series], pd.Series]:
    """Return what makes reasons that quote the cells: "time {} is not a number"."""
    return lambda rows: cells[rows].map(lambda cell: words.format(repr(cell)))


def first_reason(*marks: tuple[pd.Series, Reason]) -> pd.Series:
    """Return for every row the first of the reasons that are marked in it, "" where none is."""
    import pandas as pd

    bad = pd.Series("", index=marks[0][0].index)
    for rows, reason in marks:
        fresh = rows & (bad == "") if rows.any() else rows
        if fresh.any():
            bad.loc[fresh] = reason if isinstance(reason, str) else reason(fresh)
    return bad


def _negative(frame: pd.DataFrame) -> pd.Series:
    """Lengths, volumes, cells and concentrations cannot be negative; a number without a unit may be (a log, a change)."""
    return (frame["value"] < 0) & (frame["unit"] != "") & (frame["unit"] != "1")


def _unit_problem(texts: pd.Series) -> dict[str, str]:
    problems = {}
    for unit in texts.unique():
        try:
            unit_texts.dimension(unit)
            problems[unit] = ""
        except UnitError as error:
            problems[unit] = str(error)
    return problems


def first_units(frame: pd.DataFrame) -> tuple[pd.Series, set[tuple[str, str]]]:
    """Return the unit of the first row of each row's quantity, and the pairs of units that occur."""
    first = frame["quantity"].map(dict(frame.drop_duplicates("quantity")[["quantity", "unit"]].itertuples(index=False)))
    some = frame[["unit"]].assign(first=first).drop_duplicates()
    return first, set(some.itertuples(index=False, name=None))


def _clash(frame: pd.DataFrame) -> pd.Series:
    """Return the rows whose unit has another dimension than the first row of the same quantity."""
    import pandas as pd

    good = {t: unit_texts.dimension(t) for t, problem in _unit_problem(frame["unit"]).items() if not problem}
    first, pairs = first_units(frame)
    rows = pd.Series(False, index=frame.index)
    for a, b in pairs:
        if a in good and b in good and good[a] != good[b]:
            rows |= (frame["unit"] == a) & (first == b)
    return rows


def in_order(kept: pd.DataFrame) -> pd.DataFrame:
    """Convert every quantity to the unit of its first row, and sort by subject, quantity, time and lesion."""
    to, pairs = first_units(kept)
    numbers = kept[["value", "limit"]].copy()
    for a, b in pairs:
        if a != b:
            numbers[(kept["unit"] == a) & (to == b)] *= unit_texts.factor(a, b)
    order = kept["subject"].drop_duplicates().reset_index(drop=True)
    places = kept["subject"].map(dict(zip(order, order.index, strict=True)))
    table = kept.assign(**numbers, unit=to, _order=places)
    by = ["_order", "quantity", "time", "lesion"]
    return table.sort_values(by, kind="stable").drop(columns="_order").reset_index(drop=True)
