"""From responses that a reader reported to visits: overall, of targets, of non-targets, and new lesions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.assessment_rows import (
    WORST_COUNTS,
    AssessmentRows,
    boolean_column,
    concatenate_left_out,
    left_out_rows,
)
from immunoode.trial.response.codes import (
    CR,
    IRECIST_NAMES,
    IUPD,
    NE,
    NON_CR_NON_PD,
    NONE,
    PD,
    PR,
    RECIST_NAMES,
    SD,
    encode,
    non_target_code,
    reported_response_code,
    target_code,
)
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_grid import visit_grid
from immunoode.trial.response.visits import Array, AssessmentData, Subjects, empty_visits

if TYPE_CHECKING:
    import pandas as pd

_OVERALL = np.asarray([NONE, NE, CR, PR, SD, NON_CR_NON_PD, IUPD, PD])
_PARTS = np.asarray([NONE, CR, PR, NON_CR_NON_PD, SD, NE, PD])
"""Codes from nothing to the worst response: of two at one visit the later one counts."""


def from_responses(rows: AssessmentRows, rules: RecistRules) -> AssessmentData:
    """Return visits with the responses of a table; rows without any response are not assessments."""
    import pandas as pd

    frame = rows.frame
    table = pd.DataFrame(
        {
            "subject": rows.subject,
            "time": rows.time,
            "response": _ranks(_codes(frame, "response", reported_response_code), _OVERALL),
            "target": _ranks(_codes(frame, "target", target_code), _PARTS),
            "non_target": _ranks(_codes(frame, "non_target", non_target_code), _PARTS),
            "new": boolean_column(frame, "new_lesion", False),
            "markers": boolean_column(frame, "markers_normal", True),
            "row": frame.index,
        }
    )
    who = rows.names[rows.subject]
    empty = (table[["response", "target", "non_target"]] == 0).all(axis=1) & ~table["new"]
    early = ~empty & (rules.baseline == "last") & (table["time"] < rules.baseline_until)
    reported = table[~empty & ~early]
    no_response = empty.to_numpy() & (rows.time > rules.baseline_until)
    too_early = f"a response before day {rules.baseline_until:g}, before treatment"
    left_out = [
        *rows.left_out,
        left_out_rows(frame.index, who, no_response, "no response"),
        left_out_rows(frame.index, who, early.to_numpy(), too_early),
        _repeated_rows(reported, rows.names),
    ]
    merge = {"response": "max", "target": "max", "non_target": "max", "new": "max", "markers": "min", "row": "last"}
    merged = reported.groupby(["subject", "time"], sort=True).agg(merge).reset_index()
    response, target = _OVERALL[merged["response"].to_numpy(int)], _PARTS[merged["target"].to_numpy(int)]
    non_target, new = _PARTS[merged["non_target"].to_numpy(int)], merged["new"].to_numpy(np.int64)
    subject, time = merged["subject"].to_numpy(np.int64), merged["time"].to_numpy(float)
    visits = replace(
        empty_visits(subject, time),
        targets_absent=target == CR,
        non_target=non_target,
        markers_normal=merged["markers"].to_numpy(bool),
        disease_present=np.isin(target, (PR, SD, PD)) | np.isin(non_target, (NON_CR_NON_PD, PD)),
        new_lesions_present=new,
        new_lesion_count=new,
        reported=response,
        reported_target=target,
    )
    left_out += _implausible(rows, subject, response, merged["row"].to_numpy())
    unknown = np.full(len(rows.names), np.nan)
    subjects = Subjects(rows.names, rows.arms, unknown, unknown, np.zeros(len(unknown), bool))
    return AssessmentData(subjects, visits, concatenate_left_out(left_out))


def _codes(frame: pd.DataFrame, name: str, code: Callable[[str], int | None]) -> Array:
    known = [word for word in (*RECIST_NAMES, *IRECIST_NAMES) if word]
    return encode(frame[name], code, known) if name in frame.columns else np.full(len(frame), NONE)


def _ranks(codes: Array, order: Array) -> Array:
    """Return the position of each code in an order."""
    position = np.zeros(IUPD + 3, dtype=np.int64)
    position[order] = np.arange(len(order))
    return np.asarray(position[codes])


def _repeated_rows(reported: pd.DataFrame, names: Array) -> pd.DataFrame:
    """Return the rows that report again what another row of the same visit reports."""
    again = np.zeros(len(reported), bool)
    for part in ("response", "target", "non_target"):
        filled = (reported[part] > 0).to_numpy()
        again[filled] |= reported[filled].duplicated(["subject", "time"]).to_numpy()
    return left_out_rows(reported["row"], names[reported["subject"]], again, WORST_COUNTS)


def _implausible(rows: AssessmentRows, subject: Array, response: Array, index: Array) -> list[pd.DataFrame]:
    """Return the responses that count as reported although the rules would have derived others."""
    grid, names = visit_grid(subject, len(rows.names)), rows.names[subject]
    after_cr = grid.any_before(response == CR) & np.isin(response, (PR, SD))
    no_iupd = (response == PD) & ~grid.any_before(response == IUPD) & bool((response == IUPD).any())
    after_cr_note = "CR before: by the rules any disease after CR is progression (counted as reported)"
    return [
        left_out_rows(index, names, after_cr, after_cr_note),
        left_out_rows(index, names, no_iupd, "iCPD without an iUPD before it (counted as reported)"),
    ]
