"""Doses among the arguments of a command: regimens of the library, doses as texts, and tables of dose records."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.command_line.regimen_text import EXAMPLE, UNTREATED, dose_of_text, joined, regimen_of_text
from immunoode.errors import ImmunoodeError, Problem, nearest

if TYPE_CHECKING:
    import pandas as pd

TIME_UNITS = ("day", "hour")
_NONMEM = {"time", "amt"}
_OF_DOSES = {
    "therapy": "therapy input drug treatment",
    "time": "time_day day time",
    "amount": "amount dose",
    "unit": "unit units",
}
_OF_DOSES |= {"over": "duration_day over duration infusion", "subject": "subject id patient animal"}


def add_doses(parser: Parser) -> None:
    """Add --regimen, --dose and --doses to the options of a command."""
    parser.add_argument(
        "--regimen",
        metavar="NAME",
        action="append",
        default=[],
        help="a regimen of the library (see `immunoode regimens`); several are given together",
    )
    parser.add_argument(
        "--dose",
        metavar="TEXT",
        action="append",
        default=[],
        help=f"doses of one therapy: {EXAMPLE}; also: from TIME, on weekdays, days 1, 8, loading AMOUNT, rate RATE. Several "
        "are given together",
    )
    parser.add_argument(
        "--doses",
        metavar="FILE",
        type=InputFile,
        help="a table of doses: therapy, time (day), amount, and as needed unit, duration (day), subject; or records with the "
        "columns of NONMEM (ID, TIME, AMT, CMT, ...), CMT being the therapy's name",
    )
    parser.add_argument(
        "--time-unit", choices=TIME_UNITS, default="day", help="unit of times in --doses (default: %(default)s)"
    )


def add_doses_of_arms(parser: Parser) -> None:
    """Add --regimen, --dose and --arm to the options of a command that has data with arms."""
    parser.add_argument(
        "--regimen", metavar="NAME", action="append", default=[], help="a regimen of the library, of all subjects"
    )
    parser.add_argument("--dose", metavar="TEXT", action="append", default=[], help=f"doses of all subjects: {EXAMPLE}")
    parser.add_argument(
        "--arm",
        metavar="ARM=TEXT",
        action="append",
        default=[],
        help="the treatment of an arm: 'B=pembrolizumab 200 mg every 3 weeks x 17 + radiotherapy 2 Gy every 1 day x 30', "
        "'C=untreated', or the name of a regimen of the library",
    )


def doses_of_arms(given: Namespace, arms: Sequence[str]) -> Any:
    """Return the regimen of all subjects, a mapping of arm to regimen, or None for the doses in the data.

    Raises
    ------
    ImmunoodeError
        With everything that is not understood.
    """
    stated, problems = dict[str, Any](), list[Problem]()
    if given.arm and (given.regimen or given.dose):
        problems.append(Problem("--arm", "is given together with --regimen or --dose", "one of the two"))
    for text in given.arm:
        name, sign, treatment = (part.strip() for part in text.partition("="))
        if not sign or name not in arms:
            right = nearest(name, arms) if sign else f"an arm and its treatment: --arm 'A={EXAMPLE[1:]}"
            problems.append(Problem(f"--arm {text!r}", "names no arm of the data", right))
            continue
        try:
            stated[name] = regimen_of_text(treatment)
        except ImmunoodeError as error:
            problems += [Problem(f"--arm {name!r}: {p.where}", p.what, p.right) for p in error.problems]
    missing = [arm for arm in arms if stated and arm not in stated]
    problems += [Problem(f"arm {arm!r}", "has no treatment", f"--arm '{arm}=untreated', or its doses") for arm in missing]
    CommandError.raise_if(problems)
    return stated or _of_all(given)


def _of_all(given: Namespace) -> Any:
    """Return the regimen that --regimen and --dose state."""
    from immunoode.regimen.library import load_regimen

    made, problems = list[Any](), list[Problem]()
    wanted = [(load_regimen, name) for name in given.regimen if name.lower() not in UNTREATED]
    for read, text in [*wanted, *((dose_of_text, text) for text in given.dose)]:
        try:
            made.append(read(text))
        except ImmunoodeError as error:
            problems += error.problems
    CommandError.raise_if(problems)
    return joined(made)


def doses_of(given: Namespace) -> Any:
    """Return the regimen of a command: a Regimen, a mapping of subject to regimen or schedule, or None.

    Raises
    ------
    ImmunoodeError
        With everything that is not understood.
    """
    whole = _of_all(given)
    if given.doses and whole is not None:
        right = "one of the two: rows of the table may have several therapies"
        raise CommandError(Problem("--doses", "is given together with --regimen or --dose", right))
    return dose_table(given.doses, given.time_unit) if given.doses else whole


def dose_table(source: str, time_unit: str) -> Any:
    """Return the doses in a table: a Regimen, or a mapping of subject to regimen (or schedule of NONMEM records).

    Raises
    ------
    DataError, RegimenError, CommandError
        If columns are missing or rows cannot be used.
    """
    from immunoode.command_line.standard_input import table_of
    from immunoode.regimen.records import read_records

    table = table_of(source)
    if _NONMEM <= {str(c).lower() for c in table.columns}:
        return read_records(table, time_unit=time_unit)  # type: ignore[arg-type]
    columns = _columns(table, source)
    if "subject" not in columns:
        return _regimen(table, columns, source, time_unit)
    parts = table.groupby(columns["subject"], sort=False)
    return {str(subject): _regimen(rows, columns, source, time_unit) for subject, rows in parts}


def _columns(table: pd.DataFrame, source: str) -> dict[str, str]:
    known = {str(c).strip().lower(): str(c) for c in table.columns}
    found = {role: known[name] for role, names in _OF_DOSES.items() for name in reversed(names.split()) if name in known}
    missing = [role for role in ("therapy", "time", "amount") if role not in found]
    if missing:
        what = f"has no column {' and no column '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        raise CommandError(Problem(source, what, "columns therapy, time, amount, and as needed unit, duration, subject"))
    return found


def _regimen(table: pd.DataFrame, columns: dict[str, str], source: str, time_unit: str) -> Any:
    from immunoode.regimen.regimen import Regimen

    whole, problems = Regimen(), list[Problem]()
    for row, values in table.iterrows():
        cell = {role: values[column] for role, column in columns.items()}
        try:
            whole = whole.dose(**_dose(cell, time_unit))
        except ImmunoodeError as error:
            problems += [Problem(f"{source}, row {row}: {p.where}", p.what, p.right) for p in error.problems]
    CommandError.raise_if(problems)
    return whole


def _dose(cell: dict[str, Any], time_unit: str) -> dict[str, Any]:
    """Return the arguments of `Regimen.dose` for a row."""
    unit = cell.get("unit", "")
    unit = "" if unit != unit else str(unit).strip()
    over = cell.get("over", 0.0)
    amount = f"{cell['amount']} {unit}" if unit else cell["amount"]
    time = f"{cell['time']} hour" if time_unit == "hour" and not isinstance(cell["time"], str) else cell["time"]
    return {"therapy": str(cell["therapy"]), "amount": amount, "start": time, "over": 0.0 if over != over else over}
