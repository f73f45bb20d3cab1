"""Reading tables of lesions: the published atezolizumab supplement, the same as one csv, and any with a lesion a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem
from immunoode.tables.files import open_table
from immunoode.trial.findings import TOO_SMALL, as_finding, finding_table
from immunoode.trial.reading import read_rows
from immunoode.trial.rows import canonical, text
from immunoode.trial.table import DIAMETER, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd

SUPPLEMENT = {
    "subject": "Patient_Anonmyized",
    "time": "Treatment_Day",
    "value": "TargetLesionLongDiam_mm",
    "arm": "Study_Arm",
}
"""Columns of the supplement, spelt as published."""
CSV = {"subject": "subject", "time": "day", "value": "diam_mm", "arm": "arm", "flag": "flag"}
LESIONS = {
    "subject": "subject",
    "time": "day",
    "value": "diameter_mm",
    "arm": "arm",
    "lesion": "lesion",
    "kind": "kind",
    "flag": "finding",
}
"""Columns of a table with several lesions a patient."""
BARE = LESIONS | {"time": "time", "value": "diameter"}
"""The same as `imo.recist` takes it."""
LAYOUTS = (SUPPLEMENT, CSV, LESIONS, BARE)
OPTIONAL = frozenset({"arm", "flag", "finding"})


def read_lesions(
    source: str | Path | pd.DataFrame, *, too_small_mm: float = 5.0, quantity: str | None = None, title: str = ""
) -> TrialData:
    """Read a table with a lesion's longest diameter (of a lymph node: short axis) a row.

    Parameters
    ----------
    source : path or DataFrame
        The published supplement (an xlsx with the sheets Study1 to Study5), one of its sheets; a csv with the columns subject,
        day, diam_mm, arm and flag; or a table with the columns subject, day, lesion, kind ("target", "target node",
        "non-target", "non-target node", "new"), diameter_mm, and finding ("absent", "present", "not evaluable", ...); or the
        same with time and diameter for day and diameter_mm.
    too_small_mm : float
        The diameter that stands for "TOO SMALL TO MEASURE" (RECIST 1.1: 5 mm). The flag stays beside it.
    quantity : str, optional
        What the diameters are called: "diameter" where the table names lesions. The other layouts hold one lesion a patient,
        so that "sum_of_diameters" is that lesion's diameter.
    title : str
        What the data are; by default the name of the file.

    Returns
    -------
    TrialData
        Diameters in mm, time in days from the start of treatment. Rows with words and no diameter ("NOT EVALUABLE") are in
        `findings`; empty, malformed or repeated ones are listed in `left_out`.

    Raises
    ------
    DataError
        If the columns are those of no layout, or no row is left.
    """
    table, names, where = _lesion_table(source)
    table, finding = _words(table, names, too_small_mm)
    quantity = quantity or (DIAMETER if "lesion" in names else SUM_OF_DIAMETERS)
    title = title or f"Target lesions ({where})"
    worded = (finding != "") & (finding != TOO_SMALL)
    data = read_rows(table[~worded], where, names, "mm", quantity=quantity, bad_rows="leave out", title=title)
    frame, _ = canonical(table[worded], names, "mm", quantity, "all", 1.0)
    if "kind" not in names:
        frame["kind"] = "target"
    found = finding_table(frame, finding[worded].reset_index(drop=True))
    dated = found["time"].notna() & (found["subject"] != "")
    lost = found.loc[~dated, ["row", "subject"]].assign(reason="a finding without a subject or day")
    return replace(data, findings=found[dated].reset_index(drop=True), left_out=_together(data.left_out, lost))


def _together(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return first if second.empty else pd.concat([first, second], ignore_index=True)


def _words(table: pd.DataFrame, names: dict[str, str], too_small_mm: float) -> tuple[pd.DataFrame, pd.Series]:
    """Return the table with a diameter for what is too small, and what each row says in words."""
    import pandas as pd

    value, column = names["value"], names.get("flag", "flag")
    number = pd.to_numeric(table[value], errors="coerce")
    said = text(table[column]) if column in table.columns else pd.Series("", index=table.index)
    words = said.where(said != "", text(table[value]).where(number.isna(), "")).str.lower()
    finding = as_finding(words).where(number.isna(), "")
    small = finding == TOO_SMALL
    names["flag"] = "flag"
    return table.assign(**{value: table[value].where(~small, too_small_mm), "flag": words}), finding


def is_lesion_table(path: Path) -> bool:
    """Whether a file has the columns of a layout; False as well where it cannot be read."""
    import pandas as pd

    try:
        if path.suffix.lower() == ".xlsx":
            heads = list(pd.read_excel(path, sheet_name=None, nrows=0).values())
        else:
            heads = [pd.read_csv(path, nrows=0, comment="#")]
    except (ValueError, OSError):
        return False
    return any(_layout(head) is not None for head in heads)


def _layout(table: pd.DataFrame) -> dict[str, str] | None:
    """Return our names and the table's, of the first layout whose columns there are; lesions by their millimetres or bare."""
    for names in LAYOUTS:
        here = {k: v for k, v in names.items() if v in table.columns}
        if set(names.values()) - OPTIONAL <= set(here.values()):
            return here
    return None


def _lesion_table(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str], str]:
    """Return one table whose index names the source's rows, its columns' names, and the source's name."""
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() == ".xlsx" and Path(source).is_file():
        table, where = _sheets(Path(source)), Path(source).name
    else:
        table, where = open_table(source)
    names = _layout(table)
    if names is None:
        right = "expected " + "; or ".join(", ".join(layout.values()) for layout in LAYOUTS)
        raise DataError(Problem(where, f"has the columns {', '.join(map(str, table.columns))}", right))
    return table, names, where


def _sheets(path: Path) -> pd.DataFrame:
    """Return all sheets of the supplement in one table; subjects carry their study, for numbers may repeat between studies."""
    import pandas as pd

    sheets = pd.read_excel(path, sheet_name=None)
    subject = SUPPLEMENT["subject"]
    parts = [_of_study(str(name), sheet) for name, sheet in sheets.items() if subject in sheet.columns]
    if parts:
        return pd.concat(parts)
    if len(sheets) == 1 and _layout(only := next(iter(sheets.values()))) is not None:
        return only.set_axis(range(2, len(only) + 2), axis=0)
    problem = f"has no sheet with a column {subject!r}"
    raise DataError(Problem(path.name, problem, "expected the sheets Study1 to Study5"))


def _of_study(name: str, sheet: pd.DataFrame) -> pd.DataFrame:
    column = SUPPLEMENT["subject"]
    subject = text(sheet[column])
    labels = (name.removeprefix("Study") + "_" + subject).where(subject != "", "")
    rows = [f"{name}, row {i + 2}" for i in range(len(sheet))]
    return sheet.assign(**{column: labels}).set_axis(rows, axis=0)
