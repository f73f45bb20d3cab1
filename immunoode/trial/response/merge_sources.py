"""Merging the measurements and the reported responses of the same subjects into common visits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from immunoode.trial.response.assessment_rows import NO_BASELINE, concatenate_left_out
from immunoode.trial.response.codes import NE, NONE
from immunoode.trial.response.visit_grid import is_first, visit_grid
from immunoode.trial.response.visits import Array, AssessmentData, Visits, empty_visits


def merge_measured_and_reported(measured: AssessmentData, reported: AssessmentData, by_measurements: bool) -> AssessmentData:
    """Return the visits of both sources, which have the same subjects.

    Parameters
    ----------
    by_measurements : bool
        Whether reported responses, overall and of targets, are ignored. Reported non-targets and new lesions, which are not
        measured, count in either case.
    """
    own, empty = _all_visits(measured.visits, reported.visits)
    other = _fill_in(reported.visits, empty)
    first, second = (own, other) if by_measurements else (other, own)
    subjects = measured.subjects
    grid = visit_grid(empty.subject, len(subjects))
    visits = replace(
        own,
        non_target=np.where(first.non_target != NONE, first.non_target, second.non_target),
        markers_normal=own.markers_normal & other.markers_normal,
        disease_present=own.disease_present | other.disease_present,
        new_lesions_present=np.maximum(own.new_lesions_present, other.new_lesions_present),
        new_lesion_count=np.maximum(own.new_lesion_count, grid.largest_so_far(other.new_lesion_count)),
        reported=np.full(len(own), NONE) if by_measurements else other.reported,
        reported_target=np.full(len(own), NONE) if by_measurements else other.reported_target,
    )
    has_measurement = np.bincount(measured.visits.subject, minlength=len(subjects)) > 0
    has_measurement |= ~np.isnan(subjects.baseline_time)
    evaluated = set(subjects.name[~has_measurement]) & set(reported.subjects.name[reported.visits.subject])
    lost = measured.left_out
    lost = lost[~(lost["subject"].isin(evaluated) & (lost["reason"] == NO_BASELINE))]
    return AssessmentData(
        replace(subjects, targets_not_evaluable=subjects.targets_not_evaluable & has_measurement),
        visits,
        concatenate_left_out([lost, reported.left_out]),
        _notes(other) if by_measurements else (),
    )


def _notes(reported: Visits) -> tuple[str, ...]:
    ignored = int(((reported.reported != NONE) | (reported.reported_target != NONE)).sum())
    return (f"the responses reported at {ignored} visits, overall or of targets, are ignored",) if ignored else ()


def _all_visits(measured: Visits, reported: Visits) -> tuple[Visits, Visits]:
    """Return the measurements at the visits of both sources, and these visits without any entries."""
    subject = np.concatenate([measured.subject, reported.subject])
    time = np.concatenate([measured.time, reported.time])
    order = np.lexsort((time, subject))
    first = is_first(subject[order], time[order])
    empty = empty_visits(subject[order][first], time[order][first])
    own = _fill_in(measured, empty)
    grid = visit_grid(empty.subject, int(empty.subject.max(initial=-1)) + 1)
    missed = ~_is_in(empty, measured)
    has_non_targets = grid.any_before(own.non_target != NONE)
    count = grid.largest_so_far(own.new_lesion_count)
    present = _last_known(grid.to_matrix(own.new_lesions_present, 0), grid.to_matrix(~missed, False))
    own = replace(
        own,
        non_target=np.where(missed & has_non_targets, NE, own.non_target),
        new_lesion_count=count,
        new_lesions_present=np.where(missed, grid.from_matrix(present), own.new_lesions_present),
        new_target_sum=np.where(missed & (count > 0), np.nan, own.new_target_sum),
    )
    return own, empty


def _last_known(values: Array, known: Array) -> Array:
    """Return the last known value of each row up to each column, 0 before the first."""
    index = np.maximum.accumulate(np.where(known, np.arange(1, values.shape[1] + 1), 0), axis=1)
    padded = np.concatenate([np.zeros((len(values), 1), values.dtype), values], axis=1)
    return np.take_along_axis(padded, index, axis=1)


def _fill_in(visits: Visits, empty: Visits) -> Visits:
    """Return the empty visits, filled in where `visits` has the same subject and time."""
    here = _is_in(empty, visits)

    def filled(name: str) -> Array:
        values = getattr(empty, name).copy()
        values[here] = getattr(visits, name)
        return np.asarray(values)

    return Visits(**{name: filled(name) for name in Visits.__dataclass_fields__})


def _is_in(all_visits: Visits, visits: Visits) -> Array:
    """Return which of the visits, by subject and time, are also among the others; both are sorted."""
    keys = set(zip(visits.subject.tolist(), visits.time.tolist(), strict=True))
    return np.asarray(
        [key in keys for key in zip(all_visits.subject.tolist(), all_visits.time.tolist(), strict=True)], dtype=bool
    )
