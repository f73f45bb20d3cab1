"""Tables that a command gives: to standard output, or to a file in the format that its name ends in."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.command_line.configuration import STANDARD
from immunoode.command_line.parser import CommandError, OutputFile, Parser
from immunoode.errors import Problem

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("table", "csv", "tsv", "json")
"""Formats that go to standard output."""
FORMATS = (*TEXTS, "parquet", "xlsx")
_ENDINGS = {f".{form}": form for form in ("csv", "tsv", "json", "parquet", "xlsx")} | {".txt": "table"}
_PIECE = 65_536
HEADINGS = ("names", "units")


def add_table_options(parser: Parser, what: str, standard: str = "csv", units: bool = False) -> None:
    """Add --out and --format to the options of a command.

    Parameters
    ----------
    parser : Parser
    what : str
        The table in words, for help.
    standard : str
        The format on standard output.
    units : bool
        Also add --headings, for tables whose columns have units.
    """
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=OutputFile,
        default=STANDARD,
        help=f"where {what} goes: a file (.csv, .tsv, .json, .parquet, .xlsx, .txt), or - for standard output (the default)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help=f"format of the table (default: by the name of the file; {standard} on standard output)",
    )
    if units:
        parser.add_argument(
            "--headings",
            choices=HEADINGS,
            default="names",
            help="whether headings are names alone, or have units: 'tumour (cell)' (default: %(default)s)",
        )


def write_table(given: Namespace, table: pd.DataFrame, standard: str = "csv") -> None:
    """Write a table where --out says.

    Raises
    ------
    FileError, CommandError
        If the file cannot be written, or its name does not say the format.
    """
    form = given.format or format_of(given.out, standard)
    units = table.attrs.get("units", {}) if getattr(given, "headings", "") == "units" else {}
    write_frame(table.rename(columns=_with_units(units)), given.out, form)


def _with_units(units: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{name} ({unit})" for name, unit in units.items() if unit not in ("", "1")}


def format_of(out: str, standard: str = "csv") -> str:
    """Return the format that the name of a file ends in.

    Raises
    ------
    CommandError
        If it is not known.
    """
    if out == STANDARD:
        return standard
    ending = Path(out).suffix.lower()
    if ending not in _ENDINGS:
        right = f"one of {', '.join(_ENDINGS)}; or --format"
        raise CommandError(Problem(out, "does not end in a format of tables", right))
    return _ENDINGS[ending]


def write_frame(table: pd.DataFrame, out: str, form: str) -> None:
    """Write a table in a format; numbers in files have all their digits.

    Raises
    ------
    FileError, CommandError
    """
    from immunoode.atomic import whole_file, write_whole

    if form in TEXTS:
        text = _AS_TEXT[form](table)
        if out == STANDARD:
            _write_standard(text)
        else:
            write_whole(out, text, overwrite=True)
        return
    if out == STANDARD:
        right = f"--out FILE.{form}; on standard output: {', '.join(TEXTS)}"
        raise CommandError(Problem(f"--format {form}", "does not go to standard output", right))
    with whole_file(out, overwrite=True) as part:
        _write_binary(_named(table), part, form)


def _write_standard(text: str) -> None:
    """Write in pieces: Python does not notice that a reader has gone in the midst of one large piece."""
    for begin in range(0, len(text), _PIECE):
        sys.stdout.write(text[begin : begin + _PIECE])


def _write_binary(table: pd.DataFrame, part: Path, form: str) -> None:
    if form == "xlsx":
        table.to_excel(part, index=False, engine="openpyxl")
        return
    try:
        table.to_parquet(part, index=False)
    except ImportError:
        right = "pip install 'immunoode[files]'; or a name that ends in .csv"
        raise CommandError(Problem("--format parquet", "needs pyarrow, which is not installed", right)) from None


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose named index is a column."""
    return table.reset_index() if table.index.name else table


def _csv(table: pd.DataFrame) -> str:
    return str(_named(table).to_csv(index=False, lineterminator="\n"))


def _tsv(table: pd.DataFrame) -> str:
    return str(_named(table).to_csv(index=False, sep="\t", lineterminator="\n"))


def _json(table: pd.DataFrame) -> str:
    whole = _named(table).astype(object)
    records = whole.where(whole.notna(), None).to_dict("records")
    return json.dumps(records, indent=1, ensure_ascii=False, default=str) + "\n"


def _table(table: pd.DataFrame) -> str:
    text = _named(table).to_string(index=False, float_format="{:.6g}".format, justify="left")
    return "\n".join(line.rstrip() for line in str(text).splitlines()) + "\n"


_AS_TEXT: dict[str, Callable[[Any], str]] = {"table": _table, "csv": _csv, "tsv": _tsv, "json": _json}
