"""Excel workbooks, opened safely: decompression bombs are refused, and nothing is computed or fetched.

A workbook is a zip archive of XML files. They are scanned once, using little memory, before openpyxl reads them.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from immunoode.errors import DataError, Problem
from immunoode.optional import require
from immunoode.tables.text_files import file_kind

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 64_000_000
"""Bytes of a workbook."""
LARGEST_UNPACKED, UNPACKED_ANYWAY, RATIO = 200_000_000, 2_000_000, 50
"""Decompressed bytes: at most the first; above the second at most `RATIO` times the size (tables compress 5- to 20-fold)."""
MOST_PARTS = 5_000
MOST_CELLS = 1_000_000
"""Cells of a sheet, including empty ones within its borders: openpyxl reads 50,000 per second. A csv file may have more."""
MOST_ROWS = 1_048_576
"""The number of rows of a sheet in Excel."""
MOST_OTHERS = 100_000
"""XML elements that are neither cells nor texts: styles, links, settings."""
_OTHERS = f"{MOST_OTHERS:,} styles, links and settings"
DEEPEST = 60
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ENTRY = b"PK\x01\x02"
_REFERENCE = re.compile(r"([A-Za-z]{1,3})(\d{1,9})")
_NOT_AVAILABLE = "#N/A"
"""The only error of Excel that stands for a missing value."""


def open_sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Return the sheets of a workbook that have cells, by name; each has one row of headings.

    Formulas have the values that Excel saved: nothing is computed, and no other file or address is opened.

    Raises
    ------
    DataError
        If it is not a workbook, is too large, or a formula has no value or an error.
    """
    import pandas as pd

    require("openpyxl", "an Excel workbook")
    try:
        with zipfile.ZipFile(_checked(path)) as archive:
            _check_parts(path.name, archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about drawings, styles and lists of choices, which openpyxl ignores
            with pd.ExcelFile(path, engine="openpyxl") as book:
                heads = {str(n): book.parse(n, header=None, nrows=1) for n in book.sheet_names}
                return {n: _sheet(book, n, head, path.name) for n, head in heads.items() if head.size}
    except (DataError, FileNotFoundError):
        raise
    except MemoryError:
        raise DataError(Problem(path.name, "takes more memory than there is", "a smaller table, or a csv file")) from None
    except Exception as error:  # whatever a broken workbook leads to
        what = f"cannot be read as an Excel workbook ({type(error).__name__}: {str(error).strip()[:200]})"
        raise DataError(Problem(path.name, what, "save it again as xlsx, or as csv")) from None


def open_workbook(path: Path) -> pd.DataFrame:
    """Return the only sheet of a workbook that has cells.

    Raises
    ------
    DataError
        As `open_sheets`, and if several sheets have cells.
    """
    return only_sheet(open_sheets(path), path.name)


def only_sheet(sheets: dict[str, pd.DataFrame], where: str) -> pd.DataFrame:
    """Return the only sheet.

    Raises
    ------
    DataError
        If there is none, or several; the message names them.
    """
    if not sheets:
        raise DataError(Problem(where, "has no cells", "a sheet with a row of headings and rows of values"))
    if len(sheets) > 1:
        named = ", ".join(repr(n[:31]) for n in list(sheets)[:20])
        right = f"one sheet, or the table that pandas.read_excel(path, sheet_name={next(iter(sheets))[:31]!r}) gives"
        raise DataError(Problem(where, f"has {len(sheets)} sheets with cells ({named})", right))
    return next(iter(sheets.values()))


def _sheet(book: Any, name: str, head: pd.DataFrame, where: str) -> pd.DataFrame:
    names = [str(n).strip() for n in head.iloc[0].dropna()]
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    if twice:
        place = f"{where}, sheet {name!r}"
        raise DataError([Problem(place, f"has {names.count(n)} columns {n!r}", "different names of columns") for n in twice])
    return book.parse(name)


def _checked(path: Path) -> Path:
    """Return the path if it is a zip archive of acceptable size."""
    kind = file_kind(path)
    if not kind.startswith("a zip"):
        what = f"is {kind}" if kind else "is not an Excel workbook"
        raise DataError(Problem(path.name, what, "save it as xlsx without a password, or as csv"))
    size = path.stat().st_size
    parts = path.read_bytes().count(_ENTRY) if size <= LARGEST else 0
    if size > LARGEST or parts > MOST_PARTS:
        what = f"has {size:,} bytes" if size > LARGEST else f"has {parts:,} parts"
        raise DataError(Problem(path.name, what, f"at most {LARGEST:,} bytes and {MOST_PARTS:,} parts; or a csv file"))
    return path


def _check_parts(where: str, archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    packed = archive.fp.seek(0, 2) if archive.fp else 0
    room, decompressed = min(max(UNPACKED_ANYWAY, RATIO * packed), LARGEST_UNPACKED), sum(part.file_size for part in parts)
    if decompressed > room:
        what = f"decompresses from {packed:,} to {decompressed:,} bytes"
        raise DataError(
            Problem(where, what, f"at most {LARGEST_UNPACKED:,}, and at most {RATIO} times its size; or a csv file")
        )
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        raise DataError(Problem(where, "has two parts with the same name", "save it again as xlsx, or as csv"))
    if "[Content_Types].xml" not in names:
        raise DataError(
            Problem(where, "is a zip archive, but not an Excel workbook", "an xlsx file, or the table in the archive")
        )
    others = 0
    for part in parts:
        try:
            others += _scan(archive, part, where)
        except (expat.ExpatError, zlib.error, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            what = f"its part {part.filename[:60]} is damaged ({error})"
            raise DataError(Problem(where, what, "save it again as xlsx, or as csv")) from None
    if others > MOST_OTHERS:
        raise _too_many(where, _OTHERS)


def _too_many(where: str, what: str = f"{MOST_CELLS:,} cells") -> DataError:
    return DataError(Problem(where, f"has more than {what}", "only the table in a new workbook, or a csv file"))


def _scan(archive: zipfile.ZipFile, part: zipfile.ZipInfo, where: str) -> int:
    """Scan a part that is XML, and return how many elements other than cells and texts it has."""
    with archive.open(part) as file:
        pieces = iter(lambda: file.read(1 << 16), b"")
        first = next(pieces, b"")
        if first.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] != b"<":
            return 0  # a picture or another part that is not read
        scan = _PartScan(f"{where}: {part.filename[:60]}")
        scan.run(first, pieces)
    return scan.others


@dataclass
class _PartScan:
    """Counts while one part of a workbook is parsed."""

    where: str
    depth: int = 0
    others: int = 0
    inside: int = 0
    """Elements of cells and texts."""
    row: int = 0
    column: int = 0
    cells: int = 0
    """Cells, including the empty ones before each."""
    last_row: int = 0
    last_column: int = 0
    inside_since: int = 0
    """The depth at which a row or text began, 0 outside of rows and texts."""
    cell: str = ""
    formula: bool = False
    kind: str = ""
    value: list[str] | None = None

    def run(self, first: bytes, pieces: Iterator[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.StartDoctypeDeclHandler = self.declared
        parser.CharacterDataHandler = self.text
        parser.Parse(first)
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", True)

    def declared(self, *_: Any) -> None:
        raise DataError(Problem(self.where, "declares a document type or entities", "a workbook as Excel writes it"))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise DataError(Problem(self.where, f"is nested more than {DEEPEST} deep", "a workbook as Excel writes it"))
        space, _, tag = name.rpartition(" ")
        tag = tag if space == _SPREADSHEET else ""
        if tag in ("row", "si") and not self.inside_since:
            self.inside_since = self.depth
        self.inside, self.others = self.inside + (self.inside_since > 0), self.others + (self.inside_since == 0)
        if tag == "row":
            self.begin_row(attributes)
        elif tag == "c" and self.inside_since:
            self.begin_cell(attributes)
        elif tag == "f":
            self.formula = True
        elif tag in ("v", "t") and self.cell:
            self.value = []
        if self.others > MOST_OTHERS:
            raise _too_many(self.where, _OTHERS)
        if self.inside > 4 * MOST_CELLS:
            raise _too_many(self.where)

    def begin_row(self, attributes: dict[str, str]) -> None:
        given = attributes.get("r", "")
        self.row = int(given) if re.fullmatch(r"\d{1,9}", given) else MOST_ROWS + 1 if given else self.row + 1
        self.column = 0
        if self.row > MOST_ROWS:
            raise DataError(Problem(self.where, f"has a row {given[:20]!r}", f"rows 1 to {MOST_ROWS:,}"))

    def begin_cell(self, attributes: dict[str, str]) -> None:
        found = _REFERENCE.fullmatch(attributes.get("r", ""))
        column = _column(found[1]) if found else self.column + 1
        self.cells += max(column - self.column, 1)
        self.column = column
        self.formula, self.value, self.kind = False, None, attributes.get("t", "")
        self.cell = attributes.get("r", "")[:12] or f"{column} of row {self.row}"
        if self.cells > MOST_CELLS:
            raise _too_many(self.where)

    def text(self, text: str) -> None:
        if self.value is not None:
            self.value.append(text[:20])

    def end(self, name: str) -> None:
        if self.inside_since and name == f"{_SPREADSHEET} c" and self.cell:
            self.end_cell()
        if self.inside_since == self.depth:
            self.inside_since = 0
        self.depth -= 1

    def end_cell(self) -> None:
        value = "".join(self.value or ())
        if self.formula and not value and self.kind != "str":
            what = f"cell {self.cell} has a formula without a value"
            right = "formulas are not computed here: open and save it in Excel, or paste values"
            raise DataError(Problem(self.where, what, right))
        if self.kind == "e" and value != _NOT_AVAILABLE:
            raise DataError(Problem(self.where, f"cell {self.cell} holds the error {value!r}", "a value, or an empty cell"))
        if value:
            self.last_row, self.last_column = max(self.row, self.last_row), max(self.column, self.last_column)
            if self.last_row * self.last_column > MOST_CELLS:
                raise _too_many(self.where)
        self.cell, self.value = "", None


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
