"""From lesions to visits: one row per lesion and visit, with a diameter or a finding in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from immunoode.trial.response.assessment_rows import NO_BASELINE, AssessmentRows, concatenate_left_out, left_out_rows
from immunoode.trial.response.baseline import last_baseline_values
from immunoode.trial.response.codes import BLANK, CR, NE, NEW, NON_CR_NON_PD, NON_TARGET, NONE, PD, PROGRESSION, TARGET, UNKNOWN
from immunoode.trial.response.lesion_measurements import (
    LesionMeasurements,
    Timeline,
    has_increased,
    is_absent,
    is_present,
    sort_lesions,
)
from immunoode.trial.response.new_lesions import choose_new_targets
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.visit_grid import is_first
from immunoode.trial.response.visits import Array, AssessmentData, Subjects, empty_visits, select_visits

if TYPE_CHECKING:
    import pandas as pd

MOST_TARGETS, MOST_TARGETS_PER_ORGAN = 5, 2
"""Target lesions at most (RECIST 1.1, 3.2.2)."""


class _Baseline(NamedTuple):
    """Sum and day of baseline of each subject, which rows are of target lesions in that sum, and notes."""

    sums: Array
    days: Array
    targets: Array
    notes: list[pd.DataFrame]


def from_lesions(rows: AssessmentRows, rules: IrecistRules) -> AssessmentData:
    """Return the visits of a table of lesions."""
    lesions, timeline, left_out = sort_lesions(rows, rules.recist)
    baseline = _baseline(lesions, timeline, rows, rules.recist)
    non_targets = _non_targets(lesions, timeline, rules.recist)
    visits = replace(
        empty_visits(timeline.subject, timeline.time),
        markers_normal=timeline.count(lesions.visit, ~lesions.markers_normal) == 0,
        disease_present=non_targets.pop("disease_present") | _target_present(lesions, timeline, baseline.targets, rules.recist),
        **_targets(lesions, timeline, baseline, rules.recist),
        **non_targets,
        **_new(lesions, timeline, rules),
    )
    has_target = np.zeros(len(rows.names), bool)
    has_target[lesions.subject[lesions.group == TARGET]] = True
    not_evaluable = np.isnan(baseline.days) | (has_target & np.isnan(baseline.sums))
    sums = np.where(baseline.sums > 0, baseline.sums, np.nan)
    subjects = Subjects(rows.names, rows.arms, sums, baseline.days, not_evaluable)
    left_out = concatenate_left_out([*rows.left_out, *left_out, *baseline.notes])
    return AssessmentData(subjects, select_visits(visits, ~timeline.is_baseline), left_out)


def _baseline(lesions: LesionMeasurements, timeline: Timeline, rows: AssessmentRows, rules: RecistRules) -> _Baseline:
    at_baseline = timeline.is_baseline[lesions.visit]
    values, _ = last_baseline_values(lesions.key, lesions.time, lesions.value, at_baseline, len(lesions.start))
    who, group = lesions.subject[lesions.start], lesions.group[lesions.start]
    followed = (group == TARGET) & np.isfinite(values)
    size = len(rows.names)
    count = np.bincount(who[followed], minlength=size)
    sums = np.bincount(who[followed], weights=values[followed], minlength=size).astype(float)
    sums[count == 0] = np.nan
    _, days = last_baseline_values(timeline.subject, timeline.time, timeline.time, timeline.is_baseline, size)
    index, names = lesions.index[lesions.start], rows.names[who]
    late = ~at_baseline[lesions.start]
    crowded = _more_than_allowed_per_organ(who[followed], lesions.organ[lesions.start][followed], size)
    every = np.full(size, "")
    limit = np.where(lesions.node[lesions.start], rules.measurable_node_mm, rules.measurable_mm)
    per_lesion = [
        (followed & (values < limit), "a target lesion too small at baseline (RECIST 1.1, 3.1.1); it counts"),
        ((group == TARGET) & ~followed, "a target lesion without a measurement at baseline"),
        ((group == NON_TARGET) & late, "a non-target lesion first recorded after baseline; counts from then"),
        ((group >= NEW) & ~late, "a new lesion at baseline; counts from the first visit after"),
    ]
    per_subject = [
        (np.isnan(days), NO_BASELINE),
        (count > MOST_TARGETS, f"more than {MOST_TARGETS} target lesions (RECIST 1.1, 3.2.2); all count"),
        (crowded, f"more than {MOST_TARGETS_PER_ORGAN} target lesions in an organ (RECIST 1.1, 3.2.2); all count"),
    ]
    notes = [left_out_rows(index, names, which, reason) for which, reason in per_lesion]
    notes += [left_out_rows(every, rows.names, which, reason) for which, reason in per_subject]
    return _Baseline(sums, days, followed[lesions.key], notes)


def _more_than_allowed_per_organ(subject: Array, organ: Array, size: int) -> Array:
    """Return which subjects have more target lesions in one organ than the rules allow, if organs are stated."""
    pairs, count = np.unique(np.stack([subject, organ])[:, organ >= 0], axis=1, return_counts=True)
    return np.bincount(pairs[0][count > MOST_TARGETS_PER_ORGAN].astype(np.int64), minlength=size) > 0


def _targets(lesions: LesionMeasurements, timeline: Timeline, baseline: _Baseline, rules: RecistRules) -> dict[str, Array]:
    """Return the sums of the target lesions, and whether all are absent; a node is if its short axis is normal (4.3.1)."""
    targets = baseline.targets
    per_subject = np.bincount(lesions.subject[lesions.start][targets[lesions.start]], minlength=len(baseline.sums))
    wanted = per_subject[timeline.subject]
    measured = targets & np.isfinite(lesions.value)
    partial = timeline.total(lesions.visit, measured, np.nan_to_num(lesions.value))
    complete = (timeline.count(lesions.visit, measured) == wanted) & (wanted > 0)
    absent = timeline.count(lesions.visit, measured & is_absent(lesions, rules)) == wanted
    return {"target_sum": np.where(complete, partial, np.nan), "partial_target_sum": partial, "targets_absent": absent}


def _target_present(lesions: LesionMeasurements, timeline: Timeline, targets: Array, rules: RecistRules) -> Array:
    present = targets & np.isfinite(lesions.value) & ~is_absent(lesions, rules)
    return timeline.count(lesions.visit, present) > 0


def _non_targets(lesions: LesionMeasurements, timeline: Timeline, rules: RecistRules) -> dict[str, Array]:
    """Return the response of the non-target lesions (4.3.3), which is NE unless all of them were evaluated."""
    own = lesions.group == NON_TARGET
    known = timeline.cumulative_count(lesions.visit[lesions.start][own[lesions.start]])
    progressed = own & (lesions.finding == PROGRESSION)
    absent = own & is_absent(lesions, rules) & ~progressed
    present = own & ~absent & is_present(lesions)
    evaluated = timeline.count(lesions.visit, absent | present)
    any_progressed = timeline.count(lesions.visit, progressed) > 0
    conditions = [any_progressed, known == 0, evaluated < known, timeline.count(lesions.visit, absent) == known]
    return {
        "non_target": np.select(conditions, [PD, NONE, NE, CR], NON_CR_NON_PD),
        "non_target_increased": timeline.count(lesions.visit, own & has_increased(lesions)) > 0,
        "disease_present": (timeline.count(lesions.visit, present & ~lesions.node) > 0) | any_progressed,
    }


def _new(lesions: LesionMeasurements, timeline: Timeline, rules: IrecistRules) -> dict[str, Array]:
    """Return the state of the new lesions at each visit; a node that is not pathological is not a new lesion (4.3.5)."""
    own = lesions.group >= NEW
    absent = own & is_absent(lesions, rules.recist)
    present = own & ~absent & ((lesions.finding != UNKNOWN) & (is_present(lesions) | (lesions.finding == BLANK)))
    present &= ~timeline.is_baseline[lesions.visit]
    first = np.flatnonzero(present)
    first = first[is_first(lesions.key[first])]
    first_visit = np.full(len(lesions.start), len(timeline) + 1)
    first_visit[lesions.key[first]] = lesions.visit[first]
    since = own & (lesions.visit >= first_visit[lesions.key])
    count = timeline.cumulative_count(lesions.visit[first])
    is_new_target = choose_new_targets(lesions, first, rules)
    target = since & is_new_target[lesions.key]
    measured = target & np.isfinite(lesions.value)
    partial = timeline.total(lesions.visit, measured, np.nan_to_num(lesions.value))
    wanted = timeline.cumulative_count(lesions.visit[first[is_new_target[lesions.key[first]]]])
    complete = timeline.count(lesions.visit, measured) == wanted
    other = since & ~target
    return {
        "new_lesion_count": count,
        "new_lesions_present": count - timeline.count(lesions.visit, since & absent),
        "new_partial_target_sum": partial,
        "new_target_sum": np.where(complete, partial, np.nan),
        "new_non_target_increased": timeline.count(lesions.visit, other & has_increased(lesions)) > 0,
        "new_non_target_progressed": timeline.count(lesions.visit, other & (lesions.finding == PROGRESSION)) > 0,
    }
