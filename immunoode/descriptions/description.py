"""`Description`: a description of a name, in sections of text and tables."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from immunoode.notebook import plain

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 60


@dataclass(frozen=True)
class Meaning:
    """One thing that a name is: a title, text below it, and a table.

    `page` is HTML for notebooks in the place of the text, if there is more to show than text.
    """

    title: str
    text: str = ""
    table: pd.DataFrame | None = None
    page: str = ""

    def report(self) -> str:
        """Return the section as text."""
        table = "" if self.table is None else _text_of(self.table)
        return "\n".join(part for part in (self.title, "-" * min(len(self.title), _WIDTH), self.text, table) if part)

    def html(self) -> str:
        """Return the section as HTML."""
        text = self.page or (plain(f"<pre>{escape(self.text)}</pre>") if self.text else "")
        table = "" if self.table is None else plain(self.table.to_html(index=False, na_rep="", max_rows=None))
        return plain(f"<h4>{escape(self.title)}</h4>") + text + table


def _text_of(table: pd.DataFrame) -> str:
    """Return a table as text whose columns begin at the left; pandas would cut long cells and move headings."""
    rows = [list(map(str, table.columns)), *([str(cell) for cell in row] for row in table.itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


@dataclass(frozen=True, repr=False)
class Description:
    """A description of a name of the package; a name may have several meanings, each in its section.

    Attributes
    ----------
    name : str
    sections : tuple of Meaning

    Examples
    --------
    >>> import immunoode as imo
    >>> print(imo.describe("vaghi2020").report().splitlines()[0])
    model vaghi2020: Vaghi 2020: reduced Gompertz growth of a mouse tumour, its two rates tied
    """

    name: str
    sections: tuple[Meaning, ...]

    def report(self) -> str:
        """Return the description as text."""
        return "\n\n".join(section.report() for section in self.sections)

    def __str__(self) -> str:
        return self.report()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(section.html() for section in self.sections)
