"""The table of what ships: a DataFrame that shows itself with whole titles."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import Any

import pandas as pd

from immunoode.catalogue.entries import UNSEARCHED
from immunoode.notebook import plain

_WIDTH = 120


class Catalogue(pd.DataFrame):  # type: ignore[misc]  # pandas has no types here
    """A table of what ships, which shows itself with whole titles."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return Catalogue

    def __repr__(self) -> str:
        if "title" not in self.columns:
            return str(pd.DataFrame(self).to_string())
        return "\n".join([*(_lines(str(name), row) for name, row in self.iterrows()), f"[{_counted(len(self))}]"])

    __str__ = __repr__

    def _repr_html_(self) -> str:
        shown = [c for c in self.columns if c not in UNSEARCHED]
        head = "".join(f"<th>{escape(str(c).replace('_', ' '))}</th>" for c in ["name", *shown])
        rows = "".join(_html_row(str(name), row, shown) for name, row in self.iterrows())
        style = "text-align:left; vertical-align:top; white-space:normal"
        return plain(f'<table style="{style}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')


def _counted(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _cell(value: Any) -> str:
    """Return a value as text, "" for a missing value."""
    if isinstance(value, float):
        return "" if value != value else f"{value:g}"
    return str(value)


def _lines(name: str, row: Any) -> str:
    """Return an entry as its name and title, and below them what its other columns say."""
    title = fill(f"{name}: {row['title']}", _WIDTH, subsequent_indent="    ", break_long_words=False)
    facts = "; ".join(_fact(str(k), _cell(v)) for k, v in row.items() if k not in ("title", *UNSEARCHED) and _cell(v))
    body = fill(facts, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
    return f"{title}\n{body}" if facts else title


def _fact(column: str, text: str) -> str:
    return text if column in ("kind", "species") else f"{column.replace('_', ' ')}: {text}"


def _html_row(name: str, row: Any, shown: list[Any]) -> str:
    cells = "".join(f'<td style="text-align:left">{escape(_cell(row[c]))}</td>' for c in shown)
    return f'<tr><th style="text-align:left">{escape(name)}</th>{cells}</tr>'
