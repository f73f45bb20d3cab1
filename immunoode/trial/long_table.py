"""Reading a long table (file or DataFrame) into TrialData: every invalid row is listed with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.cells import as_text
from immunoode.tables.dates import DayNumbers, Partial
from immunoode.tables.headings import KNOWN, ColumnRoles, find_columns, heading_words, named_columns, parse_heading
from immunoode.tables.identifiers import identifiers, match_subjects, similar_names
from immunoode.tables.reconciliation import UNUSED
from immunoode.tables.table_files import open_table
from immunoode.tables.visit_labels import visit_time
from immunoode.trial.image_readers import select_reader
from immunoode.trial.measured_column import SIZES, MeasuredColumn, find_measured_column
from immunoode.trial.reconcile import baseline_notes, reconcile
from immunoode.trial.time_column import read_time_column
from immunoode.trial.trial_data import TrialData
from immunoode.trial.validation import reasons, sort_rows, standardise_rows

if TYPE_CHECKING:
    import pandas as pd

BAD_ROWS = ("raise", "leave out")
SHOWN = 40
"""Largest number of invalid rows in one error; all are counted."""
ROLES = (
    "subject",
    "arm",
    "time",
    "date",
    "start",
    "visit",
    "quantity",
    "value",
    "unit",
    "lesion",
    "kind",
    "censoring",
    "limit",
    "length",
    "width",
    *SIZES,
)
NONMEM, DOSES = {"ID", "TIME", "DV"}, {"AMT", "EVID", "MDV", "CMT", "ADDL"}
_OF_ARMS = (
    "arm",
    "group",
    "grp",
    "treat",
    "trt",
    "therap",
    "cohort",
    "regimen",
    "drug",
    "schedule",
    "behandlung",
    "traitement",
    "tratam",
    "trattam",
    "grupp",
    "groupe",
    "grupo",
    "brazo",
)
"""Parts of headings of columns that may be arms although the heading is not recognised."""


def read_trial(
    source: str | Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    *,
    quantity: str | None = None,
    arm: str | None = None,
    time_unit: str | None = None,
    covariates: pd.DataFrame | None = None,
    reader: str | None = None,
    partial_dates: Partial = "refuse",
    day_numbers: DayNumbers | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a long table, one row per observation.

    Parameters
    ----------
    source : path or DataFrame
        A csv, tsv, xlsx, xpt or sas7bdat file (lines at its head that begin with # are skipped), or a table in memory.
    columns : mapping, optional
        Columns of the table by role: {"subject": "ID", "time": "day", "value": "volume_mm3"}. Usual headings are recognised
        without it ("Mouse ID", "Volume (mm3)", "TV", "tumor_volume_mm3", "TRT01P"), including their units, as is a single
        column with a heading that ends in a unit. Required: subject, time (or date), value. Optional: arm, quantity, unit,
        visit, lesion, kind (of lesion), censoring, limit, flag; start, the date from which days are counted if times are dates;
        length and width instead of a volume.
    units : str or mapping, optional
        Unit of the values if neither a column nor the heading states it; a mapping gives it by quantity.
    quantity : str, optional
        Name of the quantity if the table has no such column; by default the name of the column of values.
    arm : str, optional
        The arm of all rows if the table has no such column; "all" by default.
    time_unit : str, optional
        Unit of times that are numbers; by default that of the heading, else days.
    covariates : DataFrame, optional
        One row per subject (identified by the index, or a column `subject`), one column per covariate.
    reader : str, optional
        The reader whose readings count if the table has several readers, or "accepted".
    partial_dates : {"refuse", "first", "middle", "last"}
        Which day "2024-03" stands for.
    day_numbers : {"sas", "excel"}, optional
        Origin of dates that are numbers.
    title : str
        Title of the data, for figures and reports.
    bad_rows : {"raise", "leave out"}
        Whether invalid rows raise one error that lists them all, or are listed in `left_out`. Rows without a value (empty,
        "NOT EVALUABLE") are always listed there.

    Raises
    ------
    DataError
        If columns are missing or ambiguous, rows are invalid, units are not recognised or are stated twice, there are several
        readers, a subject is in two arms, subjects have no covariates, or no row is left.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"Mouse ID": [1, 1], "Day": [0, 42], "Volume (mm³)": [100, 250]})
    >>> data = read_trial(table, quantity="tumour_volume")
    >>> data.units
    {'tumour_volume': 'mm^3'}
    >>> print(data.reconciliation)
    table: 2 rows, all used; 1 subjects, all used. Taken as: Mouse ID = subject, Day = time, Volume (mm³) = value in mm^3.
    """
    table, where = open_table(source)
    if columns is None and _is_nonmem(table):
        right = "read it with imo.io.read_nonmem, which reads the doses too; or name the columns with columns={...}"
        raise DataError(Problem(where, "looks like a NONMEM table (ID, TIME, DV, " + ", ".join(_doses(table)) + ")", right))
    if columns is None and _is_wide(table):
        what = f"looks like a wide table, with a column for each of {len(_times(table))} times"
        right = "read it with imo.trial.read_wide; or name the columns with columns={...}"
        raise DataError(Problem(where, what, right))
    return read_rows(
        table,
        where,
        columns,
        units,
        quantity=quantity,
        arm=arm,
        time_unit=time_unit,
        covariates=covariates,
        reader=reader,
        partial_dates=partial_dates,
        day_numbers=day_numbers,
        title=title,
        bad_rows=bad_rows,
    )


def _times(table: pd.DataFrame) -> list[str]:
    return [str(c) for c in table.columns if visit_time(c, "day").day is not None]


def _is_wide(table: pd.DataFrame) -> bool:
    """Return whether several headings are times, and none is that of a column of times."""
    words = {parse_heading(str(c)).words for c in table.columns}
    return len(_times(table)) > 1 and not words & {*KNOWN["time"], *KNOWN["date"]}


def _doses(table: pd.DataFrame) -> list[str]:
    return [str(c) for c in table.columns if str(c).strip().upper() in DOSES]


def _is_nonmem(table: pd.DataFrame) -> bool:
    return {str(c).strip().upper() for c in table.columns} >= NONMEM and bool(_doses(table))


def read_rows(
    table: pd.DataFrame,
    where: str,
    columns: Mapping[str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    *,
    quantity: str | None = None,
    arm: str | None = None,
    time_unit: str | None = None,
    covariates: pd.DataFrame | None = None,
    reader: str | None = None,
    partial_dates: Partial = "refuse",
    day_numbers: DayNumbers | None = None,
    title: str = "",
    bad_rows: str = "raise",
    repeats: bool = False,
    negative: bool = False,
) -> TrialData:
    """Read a long table in memory, indexed by the rows of the source `where`; all readers end here, see `read_trial`.

    Parameters
    ----------
    repeats, negative : bool
        Whether to keep rows that repeat another one (replicates of an assay), and negative values (of logarithms).
    """
    if bad_rows not in BAD_ROWS:
        raise DataError(Problem("bad_rows", f"is {bad_rows!r}", nearest(str(bad_rows), BAD_ROWS)))
    problems = [
        Problem("units", f"has {u!r}", "a unit as text, such as 'mm'")
        for u in (units.values() if isinstance(units, Mapping) else (units,))
        if u is not None and not isinstance(u, str)
    ]
    DataError.raise_if(problems)
    whole = table
    columns = named_columns(columns, where)
    flag = columns.get("flag") or next((c for c in table.columns if heading_words(str(c)) in KNOWN["flag"]), None)
    given = {k: v for k, v in columns.items() if k != "flag" or v not in table.columns}
    roles = ROLES if "time" not in given else tuple(r for r in ROLES if r != "date")
    roles = (*roles, "flag") if "flag" in given else roles
    found = find_columns(table, where, given, roles=roles, needed=_needed(table, given))
    if flag is not None:
        found = replace(found, found={**found.found, "flag": flag})
    chosen = select_reader(table, reader, where)
    others = table.index[~chosen.rows]
    table = table[chosen.rows]
    size = find_measured_column(table, found, where)
    size = replace(size, quantity=quantity or size.quantity)
    _check_units(size, units, where)
    days = read_time_column(table, found, where, time_unit, partial_dates, day_numbers)
    frame, texts = standardise_rows(table, found.found, size, days, units, "all" if arm is None else arm)
    why = reasons(frame, texts, repeats, negative)
    if bad_rows == "raise":
        _raise_invalid(frame, why["bad"], where)
    reason = why["bad"].where(why["bad"] != "", why["missing"])
    left_out = frame.loc[reason != "", ["row", "subject"]].assign(reason=reason[reason != ""])
    left_out = _with_others(left_out.reset_index(drop=True), others, whole, found.found["subject"], chosen.reason)
    kept = frame[reason == ""]
    _check_kept(kept, where, len(left_out))
    own, extra = (None, ()) if covariates is None else _covariates(covariates, kept)
    check_unnamed_arm(found, arm, whole, where)
    notes = [*found.notes, *size.notes, *days.notes, *chosen.notes, *extra]
    taken = _taken(whole, found, size, days.column, chosen.columns)
    reconciliation = reconcile(
        where,
        whole.index,
        kept["row"],
        left_out,
        taken,
        subjects=whole[found.found["subject"]],
        kept=kept["subject"],
        notes=[*notes, *baseline_notes(kept)],
    )
    return TrialData(sort_rows(kept), title, own, left_out, reconciliation=reconciliation)


def _needed(table: pd.DataFrame, given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the required roles: a date may take the place of the time."""
    dated = "date" in given or any(parse_heading(str(c)).words in KNOWN["date"] for c in table.columns)
    return ("subject",) if dated else ("subject", "time")


def _check_units(size: MeasuredColumn, units: str | Mapping[str, str] | None, where: str) -> None:
    """Raise if the heading and the caller state different units."""
    asked = units.get(size.quantity, "") if isinstance(units, Mapping) else units
    if not asked or not size.unit:
        return
    same = unit_texts.dimension(asked) == unit_texts.dimension(size.unit)
    if not same or abs(unit_texts.factor(asked, size.unit) - 1) > 1e-9:
        what = f"is in {size.unit!r} by its heading, but units is {asked!r}"
        raise DataError(Problem(f"{where}: column {str(size.columns[0])!r}", what, "one of the two"))


def _with_others(left_out: pd.DataFrame, others: pd.Index, table: pd.DataFrame, subject: str, reason: str) -> pd.DataFrame:
    import pandas as pd

    if not len(others):
        return left_out
    rows = {"row": others, "subject": identifiers(table.loc[others, subject]), "reason": reason}
    return pd.concat([left_out, pd.DataFrame(rows)], ignore_index=True)


def _covariates(covariates: pd.DataFrame, kept: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the covariates of the subjects of the data, and a note on other subjects."""
    found = match_subjects(covariates, list(dict.fromkeys(kept["subject"])), "covariates")
    extra = found.extra
    shown = ", ".join(map(repr, extra[:5])) + (", ..." if len(extra) > 5 else "")
    return found.table, (f"covariates of {len(extra)} subjects who are not in the data: {shown}",) if extra else ()


def check_unnamed_arm(found: ColumnRoles, arm: str | None, table: pd.DataFrame, where: str) -> None:
    """Raise if no column of arms was found or stated, but a column looks like one."""
    if "arm" in found.found or arm is not None:
        return
    taken = set(found.found.values())
    likely = [
        c
        for c in table.columns
        if c not in taken and any(w in heading_words(str(c)) for w in _OF_ARMS) and _has_few_values(table[c])
    ]
    if likely:
        shown = " or ".join(repr(str(c)) for c in likely[:3])
        right = f"give columns={{'arm': {str(likely[0])!r}}}, or arm='all' without arms"
        raise DataError(Problem(where, f"no column for the arm; {shown} may be it", right))


def _has_few_values(column: pd.Series) -> bool:
    """Return whether a column has a few different words or numbers."""
    words = as_text(column)
    return 1 < words[words != ""].nunique() <= max(len(words) / 2, 2)


def _taken(
    table: pd.DataFrame, found: ColumnRoles, size: MeasuredColumn, time: object, of_reader: Sequence[Any]
) -> dict[str, str]:
    """Return what each column was taken as."""
    used = {role: c for role, c in found.found.items() if role not in (*SIZES, "length", "width") or c in size.columns}
    if "time" in used and time != used["time"]:
        used.pop("time")
    if "date" in used and time != used["date"]:
        used.pop("date")
    roles = replace(found, found=used).taken_as(table)
    roles |= {str(c): "value" + (f" in {size.unit}" if size.unit else "") for c in size.columns}
    return roles | {str(c): "reader" for c in of_reader if roles[str(c)] == UNUSED}


def _raise_invalid(frame: pd.DataFrame, bad: pd.Series, where: str) -> None:
    rows = frame[bad != ""]
    if rows.empty:
        return
    problems = [
        Problem(f"{where}, row {r}" + (f" (subject {s})" if s else ""), reason)
        for r, s, reason in zip(rows["row"], rows["subject"], bad[bad != ""], strict=True)
    ]
    extra = [Problem(where, f"and {len(problems) - SHOWN} more rows")] if len(problems) > SHOWN else []
    advice = Problem(
        where,
        f"{len(problems)} of {len(frame)} rows are invalid",
        "correct them, or use bad_rows='leave out' to list them in .left_out",
    )
    raise DataError([*problems[:SHOWN], *extra, advice])


def _check_kept(kept: pd.DataFrame, where: str, left_out: int) -> None:
    """Check the table as a whole: at least one row, one arm per subject, distinct names of arms."""
    if kept.empty:
        raise DataError(Problem(where, f"no row with a value ({left_out} rows without one)", "give at least one observation"))
    pairs = kept[["subject", "arm"]].drop_duplicates()
    arms = pairs[pairs["subject"].duplicated(keep=False)].groupby("subject", sort=False)["arm"].agg(list)
    problems = [
        Problem(f"{where}: subject {s!r}", f"is in more than one arm: {', '.join(a)}", "give subjects unique identifiers")
        for s, a in arms[arms.map(len) > 1].items()
    ]
    problems += arms_spelt_differently(kept["arm"], where)
    DataError.raise_if(problems)


def arms_spelt_differently(arms: pd.Series, where: str) -> list[Problem]:
    """Return problems with names of arms that differ only in capitals and blanks, which are probably one arm."""
    return [
        Problem(f"{where}: arms", f"{' and '.join(map(repr, same))} differ only in capitals or blanks", "write them alike")
        for same in similar_names(arms.astype(str).unique())
    ]


def as_trial(data: TrialData | pd.DataFrame) -> TrialData:
    """Return the data as TrialData; a DataFrame is read with its usual headings.

    Raises
    ------
    DataError
        If it is neither, or cannot be read.
    """
    import pandas as pd

    if isinstance(data, TrialData):
        return data
    if isinstance(data, pd.DataFrame):
        return read_trial(data)
    kind = type(data).__name__
    raise DataError(Problem("data", f"is a {kind}", "give a TrialData or a long DataFrame (subject, time, value, ...)"))
