"""Opening a table from a csv, tsv, Excel or SAS file, or a DataFrame, with rows numbered as an editor shows them."""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.optional import require
from immunoode.tables.compressed import decompressed
from immunoode.tables.excel import open_workbook
from immunoode.tables.text_files import LARGEST, MOST_CELLS, QUOTES, check_cells, check_text_file, file_kind

if TYPE_CHECKING:
    import pandas as pd

Source = Any
"""A path (str or Path), or a DataFrame."""
TABLES = "a csv, tsv, xlsx, xpt or sas7bdat file, or one of these compressed by gzip"
SEPARATORS = (",", ";", "\t")
"""Separators of cells; the line of headings decides which. With semicolons, a comma is a decimal point."""
EXCEL, SAS = (".xlsx", ".xlsm", ".xls"), (".xpt", ".sas7bdat")
"""A workbook from before 2007 (xls) is not read, but recognised in the message."""


def open_table(source: Source) -> tuple[pd.DataFrame, str]:
    """Return a table and its name in messages, indexed by the number of each row in the file (or by the index of the frame, if
    that is unique).

    Parameters
    ----------
    source : path or DataFrame
        Lines at the head of a csv or tsv file that begin with # are skipped. Cells are separated by commas, semicolons or tabs.

    Raises
    ------
    DataError
        If the file does not exist, or cannot be read as a table.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return validate_table(source, "table"), "table"
    if not isinstance(source, (str, Path)):
        raise DataError(Problem("source", f"is {type(source).__name__}", f"the path of {TABLES}, or a DataFrame"))
    path = Path(source)
    if not path.is_file():
        raise DataError(Problem(str(path), "does not exist", f"give the path of {TABLES}"))
    try:
        with decompressed(path) as whole:
            table, first = _reader(whole.suffix.lower())(whole)
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(Problem(path.name, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")) from None
    except MemoryError:
        raise DataError(Problem(path.name, "takes more memory than there is", "a smaller table")) from None
    except (ValueError, OSError) as error:
        what = f"cannot be read as a table ({str(error).strip()[:200]})"
        right = QUOTES if "EOF inside string" in str(error) else f"give {TABLES}"
        raise DataError(Problem(path.name, what, right)) from None
    return table.set_axis(range(first, first + len(table)), axis=0), path.name


def validate_table(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a table in memory with unique names of columns, unique labels of rows, and one value per cell.

    Raises
    ------
    DataError
        If two columns have the same name, or a cell contains a list or another table.
    """
    import pandas as pd

    _once(where, table.columns)
    kinds = {c: pd.api.types.infer_dtype(table[c], skipna=True) for c in table.columns if table[c].dtype == object}
    nested = [c for c, kind in kinds.items() if kind.startswith(("mixed", "unknown")) and not table[c].map(_is_single).all()]
    if nested:
        right = "one number or word per cell"
        raise DataError([Problem(f"{where}: column {str(c)!r}", "has lists or tables in its cells", right) for c in nested])
    words = [c for c in table.columns if isinstance(table[c].dtype, pd.CategoricalDtype)]
    table = table.astype(dict.fromkeys(words, object)) if words else table
    return table if table.index.is_unique else table.reset_index(drop=True)


def _is_single(cell: object) -> bool:
    return isinstance(cell, (str, bytes)) or not hasattr(cell, "__len__")


def _reader(suffix: str) -> Callable[[Path], tuple[pd.DataFrame, int]]:
    return _excel if suffix in EXCEL else _sas if suffix in SAS else _lines


def _lines(path: Path) -> tuple[pd.DataFrame, int]:
    import pandas as pd

    check_text_file(path)
    comments, heading = _head(path)
    separator = max(SEPARATORS, key=heading.count)
    _once(path.name, next(csv.reader([heading], delimiter=separator), []))
    decimal = "," if separator == ";" else "."
    how: dict[str, Any] = {
        "sep": separator,
        "decimal": decimal,
        "skiprows": comments,
        "low_memory": False,
        "skip_blank_lines": False,
        "index_col": False,
        "float_precision": "round_trip",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than headings would lose some
        try:
            table = pd.read_csv(path, **how)
        except pd.errors.ParserWarning:
            what = f"has rows with more cells than headings ({heading.strip()[:60]!r})"
            right = "one heading per column, in the first line that does not begin with #"
            raise DataError(Problem(path.name, what, right)) from None
    check_cells(table, separator, comments + 2, path.name)
    if separator == ";":
        _points_are_decimal(pd.read_csv(path, **how, dtype=str), path.name)
    return _with_leading_zeros(table, path, how), comments + 2


_POINT = re.compile(r"[-+]?\d*\.\d+")
_OF_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")


def _points_are_decimal(texts: pd.DataFrame, where: str) -> None:
    """Raise if points in a table with semicolons may be thousands separators: 1.500 and 0,5, or only 1.500."""
    columns = {c: texts[c].dropna().str.strip().drop_duplicates() for c in texts.columns}
    pointed = {c: cells[cells.str.fullmatch(_POINT)] for c, cells in columns.items() if len(cells)}
    pointed = {c: cells for c, cells in pointed.items() if len(cells)}
    commas = any(cells.str.fullmatch(_DECIMAL_COMMA).any() for cells in columns.values() if len(cells))
    thousands = all(cells.str.fullmatch(_OF_THOUSANDS).all() for cells in pointed.values())
    if pointed and (commas or thousands):
        right = "commas for decimals and no points, or points for decimals throughout"
        raise DataError(
            [
                Problem(
                    f"{where}: column {str(c)!r}",
                    f"the point in {cells.iloc[0]!r} may be a thousands separator or a decimal point",
                    right,
                )
                for c, cells in pointed.items()
            ]
        )


_LEADING_ZERO = re.compile(r"(?:^|[,;\t\n\"])[ ]*0\d+[ ]*(?:$|[,;\t\r\n\"])", re.M)


def _with_leading_zeros(table: pd.DataFrame, path: Path, how: dict[str, Any]) -> pd.DataFrame:
    """Return the table with cells such as 001 as texts, since the zeros belong to an identifier."""
    import pandas as pd

    whole = [c for c in table.columns if pd.api.types.is_integer_dtype(table[c])]
    if not whole or not _LEADING_ZERO.search(path.read_text(encoding="utf-8-sig", errors="replace")):
        return table
    texts = pd.read_csv(path, **how, usecols=whole, dtype=str)
    kept = [c for c in whole if texts[c].str.strip().str.fullmatch(r"0\d+").any()]
    return table.assign(**{str(c): texts[c].str.strip() for c in kept})


def _once(where: str, names: Iterable[object]) -> None:
    """Raise if two columns have the same name."""
    counts = Counter(str(name).strip() for name in names)
    twice = [name for name, count in counts.items() if name and count > 1]
    if twice:
        problems = [Problem(where, f"has {counts[name]} columns {name!r}", "different names of columns") for name in twice]
        raise DataError(problems)


def _excel(path: Path) -> tuple[pd.DataFrame, int]:
    return open_workbook(path), 2


def _sas(path: Path) -> tuple[pd.DataFrame, int]:
    """Return the records of a SAS transport or data file.

    pandas reads zeros in transport files as 5e-79 and can lose their last record; ReadStat does neither.
    """
    pyreadstat = require("pyreadstat", "a SAS file")
    read = pyreadstat.read_xport if path.suffix.lower() == ".xpt" else pyreadstat.read_sas7bdat
    right = f"at most {LARGEST:,} bytes and {MOST_CELLS:,} cells"
    kind = file_kind(path)
    if kind and not kind.startswith("a SAS"):
        raise DataError(Problem(path.name, f"is {kind}", f"give {TABLES}"))
    if path.stat().st_size > LARGEST:
        raise DataError(Problem(path.name, f"has more than {LARGEST:,} bytes", right))
    try:
        _, stated = read(path, metadataonly=True)
        rows, columns = stated.number_rows or 0, stated.number_columns or 0
        if rows < 0 or rows * columns > MOST_CELLS:
            raise DataError(Problem(path.name, f"states {rows:,} rows of {columns:,} columns", right))
        table, _ = read(path)
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file leads to
        raise ValueError(str(error)) from None
    return table, 1


def _head(path: Path) -> tuple[int, str]:
    """Return the number of comment lines at the head of a file, and the line after them."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for count, line in enumerate(lines):
            if not line.startswith("#"):
                return count, line
    return 0, ""
