"""Responses at time points, as an investigator or a review gave them, in place of measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.grid import grid_of
from immunoode.trial.response.tables import Rows, collected, reasons
from immunoode.trial.response.visits import Array, Assessed, Subjects, blank_visits
from immunoode.trial.response.words import CR, IRECIST_NAMES, NONE, PD, PR, RECIST_NAMES, SD, UPD, coded, given_code

if TYPE_CHECKING:
    import pandas as pd


def from_responses(rows: Rows) -> Assessed:
    """Return visits with the responses of a table; rows without one are not assessments."""
    known = [name for name in (*RECIST_NAMES, *IRECIST_NAMES) if name]
    codes = coded(rows.frame["response"], given_code, known)
    left_out = [*rows.left_out, reasons(rows.frame.index, rows.names[rows.subject], codes == NONE, "no response")]
    order = np.lexsort((_worst(codes), rows.time, rows.subject))
    order = order[codes[order] != NONE]
    subject, time, codes = rows.subject[order], rows.time[order], codes[order]
    index = np.asarray(rows.frame.index)[order]
    repeat = (
        np.append((subject[1:] == subject[:-1]) & (time[1:] == time[:-1]), False) if len(time) else np.zeros(0, bool)
    )
    left_out.append(reasons(index, rows.names[subject], repeat, "a second response on that day; the worst counts"))
    subject, time, codes, index = subject[~repeat], time[~repeat], codes[~repeat], index[~repeat]
    after = grid_of(subject, len(rows.names)).before(codes == CR) & np.isin(codes, (PR, SD))
    note = "CR before: by the rules any disease after CR is progression (counted as given)"
    left_out.append(reasons(index, rows.names[subject], after, note))
    left_out.append(_orphans(rows, subject, codes, index))
    unknown = np.full(len(rows.names), np.nan)
    subjects = Subjects(rows.names, rows.arms, unknown, unknown, np.zeros(len(unknown), bool))
    return Assessed(subjects, blank_visits(subject, time), collected(left_out), codes)


def _worst(codes: Array) -> Array:
    """Return an order from NE over CR to PD, in which the last of a day counts."""
    return np.where(codes > UPD, -1, np.where(codes == UPD, PD - 0.5, codes))


def _orphans(rows: Rows, subject: Array, codes: Array, index: Array) -> pd.DataFrame:
    """Return which iCPD has no iUPD before it; only where the table has iUPD at all."""
    before = grid_of(subject, len(rows.names)).before(codes == UPD)
    lonely = (codes == PD) & ~before & bool((codes == UPD).any())
    return reasons(index, rows.names[subject], lonely, "iCPD without an iUPD before it (counted as given)")
