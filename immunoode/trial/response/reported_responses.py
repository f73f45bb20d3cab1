"""Responses at visits as a reader stated them: over all, of targets, of non-targets, and new lesions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.codes import (
    CR,
    IRECIST_NAMES,
    NE,
    NON,
    NONE,
    PD,
    PR,
    RECIST_NAMES,
    SD,
    UPD,
    coded,
    given_code,
    non_target_code,
    target_code,
)
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.tables import Rows, collected, flags, reasons
from immunoode.trial.response.visit_grid import grid_of
from immunoode.trial.response.visits import Array, Assessed, Subjects, blank_visits

if TYPE_CHECKING:
    import pandas as pd

_OVERALL = np.asarray([NONE, NE, CR, PR, SD, NON, UPD, PD])
_PARTS = np.asarray([NONE, CR, PR, NON, SD, NE, PD])
"""Codes from nothing to the worst: of two at one visit the later counts."""
AGAIN = "a second assessment at that visit; the worst of each counts"


def from_responses(rows: Rows, rules: RecistRules) -> Assessed:
    """Return visits with the responses of a table; rows that say nothing are no assessments."""
    import pandas as pd

    frame = rows.frame
    table = pd.DataFrame(
        {
            "subject": rows.subject,
            "time": rows.time,
            "given": _ranks(_codes(frame, "response", given_code), _OVERALL),
            "target": _ranks(_codes(frame, "target", target_code), _PARTS),
            "non_target": _ranks(_codes(frame, "non_target", non_target_code), _PARTS),
            "new": flags(frame, "new_lesion", False),
            "markers": flags(frame, "markers_normal", True),
            "row": frame.index,
        }
    )
    who = rows.names[rows.subject]
    empty = (table[["given", "target", "non_target"]] == 0).all(axis=1) & ~table["new"]
    early = ~empty & (rules.baseline == "last") & (table["time"] < rules.baseline_until)
    said = table[~empty & ~early]
    left_out = [
        *rows.left_out,
        reasons(frame.index, who, empty.to_numpy() & (rows.time > rules.baseline_until), "no response"),
        reasons(frame.index, who, early.to_numpy(), f"a response before day {rules.baseline_until:g}, before treatment"),
        _repeats(said, rows.names),
    ]
    how = {"given": "max", "target": "max", "non_target": "max", "new": "max", "markers": "min", "row": "last"}
    visits = said.groupby(["subject", "time"], sort=True).agg(how).reset_index()
    given, target = _OVERALL[visits["given"].to_numpy(int)], _PARTS[visits["target"].to_numpy(int)]
    non_target, new = _PARTS[visits["non_target"].to_numpy(int)], visits["new"].to_numpy(bool)
    subject, time = visits["subject"].to_numpy(np.int64), visits["time"].to_numpy(float)
    seen = replace(
        blank_visits(subject, time),
        gone=target == CR,
        non_target=non_target,
        markers=visits["markers"].to_numpy(bool),
        seen=np.isin(target, (PR, SD, PD)) | np.isin(non_target, (NON, PD)),
        new_left=new.astype(np.int64),
        new_count=new.astype(np.int64),
        given=given,
        given_target=target,
    )
    left_out += _doubts(rows, subject, given, visits["row"].to_numpy())
    unknown = np.full(len(rows.names), np.nan)
    subjects = Subjects(rows.names, rows.arms, unknown, unknown, np.zeros(len(unknown), bool))
    return Assessed(subjects, seen, collected(left_out))


def _codes(frame: pd.DataFrame, name: str, code: Callable[[str], int | None]) -> Array:
    known = [word for word in (*RECIST_NAMES, *IRECIST_NAMES) if word]
    return coded(frame[name], code, known) if name in frame.columns else np.full(len(frame), NONE)


def _ranks(codes: Array, order: Array) -> Array:
    place = np.zeros(UPD + 3, dtype=np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(place[codes])


def _repeats(said: pd.DataFrame, names: Array) -> pd.DataFrame:
    """Return the rows that state again what another of the visit states."""
    again = np.zeros(len(said), bool)
    for part in ("given", "target", "non_target"):
        stated = (said[part] > 0).to_numpy()
        again[stated] |= said[stated].duplicated(["subject", "time"]).to_numpy()
    return reasons(said["row"], names[said["subject"]], again, AGAIN)


def _doubts(rows: Rows, subject: Array, given: Array, index: Array) -> list[pd.DataFrame]:
    """Return the responses that are counted as given, and that the rules would not have called so."""
    grid, names = grid_of(subject, len(rows.names)), rows.names[subject]
    after = grid.before(given == CR) & np.isin(given, (PR, SD))
    lonely = (given == PD) & ~grid.before(given == UPD) & bool((given == UPD).any())
    return [
        reasons(index, names, after, "CR before: by the rules any disease after CR is progression (counted as given)"),
        reasons(index, names, lonely, "iCPD without an iUPD before it (counted as given)"),
    ]
