"""From responses at visits to the tables of `Responses`: of visits, and of subjects with best responses, days and durations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.trial.response import best_response
from immunoode.trial.response.codes import RECIST_NAMES
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import Rules, response_names
from immunoode.trial.response.subject_responses import subject_responses
from immunoode.trial.response.time_point_response import TimePointResponse
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

    visits, subjects = assessed.visits, assessed.subjects
    found = subject_responses(assessed, evaluated, response, counts, applied)
    end = np.where(np.isnan(found.progression_time), found.last_time, found.progression_time)
    table = {
        "subject": subjects.name,
        "arm": subjects.arm,
        "baseline": subjects.baseline,
        "baseline_time": subjects.baseline_time,
        "visits": np.bincount(visits.subject, minlength=len(subjects)),
        "best_change": found.best_change,
        "best_response": names[found.best_response],
        "confirmed_response": names[found.confirmed_response],
        "response_time": found.response_time,
        "confirmed_response_time": found.confirmed_response_time,
        "progression_time": found.progression_time,
        "last_time": found.last_time,
        "duration_of_response": end - found.response_time,
        "confirmed_duration_of_response": end - found.confirmed_response_time,
        "response_ongoing": ~np.isnan(found.response_time) & np.isnan(found.progression_time),
    }
    return pd.DataFrame({**table, **found.irecist})
