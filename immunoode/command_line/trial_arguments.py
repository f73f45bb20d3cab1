"""Trial data among the arguments of a command: how a table is laid out, and what its columns are."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.command_line.configuration import STANDARD
from immunoode.command_line.dose_arguments import TIME_UNITS
from immunoode.command_line.listed import names_in, pairs
from immunoode.command_line.parser import CommandError, InputFile, Parser
from immunoode.command_line.standard_input import table_of
from immunoode.errors import Problem

if TYPE_CHECKING:
    from immunoode.trial.trial_data import TrialData

ADAM = ("ADSL", "ADTR", "ADRS", "ADTTE")
LAYOUTS = ("auto", "long", "lesions", "wide", "nonmem", "adam")
_UNUSED = {
    "long": ("covariates",),
    "lesions": ("column", "unit", "time_unit", "covariates", "bad_rows"),
    "wide": ("reader", "covariates"),
    "nonmem": ("reader",),
    "adam": ("column", "unit", "quantity", "covariates", "bad_rows"),
}
"""Options that the reader of a layout does not take."""
_HELP = """a table (csv, tsv, xlsx, xpt, sas7bdat, compressed or not), a folder of ADaM data sets, or - for a csv table
on standard input"""


def add_trial(parser: Parser, option: bool) -> None:
    """Add the data and their columns to the options of a command.

    Parameters
    ----------
    parser : Parser
    option : bool
        Whether the table is an option (--data) or a positional argument.
    """
    if option:
        parser.add_argument("--data", metavar="TABLE", type=InputFile, required=True, help=_HELP)
    else:
        parser.add_argument("data", metavar="TABLE", type=InputFile, help=_HELP)
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="auto",
        help="long: one row per observation; lesions: one row per lesion; wide: one column per day; nonmem; adam. Default: "
        "auto, by the headings",
    )
    parser.add_argument(
        "--column",
        metavar="ROLE=HEADING",
        action="append",
        default=[],
        help="which column is the subject, arm, time or value, if its heading is not a usual one: --column 'subject=Mouse ID'",
    )
    parser.add_argument("--unit", metavar="UNIT", help="unit of the values, if no heading states it: mm, mm^3")
    parser.add_argument("--quantity", metavar="NAME", help="the quantity that was measured, if the table does not say it")
    parser.add_argument("--time-unit", metavar="UNIT", help="unit of times, if no heading states it (nonmem: day or hour)")
    parser.add_argument("--reader", metavar="NAME", help="whose readings count, if the table has several readers")
    parser.add_argument(
        "--covariates", metavar="LIST", action="append", default=[], help="columns of covariates (nonmem): WT=weight,SEX"
    )
    parser.add_argument(
        "--bad-rows",
        choices=("raise", "leave out"),
        default="raise",
        help="what to do with invalid rows (default: %(default)s)",
    )


def trial_of(given: Namespace) -> TrialData:
    """Return the trial data that the arguments of a command describe.

    Raises
    ------
    DataError, CommandError
        If the table cannot be read as it was described.
    """
    layout = _layout(given)
    _check_used(given, layout)
    readers = {"long": _long, "lesions": _lesions, "wide": _wide, "nonmem": _nonmem, "adam": _adam}
    return readers[layout](given)


def _check_used(given: Namespace, layout: str) -> None:
    """Refuse options that the reader of a layout has no use for: nothing that was stated is dropped.

    Raises
    ------
    CommandError
    """
    unused = [name for name in _UNUSED[layout] if getattr(given, name) not in (None, [], "raise")]
    if unused:
        what = f"is not used for tables of the layout {layout}"
        right = f"leave it out, or --layout {' or '.join(one for one in _UNUSED if unused[0] not in _UNUSED[one])}"
        raise CommandError([Problem(f"--{name.replace('_', '-')}", what, right) for name in unused])


def _layout(given: Namespace) -> str:
    """Return the layout that was stated, or that the headings are of."""
    from immunoode.trial.lesion_table import is_lesion_table

    if given.layout != "auto":
        return str(given.layout)
    if Path(given.data).is_dir():
        return "adam"
    if given.data == STANDARD:
        return "long"
    described = any(getattr(given, name) not in (None, [], "raise") for name in _UNUSED["lesions"])
    if not described and is_lesion_table(Path(given.data)):
        return "lesions"
    headings = {str(c) for c in table_of(given.data).columns}
    return "nonmem" if headings >= {"ID", "TIME", "DV"} else "long"


def _source(given: Namespace) -> Any:
    """Return the path, so that messages name the file; or the table on standard input."""
    return table_of(STANDARD) if given.data == STANDARD else Path(given.data)


def _columns(given: Namespace) -> dict[str, str] | None:
    return pairs("--column", given.column, "subject=ID") or None


def _long(given: Namespace) -> TrialData:
    from immunoode.trial.long_table import read_trial

    return read_trial(
        _source(given),
        _columns(given),
        given.unit,
        quantity=given.quantity,
        time_unit=given.time_unit,
        reader=given.reader,
        bad_rows=given.bad_rows,
    )


def _lesions(given: Namespace) -> TrialData:
    from immunoode.trial.lesion_table import read_lesions

    return read_lesions(_source(given), quantity=given.quantity, reader=given.reader)


def _wide(given: Namespace) -> TrialData:
    from immunoode.trial.wide_table import read_wide

    missing = [f"--{name}" for name in ("quantity", "unit") if getattr(given, name) is None]
    if missing:
        right = "for example --quantity tumour_volume --unit mm^3"
        raise CommandError(Problem("--layout wide", f"needs {' and '.join(missing)}", right))
    return read_wide(
        _source(given),
        quantity=given.quantity,
        unit=given.unit,
        columns=_columns(given),
        time_unit=given.time_unit,
        bad_rows=given.bad_rows,
    )


def _nonmem(given: Namespace) -> TrialData:
    from immunoode.trial.nonmem import read_nonmem

    if given.time_unit not in TIME_UNITS:
        right = f"--time-unit {' or --time-unit '.join(TIME_UNITS)}"
        raise CommandError(Problem(f"{given.data}: TIME", "has no unit in tables of NONMEM", right))
    named = (text if "=" in text else f"{text}={text}" for text in names_in(given.covariates))
    covariates = pairs("--covariates", list(named), "WT=weight")
    return read_nonmem(
        _source(given),
        time_unit=given.time_unit,
        observations=given.quantity,
        units=given.unit,
        covariates=covariates,
        columns=_columns(given),
        bad_rows=given.bad_rows,
    )


def _adam(given: Namespace) -> TrialData:
    from immunoode.trial.adam import read_adam

    return read_adam(adam_files(given.data), reader=given.reader, time_unit=given.time_unit)


def adam_files(folder: str) -> Any:
    """Return the ADaM data sets of a folder by name: those of files that begin like them (adtr_onco.csv.gz is ADTR).

    Raises
    ------
    CommandError
        If there are several files for a data set.
    """
    files = {name: sorted(path for path in Path(folder).glob("*.*") if _begins(path, name)) for name in ADAM}
    twice = {name: paths for name, paths in files.items() if len(paths) > 1}
    if twice:
        what = "are several files for one data set"
        raise CommandError(
            [Problem(f"{folder}: {', '.join(p.name for p in paths)}", what, f"one for {n}") for n, paths in twice.items()]
        )
    found = {name: paths[0] for name, paths in files.items() if paths}
    return found or folder


def _begins(path: Path, name: str) -> bool:
    stem = path.name.lower().partition(".")[0]
    return stem == name.lower() or stem.startswith(f"{name.lower()}_")
