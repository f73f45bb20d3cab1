"""Reading tables of lesions: the published atezolizumab supplement, its csv form, and tables with one lesion per row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode import units as unit_texts
from immunoode.errors import DataError, Problem
from immunoode.tables.cells import as_numbers, as_text, is_missing
from immunoode.tables.dates import DayNumbers, Partial
from immunoode.tables.excel import only_sheet, open_sheets
from immunoode.tables.headings import KNOWN, ColumnRoles, find_columns, parse_heading
from immunoode.tables.identifiers import identifiers, unify_spelling
from immunoode.tables.table_files import open_table
from immunoode.trial.findings import TOO_SMALL, standard_finding
from immunoode.trial.image_readers import select_reader
from immunoode.trial.long_table import read_rows
from immunoode.trial.reconcile import baseline_notes, reconcile
from immunoode.trial.time_column import read_time_column
from immunoode.trial.trial_data import DIAMETER, FINDINGS, LEFT_OUT, SUM_OF_DIAMETERS, TrialData, empty

if TYPE_CHECKING:
    import pandas as pd

SUBJECT = "Patient_Anonmyized"
"""The column of subjects of the supplement, spelt as published, by which its sheets are recognised."""
ROLES = ("subject", "time", "date", "start", "arm", "visit", "lesion", "kind", "diameter", "finding")
NEEDED = ("subject", "time", "diameter")
FORMS = "expected the columns subject, day, diameter (with its unit: diameter_mm); optional arm, visit, lesion, kind, finding"


def read_lesions(
    source: str | Path | pd.DataFrame,
    *,
    too_small_mm: float = 5.0,
    quantity: str | None = None,
    reader: str | None = None,
    partial_dates: Partial = "refuse",
    day_numbers: DayNumbers | None = None,
    title: str = "",
) -> TrialData:
    """Read a table with one lesion per row: its longest diameter, or the short axis of a lymph node.

    Parameters
    ----------
    source : path or DataFrame
        The published supplement (an xlsx with the sheets Study1 to Study5), one of its sheets, or a table with the columns
        subject, day, diameter_mm (or diameter_cm), and optionally arm, visit, lesion, kind ("target", "target node",
        "non-target", "non-target node", "new"), and finding ("absent", "present", "not evaluable", ...), under their usual
        headings.
    too_small_mm : float
        The diameter of a lesion that is "TOO SMALL TO MEASURE" (RECIST 1.1: 5 mm). The flag is kept.
    quantity : str, optional
        Name of the quantity: by default "diameter" if the table names lesions. The other layouts have one lesion per patient,
        so that its diameter is the "sum_of_diameters".
    reader, partial_dates, day_numbers
        As in `read_trial`.
    title : str
        Title of the data; by default the name of the file.

    Returns
    -------
    TrialData
        Diameters in mm, time in days from the start of treatment. Rows with words but no diameter ("NOT EVALUABLE") are in
        `findings`; empty, invalid or repeated rows are listed in `left_out`.

    Raises
    ------
    DataError
        If the columns fit no layout, or no row is left.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> table = pd.DataFrame({"subject": ["a", "a"], "day": [0, 42], "diameter_mm": [30, 21]})
    >>> imo.trial.read_lesions(table).frame["value"].tolist()
    [30.0, 21.0]
    """
    import pandas as pd

    table, where = _lesion_table(source)
    found = _columns(table, where)
    unit, notes = _unit(found, where)
    chosen = select_reader(table, reader, where)
    own, others = table[chosen.rows], table[~chosen.rows]
    filled, finding = _with_findings(own, found, too_small_mm * unit_texts.factor("mm", unit))
    spelt: tuple[str, ...] = ()
    if "lesion" in found.found:
        name, when = found.found["lesion"], found.found.get("time", found.found.get("date"))
        subject = pd.Series(identifiers(filled[found.found["subject"]]), index=filled.index, dtype=object)
        lesions, spelt = unify_spelling(as_text(filled[name]), subject, as_text(filled[when]))
        filled = filled.assign(**{str(name): lesions})
    quantity = quantity or (DIAMETER if "lesion" in found.found else SUM_OF_DIAMETERS)
    has_finding = (finding != "") & (finding != TOO_SMALL)
    names = {role: c for role, c in found.found.items() if role not in ("diameter", "finding")}
    names |= {"value": found.found["diameter"], "flag": "_flag"}
    data = read_rows(
        filled[~has_finding],
        where,
        names,
        unit,
        quantity=quantity,
        arm="all",
        partial_dates=partial_dates,
        day_numbers=day_numbers,
        bad_rows="leave out",
        title=title or f"Target lesions ({where})",
    )
    findings, lost = _findings(filled[has_finding], found, finding[has_finding], where, partial_dates, day_numbers)
    of_others = pd.DataFrame(
        {"row": others.index, "subject": identifiers(others[found.found["subject"]]), "reason": chosen.reason}
    )
    left_out = pd.concat([t for t in (data.left_out, lost, of_others) if len(t)] or [data.left_out], ignore_index=True)
    reconciliation = reconcile(
        where,
        table.index,
        [*data.frame["row"], *findings["row"]],
        left_out,
        found.taken_as(table) | {str(c): "reader" for c in chosen.columns},
        subjects=table[found.found["subject"]],
        kept=[*data.frame["subject"], *findings["subject"]],
        notes=[*found.notes, *notes, *spelt, *chosen.notes, *baseline_notes(data.frame)],
    )
    data = replace(data, findings=findings, left_out=left_out, reconciliation=reconciliation)
    return replace(data, frame=_in_millimetres(data.frame))


def _columns(table: pd.DataFrame, where: str) -> ColumnRoles:
    try:
        return find_columns(table, where, roles=ROLES, needed=("subject", "diameter") if _dated(table) else NEEDED)
    except DataError as error:
        raise DataError([*error.problems, Problem(where, "is not a table of lesions", FORMS)]) from None


def _dated(table: pd.DataFrame) -> bool:
    return any(parse_heading(str(c)).words in KNOWN["date"] for c in table.columns)


def _unit(found: ColumnRoles, where: str) -> tuple[str, tuple[str, ...]]:
    """Return the unit of the diameters, mm if the heading states none, and a note on it."""
    unit = found.units.get("diameter", "")
    if unit and unit_texts.dimension(unit) != unit_texts.dimension("mm"):
        raise DataError(
            Problem(f"{where}: column {found.found['diameter']!r}", f"{unit!r} is not a unit of length", "mm or cm")
        )
    return (unit or "mm"), () if unit else ("no unit of diameters is stated: mm",)


def _in_millimetres(frame: pd.DataFrame) -> pd.DataFrame:
    factor = unit_texts.factor(str(frame["unit"].iloc[0]), "mm")
    return frame.assign(value=frame["value"] * factor, limit=frame["limit"] * factor, unit="mm")


def _with_findings(table: pd.DataFrame, found: ColumnRoles, too_small: float) -> tuple[pd.DataFrame, pd.Series]:
    """Return the table with a diameter for lesions that are too small, and the finding in each row."""
    import pandas as pd

    value, column = found.found["diameter"], found.found.get("finding")
    read = as_numbers(table[value])
    cells = as_text(table[column]) if column is not None else pd.Series("", index=table.index)
    words = cells.where(~is_missing(cells), read.texts.where(read.values.isna() & ~read.missing, "")).str.lower()
    finding = standard_finding(words).where(read.values.isna(), "")
    small = finding == TOO_SMALL
    values = table[value].astype(object).where(~small, too_small)
    return table.assign(**{str(value): values, "_flag": words}), finding


def _findings(
    table: pd.DataFrame, found: ColumnRoles, finding: pd.Series, where: str, partial: Partial, day_numbers: DayNumbers | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was seen but not measured, and the rows of it without a subject or day."""
    import pandas as pd

    if table.empty:
        return empty(FINDINGS), empty(LEFT_OUT)

    def column(role: str, constant: str) -> pd.Series:
        return as_text(table[found.found[role]]) if role in found.found else pd.Series(constant, index=table.index)

    frame = pd.DataFrame(
        {
            "subject": identifiers(table[found.found["subject"]]),
            "arm": column("arm", "all"),
            "time": read_time_column(table, found, where, None, partial, day_numbers).values,
            "lesion": column("lesion", ""),
            "kind": column("kind", "target").str.lower(),
            "finding": finding,
            "visit": column("visit", ""),
            "row": table.index,
        },
        index=table.index,
    )[list(FINDINGS)]
    dated = frame["time"].notna() & (frame["subject"] != "")
    lost = frame.loc[~dated, ["row", "subject"]].assign(reason="a finding without a subject or day")
    return frame[dated].reset_index(drop=True), lost.reset_index(drop=True)


def is_lesion_table(path: Path) -> bool:
    """Return whether a file has the columns of a table of lesions; False if it cannot be read."""
    try:
        table, _ = _lesion_table(path)
        found = find_columns(table.head(50), path.name, roles=ROLES, needed=NEEDED).found
    except (DataError, ValueError, OSError):
        return False
    return SUBJECT in table.columns or found["diameter"] == "diam_mm" or "lesion" in found


def _lesion_table(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return one table, indexed by the rows of the source, and the name of the source."""
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() == ".xlsx" and Path(source).is_file():
        return _sheets(Path(source)), Path(source).name
    return open_table(source)


def _sheets(path: Path) -> pd.DataFrame:
    """Return all sheets of the supplement in one table; subjects are prefixed by their study, as numbers may repeat."""
    import pandas as pd

    sheets = open_sheets(path)
    subject = SUBJECT
    parts = [_of_study(str(name), sheet) for name, sheet in sheets.items() if subject in sheet.columns]
    if parts:
        return pd.concat(parts)
    only = only_sheet(sheets, path.name)
    return only.set_axis(range(2, len(only) + 2), axis=0)


def _of_study(name: str, sheet: pd.DataFrame) -> pd.DataFrame:
    column = SUBJECT
    subject = as_text(sheet[column])
    labels = (name.removeprefix("Study") + "_" + subject).where(subject != "", "")
    rows = [f"{name}, row {i + 2}" for i in range(len(sheet))]
    return sheet.assign(**{column: labels}).set_axis(rows, axis=0)
