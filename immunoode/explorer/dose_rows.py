"""Rows of a table as the doses of a regimen, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from immunoode import units
from immunoode.errors import ImmunoodeError, Problem, RegimenError, nearest
from immunoode.explorer.state import DoseRow, EditedRegimen
from immunoode.regimen.doses import Dose
from immunoode.regimen.regimen import Regimen

_UNITS = ((7.0, "week"), (1.0, "day"), (1 / 24, "hour"), (1 / 1440, "min"))
_UNREADABLE = 10_000
"""Times of at least this number of units are stated in days: 10.3, and not 14832 min."""


def rows_of(name: str, regimen: Regimen | None) -> EditedRegimen:
    """Return the rows of a regimen.

    Raises
    ------
    RegimenError
        If it has anything but doses, or a dose at a stated rate.
    """
    if regimen is None:
        return EditedRegimen(name)
    if not isinstance(regimen, Regimen):
        raise RegimenError(Problem(f"regimen {name!r}", f"is {type(regimen).__name__}", "a Regimen, or None for no treatment"))
    problems = [
        Problem(f"regimen {name!r}", f"has {what}, which rows of doses cannot show", "leave it out, or use imo.simulate")
        for what, found in _other_parts(regimen).items()
        if found
    ]
    RegimenError.raise_if(problems)
    return EditedRegimen(name, tuple(_row(dose) for dose in regimen.doses))


def _other_parts(regimen: Regimen) -> dict[str, bool]:
    return {
        "triggers": bool(regimen.triggers),
        "changes other than doses": bool(regimen.changes),
        "time-varying covariates": bool(regimen.covariate_series),
        "infusions at a stated rate": any(dose.at_rate for dose in regimen.doses),
    }


def _row(dose: Dose) -> DoseRow:
    options: dict[str, Any] = {}
    if dose.weekdays:
        options["weekdays"] = True
    if dose.days:
        options["days"] = dose.days
    if dose.loading is not None:
        options["loading"] = f"{number_text(dose.loading)} {dose.unit}".strip()
    if dose.steady:
        options["steady_state"] = True
    return DoseRow(
        dose.therapy,
        number_text(dose.amount),
        dose.unit,
        time_text(dose.start) if dose.start else "",
        time_text(dose.every) if dose.every else "",
        str(dose.count) if dose.count > 1 or dose.every else "",
        time_text(dose.over) if dose.over else "",
        options,
    )


def number_text(value: float) -> str:
    """Return a number as text that reads back to the same number: 200, 0.25, 2e+06."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def time_text(days: float) -> str:
    """Return a time in the largest unit that states it exactly: 21.0 is "3 weeks".

    Examples
    --------
    >>> time_text(21.0), time_text(1.0), time_text(30 / 1440), time_text(10.3)
    ('3 weeks', '1 day', '30 min', '10.3')
    """
    for size, unit in _UNITS:
        number = round(days / size)
        text = f"{number} {unit}" + ("s" if abs(number) != 1 and unit != "min" else "")
        if 0 < abs(number) < _UNREADABLE and units.days(text) == days:
            return text
    return number_text(days)


def dose_arguments(row: DoseRow) -> tuple[str | float, dict[str, Any]]:
    """Return the amount and the keywords of `Regimen.dose` for a row; texts without a unit are numbers."""
    amount: str | float = row.amount_text if row.unit else _number_or_text(row.amount)
    times = {name: _number_or_text(text) for name in ("every", "over", "start") if (text := getattr(row, name).strip())}
    count = {"count": _whole_or_text(row.count)} if row.count.strip() else {}
    order = ("every", "count", "over", "start")
    found = {**times, **count}
    return amount, {**{name: found[name] for name in order if name in found}, **row.options}


def regimen_of(edited: EditedRegimen, inputs: Mapping[str, str], covariates: Mapping[str, float]) -> Regimen | None:
    """Return the regimen of some rows; None without any.

    Parameters
    ----------
    edited : EditedRegimen
    inputs : mapping of str to str
        The unit of each input of the model.
    covariates : mapping of str to float
        What doses may depend on: weight, surface area.

    Raises
    ------
    RegimenError
        With all problems; `Problem.where` begins with "row 2 of ", counted from 1.
    """
    problems, made = list[Problem](), Regimen()
    for number, row in enumerate(edited.rows, 1):
        amount, keywords = dose_arguments(row)
        try:
            one = Regimen().dose(row.therapy, amount, **keywords)
            _check_input(row.therapy, inputs)
            one.schedule(inputs, covariates)
        except ImmunoodeError as error:
            problems += [Problem(f"row {number} of {edited.name}: {p.where}", p.what, p.right) for p in error.problems]
        except TypeError as error:
            problems.append(Problem(f"row {number} of {edited.name}", f"has options that are no arguments of a dose ({error})"))
        else:
            made = made + one
    RegimenError.raise_if(problems)
    return made if edited.rows else None


def _check_input(therapy: str, inputs: Mapping[str, str]) -> None:
    if therapy not in inputs:
        raise RegimenError(Problem(f"dose of {therapy}", "is not an input of the model", nearest(therapy, inputs)))


def _number_or_text(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _whole_or_text(text: str) -> Any:
    return int(text) if text.strip().isascii() and text.strip().isdecimal() else text.strip()


def suggested_units(unit: str) -> tuple[str, ...]:
    """Return units of amounts that suit an input's unit, for completion while typing.

    Examples
    --------
    >>> suggested_units("mg"), suggested_units("cell"), suggested_units("Gy")
    (('mg', 'mg/kg', 'mg/m2'), ('cell', 'cell/kg'), ('Gy',))
    """
    kind = units.dimension(unit)
    if kind == units.dimension("mg"):
        return unit, f"{unit}/kg", f"{unit}/m2"
    return (unit, f"{unit}/kg") if kind == units.dimension("cell") else (unit,)
