"""Rows of a table in the layout of NONMEM: observations, and what `write_nonmem` adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.record import OBSERVATION
from immunoode.regimen.records import ParsedRecords
from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.headings import column_advice, columns_like
from immunoode.tables.identifiers import identifiers

if TYPE_CHECKING:
    import pandas as pd


TEXT_COLUMNS = {
    "QUANTITY": "quantity",
    "UNIT": "unit",
    "ARM": "arm",
    "LESION": "lesion",
    "KIND": "kind",
    "FLAG": "flag",
    "VISIT": "visit",
}
"""Text columns that `write_nonmem` adds so that nothing is lost; NONMEM is told to drop them."""
FLAGS = ("BLQ", "BLOQ", "BQL", "BLQFL", "BLQFLAG", "LLOQFL", "CENSOR", "CENSORED")
"""Columns that flag values below the limit of quantification, in tables without CENS."""
LIMITS = ("LLOQ", "LOQ")


def rows_of(read: ParsedRecords, own: Mapping[str, str], covariates: Sequence[str]) -> NonmemRows:
    """Return the rows with column names in capitals (except covariates) and missing cells empty.

    Raises
    ------
    DataError
        If a column is missing or repeated.
    """
    frame, where = read.table.frame, read.table.where
    given = {column: name for name, column in own.items()}
    names = {c: str(c) if c in covariates else given.get(c, str(c).strip().upper()) for c in frame.columns}
    named = frame.rename(columns=names)
    problems = list[Problem]()
    if "DV" not in named.columns:
        problems.append(
            Problem(where, "no column DV", column_advice("DV", "observations", columns_like("value", frame), frame))
        )
    problems += [Problem(where, f"no column {c!r}", nearest(c, map(str, frame.columns))) for c in covariates if c not in frame]
    if "CENS" not in named.columns:
        marks = [(c, n) for c, n in names.items() if n in FLAGS and n == str(c).strip().upper() and _marks(frame[c])]
        problems += [
            Problem(
                where,
                f"{str(c)!r} flags values below the limit of quantification, but is not used",
                f"columns={{'CENS': {str(c)!r}}} if DV has the limit in these rows; or remove the column",
            )
            for c, _ in marks
        ]
    twice = named.columns[named.columns.duplicated()]
    problems += [Problem(where, f"has two columns {c}", "different names of columns") for c in twice.unique()]
    DataError.raise_if(problems)
    if "CENS" in named.columns:
        _limits(named, where)
    empty = {c: is_missing(as_text(named[c])) for c in named.columns}
    return NonmemRows(named.assign(**{str(c): named[c].mask(e) for c, e in empty.items() if e.any()}), read)


def _marks(column: pd.Series) -> bool:
    """Return whether any row is flagged (1 or Y)."""
    return bool((~as_text(column).str.casefold().isin(("0", "n", "no")) & ~is_missing(as_text(column))).any())


def _limits(named: pd.DataFrame, where: str) -> None:
    """Raise if a column of limits and DV differ in rows with CENS 1, in which DV must be the limit."""
    limit = next((c for c in LIMITS if c in named.columns), None)
    if limit is None:
        return
    censored = as_numbers(named["CENS"]).values == 1
    differ = censored & (as_numbers(named[limit]).values != as_numbers(named["DV"]).values) & ~is_missing(as_text(named[limit]))
    if differ.any():
        row = differ.idxmax()
        what = f"is censored (CENS 1) with DV {named.loc[row, 'DV']} and {limit} {named.loc[row, limit]}"
        right = f"the limit in DV if CENS is 1 ({int(differ.sum())} rows), or remove {limit}"
        raise DataError(Problem(f"{where}, row {row}", what, right))


@dataclass(frozen=True)
class NonmemRows:
    """The rows of a table with column names as in NONMEM, and its parsed records."""

    table: pd.DataFrame
    read: ParsedRecords

    @property
    def where(self) -> str:
        return self.read.table.where

    def mask(self, missing: bool) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are observations, either with a value or marked as missing (MDV 1)."""
        return np.array([r.event == OBSERVATION and (r.missing_value == 1) == missing for r in self.read.records], dtype=bool)

    def observed(self, observations: str | Mapping[int | str, str] | None) -> pd.DataFrame:
        """Return the observations as a long table under standard names, indexed by the rows of the source."""
        import pandas as pd

        chosen = self.mask(missing=False)
        rows, days = self.table[chosen], self.read.days[chosen]
        times = pd.Series(days, index=rows.index).where(np.isfinite(days), as_text(rows["TIME"]))
        columns = {"subject": rows["ID"], "time": times, "value": rows["DV"], "quantity": self._quantity(rows, observations)}
        words = {
            standard: rows[nonmem_name]
            for nonmem_name, standard in TEXT_COLUMNS.items()
            if nonmem_name in rows.columns and standard != "quantity"
        }
        return pd.DataFrame({**columns, **words, **_censoring(rows)}, index=rows.index).assign(**_intervals_from_above(rows))

    def _quantity(self, rows: pd.DataFrame, observations: str | Mapping[int | str, str] | None) -> pd.Series:
        import pandas as pd

        if isinstance(observations, str):
            several = list(dict.fromkeys(as_text(rows["DVID"]))) if "DVID" in rows.columns else []
            if len(several) > 1:
                what = f"has {' and '.join(map(repr, several[:5]))}, but observations is one quantity, {observations!r}"
                right = f"a name for each: observations={{{several[0]}: {observations!r}, {several[1]}: ...}}"
                raise DataError(Problem(f"{self.where}: DVID", what, right))
            return pd.Series(observations, index=rows.index)
        if observations is None and "QUANTITY" in rows.columns:
            return rows["QUANTITY"]
        by = next((name for name in ("DVID", "CMT") if name in rows.columns), None)
        if by is None or (observations is None and by == "CMT"):
            return pd.Series("dv", index=rows.index)
        numbers = as_text(rows[by])
        if observations is None:
            return "dv_" + numbers
        names = {str(k): v for k, v in observations.items()}
        unknown = sorted(set(numbers) - set(names))
        if unknown:
            right = "a quantity for it in observations, which has " + ", ".join(map(repr, names))
            raise DataError(
                [Problem(f"{self.where}: {by}", f"has {n!r}, which is not in observations", right) for n in unknown]
            )
        return numbers.map(names)

    def missing(self) -> pd.DataFrame:
        """Return the observations that are marked as missing."""
        import pandas as pd

        rows = self.table[self.mask(missing=True)]
        reason = "marked as missing (MDV 1)"
        return pd.DataFrame({"row": rows.index, "subject": identifiers(rows["ID"]), "reason": reason}).reset_index(drop=True)

    def other_rows(self, word: str, columns: tuple[str, ...]) -> pd.DataFrame:
        """Return the rows that `write_nonmem` adds to the observations: findings, or times to events."""
        import pandas as pd

        here = self.table[word].notna() if word in self.table.columns else pd.Series(False, index=self.table.index)
        rows = self.table[here]
        days = self.read.days[here.to_numpy(bool)]
        found: dict[str, Any] = {"subject": identifiers(rows["ID"]), "time": days, "row": rows.index}
        for name in set(columns) - set(found):
            found[name] = as_text(rows[name.upper()]) if name.upper() in rows.columns else ""
        if "event" in columns:
            found["event"] = as_text(rows["EVENT"]) == "1" if len(rows) else pd.Series(dtype=bool)
        return pd.DataFrame(found, index=rows.index)[list(columns)].reset_index(drop=True)


def _censoring(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns of censoring."""
    return {
        standard: rows[nonmem_name]
        for nonmem_name, standard in (("LIMIT", "limit"), ("CENS", "censoring"))
        if nonmem_name in rows.columns
    }


def _intervals_from_above(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return values and limits of intervals between DV and LIMIT (CENS -1 with LIMIT), with the upper end as value."""
    if not {"CENS", "LIMIT"} <= set(rows.columns):
        return {}
    above = (as_numbers(rows["CENS"]).values == -1) & rows["LIMIT"].notna()
    if not above.any():
        return {}
    return {
        "value": rows["DV"].where(~above, rows["LIMIT"]),
        "limit": rows["LIMIT"].where(~above, rows["DV"]),
        "censoring": rows["CENS"].astype(object).where(~above, 1),
    }
