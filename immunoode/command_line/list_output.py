"""Lists for reading at a terminal: a line per thing, in columns that fit the width."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

_NARROWEST = 24


def columns(rows: Sequence[Sequence[str]], heads: Sequence[str]) -> str:
    """Return rows of text in columns; at a terminal the last column is cut to the width.

    Examples
    --------
    >>> print(columns([("a", "first"), ("bc", "second")], ("name", "title")))
    name  title
    a     first
    bc    second
    """
    whole = [tuple(heads), *map(tuple, rows)]
    widths = [max(len(row[k]) for row in whole) for k in range(len(heads) - 1)]
    before = sum(widths) + 2 * len(widths)
    room = max(shutil.get_terminal_size().columns - before, _NARROWEST) if sys.stdout.isatty() else sys.maxsize
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), _cut(row[-1], room)])
        for row in whole
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."


def facts(rows: Mapping[str, str]) -> str:
    """Return a page of names and texts, those without text left out.

    Examples
    --------
    >>> print(facts({"kind": "base", "needs": "", "title": "A tumour"}))
    kind   base
    title  A tumour
    """
    width = max(map(len, rows), default=0) + 2
    return "\n".join(
        textwrap.fill(text, 110, initial_indent=name.ljust(width), subsequent_indent=" " * width)
        for name, text in rows.items()
        if text
    )
