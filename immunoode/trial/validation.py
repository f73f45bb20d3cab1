"""The rows of a trial table: under standard names, as numbers, and what is wrong with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from immunoode import units as unit_texts
from immunoode.errors import UnitError
from immunoode.tables.cells import as_numbers, as_text, is_missing, number_advice
from immunoode.tables.headings import parse_unit
from immunoode.tables.identifiers import identifiers
from immunoode.trial.measured_column import MeasuredColumn
from immunoode.trial.time_column import TimeColumn
from immunoode.trial.trial_data import CENSORINGS, COLUMNS, INTERVAL

if TYPE_CHECKING:
    import pandas as pd

NO_VALUE = frozenset({"not evaluable", "ne", "not done", "nd", "not evaluated", "not assessed", "unevaluable"})
"""Words for a missing value, in lower case, in addition to those of any empty cell."""
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
"""Columns that are equal in rows that repeat each other."""


def has_no_value(texts: pd.Series) -> pd.Series:
    """Return which cells mean that nothing was measured."""
    return is_missing(texts) | texts.str.lower().isin(NO_VALUE)


def standardise_rows(
    table: pd.DataFrame,
    found: Mapping[str, str],
    measured: MeasuredColumn,
    days: TimeColumn,
    units: str | Mapping[str, str] | None,
    arm: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table under standard names, and the texts of values and times with what is wrong with them.

    Parameters
    ----------
    found : mapping
        Columns of the table by standard name.
    units, arm
        Values for a table without such columns.
    """
    import pandas as pd

    def column(name: str, constant: str) -> pd.Series:
        if name not in found:
            return pd.Series(constant, index=table.index)
        return as_text(table[found[name]])

    def words(name: str) -> pd.Series:
        texts = column(name, "")
        return texts.mask(is_missing(texts), "")

    frame = pd.DataFrame(
        {
            "subject": pd.Series(identifiers(table[found["subject"]]), index=table.index, dtype=object),
            "arm": column("arm", arm),
            "time": days.values,
            "quantity": column("quantity", measured.quantity),
            "value": measured.read.values,
        }
    )
    stated = words("unit").map(_standard_unit) if "unit" in found else frame["quantity"].map(_unit_of(units))
    frame["unit"] = stated.where(stated != "", measured.unit)
    frame["lesion"], frame["kind"] = column("lesion", ""), column("kind", "").str.lower()
    frame["censoring"] = column("censoring", "").str.lower().replace(_CENSORED)
    limit = as_numbers(table[found["limit"]]) if "limit" in found else None
    frame["limit"] = float("nan") if limit is None else limit.values
    frame["censoring"] = frame["censoring"].mask((frame["censoring"] == "left") & frame["limit"].notna(), INTERVAL)
    frame["flag"], frame["visit"] = column("flag", ""), words("visit")
    frame["row"] = table.index
    texts = pd.DataFrame(
        {
            "time": days.texts,
            "value": measured.read.texts,
            "wrong_time": days.wrong,
            "unread": measured.read.unread,
            "wrong_limit": False if limit is None else limit.unread,
        }
    )
    return frame.reset_index(drop=True)[list(COLUMNS)], texts.reset_index(drop=True)


SUMMARIES = ("mean", "average", "median", "sd", "std", "sem", "std dev", "total", "geomean", "geometric mean", "cv", "cv%")
"""Labels of summary rows below the subjects of a spreadsheet, in lower case."""


def _standard_unit(stated: str) -> str:
    return parse_unit(stated) or stated


def _unit_of(units: str | Mapping[str, str] | None) -> Mapping[str, str]:
    if isinstance(units, Mapping):
        return defaultdict(str, {str(k): _standard_unit(v) for k, v in units.items()})
    return defaultdict(lambda: _standard_unit(units or ""))


def reasons(frame: pd.DataFrame, texts: pd.DataFrame, repeats: bool = False, negative: bool = False) -> pd.DataFrame:
    """Return for every row why it is invalid ("" if it is valid), and why it has no value.

    Parameters
    ----------
    repeats, negative : bool
        Whether rows that repeat another one, and negative values, are valid.
    """
    import pandas as pd

    none = has_no_value(texts["value"])
    empty = (frame["subject"] == "") & none & (texts["time"] == "")
    upside_down = (frame["censoring"] == INTERVAL) & ~(frame["limit"] <= frame["value"])
    unread = frame["unit"].map(_unit_problem(frame["unit"])) != ""
    bad = first_reason(
        ((frame["subject"] == "") & ~empty, "has no subject"),
        (frame["subject"].str.casefold().isin(SUMMARIES), quoting("{} is a summary, not a subject", frame["subject"])),
        ((texts["wrong_time"] != "") & ~empty, lambda rows: texts["wrong_time"][rows]),
        (~none & (texts["unread"] | frame["value"].isna()), quoting("value {} is not a number", texts["value"], number_advice)),
        (texts["wrong_limit"], "its limit is not a number"),
        (~frame["censoring"].isin(CENSORINGS), "censoring is not left, right, interval or empty"),
        (upside_down, "the limit of the interval is not below its value"),
        (_negative(frame) & (not negative), quoting("value {} is negative", texts["value"])),
        (unread, quoting("unit {} cannot be read", frame["unit"])),
        (_clash(frame), quoting("unit {} has another dimension than in other rows of the quantity", frame["unit"])),
        (frame.duplicated(SAME) & ~none & (not repeats), "repeats an earlier row"),
    )
    missing = pd.Series("", index=frame.index)
    missing[none] = "no value (" + texts["value"][none].replace("", "empty") + ")"
    missing[empty] = "empty row"
    return pd.DataFrame({"bad": bad, "missing": missing})


Reason = str | Callable[["pd.Series"], "pd.Series"]
"""A reason, or a function of the marked rows that returns their reasons (as most tables have none)."""


def quoting(words: str, cells: pd.Series, advice: Callable[[str], str] | None = None) -> Callable[[pd.Series], pd.Series]:
    """Return a function that makes reasons that quote the cells, such as "time {} is not a number", with advice."""

    def reason(cell: str) -> str:
        return words.format(repr(cell)) + (f" (expected {advice(cell)})" if advice else "")

    return lambda rows: cells[rows].map(reason)


def first_reason(*marks: tuple[pd.Series, Reason]) -> pd.Series:
    """Return for every row the first reason that applies, "" if none does."""
    import pandas as pd

    bad = pd.Series("", index=marks[0][0].index)
    for rows, reason in marks:
        fresh = rows & (bad == "") if rows.any() else rows
        if fresh.any():
            bad.loc[fresh] = reason if isinstance(reason, str) else reason(fresh)
    return bad


def _negative(frame: pd.DataFrame) -> pd.Series:
    """Return negative values with a unit; a number without a unit may be negative (a logarithm, a change)."""
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
    """Return for each row the unit of the first row of its quantity, and the pairs of units that occur."""
    first = frame["quantity"].map(dict(frame.drop_duplicates("quantity")[["quantity", "unit"]].itertuples(index=False)))
    some = frame[["unit"]].assign(first=first).drop_duplicates()
    return first, set(some.itertuples(index=False, name=None))


def _clash(frame: pd.DataFrame) -> pd.Series:
    """Return the rows with a unit of another dimension than that of the first row of the same quantity."""
    import pandas as pd

    good = {t: unit_texts.dimension(t) for t, problem in _unit_problem(frame["unit"]).items() if not problem}
    first, pairs = first_units(frame)
    rows = pd.Series(False, index=frame.index)
    for a, b in pairs:
        if a in good and b in good and good[a] != good[b]:
            rows |= (frame["unit"] == a) & (first == b)
    return rows


def sort_rows(kept: pd.DataFrame) -> pd.DataFrame:
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
