"""The files of a PEtab problem, opened safely: only in the folder of the problem, and with limits on their size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.optional import require

if TYPE_CHECKING:
    import pandas as pd

LARGEST_YAML, DEEPEST_YAML = 200_000, 20
"""Bytes and nesting levels of a problem file."""
LARGEST, MOST_COLUMNS, MOST_CELLS = 64_000_000, 10_000, 1_500_000
"""Bytes, columns and cells of a table."""
RIGHT = "the yaml file of a PEtab problem, version 1 or 2"


def open_yaml(path: Path) -> dict[str, Any]:
    """Return the content of a problem's yaml file: mappings, lists, texts and numbers.

    Raises
    ------
    DataError
        If the file does not exist, is too large or nested too deeply, or has aliases.
    """
    yaml = require("yaml", "PEtab")
    try:
        if not path.is_file():
            raise DataError(Problem(str(path)[:200], "does not exist", RIGHT))
        if path.stat().st_size > LARGEST_YAML:
            raise DataError(Problem(path.name, f"has more than {LARGEST_YAML} bytes", RIGHT))
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise DataError(Problem(str(path)[:200], f"cannot be read ({type(error).__name__})", RIGHT)) from None
    try:
        _check_events(yaml.parse(text, Loader=yaml.SafeLoader), path.name)
        content = yaml.safe_load(text)
    except DataError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(Problem(path.name, f"is not yaml ({str(error).splitlines()[0][:100]})", RIGHT)) from None
    if not isinstance(content, dict):
        raise DataError(Problem(path.name, "is not a problem", RIGHT))
    return content


def _check_events(events: Iterator[Any], where: str) -> None:
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise DataError(Problem(where, f"has an alias (*{event.anchor})", "everything written out"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_YAML:
            raise DataError(Problem(where, f"is nested more than {DEEPEST_YAML} deep", RIGHT))


def resolve_file(folder: Path, named: Any, where: str) -> Path:
    """Return the path of a file that a problem names.

    Raises
    ------
    DataError
        If it is not a name, does not exist, or is not in the folder of the problem.
    """
    right = "a file in the folder of the problem"
    if not isinstance(named, str) or not named or "\x00" in named:
        raise DataError(Problem(where, f"names {str(named)[:60]!r} as a file", right))
    if "://" in named:
        raise DataError(Problem(where, f"names {named[:100]!r}: nothing is read from the network", right))
    try:
        found, root = (folder / named).resolve(), folder.resolve()
        there = found.is_file()
    except (OSError, ValueError, RuntimeError):
        raise DataError(Problem(where, f"names {named[:100]!r}, which cannot be read", right)) from None
    if not found.is_relative_to(root):
        raise DataError(Problem(where, f"names {named[:100]!r}, which is not in its folder", right))
    if not there:
        raise DataError(Problem(where, f"names {named[:100]!r}, which does not exist", right))
    return found


def file_names(content: Any, what: str, where: str) -> list[Any]:
    """Return the file names under a key: one, a list, or none.

    Raises
    ------
    DataError
        If it is something else.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        raise DataError(Problem(where, f"has no list of file names under {what}", "a list of file names"))
    return content


def read_petab_table(folder: Path, named: Sequence[Any], where: str, needed: Sequence[str]) -> pd.DataFrame:
    """Return one table from several files with all cells as text, "" for empty ones.

    Raises
    ------
    DataError
        If a file is not a table, is too large, or lacks required columns.
    """
    import pandas as pd

    parts = [_table(resolve_file(folder, name, where), needed) for name in named]
    return pd.concat(parts, ignore_index=True).fillna("") if parts else pd.DataFrame(columns=list(needed), dtype=str)


def _table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    _check_size(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows with more cells than columns would lose some
            table = pd.read_csv(
                path, sep="\t", dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig", index_col=False
            )
    except (ValueError, pd.errors.ParserWarning, OSError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise DataError(Problem(path.name, f"is not a table ({reason})", "values separated by tabs, UTF-8")) from None
    table.columns = [str(c).strip() for c in table.columns]
    missing = [
        Problem(path.name, f"no column {c!r}", "this table has " + ", ".join(needed)) for c in needed if c not in table.columns
    ]
    DataError.raise_if(missing)
    table = table[[c for c in table.columns if not c.startswith("Unnamed: ")]]
    return table.map(str.strip)


def _check_size(path: Path) -> None:
    """Refuse excessive tables before they are read."""
    right = f"at most {MOST_COLUMNS} columns and {MOST_CELLS} cells"
    if path.stat().st_size > LARGEST:
        raise DataError(Problem(path.name, f"has more than {LARGEST} bytes", right))
    with path.open("rb") as file:
        columns = file.readline().count(b"\t") + 1
        rows = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) + 1
    if columns > MOST_COLUMNS or columns * rows > MOST_CELLS:
        raise DataError(Problem(path.name, f"has {columns} columns and {rows} rows", right))


def parse_number(text: str, what: str, where: str) -> float:
    """Return a cell as a number.

    Raises
    ------
    DataError
        If it is not a number.
    """
    try:
        if "_" in text:
            raise ValueError
        return float(text)
    except ValueError:
        raise DataError(Problem(where, f"{what} is {text[:40]!r}", "a number")) from None
