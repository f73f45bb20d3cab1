"""Tables from files and from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.command_line.configuration import STANDARD
from immunoode.command_line.parser import CommandError
from immunoode.errors import Problem

if TYPE_CHECKING:
    import pandas as pd


def table_of(source: str) -> pd.DataFrame:
    """Return the table in a file, or that on standard input for "-"; rows are numbered as an editor shows them.

    Raises
    ------
    DataError, CommandError
        If there is none.
    """
    from immunoode.tables.table_files import open_table

    if source == STANDARD:
        return _from_standard_input()
    table, where = open_table(Path(source))
    if table.empty:
        raise CommandError(Problem(where, "has no rows", "at least one row below the headings"))
    return table


def _from_standard_input() -> pd.DataFrame:
    """Return the table on standard input, which is read as a csv file is."""
    import tempfile

    from immunoode.tables.table_files import open_table

    stream = getattr(sys.stdin, "buffer", None)
    data = stream.read() if stream is not None else sys.stdin.read().encode()
    if not data.strip():
        raise CommandError(Problem("standard input", "is empty", "a table: immunoode ... - < FILE.csv"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        path.write_bytes(data)
        table, _ = open_table(path)
    return table
