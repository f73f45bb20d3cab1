"""From sums of diameters to visits: one row per subject and visit, with further columns for other findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response.assessment_rows import (
    NO_BASELINE,
    WORST_COUNTS,
    AssessmentRows,
    boolean_column,
    concatenate_left_out,
    invalid_numbers,
    left_out_rows,
    number_column,
)
from immunoode.trial.response.baseline import is_baseline, last_baseline_values
from immunoode.trial.response.codes import CR, NE, NON_CR_NON_PD, NONE, PD, RECIST_NAMES, encode, non_target_code
from immunoode.trial.response.rules import IrecistRules
from immunoode.trial.response.visit_grid import any_of, is_first, visit_grid
from immunoode.trial.response.visits import Array, AssessmentData, Subjects, Visits, empty_visits, select_visits

if TYPE_CHECKING:
    import pandas as pd

_SEVERITY = {NONE: 0, CR: 1, NE: 2, NON_CR_NON_PD: 3, PD: 4}
"""Which of two non-target responses on one day counts: the higher one."""


def from_sums(rows: AssessmentRows, rules: IrecistRules) -> AssessmentData:
    """Return the visits of a table of sums."""
    frame, subject = rows.frame, rows.subject
    total = number_column(frame, "sum_of_diameters", np.nan)
    invalid = invalid_numbers(frame, "sum_of_diameters")
    what = "a sum that is negative or not a number: not evaluable"
    left_out = [*rows.left_out, left_out_rows(frame.index, rows.names[subject], invalid, what)]
    visits = _visits(rows, total)
    order = np.lexsort((np.nan_to_num(total, nan=-1.0), visits.time, subject))
    visits, repeat = _merge_days(visits, order)
    index, names = np.asarray(frame.index)[order], rows.names[subject[order]]
    left_out.append(left_out_rows(index, names, repeat, WORST_COUNTS))
    base = is_baseline(visits.subject, visits.time, rules.recist)
    sums, when = last_baseline_values(visits.subject, visits.time, visits.target_sum, base, len(rows.names))
    measured = any_of(np.isfinite(visits.target_sum), visits.subject, len(rows.names))
    unmeasured = ~np.isnan(when) & np.isnan(sums) & measured
    left_out += _baseline_notes(rows, sums, np.isnan(when), unmeasured)
    subjects = Subjects(rows.names, rows.arms, np.where(sums > 0, sums, np.nan), when, np.isnan(when) | unmeasured)
    return AssessmentData(subjects, select_visits(visits, ~base), concatenate_left_out(left_out))


def _visits(rows: AssessmentRows, total: Array) -> Visits:
    frame = rows.frame
    known = [RECIST_NAMES[code] for code in (CR, NON_CR_NON_PD, PD, NE)]
    has_non_target = "non_target" in frame.columns
    non_target = encode(frame["non_target"], non_target_code, known) if has_non_target else np.full(len(frame), NONE)
    absent = (total == 0) | (boolean_column(frame, "target_gone", False) & np.isfinite(total))
    present = boolean_column(frame, "new_lesion", False)
    count = np.nan_to_num(number_column(frame, "new_lesions", 0.0)).astype(np.int64)
    new_sum = number_column(frame, "new_sum_of_diameters", 0.0)
    return replace(
        empty_visits(rows.subject, rows.time),
        target_sum=total,
        partial_target_sum=np.nan_to_num(total),
        targets_absent=absent,
        non_target=non_target,
        non_target_increased=boolean_column(frame, "non_target_increased", False),
        markers_normal=boolean_column(frame, "markers_normal", True),
        disease_present=(np.isfinite(total) & ~absent) | np.isin(non_target, (NON_CR_NON_PD, PD)),
        new_lesions_present=np.where("new_lesion" in frame.columns, present, count > 0).astype(np.int64),
        new_lesion_count=np.maximum(count, present),
        new_target_sum=new_sum,
        new_partial_target_sum=np.nan_to_num(new_sum),
        new_non_target_increased=boolean_column(frame, "new_non_target_increased", False),
        new_non_target_progressed=boolean_column(frame, "new_non_target_progressed", False),
    )


_IF_ANY = ("non_target_increased", "disease_present", "new_non_target_increased", "new_non_target_progressed")
_IF_ALL = ("targets_absent", "markers_normal")
_LARGEST = ("new_lesions_present", "new_lesion_count", "new_target_sum", "new_partial_target_sum")


def _merge_days(visits: Visits, order: Array) -> tuple[Visits, Array]:
    """Return the visits in order, those on one day merged, and which of the ordered rows are repeats."""
    visits = select_visits(visits, order)
    if not len(visits):
        return visits, np.zeros(0, bool)
    first = is_first(visits.subject, visits.time)
    repeat = ~np.roll(first, -1)
    if first.all():
        return _with_cumulative_count(visits), repeat
    start = np.flatnonzero(first)
    severity = np.vectorize(_SEVERITY.__getitem__)(visits.non_target)
    codes = np.asarray(list(_SEVERITY))
    merged = replace(
        select_visits(visits, ~repeat),
        non_target=codes[np.maximum.reduceat(severity, start)],
        **{name: np.logical_or.reduceat(getattr(visits, name), start) for name in _IF_ANY},
        **{name: np.logical_and.reduceat(getattr(visits, name), start) for name in _IF_ALL},
        **{name: np.fmax.reduceat(getattr(visits, name), start) for name in _LARGEST},
    )
    return _with_cumulative_count(merged), repeat


def _with_cumulative_count(visits: Visits) -> Visits:
    """Return the visits with a count of new lesions that never falls, as it says how many were seen so far."""
    grid = visit_grid(visits.subject, int(visits.subject.max()) + 1)
    return replace(visits, new_lesion_count=grid.largest_so_far(visits.new_lesion_count))


def _baseline_notes(rows: AssessmentRows, sums: Array, missing: Array, unmeasured: Array) -> list[pd.DataFrame]:
    """Return notes on the subjects without a baseline, or without a usable sum at baseline."""
    every = np.full(len(rows.names), "")
    return [
        left_out_rows(every, rows.names, missing, NO_BASELINE),
        left_out_rows(every, rows.names, unmeasured, "no sum at baseline, but later: targets not evaluable"),
        left_out_rows(every, rows.names, sums == 0, "a sum of 0 at baseline: no target lesion"),
    ]
