"""From responses at visits to the tables of `Responses`: of visits, and of subjects with best responses, days and durations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response import best_response
from immunoode.trial.response.codes import IUPD, NE, PD, PR, RECIST_NAMES
from immunoode.trial.response.irecist_response import irecist_progression
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, Rules, recist_rules, response_names
from immunoode.trial.response.time_point_response import TimePointResponse
from immunoode.trial.response.visit_grid import any_of, first_time, last_time, visit_grid
from immunoode.trial.response.visits import Array, AssessmentData

if TYPE_CHECKING:
    import pandas as pd


def tabulate_responses(
    assessed: AssessmentData,
    evaluated: TimePointResponse,
    response: Array,
    reason: Array,
    rules: Rules,
    new_therapy_days: Array,
) -> Responses:
    """Return the responses as tables; assessments from the subject's day of a new therapy on do not count."""
    counts = best_response.counted(response, assessed.visits.time, assessed.visits.subject, new_therapy_days)
    names = np.asarray(response_names(rules), dtype=object)
    visits = _visit_table(assessed, evaluated, names[response], reason, counts)
    subjects = _subject_table(assessed, evaluated, response, counts, rules, names)
    return Responses(visits, subjects, assessed.left_out, rules, assessed.notes)


def _visit_table(
    assessed: AssessmentData, evaluated: TimePointResponse, response: Array, reason: Array, counts: Array
) -> pd.DataFrame:
    import pandas as pd

    subjects, visits, names = assessed.subjects, assessed.visits, np.asarray(RECIST_NAMES, dtype=object)
    return pd.DataFrame(
        {
            "subject": subjects.name[visits.subject],
            "arm": subjects.arm[visits.subject],
            "time": visits.time,
            "sum_of_diameters": np.where(subjects.has_target[visits.subject], visits.target_sum, np.nan),
            "baseline": evaluated.baseline,
            "nadir": evaluated.nadir,
            "change_from_baseline": evaluated.change_from_baseline,
            "change_from_nadir": evaluated.change_from_nadir,
            "target": names[evaluated.target],
            "non_target": names[visits.non_target],
            "new_lesion": visits.new_lesions_present > 0,
            "response": response,
            "reason": reason,
            "counted": counts,
        }
    )


def _subject_table(
    assessed: AssessmentData, evaluated: TimePointResponse, response: Array, counts: Array, applied: Rules, names: Array
) -> pd.DataFrame:
    import pandas as pd

    rules = recist_rules(applied)
    visits, subjects, size = assessed.visits, assessed.subjects, len(assessed.subjects)
    time, subject = visits.time, visits.subject
    confirmed = best_response.confirmed_visits(response, time, subject, counts, rules, size)
    response_time = first_time(counts & (response <= PR), time, subject, size)
    confirmed_time = first_time(confirmed, time, subject, size)
    last = last_time(counts & (response != NE), time, subject, size)
    progression_time, irecist_columns = _progression(response, time, subject, counts, size, applied)
    end = np.where(np.isnan(progression_time), last, progression_time)
    table = {
        "subject": subjects.name,
        "arm": subjects.arm,
        "baseline": subjects.baseline,
        "baseline_time": subjects.baseline_time,
        "visits": np.bincount(subject, minlength=size),
        "best_change": best_response.best_change(evaluated.change_from_baseline, subject, counts, size),
        "best_response": names[best_response.best_response(response, time, subject, counts, rules, size)],
        "confirmed_response": names[best_response.confirmed_response(response, time, subject, counts, confirmed, rules, size)],
        "response_time": response_time,
        "confirmed_response_time": confirmed_time,
        "progression_time": progression_time,
        "last_time": last,
        "duration_of_response": end - response_time,
        "confirmed_duration_of_response": end - confirmed_time,
        "response_ongoing": ~np.isnan(response_time) & np.isnan(progression_time),
    }
    return pd.DataFrame({**table, **irecist_columns})


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
