"""iRECIST: the course of one patient from iUPD to iCPD, or back (Seymour et al. 2017, tables 1 and 2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON, NONE, PD, PR, SD, UPD
from immunoode.trial.response.rules import TOLERANCE, IrecistRules
from immunoode.trial.response.time_point_response import Points
from immunoode.trial.response.visit_grid import any_of
from immunoode.trial.response.visits import Array, Visits


class Visit(NamedTuple):
    """One visit of one patient: the fields of `Visits` and `Points` that the course needs."""

    time: float
    calm: int
    target: int
    non_target: int
    back: bool
    total: float
    least: float
    grown: bool
    new_left: int
    new_count: int
    new_total: float
    new_least: float
    new_grown: bool
    new_progressed: bool


class Course:
    """What is remembered of a patient from visit to visit.

    An iUPD opens an episode. It ends with iCPD, or with iSD, iPR or iCR, after which an iUPD has to occur again and be
    confirmed anew ("the bar is reset"). Assessments that are NE leave it open.
    """

    def __init__(self, rules: IrecistRules) -> None:
        self.rules = rules
        self.open = self.confirmed = False
        self.start = self.last = math.nan
        self.by_target = self.by_non_target = self.by_new = False
        self.low = self.new_low = math.nan
        self.count = self.known = 0
        self.new_nadir = math.nan
        self.rank = self.rank_now = SD

    def step(self, visit: Visit) -> tuple[int, str]:
        """Return the response at a visit and, where it is iUPD, iCPD or NE, why."""
        evidence = self._evidence(visit)
        if visit.target in (CR, PR, SD, PD) or (visit.target == NONE and visit.non_target in (CR, NON, PD)):
            self.rank_now = visit.target if visit.target != NONE else visit.non_target
        answer = self._within(visit, evidence) if self.open else self._outside(visit, evidence)
        self.known = max(self.known, visit.new_count)
        if visit.new_count and not math.isnan(visit.new_total):
            self.new_nadir = _least(self.new_nadir, visit.new_total)
        return answer

    def _evidence(self, visit: Visit) -> tuple[str, ...]:
        """Return in which categories RECIST 1.1 finds progression at this visit."""
        found = []
        back_target = visit.back and visit.target in (PR, SD)
        if visit.target == PD or back_target:
            found.append("targets")
        if visit.non_target == PD or (visit.back and not back_target):
            found.append("non-targets")
        if visit.new_count > self.known or visit.new_progressed or self._new_regrown(visit):
            found.append("new lesions")
        return tuple(found)

    def _new_regrown(self, visit: Visit) -> bool:
        """Return whether the new targets' sum has progressed from its own smallest, by the rules for targets."""
        rules, low = self.rules.recist, self.new_nadir
        if math.isnan(low):
            return False
        return _reached(visit.new_least, low * (1 + rules.progression)) and _reached(
            visit.new_least - low, rules.progression_mm
        )

    def _outside(self, visit: Visit, evidence: tuple[str, ...]) -> tuple[int, str]:
        """Return the response where no iUPD is open."""
        if evidence:
            self._begin(visit, evidence)
            return UPD, ", ".join(evidence)
        return self._quiet(visit)

    def _quiet(self, visit: Visit) -> tuple[int, str]:
        """Return the response without progression; iCR only where new lesions are gone."""
        if visit.calm == NE:
            return NE, "not all evaluated"
        if visit.calm == CR and visit.new_left > 0:
            return (PR if visit.target != NONE else NON), ""
        return visit.calm, ""

    def _begin(self, visit: Visit, evidence: tuple[str, ...]) -> None:
        self.open, self.confirmed, self.start, self.last = True, False, visit.time, visit.time
        self.by_target, self.by_non_target = "targets" in evidence, "non-targets" in evidence
        self.by_new = "new lesions" in evidence
        self.low, self.new_low = visit.total, visit.new_total
        self.count, self.rank = visit.new_count, self.rank_now

    def _within(self, visit: Visit, evidence: tuple[str, ...]) -> tuple[int, str]:
        """Return the response where an iUPD is open: confirmed, still there, or gone (table 2)."""
        further = self._further(visit, evidence)
        self._remember(visit)
        if further and self._in_time(visit, further):
            self.confirmed, self.last = True, visit.time
            return PD, "confirmed by " + ", ".join(further)
        if further and not self.rules.late_confirmation and visit.time - self.last > self.rules.confirm_until_days:
            self._begin(visit, tuple(c for c in further if c in evidence) or evidence or ("targets",))
            return UPD, "too late to confirm"
        if evidence or further:
            self.last = visit.time
            return self._still(", ".join(evidence or further))
        if visit.calm == NE:
            return NE, "not all evaluated"
        if visit.new_left > 0 and self.by_new and self._blocked():
            self.last = visit.time
            return self._still("new lesions still there")
        self.open = False
        return self._quiet(visit)

    def _still(self, reason: str) -> tuple[int, str]:
        return (PD, "confirmed before") if self.confirmed else (UPD, reason)

    def _further(self, visit: Visit, evidence: tuple[str, ...]) -> tuple[str, ...]:
        """Return which categories confirm: one that was iUPD has worsened further, or another one progresses now."""
        further = self.rules.further_mm
        target = "targets" in evidence and (not self.by_target or _reached(_sum(visit) - self.low, further))
        non_target = visit.grown if self.by_non_target else "non-targets" in evidence
        if self.by_new:
            new = visit.new_grown or _reached(visit.new_least - self.new_low, further)
        else:
            new = "new lesions" in evidence
        new = new or visit.new_count > self.count
        names = ("targets", "non-targets", "new lesions")
        return tuple(name for name, holds in zip(names, (target, non_target, new), strict=True) if holds)

    def _remember(self, visit: Visit) -> None:
        """Keep the smallest sums since the iUPD, and forget a category that is progression no longer."""
        if not math.isnan(visit.total):
            self.low = _least(self.low, visit.total)
        if not math.isnan(visit.new_total):
            self.new_low = _least(self.new_low, visit.new_total)
        if visit.target in (CR, PR, SD):
            self.by_target = False
        if visit.non_target in (CR, NON) and not visit.grown:
            self.by_non_target = False

    def _in_time(self, visit: Visit, further: tuple[str, ...]) -> bool:
        if visit.time - self.start < self.rules.confirm_from_days:
            return self.rules.early_new_lesion_confirms and visit.new_count > self.count and "new lesions" in further
        return self.rules.late_confirmation or visit.time - self.last <= self.rules.confirm_until_days

    def _blocked(self) -> bool:
        """Return whether new lesions that are still there keep the iUPD."""
        if self.rules.new_lesions_block == "unless targets improve":
            return self.rank_now >= self.rank
        return self.rules.new_lesions_block == "always"


def _sum(visit: Visit) -> float:
    return visit.least if math.isnan(visit.total) else visit.total


def _least(first: float, second: float) -> float:
    return second if math.isnan(first) else min(first, second)


def _reached(value: float, threshold: float) -> bool:
    """Return whether a value is at a threshold or above it, NaN never."""
    return value >= threshold - TOLERANCE * max(1.0, abs(value))


def irecist_response(points: Points, visits: Visits, rules: IrecistRules) -> tuple[Array, Array]:
    """Return the response by iRECIST at each visit, and why it is iUPD, iCPD or NE."""
    response = points.calm.copy()
    reason = np.where(response == NE, "not all evaluated", "").astype(object)
    events = (points.calm == PD) | (visits.new_count > 0) | points.back
    moved = any_of(events, visits.subject, points.grid.shape[0])[visits.subject]
    rows = np.flatnonzero(moved)
    columns = [
        visits.time,
        points.calm,
        points.target,
        visits.non_target,
        points.back,
        visits.total,
        visits.least,
        visits.grown,
        visits.new_left,
        visits.new_count,
        visits.new_total,
        visits.new_least,
        visits.new_grown,
        visits.new_progressed,
    ]
    course, before = Course(rules), -1
    lists = zip(*(column[rows].tolist() for column in columns), strict=True)
    for row, who, values in zip(rows.tolist(), visits.subject[rows].tolist(), lists, strict=True):
        if who != before:
            course, before = Course(rules), who
        response[row], reason[row] = course.step(Visit._make(values))
    return response, reason


def progressions(response: Array, time: Array, subject: Array, counts: Array, size: int) -> tuple[Array, Array, Array]:
    """Return the first day of the last iUPD that nothing better followed, whether iCPD confirms it, and whether one resolved.

    Where iCPD is reached, its day is that of the first iUPD of its episode; without one before it, its own.
    """
    day, confirmed, resolved = np.full(size, np.nan), np.zeros(size, bool), np.zeros(size, bool)
    some = any_of(counts & np.isin(response, (UPD, PD)), subject, size)
    rows = np.flatnonzero(counts & some[subject] & (response != NE))
    for who, code, when in zip(subject[rows].tolist(), response[rows].tolist(), time[rows].tolist(), strict=True):
        if code in (UPD, PD):
            day[who] = when if math.isnan(day[who]) else day[who]
            confirmed[who] = code == PD
        elif not math.isnan(day[who]):
            day[who], resolved[who] = math.nan, True
    return day, confirmed, resolved
