"""Reading target-lesion tables: the published atezolizumab supplement, and the same as one long csv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem
from immunoode.trial.reading import read_trial
from immunoode.trial.table import TrialData

if TYPE_CHECKING:
    import pandas as pd

TOO_SMALL = "TOO SMALL TO MEASURE"
SUPPLEMENT = {
    "subject": "Patient_Anonmyized",
    "time": "Treatment_Day",
    "value": "TargetLesionLongDiam_mm",
    "arm": "Study_Arm",
}
"""Columns of the supplement, spelt as published."""
CSV = {"subject": "subject", "time": "day", "value": "diam_mm", "arm": "arm", "flag": "flag"}
QUANTITY = "sum_of_diameters"


def read_lesions(
    source: str | Path | pd.DataFrame, *, too_small_mm: float = 5.0, quantity: str = QUANTITY, title: str = ""
) -> TrialData:
    """Read a table with one target lesion's longest diameter a row.

    Parameters
    ----------
    source : path or DataFrame
        The published supplement (an xlsx with the sheets Study1 to Study5), one of its sheets, or a csv with the columns
        subject, day, diam_mm, arm and flag.
    too_small_mm : float
        The diameter that stands for "TOO SMALL TO MEASURE" (RECIST 1.1: 5 mm). The flag stays beside it.
    quantity : str
        What the diameters are called. These data hold one lesion a patient, so the sum of diameters is that diameter.

    title : str
        What the data are; by default the name of the file.

    Returns
    -------
    TrialData
        Diameters in mm, time in days from the start of treatment. Rows "NOT EVALUABLE", empty, malformed or repeated are
        listed in `left_out`.

    Raises
    ------
    DataError
        If the columns are not those of either layout, or no row is left.
    """
    table, names, where = _lesion_table(source)
    value, flag = table[names["value"]], _flag(table, names)
    small = flag.str.upper() == TOO_SMALL
    table = table.assign(
        **{names["value"]: value.where(~small, too_small_mm), "flag": flag.str.lower(), "_row": table.index}
    )
    columns = {**{k: v for k, v in names.items() if k != "flag"}, "flag": "flag"}
    data = read_trial(
        table.reset_index(drop=True),
        columns,
        "mm",
        quantity=quantity,
        bad_rows="leave out",
        title=title or f"Target lesions ({where})",
    )
    return _source_rows(data, table["_row"].tolist())


def is_lesion_table(path: Path) -> bool:
    """Whether a file has the columns of either layout; False as well where it cannot be read."""
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
    return next((n for n in (SUPPLEMENT, CSV) if set(n.values()) - {"flag"} <= set(table.columns)), None)


def _lesion_table(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str], str]:
    """Return one table whose index names the source's rows, its columns' names, and the source's name."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        table, where = source, "table"
    elif not Path(source).is_file():
        raise DataError(Problem(str(source), "there is no such file", "give the path of an xlsx or csv file"))
    else:
        path = Path(source)
        where = path.name
        table = _sheets(path) if path.suffix.lower() == ".xlsx" else _lines(pd.read_csv(path, dtype={"subject": str}))
    names = _layout(table)
    if names is None:
        right = "expected " + ", ".join(SUPPLEMENT.values()) + "; or " + ", ".join(CSV.values())
        raise DataError(Problem(where, f"has the columns {', '.join(map(str, table.columns))}", right))
    return table, names, where


def _sheets(path: Path) -> pd.DataFrame:
    """Return all sheets in one table; subjects carry their study, for numbers may repeat between studies."""
    import pandas as pd

    sheets = pd.read_excel(path, sheet_name=None)
    parts = []
    for name, sheet in sheets.items():
        subject = SUPPLEMENT["subject"]
        if subject not in sheet.columns:
            continue
        study = str(name).removeprefix("Study")
        labels = study + "_" + sheet[subject].astype("object").where(sheet[subject].notna(), "").astype(str)
        parts.append(
            sheet.assign(**{subject: labels.where(sheet[subject].notna(), "")}).set_axis(
                [f"{name}, row {i + 2}" for i in range(len(sheet))], axis=0
            )
        )
    if not parts:
        raise DataError(
            Problem(
                path.name,
                "has no sheet with a column " + repr(SUPPLEMENT["subject"]),
                "expected the sheets Study1 to Study5",
            )
        )
    return pd.concat(parts)


def _lines(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis(range(2, len(table) + 2), axis=0)


def _flag(table: pd.DataFrame, names: dict[str, str]) -> pd.Series:
    """Return what stands in words for a diameter: in its own column, or in the diameter's place."""
    import pandas as pd

    if "flag" in table.columns and "flag" in names:
        return table["flag"].fillna("").astype(str).str.strip()
    value = table[names["value"]]
    words = value.astype("object").where(pd.to_numeric(value, errors="coerce").isna() & value.notna(), "")
    return words.astype(str).str.strip()


def _source_rows(data: TrialData, rows: list[object]) -> TrialData:
    def named(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(row=[rows[int(i)] for i in frame["row"]])

    return replace(data, frame=named(data.frame), left_out=named(data.left_out))
