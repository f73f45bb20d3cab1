"""What was measured and what a reader stated of the same subjects, as the visits of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from immunoode.trial.response.codes import NE, NONE
from immunoode.trial.response.tables import collected
from immunoode.trial.response.visit_grid import grid_of
from immunoode.trial.response.visits import Array, Assessed, Visits, blank_visits

WITHOUT_BASELINE = "no assessment at baseline: not evaluable"


def combined(measured: Assessed, stated: Assessed, by_measurements: bool) -> Assessed:
    """Return the visits of both, of the same subjects.

    Parameters
    ----------
    by_measurements : bool
        Whether stated responses over all and of targets are left aside; non-targets and new lesions, which are not measured,
        count in either case.
    """
    own, visits = _of_both(measured.visits, stated.visits)
    said = _spread(stated.visits, visits)
    first, second = (own, said) if by_measurements else (said, own)
    grid = grid_of(visits.subject, len(measured.subjects))

    def so_far(values: Array) -> Array:
        return np.asarray(grid.gather(np.maximum.accumulate(grid.spread(values, 0), axis=1)))

    visits = replace(
        own,
        non_target=np.where(first.non_target != NONE, first.non_target, second.non_target),
        markers=own.markers & said.markers,
        seen=own.seen | said.seen,
        new_left=np.maximum(own.new_left, said.new_left),
        new_count=np.maximum(own.new_count, so_far(said.new_count)),
        given=np.full(len(own), NONE) if by_measurements else said.given,
        given_target=np.full(len(own), NONE) if by_measurements else said.given_target,
    )
    anything = np.bincount(measured.visits.subject, minlength=len(measured.subjects)) > 0
    anything |= ~np.isnan(measured.subjects.baseline_time)
    subjects = replace(measured.subjects, unknown=measured.subjects.unknown & anything)
    evaluated = set(measured.subjects.name[~anything]) & set(stated.subjects.name[stated.visits.subject])
    lost = measured.left_out
    lost = lost[~(lost["subject"].isin(evaluated) & (lost["reason"] == WITHOUT_BASELINE))]
    return Assessed(subjects, visits, collected([lost, stated.left_out]), _notes(said) if by_measurements else ())


def _notes(said: Visits) -> tuple[str, ...]:
    aside = int(((said.given != NONE) | (said.given_target != NONE)).sum())
    return (f"the responses that were stated at {aside} visits, over all or of targets, are left aside",) if aside else ()


def _of_both(measured: Visits, stated: Visits) -> tuple[Visits, Visits]:
    """Return what was measured at the visits of both, and these visits without anything."""
    subject = np.concatenate([measured.subject, stated.subject])
    time = np.concatenate([measured.time, stated.time])
    order = np.lexsort((time, subject))
    fresh = np.append(True, (np.diff(subject[order]) != 0) | (np.diff(time[order]) != 0))[: len(order)]
    blank = blank_visits(subject[order][fresh], time[order][fresh])
    own = _spread(measured, blank)
    grid = grid_of(blank.subject, int(blank.subject.max(initial=-1)) + 1)
    missed = ~_among(blank, measured)
    lesions = grid.before(own.non_target != NONE)
    count = grid.gather(np.maximum.accumulate(grid.spread(own.new_count, 0), axis=1))
    left = _carried(grid.spread(own.new_left, 0), grid.spread(~missed, False))
    own = replace(
        own,
        non_target=np.where(missed & lesions, NE, own.non_target),
        new_count=count,
        new_left=np.where(missed, grid.gather(left), own.new_left),
        new_total=np.where(missed & (count > 0), np.nan, own.new_total),
    )
    return own, blank


def _carried(values: Array, known: Array) -> Array:
    """Return each row's last known value up to each column, 0 before the first."""
    place = np.maximum.accumulate(np.where(known, np.arange(1, values.shape[1] + 1), 0), axis=1)
    padded = np.concatenate([np.zeros((len(values), 1), values.dtype), values], axis=1)
    return np.take_along_axis(padded, place, axis=1)


def _spread(visits: Visits, blank: Visits) -> Visits:
    """Return the visits among others, which are left blank."""
    here = _among(blank, visits)

    def filled(name: str) -> Array:
        values = getattr(blank, name).copy()
        values[here] = getattr(visits, name)
        return np.asarray(values)

    return Visits(**{name: filled(name) for name in Visits.__dataclass_fields__})


def _among(blank: Visits, visits: Visits) -> Array:
    """Return which of the visits, in order of subject and time, are also among the others."""
    keys = set(zip(visits.subject.tolist(), visits.time.tolist(), strict=True))
    return np.asarray([key in keys for key in zip(blank.subject.tolist(), blank.time.tolist(), strict=True)], dtype=bool)
