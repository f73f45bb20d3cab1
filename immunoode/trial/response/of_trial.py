"""Trial data as a table of assessments: of lesions where they are named, else of sums, else of responses in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.trial.response.words import kind_code, status_code
from immunoode.trial.table import DIAMETER, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd

OVERALL = ("OVR", "OVRLRESP", "response")
"""Kinds of findings that are responses at a time point."""
NEW = "new"


def assessments_of(data: TrialData) -> pd.DataFrame:
    """Return what trial data have of assessments, in one of the forms that `recist` reads.

    Raises
    ------
    DataError
        If they have none.
    """
    lesions = data.frame[(data.frame["quantity"] == DIAMETER) & (data.frame["lesion"] != "")]
    if len(lesions):
        return _lesions(lesions, data.findings)
    sums = data.frame[data.frame["quantity"] == SUM_OF_DIAMETERS]
    if len(sums):
        return _sums(sums, data.findings)
    given = data.findings[data.findings["kind"].isin(OVERALL)]
    given = given[given["finding"].map(lambda word: status_code(str(word)) is not None).astype(bool)]
    if given.empty:
        right = f"quantities {DIAMETER!r} (with lesions) or {SUM_OF_DIAMETERS!r}, or responses among the findings"
        raise DataError(Problem(data.title or "trial data", "have no assessment", right))
    return given[["subject", "arm", "time"]].assign(response=given["finding"]).reset_index(drop=True)


def _lesions(lesions: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = ["subject", "arm", "time", "lesion", "kind"]
    measured = lesions[columns].assign(diameter=lesions["value"], finding="")
    words = findings[findings["kind"].map(lambda kind: kind_code(str(kind)) is not None).astype(bool)]
    seen = words[[*columns, "finding"]].assign(diameter=np.nan)
    return pd.concat([measured, seen], ignore_index=True) if len(seen) else measured.reset_index(drop=True)


def _sums(sums: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return a row a visit: with a sum, with none where it was not evaluable, and whether there is a new lesion."""
    import pandas as pd

    keys = ["subject", "arm", "time"]
    is_new = (findings["kind"] == NEW) | (findings["finding"] == NEW)
    missed = findings[(findings["finding"] == "not evaluable") & ~is_new]
    parts = [
        sums[keys].assign(**{SUM_OF_DIAMETERS: sums["value"]}),
        *(t[keys] for t in (missed, findings[is_new]) if len(t)),
    ]
    table = pd.concat(parts, ignore_index=True)
    marked = set(zip(findings.loc[is_new, "subject"], findings.loc[is_new, "time"], strict=True))
    table["new_lesion"] = [key in marked for key in zip(table["subject"], table["time"], strict=True)]
    first = table.sort_values(SUM_OF_DIAMETERS, kind="stable").drop_duplicates(["subject", "time"])  # those with a sum
    return first.sort_index().reset_index(drop=True)
