"""The columns of a table of assessments under the names that others give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from immunoode.errors import DataError, Problem
from immunoode.trial.columns import KNOWN

if TYPE_CHECKING:
    import pandas as pd

NAMES = {
    "subject": KNOWN["subject"],
    "arm": KNOWN["arm"],
    "time": (*KNOWN["time"], "study_day", "treatment_day"),
    "visit": ("visit", "avisit", "visit_name", "timepoint"),
    "lesion": KNOWN["lesion"],
    "kind": KNOWN["kind"],
    "diameter": ("diameter", "diameter_mm", "diam", "diam_mm", "longest_diameter", "longest_diameter_mm", "size_mm"),
    "finding": ("finding", "flag", "lesion_status"),
    "organ": ("organ", "location", "site", "tuloc"),
    "markers_normal": ("markers_normal",),
    "sum_of_diameters": (
        "sum_of_diameters", "sum_of_diameters_mm", "sum", "sum_mm", "sld", "sld_mm", "sod", "sod_mm", "sumdiam",
        "sum_of_longest_diameters", "sum_of_longest_diameters_mm",
    ),
    "target": ("target", "target_response", "trgresp"),
    "non_target": ("non_target", "nontarget", "non_target_response", "nontarget_response", "ntrgresp"),
    "new_lesion": ("new_lesion", "newlesion", "newl", "any_new_lesion"),
    "response": (
        "response", "avalc", "ovr", "ovrlresp", "overall_response", "overall", "timepoint_response", "rsstresc", "recist",
    ),
}  # fmt: skip
"""Names that a column is recognised by, in any case of letters, with spaces or hyphens for underscores."""


def in_our_names(frame: pd.DataFrame, where: str = "assessments", of: Iterable[str] = NAMES) -> pd.DataFrame:
    """Return the table with the columns that are recognised under our names; a column that has our name stays what it is.

    Parameters
    ----------
    where : str
        What the table is, for messages.
    of : iterable of str
        Which of our names are looked for.

    Raises
    ------
    DataError
        If two columns could be one of ours.
    """
    here = {str(c) for c in frame.columns}
    renamed: dict[str, str] = {}
    problems = []
    for ours in of:
        names = NAMES[ours]
        hits = [str(c) for c in frame.columns if _plain(str(c)) in names] if ours not in here else []
        if len(hits) > 1:
            found = " and ".join(repr(h) for h in hits)
            problems.append(Problem(where, f"{found} could both be the {ours}", f"name one of them {ours!r}"))
        renamed |= dict.fromkeys(hits, ours)
    if problems:
        raise DataError(problems)
    return frame.rename(columns=renamed) if renamed else frame


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
