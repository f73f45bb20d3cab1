"""From arrays of simulated assessments to visits: target lesions that are measured or absent, and new lesions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from immunoode.trial.response.baseline import is_baseline, last_baseline_values
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visits import Array, AssessmentData, Subjects, empty_visits


def from_arrays(days: Array, diameters: Array, new_lesions: Array, rules: RecistRules) -> AssessmentData:
    """Return the visits of subjects whose assessments are in arrays, by the rules of tables of lesions.

    Parameters
    ----------
    days : ndarray of float, shape (subjects, visits)
        Days of the assessments, increasing; NaN where there was none.
    diameters : ndarray of float, shape (subjects, visits, lesions)
        Target lesions in mm, 0 if absent; NaN where a lesion was not measured, or the subject has fewer lesions.
    new_lesions : ndarray of int, shape (subjects, visits)
        Number of new lesions that are present.
    rules : RecistRules

    Returns
    -------
    AssessmentData
        The names of the subjects are their numbers, as integers.
    """
    size, number = len(days), np.arange(len(days))
    subject, visit = np.nonzero(np.isfinite(days))
    time, measured = days[subject, visit], diameters[subject, visit]
    base = is_baseline(subject, time, rules)
    sums, when, followed = _baseline(subject, time, measured, base, size)
    has_target = np.isfinite(diameters).any(axis=(1, 2))
    not_evaluable = np.isnan(when) | (has_target & np.isnan(sums))
    subjects = Subjects(number, np.full(size, ""), np.where(sums > 0, sums, np.nan), when, not_evaluable)
    subject, time, measured = subject[~base], time[~base], measured[~base]
    new = new_lesions[subject, visit[~base]].astype(np.int64)
    targets = _targets(measured, followed[subject])
    visits = replace(empty_visits(subject, time), new_lesions_present=new, new_lesion_count=new, **targets)
    return AssessmentData(subjects, visits)


def _baseline(subject: Array, time: Array, measured: Array, base: Array, size: int) -> tuple[Array, Array, Array]:
    """Return the sum and the day of baseline of each subject, and which lesions it has, shape (subjects, lesions)."""
    rows = np.flatnonzero(base)
    subject, time, measured, base = subject[rows], time[rows], measured[rows], base[rows]
    values = np.empty((size, measured.shape[1]))
    when = np.full(size, np.nan)
    for k in range(measured.shape[1]):
        values[:, k], when = last_baseline_values(subject, time, measured[:, k], base, size)
    followed = np.isfinite(values)
    sums = _total(np.where(followed, values, 0.0))
    return np.where(followed.any(axis=1), sums, np.nan), when, followed


def _targets(measured: Array, followed: Array) -> dict[str, Array]:
    """Return the sums of the target lesions at each visit, and whether all or some of them are absent."""
    seen = followed & np.isfinite(measured)
    partial = _total(np.where(seen, measured, 0.0))
    wanted, present = followed.sum(axis=1), (seen & (measured > 0)).sum(axis=1)
    found = seen.sum(axis=1)
    return {
        "target_sum": np.where((found == wanted) & (wanted > 0), partial, np.nan),
        "partial_target_sum": partial,
        "targets_absent": (found == wanted) & (present == 0),
        "disease_present": present > 0,
    }


def _total(values: Array) -> Array:
    """Return the sum over lesions, added in their order as in tables."""
    total = np.zeros(len(values))
    for k in range(values.shape[1]):
        total += values[:, k]
    return total
