"""Reading a long table (file or DataFrame) into TrialData: every bad row is named, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.files import open_table
from immunoode.trial import columns as column_names
from immunoode.trial.rows import canonical, in_order, reasons
from immunoode.trial.table import TrialData

if TYPE_CHECKING:
    import pandas as pd

BAD_ROWS = ("raise", "leave out")
SHOWN = 40
"""Bad rows written out in one error; all are counted."""


def read_trial(
    source: str | Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    *,
    quantity: str | None = None,
    arm: str = "all",
    time_unit: str = "day",
    covariates: pd.DataFrame | None = None,
    title: str = "",
    bad_rows: Literal["raise", "leave out"] = "raise",
) -> TrialData:
    """Read a long table, one row an observation.

    Parameters
    ----------
    source : path or DataFrame
        A csv, tsv, xlsx, xpt or sas7bdat file (lines at its head that begin with # are skipped), or a table in memory.
    columns : mapping, optional
        Which column is what, ours to theirs: {"subject": "ID", "time": "day", "value": "volume_mm3"}. Usual names are
        recognised without it, and so is the one column that ends in a unit, such as volume_mm3. Needed: subject, time,
        value. Optional: arm, quantity, unit, lesion, kind (of lesion),
        censoring, limit, flag; start, the date from which days are counted where times are dates.
    units : str or mapping, optional
        Unit of the values where the table has no unit column; a mapping goes by quantity.
    quantity : str, optional
        What the values are where the table has no such column; otherwise the value column's own name.
    time_unit : str
        Unit of the time column.
    covariates : DataFrame, optional
        One row a subject (index), one column a covariate.
    arm : str
        The arm of all rows where the table has no such column.
    title : str
        What the data are; figures and reports carry it.
    bad_rows : {"raise", "leave out"}
        Rows that make no sense end in one error that lists them all, or are listed in `left_out`. Rows without a value
        (empty, "NOT EVALUABLE") are always listed there.

    Raises
    ------
    DataError
        If columns are missing, rows make no sense, a subject is in two arms, or nothing is left.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": [1, 1], "day": [0, 42], "volume_mm3": [100, 250]})
    >>> data = read_trial(table, {"value": "volume_mm3"}, "mm^3", quantity="tumour_volume")
    >>> data.quantities
    ('tumour_volume',)
    """
    table, where = open_table(source)
    return read_rows(
        table, where, columns, units, quantity=quantity, arm=arm, time_unit=time_unit,
        covariates=covariates, title=title, bad_rows=bad_rows,
    )  # fmt: skip


def read_rows(
    table: pd.DataFrame,
    where: str,
    columns: Mapping[str, str] | None = None,
    units: str | Mapping[str, str] | None = None,
    *,
    quantity: str | None = None,
    arm: str = "all",
    time_unit: str = "day",
    covariates: pd.DataFrame | None = None,
    title: str = "",
    bad_rows: str = "raise",
) -> TrialData:
    """Read a long table in memory whose index names its rows in the source `where`; all readers end here, see `read_trial`."""
    if bad_rows not in BAD_ROWS:
        raise DataError(Problem("bad_rows", f"is {bad_rows!r}", nearest(str(bad_rows), BAD_ROWS)))
    found = column_names.find(table, columns, where)
    named = column_names.with_unit(table, ()) if "value" not in (columns or {}) else None
    if named is not None and found["value"] == named[0]:
        quantity, units = quantity or named[1], units or (None if "unit" in found else named[2])
    frame, texts = canonical(table, found, units, quantity, arm, unit_texts.factor(time_unit, "day"))
    why = reasons(frame, texts)
    if bad_rows == "raise":
        _raise(frame, why["bad"], where)
    reason = why["bad"].where(why["bad"] != "", why["missing"])
    left_out = frame.loc[reason != "", ["row", "subject"]].assign(reason=reason[reason != ""])
    kept = frame[reason == ""]
    _whole(kept, where, len(left_out))
    return TrialData(in_order(kept), title, _by_text(covariates), left_out.reset_index(drop=True))


def _raise(frame: pd.DataFrame, bad: pd.Series, where: str) -> None:
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
        f"{len(problems)} of {len(frame)} rows make no sense",
        "mend them, or say bad_rows='leave out' to have them listed in .left_out",
    )
    raise DataError([*problems[:SHOWN], *extra, advice])


def _whole(kept: pd.DataFrame, where: str, left_out: int) -> None:
    """Check what only shows in the table as a whole."""
    if kept.empty:
        raise DataError(
            Problem(where, f"no row with a value ({left_out} rows without one)", "give at least one observation")
        )
    pairs = kept[["subject", "arm"]].drop_duplicates()
    arms = pairs[pairs["subject"].duplicated(keep=False)].groupby("subject", sort=False)["arm"].agg(list)
    problems = [
        Problem(f"{where}: subject {s!r}", f"is in more than one arm: {', '.join(a)}", "give subjects their own names")
        for s, a in arms[arms.map(len) > 1].items()
    ]
    if problems:
        raise DataError(problems)


def _by_text(covariates: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if covariates is None else covariates.set_axis(covariates.index.map(str), axis=0)


def as_trial(data: TrialData | pd.DataFrame) -> TrialData:
    """Return the data as TrialData; a DataFrame is read with the usual names of columns.

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
