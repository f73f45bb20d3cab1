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
WORDS = {
    "QUANTITY": "quantity",
    "UNIT": "unit",
    "ARM": "arm",
    "LESION": "lesion",
    "KIND": "kind",
    "FLAG": "flag",
    "VISIT": "visit",
}
"""Columns of words that `write_nonmem` adds, so that nothing is lost; NONMEM is told to drop them."""
BESIDE = ("FINDING", "ENDPOINT", "EVENT", "REASON")
OWN = {"DV": "value", "DVID": "quantity", "CENS": "censoring", "LIMIT": "limit"}
"""Columns of observations beside those of records, and what they hold."""
FLAGS = ("BLQ", "BLOQ", "BQL", "BLQFL", "BLQFLAG", "LLOQFL", "CENSOR", "CENSORED")
"""Columns that mark what is below the limit of quantification, in tables without CENS."""
LIMITS = ("LLOQ", "LOQ")
MISSING_CODES = (-99.0, -999.0, -9999.0)
"""Numbers that many tables have for a missing value; they are read as they stand, and said."""


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
        With the columns ID, TIME and DV, and where there are any AMT, RATE, DUR, II, ADDL, SS, CMT, EVID, MDV, DVID, CENS,
        LIMIT and covariates, in any case of letters; DATE, DAT1, DAT2 or DAT3 beside a TIME of day. ".", "NA" and empty
        cells are missing.
    compartments : mapping, optional
        Which number in CMT is which input of the model, for the doses; see `read_records`.
    time_unit : {"hour", "day"}
        Unit of TIME, DUR and II.
    observations : str or mapping, optional
        What DV is: one quantity, or by the numbers in DVID (in CMT, where there is no DVID). Left out: the words in a column
        QUANTITY, else "dv_1", "dv_2", ..., or "dv".
    units : str or mapping, optional
        Unit of DV; a mapping goes by quantity.
    covariates : sequence of str, or mapping
        Columns that are the same in all rows of a subject; which column is which parameter, {"WT": "weight"}, or names (a fit
        understands usual ones, such as WT and BSA).
    varying : sequence of str, or mapping
        Columns of covariates that change; they go to the schedules by `rule`, see `read_records`.
    columns : mapping of str to str, optional
        NONMEM's name to the table's own, where they differ: {"AMT": "DOSE"}.
    ignore : str, optional
        As IGNORE of NM-TRAN, see `read_records`.
    title, bad_rows
        As in `read_trial`. Wrong doses are always an error.

    Returns
    -------
    TrialData
        CENS 1 is below DV (between LIMIT and DV where there is one), CENS -1 above it (between DV and LIMIT). Rows with EVID 0
        and MDV 1 are listed in `left_out`. Rows that repeat another are kept: replicates of an assay; so are negative values.
        `.orders` has where observations stand among the doses: one before the dose of its time is a trough. `.reconciliation`
        counts rows, doses and subjects, and says what each column was taken as.

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
    own = {str(n).strip().upper(): c for n, c in (columns or {}).items()}
    records = {n: c for n, c in own.items() if n in (*RECORDS, *DATES)}
    fixed = dict(covariates) if isinstance(covariates, Mapping) else {c: str(c) for c in _listed(covariates)}
    changing = covariate_columns(varying)
    read = parse_records(
        source, compartments, time_unit, changing, rule, records, ignore, needed=NEEDED[:2], handled_elsewhere=_told_by_reader
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
    unread = rows.unread()
    found, problems = constant_covariates(rows.table, "ID", list(fixed), rows.where)
    if problems:
        raise DataError(problems)
    schedules = {subject: schedule for subject, schedule in read.schedules.items() if len(schedule.times)}
    places = {row: k + OBSERVATION_ORDER for k, row in enumerate(rows.table.index)}
    made = replace(
        data,
        schedules=schedules,
        covariates=_as_numbers(found).rename(columns=fixed) if fixed else None,
        findings=rows.beside("FINDING", FINDINGS),
        endpoints=rows.beside("ENDPOINT", ENDPOINTS),
        left_out=_appended(data.left_out, unread),
        orders={row: places[row] for row in data.frame["row"]} if schedules else {},
    )
    return replace(made, reconciliation=_account(made, rows, fixed, time_unit))


def _as_numbers(found: pd.DataFrame) -> pd.DataFrame:
    """Return columns of numbers as such, and those of words as they are."""
    import pandas as pd

    texts = [c for c in found.columns if found[c].dtype == object and not as_numbers(found[c]).unread.any()]
    return found.assign(**{str(c): pd.to_numeric(found[c]) for c in texts})


def _listed(names: Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


def _told_by_reader(found: CellProblem, record: NonmemRecord) -> bool:
    """Whether a wrong cell is told with the observations: their times, which may be left out."""
    return found.name == "TIME" and record.event == OBSERVATION


def _rows_of(read: ParsedRecords, own: Mapping[str, str], covariates: Sequence[str]) -> _Rows:
    """Return the rows with names in capitals (covariates as they are), missing cells empty.

    Raises
    ------
    DataError
        If a column is missing or there twice.
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
                f"{str(c)!r} marks values below the limit of quantification, and nothing uses it",
                f"columns={{'CENS': {str(c)!r}}} where DV has the limit in these rows; or leave the column out",
            )
            for c, _ in marks
        ]
    twice = named.columns[named.columns.duplicated()]
    problems += [Problem(where, f"has two columns {c}", "one column of a name") for c in twice.unique()]
    if problems:
        raise DataError(problems)
    if "CENS" in named.columns:
        _limits(named, where)
    empty = {c: is_missing(as_text(named[c])) for c in named.columns}
    return _Rows(named.assign(**{str(c): named[c].mask(e) for c, e in empty.items() if e.any()}), read)


def _marks(column: pd.Series) -> bool:
    """Whether something is marked in a column of flags: 1 or Y."""
    return bool((~as_text(column).str.casefold().isin(("0", "n", "no")) & ~is_missing(as_text(column))).any())


def _limits(named: pd.DataFrame, where: str) -> None:
    """Raise where a column of limits and DV differ in rows with CENS 1: DV has the limit there."""
    limit = next((c for c in LIMITS if c in named.columns), None)
    if limit is None:
        return
    censored = as_numbers(named["CENS"]).values == 1
    differ = censored & (as_numbers(named[limit]).values != as_numbers(named["DV"]).values) & ~is_missing(as_text(named[limit]))
    if differ.any():
        row = differ.idxmax()
        what = f"is censored (CENS 1) with DV {named.loc[row, 'DV']} and {limit} {named.loc[row, limit]}"
        right = f"the limit in DV where CENS is 1 ({int(differ.sum())} rows), or leave {limit} out"
        raise DataError(Problem(f"{where}, row {row}", what, right))


def _account(data: TrialData, rows: _Rows, fixed: Mapping[str, str], time_unit: str) -> Reconciliation:
    """Return what became of rows, doses, subjects and columns."""
    found, frame = rows.read.table, data.frame
    lost = data.left_out["reason"].value_counts().to_dict() | dict(found.ignored)
    total = len(found.labels) + sum(found.ignored.values())
    given, kept = dict.fromkeys(found.subjects), {*data.subjects, *data.schedules}
    gone = sum(s not in kept for s in given)
    taken = found.taken_as(time_unit)
    roles = {name: word for name, word in {**OWN, **WORDS}.items()}
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
        which = f"{early} observations stand before it (troughs) and {late} after it"
        notes.append(f"at the very time of a record of dosing, {which}")
    tallies = (
        Tally("rows", total, total - sum(lost.values()), lost),
        rows.read.doses,
        Tally("subjects", len(given), len(given) - gone, {"nothing was observed or given": gone} if gone else {}),
    )
    return Reconciliation(rows.where, tallies, taken, tuple(notes))


def _doubts(data: TrialData, rows: _Rows, covariates: Sequence[str]) -> list[str]:
    """Return what may not be meant: numbers that stand for missing values, DV of what is no observation, CMT of several."""
    notes = []
    values = {"DV": data.frame["value"], **{c: as_numbers(rows.table[c]).values for c in covariates}}
    for name, column in values.items():
        codes = column[column.isin(MISSING_CODES)]
        if len(codes):
            notes.append(f"{name} is {codes.iloc[0]:g} in {len(codes)} rows, read as it stands: leave empty what is missing")
    other = np.array([r.event != OBSERVATION for r in rows.read.records], dtype=bool)
    unread = int((as_numbers(rows.table["DV"]).values.fillna(0) != 0)[other].sum())
    if unread:
        notes.append(f"DV of {unread} records that are no observations (doses and other events) is not read")
    if "CMT" in rows.table.columns and "DVID" not in rows.table.columns and data.frame["quantity"].nunique() == 1:
        of = [c for c in dict.fromkeys(as_text(rows.table["CMT"])[~other & rows.table["DV"].notna().to_numpy()]) if c]
        if len(of) > 1:
            notes.append(f"observations of CMT {', '.join(of[:5])} are all {data.frame['quantity'].iloc[0]!r}")
    return notes


def _usual(fixed: Mapping[str, str]) -> list[str]:
    known = {c: COVARIATES[c.strip().upper()] for c, name in fixed.items() if c == name and c.strip().upper() in COVARIATES}
    return [f"{c!r} is `{name}` where a model has such a covariate" for c, name in known.items() if c != name]


@dataclass(frozen=True)
class _Rows:
    """The rows of a table whose columns have NONMEM's names, and what its records say."""

    table: pd.DataFrame
    read: ParsedRecords

    @property
    def where(self) -> str:
        return self.read.table.where

    def mask(self, missing: bool) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows are observations, that are there or marked as missing."""
        return np.array([r.event == OBSERVATION and (r.missing_value == 1) == missing for r in self.read.records], dtype=bool)

    def observed(self, observations: str | Mapping[int | str, str] | None) -> pd.DataFrame:
        """Return the observations as a long table under our names, its index the rows of the source."""
        import pandas as pd

        chosen = self.mask(missing=False)
        rows, days = self.table[chosen], self.read.days[chosen]
        times = pd.Series(days, index=rows.index).where(np.isfinite(days), as_text(rows["TIME"]))
        columns = {"subject": rows["ID"], "time": times, "value": rows["DV"], "quantity": self._quantity(rows, observations)}
        words = {ours: rows[theirs] for theirs, ours in WORDS.items() if theirs in rows.columns and ours != "quantity"}
        return pd.DataFrame({**columns, **words, **_censoring(rows)}, index=rows.index).assign(**_turned(rows))

    def _quantity(self, rows: pd.DataFrame, observations: str | Mapping[int | str, str] | None) -> pd.Series:
        import pandas as pd

        if isinstance(observations, str):
            several = list(dict.fromkeys(as_text(rows["DVID"]))) if "DVID" in rows.columns else []
            if len(several) > 1:
                what = f"has {' and '.join(map(repr, several[:5]))}, and observations is one quantity, {observations!r}"
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
            right = "name it in observations: it has " + ", ".join(map(repr, names))
            raise DataError([Problem(f"{self.where}: {by}", f"has {n!r}, which is no quantity", right) for n in unknown])
        return numbers.map(names)

    def unread(self) -> pd.DataFrame:
        """Return the observations that are marked as missing."""
        import pandas as pd

        rows = self.table[self.mask(missing=True)]
        reason = "marked as missing (MDV 1)"
        return pd.DataFrame({"row": rows.index, "subject": identifiers(rows["ID"]), "reason": reason}).reset_index(drop=True)

    def beside(self, word: str, columns: tuple[str, ...]) -> pd.DataFrame:
        """Return what `write_nonmem` put beside the observations: findings, or times to events."""
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
    """Return what says how values are censored."""
    return {ours: rows[theirs] for theirs, ours in (("LIMIT", "limit"), ("CENS", "censoring")) if theirs in rows.columns}


def _turned(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return values and limits of what is known from below and above (CENS -1 with LIMIT): an interval up to the limit."""
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
