"""The results of a trial for each subject: best response, confirmed or not, and the days of response and progression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.trial.response import best_response
from immunoode.trial.response.codes import IUPD, NE, PD, PR
from immunoode.trial.response.irecist_response import irecist_progression
from immunoode.trial.response.rules import IrecistRules, Rules, recist_rules
from immunoode.trial.response.time_point_response import TimePointResponse
from immunoode.trial.response.visit_grid import any_of, first_time, last_time, visit_grid
from immunoode.trial.response.visits import Array, AssessmentData


@dataclass(frozen=True)
class SubjectResponses:
    """One entry per subject; days are NaN where nothing happened.

    Attributes
    ----------
    best_change : array of float
        Lowest change from baseline that counts.
    best_response, confirmed_response : array of int
        Codes of the best response; and if CR and PR count only when confirmed.
    response_time, confirmed_response_time : array of float
        First day of a CR or PR, and of a confirmed one.
    progression_time, last_time : array of float
        Day of progression, and of the last evaluable assessment that counts.
    irecist : mapping of str to array
        What iRECIST adds: whether progression was confirmed, whether there was an iUPD, and what followed it.
    """

    best_change: Array
    best_response: Array
    confirmed_response: Array
    response_time: Array
    confirmed_response_time: Array
    progression_time: Array
    last_time: Array
    irecist: dict[str, Array]


def subject_responses(
    assessed: AssessmentData, evaluated: TimePointResponse, response: Array, counts: Array, applied: Rules
) -> SubjectResponses:
    """Return the results for each subject from the responses at those visits that count."""
    rules = recist_rules(applied)
    time, subject, size = assessed.visits.time, assessed.visits.subject, len(assessed.subjects)
    confirmed = best_response.confirmed_visits(response, time, subject, counts, rules)
    progression_time, irecist = _progression(response, time, subject, counts, size, applied)
    return SubjectResponses(
        best_change=best_response.best_change(evaluated.change_from_baseline, subject, counts, size),
        best_response=best_response.best_response(response, time, subject, counts, rules, size),
        confirmed_response=best_response.confirmed_response(response, time, subject, counts, confirmed, rules, size),
        response_time=first_time(counts & (response <= PR), time, subject, size),
        confirmed_response_time=first_time(confirmed, time, subject, size),
        progression_time=progression_time,
        last_time=last_time(counts & (response != NE), time, subject, size),
        irecist=irecist,
    )


def _progression(
    response: Array, time: Array, subject: Array, counts: Array, size: int, rules: Rules
) -> tuple[Array, dict[str, Array]]:
    """Return the day of progression, and the columns that iRECIST adds."""
    if not isinstance(rules, IrecistRules):
        return first_time(counts & (response == PD), time, subject, size), {}
    day, confirmed, resolved = irecist_progression(response, time, subject, counts, size)
    if not rules.unconfirmed_is_progression:
        day = np.where(confirmed, day, np.nan)
    iupd = counts & (response == IUPD)
    response_after = counts & (response <= PR) & visit_grid(subject, size).any_before(iupd)
    columns = {
        "progression_confirmed": confirmed,
        "had_iupd": any_of(iupd, subject, size),
        "pseudoprogression": resolved,
        "response_after_iupd": any_of(response_after, subject, size),
    }
    return day, columns
