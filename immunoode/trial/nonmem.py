"""Trial data in the layout of NONMEM: observations, doses and covariates in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.record_clock import record_days
from immunoode.regimen.record_options import days_per
from immunoode.regimen.records import read_records
from immunoode.regimen.schedule import Schedule
from immunoode.tables.cells import text
from immunoode.tables.files import open_table
from immunoode.trial.covariates import constant
from immunoode.trial.reading import read_rows
from immunoode.trial.table import ENDPOINTS, FINDINGS, TrialData

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("ID", "TIME", "DV")
NUMBERS = ("AMT", "RATE", "DUR", "II", "ADDL", "SS", "EVID", "MDV")
WORDS = {"QUANTITY": "quantity", "UNIT": "unit", "ARM": "arm", "LESION": "lesion", "KIND": "kind", "FLAG": "flag",
         "VISIT": "visit"}  # fmt: skip
"""Columns of words that `write_nonmem` adds, so that nothing is lost; NONMEM is told to drop them."""
BESIDE = ("FINDING", "ENDPOINT", "EVENT", "REASON")
OBSERVATION, OTHER = 0, 2
RESETS = (3, 4)
MISSING = (".", "", "NA", "NaN", "nan")


def read_nonmem(
    source: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    observations: str | Mapping[int | str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    covariates: Sequence[str] = (),
    varying: Sequence[str] | Mapping[str, str] = (),
    rule: Literal["locf", "nocb"] | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a table with the columns of NONMEM.

    Parameters
    ----------
    source : path or DataFrame
        With the columns ID, TIME and DV, and where there are any AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, DVID, CENS,
        LIMIT and covariates, in any case of letters. ".", "NA" and empty cells are missing.
    compartments : mapping, optional
        Which number in CMT is which input of the model, for the doses; see `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II.
    observations : str or mapping, optional
        What DV is: one quantity, or by the numbers in DVID (in CMT, where there is no DVID). Left out: the words in a column
        QUANTITY, else "dv_1", "dv_2", ..., or "dv".
    units : str or mapping, optional
        Unit of DV; a mapping goes by quantity.
    covariates : sequence of str
        Columns that are the same in all rows of a subject.
    varying : sequence of str, or mapping
        Columns of covariates that change; they go to the schedules by `rule`, see `read_records`.
    title, bad_rows
        As in `read_trial`. Wrong doses are always an error.

    Returns
    -------
    TrialData
        CENS 1 is below DV (between LIMIT and DV where there is one), CENS -1 above it. Rows with EVID 0 and MDV 1 are listed in
        `left_out`.

    Raises
    ------
    DataError
        If columns are missing or rows make no sense, all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0, 0, 24], "DV": [".", 80, 76], "AMT": [200, 0, 0], "CMT": 1})
    >>> data = read_nonmem(table, {1: "pembrolizumab"}, time_unit="hour", observations="sum_of_diameters", units="mm")
    >>> data.frame["time"].tolist(), data.schedules["1"].amounts.tolist()
    ([0.0, 1.0], [200.0])
    """
    table, where = open_table(source)
    rows = _Rows(_named(table, where, [*covariates, *varying]), where)
    schedules = rows.schedules(compartments, time_unit, varying, rule)
    seen = rows.observed(observations, time_unit)
    data = read_rows(seen, where, _columns(seen), None if "unit" in seen else units, title=title, bad_rows=bad_rows)
    unread = rows.unread()
    found, problems = constant(rows.table, "ID", covariates, where)
    if problems:
        raise DataError(problems)
    return replace(
        data,
        schedules=schedules,
        covariates=found if len(covariates) else None,
        findings=rows.beside("FINDING", FINDINGS, time_unit),
        endpoints=rows.beside("ENDPOINT", ENDPOINTS, time_unit),
        left_out=_appended(data.left_out, unread),
    )


def _named(table: pd.DataFrame, where: str, covariates: Sequence[str]) -> pd.DataFrame:
    """Return the table with names in capitals (covariates as they are), missing cells empty.

    Raises
    ------
    DataError
        If a column is missing or there twice.
    """
    names = {c: str(c) if c in covariates else str(c).strip().upper() for c in table.columns}
    named = table.rename(columns=names)
    problems = [Problem(where, f"no column {n}", nearest(n, names.values())) for n in NEEDED if n not in named.columns]
    problems += [
        Problem(where, f"no column {c!r}", nearest(c, map(str, table.columns))) for c in covariates if c not in table
    ]
    twice = named.columns[named.columns.duplicated()]
    problems += [Problem(where, f"has two columns {c}", "one column of a name") for c in twice.unique()]
    if problems:
        raise DataError(problems)
    return named.mask(named.isin(MISSING))


@dataclass(frozen=True)
class _Rows:
    """The rows of a table whose columns have NONMEM's names."""

    table: pd.DataFrame
    where: str

    def number(self, name: str) -> pd.Series:
        """Return a column as numbers; 0 where it is missing."""
        import pandas as pd

        if name not in self.table.columns:
            return pd.Series(0.0, index=self.table.index)
        return pd.to_numeric(self.table[name], errors="coerce").fillna(0.0)

    @property
    def event(self) -> pd.Series:
        """EVID; without such a column a row is a dose where one of its items is not 0, as NONMEM has it."""
        if "EVID" in self.table.columns:
            return self.number("EVID")
        items = [self.number(name) != 0 for name in ("AMT", "RATE", "II", "ADDL", "SS")]
        return sum(items[1:], items[0]).gt(0).astype(float)

    @property
    def is_observation(self) -> pd.Series:
        return (self.event == OBSERVATION) & (self.number("MDV") == 0)

    def days(self, time_unit: str) -> pd.Series:
        """Return the day of each row, NaN where TIME is no number; a reset may start the clock again."""
        import pandas as pd

        if self.event.isin(RESETS).any():
            return record_days(self._records(), time_unit=time_unit)
        return pd.to_numeric(self.table["TIME"], errors="coerce").astype(float) / days_per(time_unit)

    def _records(self) -> pd.DataFrame:
        """Return the table for the reader of records, which wants an amount and knows no observations in words."""
        table = self.table
        return table.assign(EVID=self.event, **({} if "AMT" in table.columns else {"AMT": 0.0}))

    def schedules(
        self, compartments: Mapping[int | str, str] | None, time_unit: Any, varying: Any, rule: Any
    ) -> dict[str, Schedule]:
        """Return a schedule for each subject to whom something is done."""
        records = self._records()
        if not len(varying) and not self.event.isin(RESETS).any():
            records = records[~self.event.isin((OBSERVATION, OTHER))]  # nothing else of the others matters
        if records.empty:
            return {}
        if records is not self.table and "CMT" in records.columns and compartments is not None:
            records = records.assign(CMT=records["CMT"].where(~self.event.isin((OBSERVATION, OTHER)), 0))
        read = read_records(records, compartments, time_unit=time_unit, covariates=varying, rule=rule)
        return {subject: schedule for subject, schedule in read.items() if len(schedule.times)}

    def observed(self, observations: str | Mapping[int | str, str] | None, time_unit: str) -> pd.DataFrame:
        """Return the observations as a long table under our names, its index the rows of the source."""
        import pandas as pd

        rows = self.table[self.is_observation]
        texts = text(rows["TIME"])
        days = self.days(time_unit)[self.is_observation]
        columns = {
            "subject": rows["ID"],
            "time": days.where(days.notna(), texts),
            "value": rows["DV"],
            "quantity": self._quantity(rows, observations),
        }
        words = {ours: rows[theirs] for theirs, ours in WORDS.items() if theirs in rows.columns and ours != "quantity"}
        censoring = {n.lower(): rows[n] for n in ("LIMIT",) if n in rows.columns}
        if "CENS" in rows.columns:
            censoring["censoring"] = rows["CENS"]
        return pd.DataFrame({**columns, **words, **censoring}, index=rows.index)

    def _quantity(self, rows: pd.DataFrame, observations: str | Mapping[int | str, str] | None) -> pd.Series:
        import pandas as pd

        if isinstance(observations, str):
            return pd.Series(observations, index=rows.index)
        if observations is None and "QUANTITY" in rows.columns:
            return rows["QUANTITY"]
        by = next((name for name in ("DVID", "CMT") if name in rows.columns), None)
        if by is None or (observations is None and by == "CMT"):
            return pd.Series("dv", index=rows.index)
        numbers = text(rows[by])
        if observations is None:
            return "dv_" + numbers
        names = {str(k): v for k, v in observations.items()}
        unknown = sorted(set(numbers) - set(names))
        if unknown:
            right = "name it in observations: it has " + ", ".join(map(repr, names))
            raise DataError(
                [Problem(f"{self.where}: {by}", f"has {n!r}, which is no quantity", right) for n in unknown]
            )
        return numbers.map(names)

    def unread(self) -> pd.DataFrame:
        """Return the observations that are marked as missing."""
        import pandas as pd

        rows = self.table[(self.event == OBSERVATION) & (self.number("MDV") != 0)]
        reason = "marked as missing (MDV 1)"
        return pd.DataFrame({"row": rows.index, "subject": text(rows["ID"]), "reason": reason}).reset_index(drop=True)

    def beside(self, word: str, columns: tuple[str, ...], time_unit: str) -> pd.DataFrame:
        """Return what `write_nonmem` put beside the observations: findings, or times to events."""
        import pandas as pd

        here = self.table[word].notna() if word in self.table.columns else pd.Series(False, index=self.table.index)
        rows = self.table[here]
        found = {"subject": text(rows["ID"]), "time": self.days(time_unit)[here].astype(float), "row": rows.index}
        for name in set(columns) - set(found):
            found[name] = text(rows[name.upper()]) if name.upper() in rows.columns else ""
        if "event" in columns:
            found["event"] = text(rows["EVENT"]) == "1" if len(rows) else pd.Series(dtype=bool)
        return pd.DataFrame(found)[list(columns)].reset_index(drop=True)


def _columns(seen: pd.DataFrame) -> dict[str, str]:
    return {name: name for name in seen.columns}


def _appended(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    tables = [t for t in (first, second) if len(t)]
    return pd.concat(tables, ignore_index=True) if tables else first
