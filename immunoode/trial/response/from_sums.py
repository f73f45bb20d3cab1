"""From sums of diameters to visits: one row per subject and visit, with what else was seen in columns of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.baseline import is_baseline, last_known
from immunoode.trial.response.codes import CR, NE, NON, NONE, PD, RECIST_NAMES, coded, non_target_code
from immunoode.trial.response.rules import IrecistRules
from immunoode.trial.response.tables import Rows, collected, flags, numbers, reasons, unusable
from immunoode.trial.response.visit_grid import any_of, grid_of
from immunoode.trial.response.visits import Array, Assessed, Subjects, Visits, blank_visits, picked

if TYPE_CHECKING:
    import pandas as pd

_WORSE = {NONE: 0, CR: 1, NE: 2, NON: 3, PD: 4}
"""Which of two non-target responses on one day counts: the higher."""


def from_sums(rows: Rows, rules: IrecistRules) -> Assessed:
    """Return the visits of a table of sums."""
    frame, subject = rows.frame, rows.subject
    total = numbers(frame, "sum_of_diameters", np.nan)
    bad = unusable(frame, "sum_of_diameters")
    what = "a sum that is negative or no number: not evaluable"
    left_out = [*rows.left_out, reasons(frame.index, rows.names[subject], bad, what)]
    visits = _visits(rows, total)
    order = np.lexsort((np.nan_to_num(total, nan=-1.0), visits.time, subject))
    visits, repeat = _once_a_day(visits, order)
    index, names = np.asarray(frame.index)[order], rows.names[subject[order]]
    left_out.append(reasons(index, names, repeat, "a second assessment at that visit; the worst of each counts"))
    base = is_baseline(visits.subject, visits.time, rules.recist)
    sums, when = last_known(visits.subject, visits.time, visits.total, base, len(rows.names))
    later = any_of(np.isfinite(visits.total), visits.subject, len(rows.names))
    unmeasured = ~np.isnan(when) & np.isnan(sums) & later
    left_out += _without_baseline(rows, sums, np.isnan(when), unmeasured)
    unknown = np.isnan(when) | unmeasured
    subjects = Subjects(rows.names, rows.arms, np.where(sums > 0, sums, np.nan), when, unknown)
    return Assessed(subjects, picked(visits, ~base), collected(left_out))


def _visits(rows: Rows, total: Array) -> Visits:
    frame = rows.frame
    words = frame["non_target"] if "non_target" in frame.columns else None
    known = [RECIST_NAMES[code] for code in (CR, NON, PD, NE)]
    status = np.full(len(frame), NONE) if words is None else coded(words, non_target_code, known)
    gone = (total == 0) | (flags(frame, "target_gone", False) & np.isfinite(total))
    present = flags(frame, "new_lesion", False)
    count = np.nan_to_num(numbers(frame, "new_lesions", 0.0)).astype(np.int64)
    new_total = numbers(frame, "new_sum_of_diameters", 0.0)
    return replace(
        blank_visits(rows.subject, rows.time),
        total=total,
        least=np.nan_to_num(total),
        gone=gone,
        non_target=status,
        grown=flags(frame, "non_target_increased", False),
        markers=flags(frame, "markers_normal", True),
        seen=(np.isfinite(total) & ~gone) | np.isin(status, (NON, PD)),
        new_left=np.where("new_lesion" in frame.columns, present, count > 0).astype(np.int64),
        new_count=np.maximum(count, present),
        new_total=new_total,
        new_least=np.nan_to_num(new_total),
        new_grown=flags(frame, "new_non_target_increased", False),
        new_progressed=flags(frame, "new_non_target_progressed", False),
    )


def _once_a_day(visits: Visits, order: Array) -> tuple[Visits, Array]:
    """Return visits in order with those of one day as one, and which of the ordered rows are repeats."""
    sorted_ = picked(visits, order)
    if not len(sorted_):
        return sorted_, np.zeros(0, bool)
    same = (np.diff(sorted_.subject) == 0) & (np.diff(sorted_.time) == 0)
    repeat = np.append(same, False)
    if not same.any():
        return _known_so_far(sorted_), repeat
    start = np.flatnonzero(np.append(True, ~same))
    worst = np.vectorize(_WORSE.__getitem__)(sorted_.non_target)
    meaning = np.asarray([NONE, CR, NE, NON, PD])
    merged = replace(
        picked(sorted_, ~repeat),
        non_target=meaning[np.maximum.reduceat(worst, start)],
        **{name: np.logical_or.reduceat(getattr(sorted_, name), start) for name in _ANY},
        **{name: np.logical_and.reduceat(getattr(sorted_, name), start) for name in ("gone", "markers")},
        **{name: np.fmax.reduceat(getattr(sorted_, name), start) for name in _MOST},
    )
    return _known_so_far(merged), repeat


_ANY = ("grown", "seen", "new_grown", "new_progressed")
_MOST = ("new_left", "new_count", "new_total", "new_least")


def _known_so_far(visits: Visits) -> Visits:
    """Return visits whose count of new lesions never falls: it says how many were seen so far."""
    if not len(visits):
        return visits
    grid = grid_of(visits.subject, int(visits.subject.max()) + 1)
    return replace(visits, new_count=grid.gather(np.maximum.accumulate(grid.spread(visits.new_count, 0), axis=1)))


def _without_baseline(rows: Rows, sums: Array, none: Array, unmeasured: Array) -> list[pd.DataFrame]:
    """Return what is to be said of subjects without a baseline, or with nothing to measure at it."""
    every = np.full(len(rows.names), "")
    return [
        reasons(every, rows.names, none, "no assessment at baseline: not evaluable"),
        reasons(every, rows.names, unmeasured, "no sum at baseline, but later: targets not evaluable"),
        reasons(every, rows.names, sums == 0, "a sum of 0 at baseline: no target lesion"),
    ]
