"""Visit windows: which days of a subject are one visit, since the scans of one visit are often taken on several days."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from immunoode.trial.response.rules import RecistRules

Array = np.ndarray


@dataclass
class _Visit:
    """A visit that is being assembled: its first day, its names, and the items assessed at it."""

    first_day: float
    names: set[str] = field(default_factory=set)
    assessed: set[int] = field(default_factory=set)


def assign_visit_days(subject: Array, time: Array, name: Array, item: Array, rules: RecistRules) -> Array:
    """Return the first day of the visit that each row belongs to.

    Days with the same visit name are one visit within `named_visit_days` of its first day ("UNSCHEDULED" may name several
    visits). Days without names are one visit within `visit_days` if nothing was assessed twice: a second scan of the same
    lesion is a second assessment. Days up to baseline are not joined, as baseline takes the last measurement of each lesion.

    Parameters
    ----------
    subject, time : ndarray, shape (rows,)
        Index of the subject, and day.
    name : ndarray of str, shape (rows,)
        Name of the visit; "" if it has none.
    item : ndarray of int, shape (rows,)
        The assessed item: one number per lesion, another one for a sum, and so on.
    """
    first = time.astype(float).copy()
    order = np.argsort(subject, kind="stable")
    of_subject = subject[order]
    for who in _subjects_with_close_days(subject, time, name, rules):
        rows = order[np.searchsorted(of_subject, who) : np.searchsorted(of_subject, who, side="right")]
        days = _first_days(time[rows], name[rows], item[rows], rules)
        first[rows] = [days[day] for day in time[rows].tolist()]
    return first


def _subjects_with_close_days(subject: Array, time: Array, name: Array, rules: RecistRules) -> Array:
    """Return the subjects with two days that are close, or that have the same visit name."""
    named = name != ""
    return np.union1d(
        _subjects_within(subject, time, np.zeros(len(subject), np.int64), rules.visit_days),
        _subjects_within(subject[named], time[named], np.unique(name[named], return_inverse=True)[1], rules.named_visit_days),
    )


def _subjects_within(subject: Array, time: Array, group: Array, days: float) -> Array:
    """Return the subjects with two different days of one group that are at most `days` apart."""
    order = np.lexsort((time, group, subject))
    gap = np.diff(time[order])
    same = (np.diff(subject[order]) == 0) & (np.diff(group[order]) == 0)
    return np.unique(subject[order][1:][same & (gap > 0) & (gap <= days)])


def _first_days(time: Array, name: Array, item: Array, rules: RecistRules) -> dict[float, float]:
    """Return for each day of one subject the first day of its visit."""
    found: dict[float, float] = {}
    visits: list[_Visit] = []
    for day in np.unique(time).tolist():
        here = time == day
        names, assessed = {n for n in name[here].tolist() if n}, set(item[here].tolist())
        visit = next((v for v in reversed(visits) if _belongs_to(v, day, names, assessed, rules)), None)
        if visit is None:
            visit = _Visit(day)
            visits.append(visit)
        visit.names |= names
        visit.assessed |= assessed
        found[day] = visit.first_day
    return found


def _belongs_to(visit: _Visit, day: float, names: set[str], assessed: set[int], rules: RecistRules) -> bool:
    if names & visit.names:
        return day - visit.first_day <= rules.named_visit_days
    if names and visit.names:
        return False
    is_baseline = rules.baseline == "last" and visit.first_day <= rules.baseline_until
    return not is_baseline and day - visit.first_day <= rules.visit_days and not assessed & visit.assessed
