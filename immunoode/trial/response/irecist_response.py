"""iRECIST: the history of one subject from iUPD to iCPD, or back (Seymour et al. 2017, tables 1 and 2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from immunoode.trial.response.codes import CR, IUPD, NE, NON_CR_NON_PD, NONE, PD, PR, SD
from immunoode.trial.response.rules import TOLERANCE, IrecistRules
from immunoode.trial.response.time_point_response import TimePointResponse, has_progressed
from immunoode.trial.response.visit_grid import Array, any_of
from immunoode.trial.response.visits import Visits

TARGETS, NON_TARGETS, NEW_LESIONS = "targets", "non-targets", "new lesions"
"""Categories of lesions that progress, as reasons name them."""
NOT_EVALUATED = "not all evaluated"


class IrecistVisit(NamedTuple):
    """One visit of one subject: the fields of `Visits` and `TimePointResponse` that its history depends on."""

    time: float
    response_without_new_lesions: int
    target: int
    non_target: int
    reappeared: bool
    target_sum: float
    partial_target_sum: float
    non_target_increased: bool
    new_lesions_present: int
    new_lesion_count: int
    new_target_sum: float
    new_partial_target_sum: float
    new_non_target_increased: bool
    new_non_target_progressed: bool

    @property
    def smallest_possible_sum(self) -> float:
        """Sum of the target lesions, or of those that were evaluated."""
        return self.partial_target_sum if math.isnan(self.target_sum) else self.target_sum


class SubjectHistory:
    """The state of a subject from visit to visit.

    An iUPD opens an episode. The episode ends with iCPD, or with iSD, iPR or iCR, after which progression has to occur and be
    confirmed again ("the bar is reset"). Assessments that are NE leave the episode open.
    """

    def __init__(self, rules: IrecistRules) -> None:
        self.rules = rules
        self.episode_open = self.confirmed = False
        self.first_iupd_day = self.last_iupd_day = math.nan
        self.by_target = self.by_non_target = self.by_new = False
        self.smallest_sum = self.smallest_new_sum = math.nan
        self.new_lesions_at_iupd = self.new_lesions_known = 0
        self.new_target_nadir = math.nan
        self.response_at_iupd = self.current_response = SD

    def response_at(self, visit: IrecistVisit) -> tuple[int, str]:
        """Return the response at the next visit and, if it is iUPD, iCPD or NE, the reason."""
        evidence = self._evidence(visit)
        if visit.target in (CR, PR, SD, PD):
            self.current_response = visit.target
        elif visit.target == NONE and visit.non_target in (CR, NON_CR_NON_PD, PD):
            self.current_response = visit.non_target
        if self.episode_open:
            answer = self._response_in_episode(visit, evidence)
        else:
            answer = self._response_outside_episode(visit, evidence)
        self.new_lesions_known = max(self.new_lesions_known, visit.new_lesion_count)
        if visit.new_lesion_count and not math.isnan(visit.new_target_sum):
            self.new_target_nadir = _smaller(self.new_target_nadir, visit.new_target_sum)
        return answer

    def _evidence(self, visit: IrecistVisit) -> tuple[str, ...]:
        """Return the categories in which RECIST 1.1 finds progression at this visit."""
        found = []
        target_reappeared = visit.reappeared and visit.target in (PR, SD)
        if visit.target == PD or target_reappeared:
            found.append(TARGETS)
        if visit.non_target == PD or (visit.reappeared and not target_reappeared):
            found.append(NON_TARGETS)
        further_lesion = visit.new_lesion_count > self.new_lesions_known
        if further_lesion or visit.new_non_target_progressed or self._new_targets_progressed(visit):
            found.append(NEW_LESIONS)
        return tuple(found)

    def _new_targets_progressed(self, visit: IrecistVisit) -> bool:
        """Return whether the new targets' sum has progressed from its own nadir, by the rules for targets."""
        nadir = self.new_target_nadir
        return not math.isnan(nadir) and bool(has_progressed(visit.new_partial_target_sum, nadir, self.rules.recist))

    def _response_outside_episode(self, visit: IrecistVisit, evidence: tuple[str, ...]) -> tuple[int, str]:
        if evidence:
            self._open_episode(visit, evidence)
            return IUPD, ", ".join(evidence)
        return self._response_without_progression(visit)

    def _response_without_progression(self, visit: IrecistVisit) -> tuple[int, str]:
        """Return the response without progression, which is iCR only if the new lesions have disappeared."""
        if visit.response_without_new_lesions == NE:
            return NE, NOT_EVALUATED
        if visit.response_without_new_lesions == CR and visit.new_lesions_present > 0:
            return (PR if visit.target != NONE else NON_CR_NON_PD), ""
        return visit.response_without_new_lesions, ""

    def _open_episode(self, visit: IrecistVisit, evidence: tuple[str, ...]) -> None:
        self.episode_open, self.confirmed = True, False
        self.first_iupd_day = self.last_iupd_day = visit.time
        self.by_target, self.by_non_target = TARGETS in evidence, NON_TARGETS in evidence
        self.by_new = NEW_LESIONS in evidence
        self.smallest_sum, self.smallest_new_sum = visit.target_sum, visit.new_target_sum
        self.new_lesions_at_iupd, self.response_at_iupd = visit.new_lesion_count, self.current_response

    def _response_in_episode(self, visit: IrecistVisit, evidence: tuple[str, ...]) -> tuple[int, str]:
        """Return the response after an iUPD: confirmed, still unconfirmed, or resolved (table 2)."""
        confirming = self._confirming_categories(visit, evidence)
        self._update(visit)
        if confirming and self._within_confirmation_window(visit, confirming):
            self.confirmed, self.last_iupd_day = True, visit.time
            return PD, "confirmed by " + ", ".join(confirming)
        late = visit.time - self.last_iupd_day > self.rules.confirm_until_days
        if confirming and not self.rules.late_confirmation and late:
            self._open_episode(visit, tuple(c for c in confirming if c in evidence) or evidence or (TARGETS,))
            return IUPD, "too late to confirm"
        if evidence or confirming:
            self.last_iupd_day = visit.time
            return self._still_progressed(", ".join(evidence or confirming))
        if visit.response_without_new_lesions == NE:
            return NE, NOT_EVALUATED
        if visit.new_lesions_present > 0 and self.by_new and self._new_lesions_keep_iupd():
            self.last_iupd_day = visit.time
            return self._still_progressed("new lesions still there")
        self.episode_open = False
        return self._response_without_progression(visit)

    def _still_progressed(self, reason: str) -> tuple[int, str]:
        return (PD, "confirmed before") if self.confirmed else (IUPD, reason)

    def _confirming_categories(self, visit: IrecistVisit, evidence: tuple[str, ...]) -> tuple[str, ...]:
        """Return the categories that confirm: one that made the iUPD and worsened further, or another that progresses now."""
        further = self.rules.further_mm
        target_worsened = _reached(visit.smallest_possible_sum - self.smallest_sum, further)
        target = TARGETS in evidence and (not self.by_target or target_worsened)
        non_target = visit.non_target_increased if self.by_non_target else NON_TARGETS in evidence
        if self.by_new:
            new_sum_worsened = _reached(visit.new_partial_target_sum - self.smallest_new_sum, further)
            new = visit.new_non_target_increased or new_sum_worsened
        else:
            new = NEW_LESIONS in evidence
        new = new or visit.new_lesion_count > self.new_lesions_at_iupd
        held = zip((TARGETS, NON_TARGETS, NEW_LESIONS), (target, non_target, new), strict=True)
        return tuple(name for name, holds in held if holds)

    def _update(self, visit: IrecistVisit) -> None:
        """Update the smallest sums since the iUPD, and forget a category that is no longer progression."""
        if not math.isnan(visit.target_sum):
            self.smallest_sum = _smaller(self.smallest_sum, visit.target_sum)
        if not math.isnan(visit.new_target_sum):
            self.smallest_new_sum = _smaller(self.smallest_new_sum, visit.new_target_sum)
        if visit.target in (CR, PR, SD):
            self.by_target = False
        if visit.non_target in (CR, NON_CR_NON_PD) and not visit.non_target_increased:
            self.by_non_target = False

    def _within_confirmation_window(self, visit: IrecistVisit, confirming: tuple[str, ...]) -> bool:
        if visit.time - self.first_iupd_day < self.rules.confirm_from_days:
            further_lesion = visit.new_lesion_count > self.new_lesions_at_iupd and NEW_LESIONS in confirming
            return self.rules.early_new_lesion_confirms and further_lesion
        return self.rules.late_confirmation or visit.time - self.last_iupd_day <= self.rules.confirm_until_days

    def _new_lesions_keep_iupd(self) -> bool:
        """Return whether new lesions that are still present keep the response at iUPD."""
        if self.rules.new_lesions_block == "unless targets improve":
            return self.current_response >= self.response_at_iupd
        return self.rules.new_lesions_block == "always"


def _smaller(first: float, second: float) -> float:
    """Return the smaller number, or the second if the first is NaN."""
    return second if math.isnan(first) else min(first, second)


def _reached(value: float, threshold: float) -> bool:
    """Return whether a value is at or above a threshold; False if either is NaN."""
    return value >= threshold - TOLERANCE * max(1.0, abs(value))


def irecist_response(evaluated: TimePointResponse, visits: Visits, rules: IrecistRules) -> tuple[Array, Array]:
    """Return the response by iRECIST at each visit, and the reason if it is iUPD, iCPD or NE."""
    overall = evaluated.response_without_new_lesions
    response = overall.copy()
    reason = np.where(response == NE, NOT_EVALUATED, "").astype(object)
    events = (overall == PD) | (visits.new_lesion_count > 0) | evaluated.reappeared
    has_history = any_of(events, visits.subject, evaluated.grid.shape[0])[visits.subject]
    rows = np.flatnonzero(has_history)
    columns = [getattr(evaluated if hasattr(evaluated, name) else visits, name) for name in IrecistVisit._fields]
    fields = zip(*(column[rows].tolist() for column in columns), strict=True)
    history, previous = SubjectHistory(rules), -1
    for row, who, values in zip(rows.tolist(), visits.subject[rows].tolist(), fields, strict=True):
        if who != previous:
            history, previous = SubjectHistory(rules), who
        response[row], reason[row] = history.response_at(IrecistVisit._make(values))
    return response, reason


def irecist_progression(response: Array, time: Array, subject: Array, counts: Array, size: int) -> tuple[Array, Array, Array]:
    """Return the first day of the last iUPD that is not followed by a better response, whether it is confirmed and resolved.

    If iCPD is reached, the day is that of the first iUPD of its episode; without an iUPD before it, its own day. The third
    array says whether an iUPD of the subject was resolved.
    """
    day, confirmed, resolved = np.full(size, np.nan), np.zeros(size, bool), np.zeros(size, bool)
    some = any_of(counts & np.isin(response, (IUPD, PD)), subject, size)
    rows = np.flatnonzero(counts & some[subject] & (response != NE))
    for who, code, when in zip(subject[rows].tolist(), response[rows].tolist(), time[rows].tolist(), strict=True):
        if code in (IUPD, PD):
            day[who] = when if math.isnan(day[who]) else day[who]
            confirmed[who] = code == PD
        elif not math.isnan(day[who]):
            day[who], resolved[who] = math.nan, True
    return day, confirmed, resolved
