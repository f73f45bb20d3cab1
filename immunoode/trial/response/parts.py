"""Responses of targets and of non-targets at each visit as a reader gave them; the tables say what they are over all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.tables import Rows, collected, flags, reasons
from immunoode.trial.response.visits import Array, Assessed, Subjects, blank_visits
from immunoode.trial.response.words import CR, NE, NON, NONE, PD, PR, SD, coded, non_target_code, status_code

if TYPE_CHECKING:
    import pandas as pd

_ORDER = np.asarray([NONE, CR, PR, NON, SD, NE, PD])
"""Codes from nothing to the worst: of two on one day the later counts."""
_RANK = {int(code): rank for rank, code in enumerate(_ORDER)}


def from_parts(rows: Rows) -> Assessed:
    """Return visits with the targets' response of a table; rows that say nothing are no assessments."""
    import pandas as pd

    frame = rows.frame
    table = pd.DataFrame(
        {
            "subject": rows.subject, "time": rows.time,
            "target": _ranks(coded(frame["target"], _target_code, ("CR", "PR", "SD", "PD", "NE"))),
            "non_target": _ranks(_non_target(frame)),
            "new": flags(frame, "new_lesion", False), "markers": flags(frame, "markers_normal", True),
        }
    )  # fmt: skip
    silent = ((table["target"] == 0) & (table["non_target"] == 0) & ~table["new"]).to_numpy()
    who = rows.names[rows.subject]
    said = table[~silent]
    again = np.zeros(len(table), bool)
    again[~silent] = said.duplicated(["subject", "time"]).to_numpy()
    left_out = [
        *rows.left_out,
        reasons(frame.index, who, silent & (rows.time > 0), "no response"),
        reasons(frame.index, who, again, "a second assessment on that day; the worst of each counts"),
    ]
    how = {"target": "max", "non_target": "max", "new": "max", "markers": "min"}
    visits = said.groupby(["subject", "time"], sort=True).agg(how).reset_index()
    target, non_target = _ORDER[visits["target"].to_numpy(int)], _ORDER[visits["non_target"].to_numpy(int)]
    new = visits["new"].to_numpy(bool)
    unknown = np.full(len(rows.names), np.nan)
    seen = replace(
        blank_visits(visits["subject"].to_numpy(np.int64), visits["time"].to_numpy(float)),
        gone=target == CR, non_target=non_target, markers=visits["markers"].to_numpy(bool),
        seen=np.isin(target, (PR, SD, PD)) | np.isin(non_target, (NON, PD)), new_left=new.astype(np.int64),
        new_count=new.astype(np.int64),
    )  # fmt: skip
    people = Subjects(rows.names, rows.arms, unknown, unknown, np.zeros(len(unknown), bool))
    return Assessed(people, seen, collected(left_out), target=target)


def _ranks(codes: Array) -> Array:
    return np.asarray([_RANK[int(code)] for code in codes], dtype=np.int64)


def _target_code(text: str) -> int | None:
    code = status_code(text)
    return code if code in (NONE, CR, PR, SD, PD, NE) else None


def _non_target(frame: pd.DataFrame) -> Array:
    if "non_target" not in frame.columns:
        return np.full(len(frame), NONE)
    return coded(frame["non_target"], non_target_code, ("CR", "non-CR/non-PD", "PD", "NE"))
