"""Reading a long table (file or DataFrame) into TrialData: every bad row is named, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem, UnitError, nearest
from immunoode.trial import columns as column_names
from immunoode.trial.table import CENSORINGS, COLUMNS, TrialData

if TYPE_CHECKING:
    import pandas as pd

BAD_ROWS = ("raise", "leave out")
SHOWN = 40
"""Bad rows written out in one error; all are counted."""
_MISSING_WORDS = frozenset({"", "na", "nan", ".", "none", "null", "not evaluable", "ne", "not done", "missing"})
_LEFT = {
    "1": "left",
    "1.0": "left",
    "-1": "right",
    "-1.0": "right",
    "0": "",
    "0.0": "",
    "nan": "",
    "none": "",
    "uncensored": "",
}


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
        A csv, tsv or xlsx file (lines that begin with # are skipped), or a table in memory.
    columns : mapping, optional
        Which column is what, ours to theirs: {"subject": "ID", "time": "day", "value": "volume_mm3"}. Usual names are
        recognised without it. Needed: subject, time, value. Optional: arm, quantity, unit, censoring, flag.
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
    if bad_rows not in BAD_ROWS:
        raise DataError(Problem("bad_rows", f"is {bad_rows!r}", nearest(str(bad_rows), BAD_ROWS)))
    table, where, first_row = _table(source)
    found = column_names.find(table, columns, where)
    frame, texts = _canonical(table, found, units, quantity, arm, first_row, unit_texts.factor(time_unit, "day"))
    reasons = _reasons(frame, texts, "subject" in found)
    if bad_rows == "raise":
        _raise(frame, reasons["bad"], where)
    reason = reasons["bad"].where(reasons["bad"] != "", reasons["missing"])
    left_out = frame.loc[reason != "", ["row", "subject"]].assign(reason=reason[reason != ""])
    kept = frame[reason == ""]
    _whole(kept, where, len(left_out))
    return TrialData(_sorted(kept), title, _by_text(covariates), left_out.reset_index(drop=True))


def _table(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str, int | None]:
    """Return the table, its name in messages, and the number of its first row (None: the frame's own index)."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return source, "table", None
    if not isinstance(source, (str, Path)):
        right = "the path of a csv, tsv or xlsx file, or a DataFrame"
        raise DataError(Problem("source", f"is {type(source).__name__}", right))
    path = Path(source)
    if not path.is_file():
        raise DataError(Problem(str(path), "there is no such file", "give the path of a csv, tsv or xlsx file"))
    try:
        if path.suffix.lower() in (".xlsx", ".xls"):
            return pd.read_excel(path), path.name, 2
        comments = _comment_lines(path)
        separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
        return pd.read_csv(path, sep=separator, skiprows=comments, low_memory=False), path.name, comments + 2
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise DataError(
            Problem(path.name, f"cannot be read as a table ({error})", "give a csv, tsv or xlsx file")
        ) from None


def _comment_lines(path: Path) -> int:
    with path.open(encoding="utf-8", errors="replace") as lines:
        count = 0
        for line in lines:
            if not line.startswith("#"):
                break
            count += 1
    return count


def _canonical(
    table: pd.DataFrame,
    found: Mapping[str, str],
    units: str | Mapping[str, str] | None,
    quantity: str | None,
    arm: str,
    first_row: int | None,
    day: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table under our names, and the texts of time and value as they stood."""
    import pandas as pd

    def column(name: str, constant: str) -> pd.Series:
        if name not in found:
            return pd.Series(constant, index=table.index)
        return table[found[name]]

    frame = pd.DataFrame(
        {
            "subject": _text(column("subject", "")),
            "arm": _text(column("arm", arm)),
            "time": pd.to_numeric(table[found["time"]], errors="coerce") * day,
            "quantity": _text(column("quantity", quantity or str(found["value"]))),
            "value": pd.to_numeric(table[found["value"]], errors="coerce"),
        }
    )
    frame["unit"] = _text(column("unit", "")) if "unit" in found else frame["quantity"].map(_unit_of(units))
    frame["censoring"] = _text(column("censoring", "")).str.lower().replace(_LEFT)
    frame["flag"] = _text(column("flag", ""))
    frame["row"] = table.index if first_row is None else range(first_row, first_row + len(table))
    texts = pd.DataFrame({"time": _text(table[found["time"]]), "value": _text(table[found["value"]])})
    return frame.reset_index(drop=True)[list(COLUMNS)], texts.reset_index(drop=True)


def _text(column: pd.Series) -> pd.Series:
    """Return labels as text: 3.0 and 3 are the same subject."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("object").where(column.notna(), "").astype(str).str.strip()


def _unit_of(units: str | Mapping[str, str] | None) -> Mapping[str, str]:
    from collections import defaultdict

    if isinstance(units, Mapping):
        return defaultdict(str, {str(k): v for k, v in units.items()})
    return defaultdict(lambda: units or "")


def _reasons(frame: pd.DataFrame, texts: pd.DataFrame, has_subject: bool) -> pd.DataFrame:
    """Return for every row why it makes no sense ("" where it does), and why it has no value."""
    import numpy as np
    import pandas as pd

    no_value = texts["value"].str.lower().isin(_MISSING_WORDS)
    bad = pd.Series("", index=frame.index)

    def mark(rows: pd.Series, reason: str | pd.Series) -> None:
        bad.loc[rows & (bad == "")] = reason if isinstance(reason, str) else reason[rows & (bad == "")]

    mark(frame["subject"] == "", "has no subject")
    mark(~np.isfinite(frame["time"]), "time " + texts["time"].map(repr) + " is not a number")
    mark(~no_value & ~np.isfinite(frame["value"]), "value " + texts["value"].map(repr) + " is not a number")
    mark(~frame["censoring"].isin(CENSORINGS), "censoring is not left, right or empty")
    mark(_negative(frame), "value " + texts["value"].map(repr) + " is negative")
    mark(frame["unit"].map(_unit_problem(frame["unit"])) != "", "unit " + frame["unit"].map(repr) + " cannot be read")
    mark(_clash(frame), "unit " + frame["unit"].map(repr) + " measures something else than the quantity's other rows")
    keys = ["subject", "arm", "time", "quantity", "value"]
    mark(frame.duplicated(keys) & ~no_value, "repeats an earlier row")
    missing = np.where(no_value, "no value (" + texts["value"].where(texts["value"] != "", "empty") + ")", "")
    return pd.DataFrame({"bad": bad, "missing": missing})


def _negative(frame: pd.DataFrame) -> pd.Series:
    """Lengths, volumes, cells and concentrations cannot be negative; a number without a unit may be (a log, a change)."""
    return (frame["value"] < 0) & (frame["unit"] != "") & (frame["unit"] != "1")


def _unit_problem(texts: pd.Series) -> dict[str, str]:
    problems = {}
    for text in texts.unique():
        try:
            unit_texts.dimension(text)
            problems[text] = ""
        except UnitError as error:
            problems[text] = str(error)
    return problems


def _pairs(frame: pd.DataFrame) -> tuple[pd.Series, set[tuple[str, str]]]:
    """Return the unit of the first row of each row's quantity, and the pairs of units that occur."""
    first = frame["quantity"].map(dict(frame.drop_duplicates("quantity")[["quantity", "unit"]].itertuples(index=False)))
    some = frame[["unit"]].assign(first=first).drop_duplicates()
    return first, set(some.itertuples(index=False, name=None))


def _clash(frame: pd.DataFrame) -> pd.Series:
    """Return the rows whose unit has another dimension than the first row of the same quantity."""
    import pandas as pd

    good = {t: unit_texts.dimension(t) for t, problem in _unit_problem(frame["unit"]).items() if not problem}
    first, pairs = _pairs(frame)
    rows = pd.Series(False, index=frame.index)
    for a, b in pairs:
        if a in good and b in good and good[a] != good[b]:
            rows |= (frame["unit"] == a) & (first == b)
    return rows


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


def _sorted(kept: pd.DataFrame) -> pd.DataFrame:
    """Convert every quantity to the unit of its first row, and sort by subject, quantity and time."""
    to, pairs = _pairs(kept)
    value = kept["value"].copy()
    for a, b in pairs:
        if a != b:
            rows = (kept["unit"] == a) & (to == b)
            value[rows] *= unit_texts.factor(a, b)
    order = kept["subject"].drop_duplicates().reset_index(drop=True)
    places = kept["subject"].map(dict(zip(order, order.index, strict=True)))
    table = kept.assign(value=value, unit=to, _order=places)
    return (
        table.sort_values(["_order", "quantity", "time"], kind="stable").drop(columns="_order").reset_index(drop=True)
    )


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
