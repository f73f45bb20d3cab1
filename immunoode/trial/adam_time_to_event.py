"""ADTTE: times to events in days from their start, with units that are checked against dates."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.tables.cells import as_numbers
from immunoode.tables.dates import date_advice, read_dates, study_days
from immunoode.trial.adam_dataset import AdamDataset, TrialPart
from immunoode.trial.trial_data import ENDPOINTS
from immunoode.trial.validation import first_reason, quoting
from immunoode.unit_words import time_unit, time_unit_in_label

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("day", "week", "month", "year")
"""Units of AVAL that dates can distinguish."""
SPREAD = 0.03
"""Relative difference of the length of a month or year between conventions."""
_NO_UNIT = re.compile(
    r"itt|fas|pps?\b|per protocol|popul|analysis|safety|saf\b|rand|all\b|irc|bicr|irf|icr|inv|central|independent|blinded|"
    r"review|recist|assess|confirm|criteria|rules?|ema|fda|sens|strat|event|death|cens|\b(os|pfs|dor|ttp|efs|dfs|ttr|rsd)\b",
    re.IGNORECASE,
)
"""Texts in brackets after the name of an endpoint that are not units: populations, readers, criteria, abbreviations."""
_LAST = re.compile(r"(?:[,/:;]\s*|\bin\s+)([^\W\d_]{1,2}|[^\W\d_a-zA-Z]+)\.?\s*$")
"""One or two letters, or a word in another alphabet, at the end of a label after a sign or "in": "OS, m"."""
LONGEST = 50_000.0
"""Days (137 years): no valid time to an event is longer."""
MOST = 0.8
"""Share of the rows that must agree with their dates for a unit that is not stated."""


def times_to_events(data: AdamDataset, stated: str | None) -> TrialPart:
    """Return times to events or censoring; a time is the number of days between its dates if both are known.

    Raises
    ------
    DataError
        If a unit of time is not recognised, or the dates imply another unit of AVAL.
    """
    read, censored = as_numbers(data.table["AVAL"]), as_numbers(data.table["CNSR"])
    code = data.column("PARAMCD")
    between, start = _dates(data)
    none = data.not_observed()
    unit = _units(data, stated)
    parts = [_endpoint_days(data, name, read.values, between, unit, none == "") for name in code[none == ""].unique()]
    time = between.copy()
    for part in parts:
        time[part.days.index] = part.days
    descriptions = [data.column("EVNTDESC"), data.column("CNSDTDSC")]
    table = data.table.assign(
        subject=data.subject,
        arm=data.arm,
        endpoint=code,
        time=time,
        event=censored.values == 0,
        row=data.table.index,
        reason=descriptions[0].where(descriptions[0] != "", descriptions[1]),
        start=start,
    )
    bad = first_reason(
        (none != "", lambda rows: none[rows]),
        (read.unread | (read.missing & time.isna()), quoting("time {} is not a number", read.texts)),
        (time.abs() > LONGEST, quoting("time {} is longer than a lifetime", read.texts)),
        (read.values < 0, quoting("time {} is negative", read.texts)),
        (time < 0, "its event is before its start"),
        (censored.unread, quoting("CNSR {} is not a number", censored.texts)),
        (censored.missing, "CNSR is not a number"),
        ((censored.values < 0) | (censored.values % 1 != 0), quoting("CNSR {} is not 0, 1, 2, ...", censored.texts)),
    )
    usable = bad == ""
    again = table[usable].duplicated(["subject", "endpoint"]).reindex(table.index, fill_value=False)
    bad = bad.mask(again, "repeats the endpoint of the subject")
    kept = table[bad == ""].reset_index(drop=True)
    columns = [*ENDPOINTS, *(["start"] if (kept["start"].abs() > 0).any() else [])]
    roles = {
        "AVAL": "time",
        "AVALU": "unit",
        "PARAM": "unit in the label",
        "CNSR": "censoring",
        "EVNTDESC": "reason",
        "CNSDTDSC": "reason",
        "STARTDT": "start of the time",
        "ADT": "date of the event",
    }
    notes = [*_unread_dates(data), *(note for part in parts for note in part.notes)]
    return TrialPart(
        data.left_out(bad),
        endpoints=kept[columns],
        used=tuple(kept["row"]),
        columns=data.taken(roles),
        notes=(*data.notes, *notes),
    )


def _dates(data: AdamDataset) -> tuple[pd.Series, pd.Series]:
    """Return the days from the start to the event of each row (NaN without both dates), and from day 0 to the start."""
    import pandas as pd

    def read(name: str) -> pd.Series:
        dates = read_dates(data.table[name], partial=data.partial, day_numbers="sas").values
        return dates.astype("datetime64[ns]").dt.normalize()

    none = pd.Series(float("nan"), index=data.table.index)
    if "ADT" not in data.table.columns:
        return none, none.fillna(0.0)
    if "STARTDT" not in data.table.columns:
        return study_days(read("ADT"), data.start), none.fillna(0.0)
    begun = read("STARTDT")
    return study_days(read("ADT"), begun), study_days(begun, data.start).fillna(0.0)


def _unread_dates(data: AdamDataset) -> list[str]:
    """Return notes on dates that are not recognised, so that only AVAL counts in their rows."""
    notes = []
    for name in (n for n in ("STARTDT", "ADT") if n in data.table.columns):
        read = read_dates(data.table[name], partial=data.partial, day_numbers="sas")
        if read.unread.any():
            first = read.texts[read.unread].iloc[0]
            count = int(read.unread.sum())
            notes.append(
                f"{name}: {count} dates are not used, and only AVAL counts there (first {first!r}: {date_advice(first)})"
            )
    return notes


def _units(data: AdamDataset, stated: str | None) -> pd.Series:
    """Return the unit of AVAL of each row, from `time_unit`, AVALU or PARAM; "" if none is stated."""
    problems = list[Problem]()

    def read(cell: str, where: str, how: object) -> str:
        try:
            return how(cell, where) if cell else ""  # type: ignore[operator, no-any-return]
        except UnitError as error:
            problems.extend(error.problems)
            return ""

    if stated is not None:
        unit = data.column("AVALU").map(lambda _: read(stated, "time_unit", time_unit))
    else:
        cells, labels = data.column("AVALU"), data.column("PARAM")
        by_cell = {cell: read(cell, f"{data.name}: AVALU", time_unit) for cell in cells.unique()}
        silent = labels[cells == ""].unique()
        by_label = {label: read(label, f"{data.name}: PARAM", time_unit_in_label) for label in silent}
        unit = cells.map(by_cell).where(cells != "", labels.map(by_label).fillna(""))
    DataError.raise_if(problems)
    return unit


@dataclass(frozen=True)
class _EndpointDays:
    """Times of the rows of one endpoint in days, and notes."""

    days: pd.Series
    notes: tuple[str, ...]


def _endpoint_days(
    data: AdamDataset, name: str, value: pd.Series, between: pd.Series, unit: pd.Series, usable: pd.Series
) -> _EndpointDays:
    """Return the times of one endpoint in days: from the dates of a row, else from AVAL, counted as in the other rows.

    Raises
    ------
    DataError
        If the dates imply another unit, or no unit is stated and the dates fit none.
    """
    rows = usable & (data.column("PARAMCD") == name)
    value, between, unit = value[rows], between[rows], unit[rows]
    both = value.notna() & between.notna() & (value >= 0)
    notes = list[str]()
    stated = [u for u in unit.unique() if u]
    if both.any():
        for one in stated:
            _check_unit(data, name, value, between, one, both & (unit == one))
        found = next((u for u in UNITS if _agrees(value[both], between[both], u).mean() >= MOST), None)
        if not stated and found is None:
            what = f"AVAL of {name} agrees with ADT - STARTDT in no unit of time ({_example(value, between, both)})"
            raise DataError(Problem(data.name, what, "state the unit in AVALU or by time_unit="))
        unit = unit.replace("", found or "day")
        notes += [f"{name}: no unit of AVAL is stated; by the dates it is in {found}s"] if not stated else []
    elif (unit == "").any():
        _refuse_doubtful_units(data, name, rows & (_plain_unit(unit, rows) == ""))
        notes.append(f"{name}: no unit of AVAL is stated: days")
        unit = unit.replace("", "day")
    days = value * unit.map({u: units.factor(u, "day") for u in unit.unique()}).astype(float)
    from_one = both & (unit == "day") & (value == between + 1)
    if both.any() and from_one.sum() > both.sum() / 2:
        days = days.where((unit != "day") | (value < 1), days - 1)
        notes.append(f"{name}: AVAL counts the first day as 1; times are converted to days from the start")
    elif not both.any() and (unit == "day").any():
        notes.append(f"{name}: there are no dates; if AVAL counts the first day as 1, times are one day longer than from dates")
    off = both & (unit == unit.mode().iloc[0]) & ~_agrees(value, between, str(unit.mode().iloc[0]) if len(unit) else "day")
    if off.any():
        notes.append(f"{name}: AVAL and ADT - STARTDT differ in {int(off.sum())} rows (first {off.idxmax()}): the dates count")
    return _EndpointDays(between.where(both, days), tuple(notes))


def _plain_unit(unit: pd.Series, rows: pd.Series) -> pd.Series:
    return unit.reindex(rows.index, fill_value="-")


def _refuse_doubtful_units(data: AdamDataset, name: str, rows: pd.Series) -> None:
    """Raise if PARAM ends in what may be a unit that is not recognised: "OS (M)"."""
    for label in data.column("PARAM")[rows].unique():
        plain = unicodedata.normalize("NFKC", label)
        inside = re.findall(r"[(\[]([^()\[\]]*)[)\]]", plain) + _LAST.findall(plain)
        doubtful = [part for part in inside if part.strip() and not _NO_UNIT.search(part)]
        if doubtful:
            what = f"AVAL of {name}: {doubtful[0]!r} in {label!r} may be a unit of time, but is not recognised"
            raise DataError(Problem(data.name, what, "state the unit in AVALU or by time_unit='month'"))


def _agrees(value: pd.Series, between: pd.Series, unit: str) -> pd.Series:
    """Return whether times agree with the days between dates, counted from 0 or 1, with AVAL rounded to a tenth."""
    day = units.factor(unit, "day")
    slack = 1.0 + SPREAD * between.abs() + (0.06 * day if unit != "day" else 0.0)
    return (value * day - between - 0.5).abs() <= slack + 0.5


def _check_unit(data: AdamDataset, name: str, value: pd.Series, between: pd.Series, unit: str, rows: pd.Series) -> None:
    """Raise if most rows do not agree with the stated unit."""
    if not rows.any() or _agrees(value[rows], between[rows], unit).mean() >= 0.5:
        return
    fits = [u for u in UNITS if u != unit and _agrees(value[rows], between[rows], u).mean() >= MOST]
    right = (
        f"by the dates it is in {fits[0]}s: time_unit={fits[0]!r}"
        if fits
        else "correct the dates, or remove them from the table"
    )
    what = f"AVAL of {name} is in {unit}s, but does not agree with ADT - STARTDT ({_example(value, between, rows)})"
    raise DataError(Problem(data.name, what, right))


def _example(value: pd.Series, between: pd.Series, rows: pd.Series) -> str:
    row = (value[rows] - between[rows]).abs().idxmax()
    return f"{row}: {value[row]:g}, and {between[row]:g} days" if np.isfinite(value[row]) else str(row)
