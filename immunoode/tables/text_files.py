"""Text files (csv, tsv), checked before they are read: files that cannot be tables are refused, using little memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 256_000_000
"""Bytes: a million rows of forty columns; select from larger tables before reading."""
MOST_COLUMNS, MOST_CELLS = 20_000, 40_000_000
"""Excel has 16,384 columns; forty million numbers are 320 MB."""
LONGEST = 2_000_000
"""Bytes per line: a hundred characters in every column of the widest table."""
QUOTES = 'quotation marks in pairs, and "" for a quotation mark inside a cell'
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_KINDS = {
    b"PK\x03\x04": "a zip archive or Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007, or one with a password",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh9": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"%PDF": "a PDF",
    b"PAR1": "a parquet file",
    b"HEADER RECORD*******": "a SAS transport file",
}
"""First bytes of files of other kinds."""
CHUNK = 1 << 20
"""Bytes that are read at a time."""


def file_kind(path: Path) -> str:
    """Return a description of the kind of a file by its first bytes, "" for text and for unknown kinds."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip()[:9].lower() in (b"<!doctype", b"<html") or head.lstrip()[:5].lower() in (b"<html", b"<?xml"):
        return "a web page or XML"
    return next((kind for start, kind in _KINDS.items() if head.startswith(start)), "")


def check_text_file(path: Path) -> None:
    """Refuse a file that is not text, has a line of excessive length, or has too many cells.

    Raises
    ------
    DataError
        What was found, and where.
    """
    right = f"a table of text, of at most {MOST_COLUMNS:,} columns, {MOST_CELLS:,} cells and {LARGEST:,} bytes"
    if kind := file_kind(path):
        advice = "give a table as text; decompress it first, or give other kinds of files their own suffix"
        raise DataError(Problem(path.name, f"is {kind}", advice))
    if path.stat().st_size > LARGEST:
        raise DataError(Problem(path.name, f"has more than {LARGEST:,} bytes", right))
    rows, length, columns = 1, 0, 0
    with path.open("rb") as file:
        head = file.read(CHUNK)
        if head[:2] in _MARKS:
            raise DataError(Problem(path.name, f"is {_MARKS[head[:2]]} text", "save it as UTF-8"))
        columns = _columns(head)
        file.seek(0)
        for piece in iter(lambda: file.read(CHUNK), b""):
            if b"\0" in piece:
                row = rows + piece[: piece.index(b"\0")].count(b"\n")
                what = "has a null character: the file is not text, or is damaged"
                raise DataError(Problem(f"{path.name}, line {row}", what, right))
            first = piece.find(b"\n")
            length = length + len(piece) if first < 0 else len(piece) - piece.rfind(b"\n")
            rows += piece.count(b"\n")
            if length > LONGEST:
                raise DataError(Problem(f"{path.name}, line {rows}", f"has more than {LONGEST:,} bytes", right))
            if columns > MOST_COLUMNS or columns * rows > MOST_CELLS:
                raise DataError(Problem(path.name, f"has {columns:,} columns and {rows:,} rows or more", right))


def _columns(head: bytes) -> int:
    """Return the largest number of columns that the first line without a comment may have."""
    line = next((line for line in head.split(b"\n") if not line.startswith(b"#")), b"")
    return max(line.count(separator) for separator in (b",", b";", b"\t")) + 1


def check_cells(table: pd.DataFrame, separator: str, first: int, where: str) -> None:
    """Refuse cells that contain whole lines of the table: a quotation mark was not closed.

    Raises
    ------
    DataError
        Which row.
    """
    import pandas as pd

    width = len(table.columns) - 1
    for name in table.columns if width else ():
        texts = table[name]
        if pd.api.types.is_numeric_dtype(texts):
            continue
        wrapped = texts[texts.map(lambda v: isinstance(v, str) and v.count("\n") > 1)]
        for row, text in wrapped.items():
            if any(line.count(separator) == width for line in text.split("\n")[1:-1]):
                what = f"holds {text.count(chr(10))} lines of the file in one cell: a quotation mark is not closed"
                raise DataError(Problem(f"{where}, row {int(row) + first}", what, QUOTES))
