"""Schedules written as event records that NONMEM and its relatives read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode.atomic import write_whole
from immunoode.errors import Problem, RegimenError, nearest
from immunoode.regimen import record as kind
from immunoode.regimen.record_options import days_per, named
from immunoode.regimen.record_table import COLUMNS
from immunoode.regimen.record_times import days_of, exact
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET, Schedule

if TYPE_CHECKING:
    import pandas as pd

_MOST_DIGITS = 17
_EVENTS = {DOSE: kind.DOSE, REPLACE: kind.REPLACE, MULTIPLY: kind.MULTIPLY, RESET: kind.RESET, SET: kind.OTHER}
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
        As `read_records` gives them; of a regimen, `Regimen.schedule` makes one.
    compartments : mapping, optional
        Which number in CMT is which input of the model: {1: "pembrolizumab"}. Left out: CMT has the names of inputs.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II, and of the time in RATE.
    path : path, optional
        The file to write: commas between cells, a dot where there is nothing; whole or not at all.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    DataFrame
        Columns ID, TIME, AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, and one for each parameter that is set, missing before
        it is.

    Raises
    ------
    RegimenError
        If an input is in no compartment, or a dose is one of nothing, which event records do not have.
    FileError
        If the file cannot be written, or is there and is not to be replaced.

    Notes
    -----
    `read_records` gives the same schedules again, with the covariates as columns and rule "locf"; left out is only a value set
    that already holds. In hours the last digit of a time may differ where no number of hours is that very number of days.
    An infusion whose rate was stated has it in RATE, and in DUR what it lasts if all of it arrives. One whose duration was
    stated has RATE -2 and its DUR: NONMEM, which does not know DUR by itself, is told `D1 = DUR` in $PK. Every dose has a row
    of its own (ADDL is 0), and a subject to whom nothing is done one of EVID 2. A reset and the dose right after it become one
    row of EVID 4. A parameter is set in a row of EVID 2, after one that still has the value before, so that NONMEM, which
    carries values backward, understands the same.

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
"""The column that says where a row of a schedule stood in the table that it came from; it is not written."""


def ordered_records(
    schedules: Mapping[Any, Schedule], compartments: Mapping[int | str, str] | None, time_unit: str
) -> pd.DataFrame:
    """Return the records of `write_records`, and a column of where each row stood.

    Raises
    ------
    RegimenError
        As `write_records`.
    """
    import pandas as pd

    per_day = days_per(time_unit)
    inputs, problems = named(compartments)
    numbers = None if inputs is None else {name: number for number, name in reversed(inputs.items())}
    for subject, schedule in schedules.items():
        problems += _problems(f"subject {subject}", schedule, numbers)
    if problems:
        raise RegimenError(problems)
    parameters = dict.fromkeys(name for s in schedules.values() for name, action in _names(s) if action == SET)
    rows = list[_Cells]()
    for subject, schedule in schedules.items():
        current = dict.fromkeys(parameters, math.nan)
        rows += [{"ID": str(subject), **row} for row in _records(schedule, numbers, per_day, current)]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *parameters, ORDER])
    whole = [*_WHOLE, *(name for name in ("ID", "CMT") if all(_is_whole(cell) for cell in frame[name]))]
    return frame.astype({name: int for name in whole}) if len(frame) else frame


def write_table(table: pd.DataFrame, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a table as NONMEM takes it: commas between cells, a dot where there is nothing.

    Raises
    ------
    FileError
        If the file cannot be written, or is there and is not to be replaced.
    """
    write_whole(path, table.to_csv(index=False, na_rep=".", lineterminator="\n"), overwrite=overwrite)


def _names(schedule: Schedule) -> list[tuple[str, str]]:
    return list(zip(schedule.inputs, schedule.actions, strict=True))


def _is_whole(text: str) -> bool:
    """Return whether a text is a whole number as it is usually written, so that nothing is lost with its zeros."""
    return text.isdecimal() and str(int(text)) == text


def _problems(where: str, schedule: Schedule, numbers: Mapping[str, str] | None) -> list[Problem]:
    """Return what event records cannot say."""
    if not isinstance(schedule, Schedule):
        right = "a Schedule: .schedule(inputs, covariates) makes one of a Regimen"
        return [Problem(where, f"has a {type(schedule).__name__}", right)]
    problems = dict[Problem, None]()
    for (name, action), amount in zip(_names(schedule), schedule.amounts, strict=True):
        if action == DOSE and amount == 0:
            problems[Problem(where, f"has a dose of nothing of {name}", "leave it out: event records have none")] = None
        if action in (DOSE, REPLACE, MULTIPLY) and numbers is not None and name not in numbers:
            problems[Problem(where, f"has {name!r}, which is in no compartment", nearest(name, numbers))] = None
        if action == SET and name in COLUMNS:
            problems[Problem(where, f"sets {name!r}, which names a column of records", "another name")] = None
    return list(problems)


def _records(schedule: Schedule, numbers: Mapping[str, str] | None, per_day: float, current: dict[str, float]) -> list[_Cells]:
    """Return the rows of one subject; `current` has the values of the parameters, and keeps up."""
    blank = _blank(numbers)
    rows = list[_Cells]()
    columns = (
        schedule.times,
        schedule.amounts,
        schedule.durations,
        schedule.steady,
        schedule.rates,
        schedule.adding,
        schedule.orders,
    )
    for (name, action), *values in zip(_names(schedule), *(column.tolist() for column in columns), strict=True):
        time, amount, duration, steady, rate, adding, order = values
        row = {**blank, "TIME": in_unit(time, per_day), "EVID": _EVENTS[action], ORDER: order}
        if action == SET:
            if amount == current[name]:
                continue
            if not math.isnan(current[name]) and not (rows and rows[-1]["TIME"] == row["TIME"]):
                rows.append({**row, **current})
            current[name] = amount
        elif action != RESET:
            row["CMT"] = name if numbers is None else numbers[name]
            row |= _dose(amount, duration, steady, rate, adding, per_day) if action == DOSE else {"AMT": amount}
        if action == DOSE and rows and rows[-1]["EVID"] == kind.RESET and rows[-1]["TIME"] == row["TIME"]:
            rows.pop()
            row["EVID"] = kind.RESET_DOSE
        rows.append({**row, **current})
    return rows or [{**blank, "TIME": 0.0, "EVID": kind.OTHER, ORDER: 0.0, **current}]


def _blank(numbers: Mapping[str, str] | None) -> _Cells:
    """Return the cells of a row that is about nothing."""
    return {**dict.fromkeys(COLUMNS[2:], 0.0), "CMT": "." if numbers is None else "0", "MDV": 1}


def _dose(amount: float, duration: float, steady: float, rate: float, adding: bool, per_day: float) -> _Cells:
    """Return the cells of a dose: what holds of an infusion is its RATE where that is positive, else its DUR."""
    kind_of = (2 if adding else 1) if steady else 0
    if steady == math.inf:
        return {"RATE": _rate(amount, per_day), "SS": kind_of}
    stated = _rate(rate, per_day) if rate > 0 else rate or (kind.DURATION if duration else 0.0)
    return {"AMT": amount, "RATE": stated, "DUR": in_unit(duration, per_day), "II": in_unit(steady, per_day), "SS": kind_of}


def _rate(per: float, per_day: float) -> float:
    return _shortest(per, per / per_day, lambda rate: rate * per_day)


def in_unit(days: float, per_day: float) -> float:
    """Return days in the unit of records: the shortest number that is read as these days."""
    return days if per_day == 1 else _shortest(days, days * per_day, lambda time: days_of(exact(time), per_day))


def _shortest(value: float, guess: float, read: Callable[[float], float]) -> float:
    """Return the number of the fewest digits near a guess that is read as the value; the guess where none is."""
    rounded = (float(f"{guess:.{digits}g}") for digits in range(1, _MOST_DIGITS + 1))
    beside = (math.nextafter(guess, way) for way in (-math.inf, math.inf))
    return next((number for number in (*rounded, *beside) if read(number) == value), guess)
