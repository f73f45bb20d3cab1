"""Reconciliation: what became of the rows, subjects, doses and columns of a table, so that input and output add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown

if TYPE_CHECKING:
    import pandas as pd

UNUSED = "not used"
"""Entry of a column that is not used."""


@dataclass(frozen=True)
class Tally:
    """How many rows, doses or subjects a table has, how many are used, and why the others are not.

    Attributes
    ----------
    name : str
        What is counted: "rows", "doses", "subjects".
    given, used : int
        Number in the table; number in the result.
    left_out : mapping of str to int
        Number left out, by reason.
    """

    name: str
    given: int
    used: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Whether the number given equals the number used plus the number left out."""
        return self.given == self.used + self.lost

    @property
    def lost(self) -> int:
        """Number left out, for any reason."""
        return sum(self.left_out.values())

    def __str__(self) -> str:
        if not self.left_out:
            return f"{self.given} {self.name}, all used" if self.given else f"no {self.name}"
        lost = "; ".join(f"{n} left out: {reason}" for reason, n in self.left_out.items())
        return f"{self.given} {self.name}, {self.used} used; {lost}"


@dataclass(frozen=True)
@shown
class Reconciliation:
    """The use that a reader made of a table.

    Attributes
    ----------
    source : str
        The name of the file or table.
    tallies : tuple of Tally
        Of rows, and of doses and subjects if there are any.
    columns : mapping of str to str
        The interpretation of each column of the table, or `UNUSED`.
    notes : tuple of str
        Assumptions, conversions, and points that the user should check.

    Raises
    ------
    DataError
        If a tally does not add up, which is a bug of the reader.

    Examples
    --------
    >>> rows = Tally("rows", 3, 2, {"no value": 1})
    >>> print(Reconciliation("trial.csv", (rows,), {"id": "subject", "site": UNUSED}))
    trial.csv: 3 rows, 2 used; 1 left out: no value. Taken as: id = subject. Not used: site.
    """

    source: str
    tallies: tuple[Tally, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            Problem(
                f"{self.source}: {t.name}",
                f"do not add up: {t.given} given, {t.used} used, {t.lost} left out",
                "this is a bug of the reader: please report it with the table",
            )
            for t in self.tallies
            if not t.adds_up
        ]
        DataError.raise_if(problems)

    def tally(self, name: str) -> Tally:
        """Return the tally of "rows", "doses" or "subjects"; an empty one if it was not counted."""
        return next((t for t in self.tallies if t.name == name), Tally(name, 0, 0))

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return not any(t.left_out for t in self.tallies)

    @property
    def unused(self) -> tuple[str, ...]:
        """The columns that are not used."""
        return tuple(c for c, taken in self.columns.items() if taken == UNUSED)

    def report(self) -> str:
        """Return the reconciliation as text, one statement per line."""
        lines = [f"{self.source}:"]
        lines += [f"  {tally}" for tally in self.tallies]
        lines += [f"  column {c!r}: {taken}" for c, taken in self.columns.items() if taken != UNUSED]
        if self.unused:
            lines.append("  columns not used: " + ", ".join(map(repr, self.unused)))
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Return the tallies as a table: what is counted, given, used, left out, reasons."""
        import pandas as pd

        rows = [(t.name, t.given, t.used, t.given - t.used, "; ".join(t.left_out)) for t in self.tallies]
        return pd.DataFrame(rows, columns=["counted", "given", "used", "left_out", "reasons"])

    def __str__(self) -> str:
        parts = ["; ".join(str(t) for t in self.tallies)] if self.tallies else []
        taken = [f"{c} = {what}" for c, what in self.columns.items() if what != UNUSED]
        parts += ["Taken as: " + ", ".join(taken)] if taken else []
        parts += ["Not used: " + ", ".join(self.unused)] if self.unused else []
        parts += [f"Note: {note}" for note in self.notes]
        return f"{self.source}: " + ". ".join(parts) + ("." if parts else "")


def combine_reconciliations(source: str, parts: Iterable[Reconciliation]) -> Reconciliation:
    """Return the reconciliation of several tables that are read as one, with the sums of their tallies.

    Columns and notes are prefixed with the name of their table.
    """
    parts = tuple(parts)
    names = dict.fromkeys(t.name for part in parts for t in part.tallies)
    tallies = tuple(_sum(name, [part.tally(name) for part in parts]) for name in names)
    columns = {f"{part.source}: {c}": taken for part in parts for c, taken in part.columns.items()}
    notes = tuple(f"{part.source}: {note}" for part in parts for note in part.notes)
    return Reconciliation(source, tallies, columns, notes)


def _sum(name: str, tallies: Iterable[Tally]) -> Tally:
    given, used, left_out = 0, 0, dict[str, int]()
    for tally in tallies:
        given, used = given + tally.given, used + tally.used
        for reason, n in tally.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + n
    return Tally(name, given, used, left_out)
