"""Readers of the images: the readings of several readers in one table are never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.cells import as_text, is_missing
from immunoode.tables.headings import heading_words

if TYPE_CHECKING:
    import pandas as pd

_WHO = ("treval", "rseval", "tueval", "reader", "evaluator", "assessor", "reviewer")
_WHICH = ("trevalid", "rsevalid", "tuevalid", "reader_id", "evaluator_id")
_ACCEPTED = ("tracptfl", "rsacptfl", "tuacptfl", "accepted_record_flag")
_CATEGORY = ("parcat1", "parcat2", "parcat3")
_EVALUATORS = ("investigator", "independent", "central", "bicr", "irc", "irf", "irrc", "blinded", "radiologist", "reader")
ACCEPTED = "accepted"
"""Reader that stands for the records that the sponsor accepted."""


@dataclass(frozen=True)
class ReaderSelection:
    """Which rows belong to the selected reader, the reasons for leaving out the others, the columns used, and notes."""

    rows: pd.Series
    reason: str
    columns: tuple[Any, ...]
    notes: tuple[str, ...] = ()


def select_reader(table: pd.DataFrame, reader: str | None, where: str, codes: pd.Series | None = None) -> ReaderSelection:
    """Select the rows of one reader.

    Parameters
    ----------
    reader : str, optional
        A reader in the table, such as "INVESTIGATOR", "RADIOLOGIST 1" or "INDEPENDENT ASSESSOR: RADIOLOGIST 1"; or "accepted"
        for the records that are flagged as accepted.
    codes : Series of str, optional
        Codes that name the reader in tables without a column for it (OVRINV, OVRBICR).

    Raises
    ------
    DataError
        If there are several readers and none was selected, or the selected one is not in the table.
    """
    import pandas as pd

    who, which = _first(table, _WHO), _first(table, _WHICH)
    columns = [c for c in (who, which) if c is not None]
    names = pd.Series("", index=table.index)
    for column in columns:
        cells = as_text(table[column])
        cells = cells.mask(is_missing(cells), "")
        names = (names + ": " + cells).where((names != "") & (cells != ""), names + cells)
    if who is None:
        category = next((c for c in table.columns if heading_words(str(c)) in _CATEGORY and _evaluators(table[c])), None)
        if category is not None:
            cells = as_text(table[category])
            names, columns = names.where(names != "", cells.mask(is_missing(cells), "")), [*columns, category]
    if codes is not None:
        names = names.where(names != "", codes)
    all_rows = pd.Series(True, index=table.index)
    known = _distinct(names)
    if reader is None and len(known) < 2:
        return ReaderSelection(all_rows, "", tuple(columns), (f"read by {known[0]}",) if known else ())
    flag = _first(table, _ACCEPTED)
    if reader is None:
        raise DataError(_ask(where, known, columns, flag is not None))
    if not known and flag is None:
        return ReaderSelection(
            all_rows, "", tuple(columns), (f"no column names readers, and all rows were used for {reader!r}",)
        )
    if reader.casefold() == ACCEPTED and flag is not None:
        rows = as_text(table[flag]).str.upper() == "Y"
        columns.append(flag)
    else:
        rows = names.map({name: _is(name, reader) for name in names.unique()}).astype(bool)
        if not rows.any():
            raise DataError(Problem(where, f"has no reader {reader!r}", nearest(reader, known)))
    left = _distinct(names[rows])
    if len(left) > 1 and reader.casefold() != ACCEPTED:
        raise DataError(_ask(where, left, columns, flag is not None))
    return ReaderSelection(rows, "of another reader", tuple(columns), (f"read by {', '.join(left)}",))


def _first(table: pd.DataFrame, words: Sequence[str]) -> Any:
    here = {heading_words(str(c)): c for c in table.columns}
    return next((here[w] for w in words if w in here and table[here[w]].notna().any()), None)


def _evaluators(column: pd.Series) -> bool:
    """Return whether a column of categories names readers: "Investigator"."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return False
    words = [w for w in as_text(column).str.casefold().unique() if w]
    return bool(words) and all(any(e in w for e in _EVALUATORS) for w in words)


def _distinct(names: pd.Series) -> list[str]:
    return [str(name) for name in names.unique() if name]


def _is(name: str, reader: str) -> bool:
    """Return whether a reader is the requested one, by the whole name or by its part before or after the colon."""
    wanted = reader.strip().casefold()
    return bool(name) and wanted in (name.casefold(), *(part.strip() for part in name.casefold().split(":")))


def _ask(where: str, known: Sequence[str], columns: Sequence[Any], flagged: bool) -> Problem:
    shown = ", ".join(map(repr, known[:12]))
    by = f" ({', '.join(map(str, columns))})" if columns else ""
    more = ", or reader='accepted' for the records that are flagged as accepted" if flagged else ""
    return Problem(where, f"has {len(known)} readers{by}: {shown}", f"select one: reader={known[0]!r}{more}")
