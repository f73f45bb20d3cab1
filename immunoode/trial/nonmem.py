"""Trial data in the layout of NONMEM: observations, doses and covariates in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.regimen.record import OBSERVATION, NonmemRecord
from immunoode.regimen.record_options import COVARIATES, covariate_columns
from immunoode.regimen.record_rows import OBSERVATION_ORDER
from immunoode.regimen.record_table import COLUMNS as RECORDS
from immunoode.regimen.record_table import CellProblem
from immunoode.regimen.record_times import DATES
from immunoode.regimen.records import ParsedRecords, parse_records
from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.identifiers import identifiers
from immunoode.tables.reconciliation import UNUSED, Reconciliation, Tally
from immunoode.trial.covariates import constant_covariates
from immunoode.trial.long_table import read_rows
from immunoode.trial.trial_data import ENDPOINTS, FINDINGS, TrialData
from immunoode.trial.validation import SAME

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("ID", "TIME", "DV")
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
BESIDE = ("FINDING", "ENDPOINT", "EVENT", "REASON")
OWN = {"DV": "value", "DVID": "quantity", "CENS": "censoring", "LIMIT": "limit"}
"""Roles of columns of observations that records do not have."""
FLAGS = ("BLQ", "BLOQ", "BQL", "BLQFL", "BLQFLAG", "LLOQFL", "CENSOR", "CENSORED")
"""Columns that flag values below the limit of quantification, in tables without CENS."""
LIMITS = ("LLOQ", "LOQ")
MISSING_CODES = (-99.0, -999.0, -9999.0)
"""Numbers that often stand for a missing value; they are read as numbers, with a note."""


def read_nonmem(
    source: str | Path | pd.DataFrame,
    compartments: Mapping[int | str, str] | None = None,
    *,
    time_unit: Literal["hour", "day"],
    observations: str | Mapping[int | str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    covariates: Sequence[str] | Mapping[str, str] = (),
    varying: Sequence[str] | Mapping[str, str] = (),
    rule: Literal["locf", "nocb"] | None = None,
    columns: Mapping[str, str] | None = None,
    ignore: str | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a table with the columns of NONMEM.

    Parameters
    ----------
    source : path or DataFrame
        With the columns ID, TIME and DV, and optionally AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, DVID, CENS, LIMIT and
        covariates, in any case of letters; DATE, DAT1, DAT2 or DAT3 together with a TIME of day. ".", "NA" and empty
        cells are missing.
    compartments : mapping, optional
        The input of the model for each number in CMT, for the doses; see `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II.
    observations : str or mapping, optional
        The quantity in DV, or a quantity for each number in DVID (in CMT without DVID). By default from a column QUANTITY,
        else "dv_1", "dv_2", ..., or "dv".
    units : str or mapping, optional
        Unit of DV; a mapping gives it by quantity.
    covariates : sequence of str, or mapping
        Columns that are constant within each subject: the parameter for each column, {"WT": "weight"}, or names of columns (a
        fit recognises usual ones, such as WT and BSA).
    varying : sequence of str, or mapping
        Columns of covariates that change with time; they go to the schedules by `rule`, see `read_records`.
    columns : mapping of str to str, optional
        Columns of the table by their names in NONMEM, if they differ: {"AMT": "DOSE"}.
    ignore : str, optional
        As IGNORE of NM-TRAN, see `read_records`.
    title, bad_rows
        As in `read_trial`. Invalid doses are always an error.

    Returns
    -------
    TrialData
        With CENS 1 the value is below DV (between LIMIT and DV if there is a LIMIT), with CENS -1 above it (between DV and
        LIMIT). Rows with EVID 0 and MDV 1 are listed in `left_out`. Repeated rows (replicates of an assay) and negative values
        are kept. `.orders` has the position of observations among the doses: an observation before the dose at its time is a
        trough. `.reconciliation` counts rows, doses and subjects, and says what each column was taken as.

    Raises
    ------
    DataError
        If columns are missing or rows are invalid, all at once.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0, 0, 24], "DV": [".", 80, 76], "AMT": [200, 0, 0], "CMT": 1})
    >>> data = read_nonmem(table, {1: "pembrolizumab"}, time_unit="hour", observations="sum_of_diameters", units="mm")
    >>> data.frame["time"].tolist(), data.schedules["1"].amounts.tolist()
    ([0.0, 1.0], [200.0])
    """
    own = {str(n).strip().upper(): c for n, c in (columns or {}).items()}
    records = {n: c for n, c in own.items() if n in (*RECORDS, *DATES)}
    fixed = dict(covariates) if isinstance(covariates, Mapping) else {c: str(c) for c in _as_sequence(covariates)}
    changing = covariate_columns(varying)
    read = parse_records(
        source,
        compartments,
        time_unit,
        changing,
        rule,
        records,
        ignore,
        needed=NEEDED[:2],
        handled_elsewhere=_reported_by_reader,
    )
    rows = _rows_of(read, own, list(fixed))
    seen = rows.observed(observations)
    data = read_rows(
        seen,
        rows.where,
        _columns(seen),
        None if "unit" in seen else units,
        title=title,
        bad_rows=bad_rows,
        repeats=True,
        negative=True,
    )
    missing = rows.missing()
    found, problems = constant_covariates(rows.table, "ID", list(fixed), rows.where)
    DataError.raise_if(problems)
    schedules = {subject: schedule for subject, schedule in read.schedules.items() if len(schedule.times)}
    places = {row: k + OBSERVATION_ORDER for k, row in enumerate(rows.table.index)}
    made = replace(
        data,
        schedules=schedules,
        covariates=_with_number_columns(found).rename(columns=fixed) if fixed else None,
        findings=rows.other_rows("FINDING", FINDINGS),
        endpoints=rows.other_rows("ENDPOINT", ENDPOINTS),
        left_out=_appended(data.left_out, missing),
        orders={row: places[row] for row in data.frame["row"]} if schedules else {},
    )
    return replace(made, reconciliation=_reconciliation(made, rows, fixed, time_unit))


def _with_number_columns(found: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns of numbers converted, and columns of words unchanged."""
    import pandas as pd

    words = [c for c in found.columns if found[c].dtype == object or isinstance(found[c].dtype, pd.StringDtype)]
    texts = [c for c in words if not as_numbers(found[c]).unread.any()]
    return found.assign(**{str(c): pd.to_numeric(found[c]) for c in texts})


def _as_sequence(names: Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


def _reported_by_reader(found: CellProblem, record: NonmemRecord) -> bool:
    """Return whether an invalid cell is reported with the observations, as rows with invalid times may be left out."""
    return found.name == "TIME" and record.event == OBSERVATION


def _rows_of(read: ParsedRecords, own: Mapping[str, str], covariates: Sequence[str]) -> _Rows:
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
    problems = [Problem(where, f"no column {n}", nearest(n, names.values())) for n in NEEDED if n not in named.columns]
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
    return _Rows(named.assign(**{str(c): named[c].mask(e) for c, e in empty.items() if e.any()}), read)


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


def _reconciliation(data: TrialData, rows: _Rows, fixed: Mapping[str, str], time_unit: str) -> Reconciliation:
    """Return the reconciliation of rows, doses, subjects and columns."""
    found, frame = rows.read.table, data.frame
    lost = data.left_out["reason"].value_counts().to_dict() | dict(found.ignored)
    total = len(found.labels) + sum(found.ignored.values())
    given, kept = dict.fromkeys(found.subjects), {*data.subjects, *data.schedules}
    gone = sum(s not in kept for s in given)
    taken = found.taken_as(time_unit)
    roles = {name: word for name, word in {**OWN, **TEXT_COLUMNS}.items()}
    for column in found.frame.columns:
        name = str(column).strip().upper()
        if column in fixed:
            taken[str(column)] = f"covariate {fixed[column]}"
        elif taken[str(column)] == UNUSED and (name in roles or name in BESIDE):
            taken[str(column)] = roles.get(name, name.lower())
    notes = [*found.notes, *_usual(fixed), *_doubts(data, rows, list(fixed))]
    repeats = int(frame.duplicated([c for c in SAME if c in frame]).sum())
    notes += [f"{repeats} observations repeat another one: kept as replicates"] if repeats else []
    at = [
        (data.orders[row], data.schedules[s].orders[data.schedules[s].times == t].tolist())
        for row, s, t in zip(frame["row"], frame["subject"], frame["time"], strict=True)
        if s in data.schedules and row in data.orders
    ]
    early = sum(bool(doses) and order < min(doses) for order, doses in at)
    late = sum(bool(doses) for _, doses in at) - early
    if early or late:
        notes.append(f"at the time of a dose record, {early} observations are before it (troughs) and {late} after it")
    tallies = (
        Tally("rows", total, total - sum(lost.values()), lost),
        rows.read.doses,
        Tally("subjects", len(given), len(given) - gone, {"no observation and no dose": gone} if gone else {}),
    )
    return Reconciliation(rows.where, tallies, taken, tuple(notes))


def _doubts(data: TrialData, rows: _Rows, covariates: Sequence[str]) -> list[str]:
    """Return notes on what may be unintended: codes of missing values, DV of dose records, observations in several CMT."""
    notes = []
    values = {"DV": data.frame["value"], **{c: as_numbers(rows.table[c]).values for c in covariates}}
    for name, column in values.items():
        codes = column[column.isin(MISSING_CODES)]
        if len(codes):
            notes.append(
                f"{name} is {codes.iloc[0]:g} in {len(codes)} rows, which is read as a number: leave missing cells empty"
            )
    other = np.array([r.event != OBSERVATION for r in rows.read.records], dtype=bool)
    unread = int((as_numbers(rows.table["DV"]).values.fillna(0) != 0)[other].sum())
    if unread:
        notes.append(f"DV of {unread} records that are not observations (doses and other events) is not read")
    if "CMT" in rows.table.columns and "DVID" not in rows.table.columns and data.frame["quantity"].nunique() == 1:
        of = [c for c in dict.fromkeys(as_text(rows.table["CMT"])[~other & rows.table["DV"].notna().to_numpy()]) if c]
        if len(of) > 1:
            notes.append(f"observations of CMT {', '.join(of[:5])} are all {data.frame['quantity'].iloc[0]!r}")
    return notes


def _usual(fixed: Mapping[str, str]) -> list[str]:
    known = {c: COVARIATES[c.strip().upper()] for c, name in fixed.items() if c == name and c.strip().upper() in COVARIATES}
    return [f"{c!r} is taken as `{name}` by models with this covariate" for c, name in known.items() if c != name]


@dataclass(frozen=True)
class _Rows:
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


def _columns(seen: pd.DataFrame) -> dict[str, str]:
    return {name: name for name in seen.columns}


def _appended(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    tables = [t for t in (first, second) if len(t)]
    return pd.concat(tables, ignore_index=True) if tables else first
