"""Schedules written as event records for NONMEM and related programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode.atomic import write_whole
from immunoode.errors import Problem, RegimenError, nearest
from immunoode.regimen import record as nonmem
from immunoode.regimen.record_options import compartment_names, days_per
from immunoode.regimen.record_table import COLUMNS
from immunoode.regimen.record_times import exact_fraction, to_days
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET, EventRecord, Schedule

if TYPE_CHECKING:
    import pandas as pd

_MOST_DIGITS = 17
_EVENTS = {DOSE: nonmem.DOSE, REPLACE: nonmem.REPLACE, MULTIPLY: nonmem.MULTIPLY, RESET: nonmem.RESET, SET: nonmem.OTHER}
_WHOLE = ("ADDL", "SS", "EVID", "MDV")
_Cells = dict[str, Any]


def write_records(
    schedules: Mapping[Any, Schedule],
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    path: str | Path | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Write schedules as event records with the conventions of NONMEM.

    Parameters
    ----------
    schedules : mapping of subject to Schedule
        As returned by `read_records` or `Regimen.schedule`.
    compartments : mapping, optional
        The input of the model for each number in CMT: {1: "pembrolizumab"}. By default, CMT has the names of inputs.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II, and of the time in RATE.
    path : path, optional
        The file to write, separated by commas, with a dot in empty cells. It is written completely or not at all.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    DataFrame
        Columns ID, TIME, AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, and one per parameter that is set, with missing values
        before its first value.

    Raises
    ------
    RegimenError
        If an input has no compartment, or a dose has the amount 0, which event records cannot have.
    FileError
        If the file cannot be written, or exists and must not be replaced.

    Notes
    -----
    `read_records` returns the same schedules, with the covariates as columns and rule "locf"; only values that are set again
    without a change are lost. In hours, the last digit of a time may differ if no number of hours is exactly that number of
    days. An infusion with a stated rate has it in RATE, and in DUR its duration at a bioavailability of 1. An infusion with a
    stated duration has RATE -2 and DUR; write `D1 = DUR` in $PK, because NONMEM does not use DUR by itself. Every dose has its
    own row (ADDL is 0), and a subject without events has one row with EVID 2. A reset and the dose directly after it become one
    row with EVID 4. A parameter is set in a row with EVID 2 that follows a row with its previous value, so that NONMEM, which
    carries values backward, reads the same.

    Examples
    --------
    >>> import immunoode as imo
    >>> regimen = imo.Regimen().dose("pembrolizumab", "200 mg", every="3 weeks", count=2, over="30 min")
    >>> table = imo.io.write_records({1: regimen.schedule({"pembrolizumab": "mg"}, {})}, {1: "pembrolizumab"}, time_unit="hour")
    >>> print(table.iloc[:, :5].to_string(index=False))
     ID  TIME   AMT  RATE  DUR
      1   0.0 200.0    -2  0.5
      1 504.0 200.0    -2  0.5
    """
    table = ordered_records(schedules, compartments, time_unit).drop(columns=ORDER)
    if path is not None:
        write_table(table, path, overwrite=overwrite)
    return table


ORDER = "_ORDER"
"""The column with the position of a row in the table that it was read from; it is not written."""


def ordered_records(
    schedules: Mapping[Any, Schedule], compartments: Mapping[int | str, str] | None, time_unit: str
) -> pd.DataFrame:
    """Return the records of `write_records`, with the column `ORDER`.

    Raises
    ------
    RegimenError
        As for `write_records`.
    """
    import pandas as pd

    per_day = days_per(time_unit)
    inputs, problems = compartment_names(compartments)
    numbers = None if inputs is None else {name: number for number, name in reversed(inputs.items())}
    for subject, schedule in schedules.items():
        problems += _problems(f"subject {subject}", schedule, numbers)
    RegimenError.raise_if(problems)
    parameters = dict.fromkeys(r.name for s in schedules.values() for r in s.records() if r.action == SET)
    rows = list[_Cells]()
    for subject, schedule in schedules.items():
        current = dict.fromkeys(parameters, math.nan)
        rows += [{"ID": str(subject), **row} for row in _records(schedule, numbers, per_day, current)]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *parameters, ORDER])
    whole = [*_WHOLE, *(name for name in ("ID", "CMT") if all(_is_whole(cell) for cell in frame[name]))]
    return frame.astype({name: int for name in whole}) if len(frame) else frame


def write_table(table: pd.DataFrame, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a table for NONMEM: separated by commas, with a dot in empty cells.

    Raises
    ------
    FileError
        If the file cannot be written, or exists and must not be replaced.
    """
    write_whole(path, table.to_csv(index=False, na_rep=".", lineterminator="\n"), overwrite=overwrite)


def _is_whole(text: str) -> bool:
    """Return whether a text is a whole number without leading zeros, which would be lost."""
    return text.isdecimal() and str(int(text)) == text


def _problems(where: str, schedule: Schedule, numbers: Mapping[str, str] | None) -> list[Problem]:
    """Return what event records cannot express."""
    if not isinstance(schedule, Schedule):
        right = "a Schedule, for example from Regimen.schedule(inputs, covariates)"
        return [Problem(where, f"has a {type(schedule).__name__}", right)]
    problems = dict[Problem, None]()
    for record in schedule.records():
        name, action = record.name, record.action
        if action == DOSE and record.amount == 0:
            problems[
                Problem(where, f"has a dose of {name} with the amount 0", "leave it out: event records cannot have it")
            ] = None
        if action in (DOSE, REPLACE, MULTIPLY) and numbers is not None and name not in numbers:
            problems[Problem(where, f"has {name!r}, which has no compartment", nearest(name, numbers))] = None
        if action == SET and name in COLUMNS:
            problems[Problem(where, f"sets {name!r}, which is the name of a column of event records", "another name")] = None
    return list(problems)


def _records(schedule: Schedule, numbers: Mapping[str, str] | None, per_day: float, current: dict[str, float]) -> list[_Cells]:
    """Return the rows of one subject; `current` has the present values of the parameters and is updated."""
    blank = _blank(numbers)
    rows = list[_Cells]()
    for record in schedule.records():
        name, amount, action = record.name, record.amount, record.action
        row = {**blank, "TIME": in_unit(record.time, per_day), "EVID": _EVENTS[action], ORDER: record.order}
        if action == SET:
            if amount == current[name]:
                continue
            if not math.isnan(current[name]) and not (rows and rows[-1]["TIME"] == row["TIME"]):
                rows.append({**row, **current})
            current[name] = amount
        elif action != RESET:
            row["CMT"] = name if numbers is None else numbers[name]
            row |= _dose(record, per_day) if action == DOSE else {"AMT": amount}
        if action == DOSE and rows and rows[-1]["EVID"] == nonmem.RESET and rows[-1]["TIME"] == row["TIME"]:
            rows.pop()
            row["EVID"] = nonmem.RESET_DOSE
        rows.append({**row, **current})
    return rows or [{**blank, "TIME": 0.0, "EVID": nonmem.OTHER, ORDER: 0.0, **current}]


def _blank(numbers: Mapping[str, str] | None) -> _Cells:
    """Return the cells of a row without an event."""
    return {**dict.fromkeys(COLUMNS[2:], 0.0), "CMT": "." if numbers is None else "0", "MDV": 1}


def _dose(dose: EventRecord, per_day: float) -> _Cells:
    """Return the cells of a dose: an infusion is defined by a positive RATE, otherwise by DUR."""
    steady = (2 if dose.adding else 1) if dose.steady else 0
    if dose.steady == math.inf:
        return {"RATE": _rate(dose.amount, per_day), "SS": steady}
    rate = _rate(dose.rate, per_day) if dose.rate > 0 else dose.rate or (nonmem.DURATION if dose.duration else 0.0)
    times = {"DUR": in_unit(dose.duration, per_day), "II": in_unit(dose.steady, per_day)}
    return {"AMT": dose.amount, "RATE": rate, **times, "SS": steady}


def _rate(per: float, per_day: float) -> float:
    return _fewest_digits(per, per / per_day, lambda rate: rate * per_day)


def in_unit(days: float, per_day: float) -> float:
    """Return days in the unit of records: the shortest number that is read back as these days."""
    return days if per_day == 1 else _fewest_digits(days, days * per_day, lambda time: to_days(exact_fraction(time), per_day))


def _fewest_digits(value: float, guess: float, read: Callable[[float], float]) -> float:
    """Return the number with the fewest digits near a guess that is read back as the value, or the guess."""
    rounded = (float(f"{guess:.{digits}g}") for digits in range(1, _MOST_DIGITS + 1))
    beside = (math.nextafter(guess, way) for way in (-math.inf, math.inf))
    return next((number for number in (*rounded, *beside) if read(number) == value), guess)
