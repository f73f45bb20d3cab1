"""Which days of a subject are one visit: scans of one assessment are often taken on several days."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from immunoode.trial.response.rules import RecistRules

Array = np.ndarray


@dataclass
class _Visit:
    """A visit in the making: its first day, its names, and what was assessed at it."""

    first: float
    names: set[str] = field(default_factory=set)
    things: set[int] = field(default_factory=set)


def visit_days(subject: Array, time: Array, name: Array, thing: Array, rules: RecistRules) -> Array:
    """Return the first day of the visit that each row belongs to.

    Days that share a visit's name are one visit (within `named_visit_days` of its first: "UNSCHEDULED" may name several);
    days without names are one visit within `visit_days`, if nothing was assessed twice: a second scan of the same lesion is a
    second assessment. Days up to baseline need no joining, as baseline takes the last measurement of each lesion.

    Parameters
    ----------
    subject, time : ndarray, shape (rows,)
        Number of the subject, and day.
    name : ndarray of str, shape (rows,)
        Of the visit; "" where it has none.
    thing : ndarray of int, shape (rows,)
        What was assessed: a number for each lesion, another one for a sum, and so on.
    """
    first = time.astype(float).copy()
    order = np.argsort(subject, kind="stable")
    of_subject = subject[order]
    for who in _to_look_at(subject, time, name, rules):
        rows = order[np.searchsorted(of_subject, who) : np.searchsorted(of_subject, who, side="right")]
        days = _joined(time[rows], name[rows], thing[rows], rules)
        first[rows] = [days[day] for day in time[rows].tolist()]
    return first


def _to_look_at(subject: Array, time: Array, name: Array, rules: RecistRules) -> Array:
    """Return the subjects with two days that are close, or have the same name."""
    named = name != ""
    return np.union1d(
        _near(subject, time, np.zeros(len(subject), np.int64), rules.visit_days),
        _near(subject[named], time[named], np.unique(name[named], return_inverse=True)[1], rules.named_visit_days),
    )


def _near(subject: Array, time: Array, group: Array, days: float) -> Array:
    """Return the subjects with two days of one group that are close enough."""
    order = np.lexsort((time, group, subject))
    gap = np.diff(time[order])
    same = (np.diff(subject[order]) == 0) & (np.diff(group[order]) == 0)
    return np.unique(subject[order][1:][same & (gap > 0) & (gap <= days)])


def _joined(time: Array, name: Array, thing: Array, rules: RecistRules) -> dict[float, float]:
    """Return the first day of the visit of each day of one subject."""
    found: dict[float, float] = {}
    visits: list[_Visit] = []
    for day in np.unique(time).tolist():
        here = time == day
        names, things = {n for n in name[here].tolist() if n}, set(thing[here].tolist())
        visit = next((v for v in reversed(visits) if _belongs(v, day, names, things, rules)), None)
        if visit is None:
            visit = _Visit(day)
            visits.append(visit)
        visit.names |= names
        visit.things |= things
        found[day] = visit.first
    return found


def _belongs(visit: _Visit, day: float, names: set[str], things: set[int], rules: RecistRules) -> bool:
    if names & visit.names:
        return day - visit.first <= rules.named_visit_days
    if names and visit.names:
        return False
    before = rules.baseline == "last" and visit.first <= rules.baseline_until
    return not before and day - visit.first <= rules.visit_days and not things & visit.things
