"""Extracting tables of assessments from trial data: measurements (of named lesions, else sums) and reported responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError, nearest
from immunoode.trial.response.codes import kind_code
from immunoode.trial.trial_data import DIAMETER, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd

_REPORTED = {
    "response": re.compile(r"OVR(L?RESP)?[A-Z0-9]*|RESPONSE", re.IGNORECASE),
    "target": re.compile(r"TRGRESP[A-Z0-9]*", re.IGNORECASE),
    "non_target": re.compile(r"NTRGRESP[A-Z0-9]*", re.IGNORECASE),
    "new_lesion": re.compile(r"NEWL(PROG|ES|ESION)?[A-Z0-9]*|NLPROG", re.IGNORECASE),
}
"""PARAMCD of ADRS or RSTESTCD of RS that are responses at a visit, possibly followed by the name of the reader."""
_NEW_WORDS = {
    "unequivocal": "yes",
    "y": "yes",
    "yes": "yes",
    "pd": "yes",
    "new": "yes",
    "present": "yes",
    "1": "yes",
    "equivocal": "no",
    "n": "no",
    "no": "no",
    "ne": "no",
    "none": "no",
    "absent": "no",
    "0": "no",
    "": "no",
}
"""Whether a finding is a new lesion; an equivocal one is not (4.3.5)."""
NEW = "new"
KEYS = ("subject", "arm", "time", "visit")


def response_of_paramcd(code: str) -> str | None:
    """Return which response at a visit a PARAMCD stands for: "response", "target", "non_target", "new_lesion", or None.

    Examples
    --------
    >>> response_of_paramcd("OVRBICR"), response_of_paramcd("NTRGRESP"), response_of_paramcd("BOR")
    ('response', 'non_target', None)
    """
    return next((what for what, pattern in _REPORTED.items() if pattern.fullmatch(code)), None)


def extract_measurements(data: TrialData) -> pd.DataFrame | None:
    """Extract the diameters of lesions, else the sums of diameters, in mm; None if there are neither."""
    lesions = data.frame[(data.frame["quantity"] == DIAMETER) & (data.frame["lesion"] != "")]
    if len(lesions):
        return _lesions(lesions, data.findings)
    sums = data.frame[data.frame["quantity"] == SUM_OF_DIAMETERS]
    return _sums(sums, data.findings) if len(sums) else None


def extract_reported_responses(data: TrialData) -> pd.DataFrame | None:
    """Extract the responses that a reader reported at visits, one per row; None if there are none.

    Raises
    ------
    DataError
        If there are overall responses under several PARAMCD (of several readers).
    """
    import pandas as pd

    what = data.findings["kind"].astype(str).map(response_of_paramcd)
    codes = list(dict.fromkeys(data.findings.loc[what == "response", "kind"]))
    if len(codes) > 1:
        right = f"choose one when reading the data: reader={codes[0]!r}"
        raise DataError(Problem(data.title or "trial data", f"have several overall responses: {', '.join(codes)}", right))
    parts = []
    for name in _REPORTED:
        rows = data.findings[what == name]
        words = _yes_or_no(rows["finding"]) if name == "new_lesion" else rows["finding"]
        parts.append(rows[list(KEYS)].assign(**{name: words}))
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    table = pd.concat(parts, ignore_index=True)
    texts = [name for name in ("response", "target", "non_target") if name in table.columns]
    return table.assign(**{name: table[name].fillna("") for name in texts})


def _yes_or_no(words: pd.Series) -> pd.Series:
    known = words.astype(str).str.strip().str.lower().map(_NEW_WORDS)
    wrong = list(dict.fromkeys(words[known.isna()]))
    DataError.raise_if(Problem("new lesions", f"{w!r} is unknown", nearest(str(w), _NEW_WORDS)) for w in wrong)
    return known


def _millimetres(rows: pd.DataFrame) -> pd.Series:
    """Return the values in mm; values without a unit are taken as mm."""
    factors = {}
    for unit in rows["unit"].unique():
        try:
            factors[unit] = units.factor(unit, "mm") if unit else 1.0
        except UnitError:
            raise DataError(
                Problem(
                    f"{rows['quantity'].iloc[0]}",
                    f"is in {unit!r}, which is not a unit of length",
                    "a unit of length, for example mm or cm",
                )
            ) from None
    return rows["value"] * rows["unit"].map(factors).astype(float)


def _lesions(lesions: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = [*KEYS, "lesion", "kind"]
    measured = lesions[columns].assign(diameter=_millimetres(lesions), finding="")
    words = findings[findings["kind"].map(lambda kind: kind_code(str(kind)) is not None).astype(bool)]
    seen = words[[*columns, "finding"]].assign(diameter=np.nan)
    return pd.concat([measured, seen], ignore_index=True) if len(seen) else measured.reset_index(drop=True)


def _sums(sums: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return one row per visit: the sum, missing if it was not evaluable, and whether there is a new lesion."""
    import pandas as pd

    is_new = (findings["kind"] == NEW) | (findings["finding"] == NEW)
    stated = findings["kind"].astype(str).map(response_of_paramcd).notna()
    missed = findings[(findings["finding"] == "not evaluable") & ~is_new & ~stated]
    keys = list(KEYS)
    parts = [
        sums[keys].assign(**{SUM_OF_DIAMETERS: _millimetres(sums)}),
        *(t[keys] for t in (missed, findings[is_new]) if len(t)),
    ]
    table = pd.concat(parts, ignore_index=True)
    marked = set(zip(findings.loc[is_new, "subject"], findings.loc[is_new, "time"], strict=True))
    table["new_lesion"] = [key in marked for key in zip(table["subject"], table["time"], strict=True)]
    first = table.sort_values(SUM_OF_DIAMETERS, kind="stable").drop_duplicates(["subject", "time"])  # those with a sum
    return first.sort_index().reset_index(drop=True)
