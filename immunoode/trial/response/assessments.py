"""From the responses at visits to tables: of visits, and of subjects with best responses, days and durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.trial.response import best_response
from immunoode.trial.response.codes import IRECIST_NAMES, NE, PD, PR, RECIST_NAMES, UPD
from immunoode.trial.response.immune import progressions
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.time_point_response import Points
from immunoode.trial.response.visit_grid import any_of, first_time, grid_of, last_time
from immunoode.trial.response.visits import Array, Assessed

if TYPE_CHECKING:
    import pandas as pd


def responses_of(
    assessed: Assessed, points: Points, response: Array, reason: Array, applied: RecistRules | IrecistRules, until: Array
) -> Responses:
    """Return everything in tables; `until` is the day from which assessments do not count, one a subject."""
    immune = isinstance(applied, IrecistRules)
    rules = applied.recist if isinstance(applied, IrecistRules) else applied
    counts = best_response.counted(response, assessed.visits.time, assessed.visits.subject, until)
    names = np.asarray(IRECIST_NAMES if immune else RECIST_NAMES, dtype=object)
    visits = _visit_table(assessed, points, names[response], reason, counts)
    subjects = _subject_table(assessed, points, response, counts, rules, applied, names)
    return Responses(visits, subjects, assessed.left_out, applied, assessed.notes)


def _visit_table(assessed: Assessed, points: Points, response: Array, reason: Array, counts: Array) -> pd.DataFrame:
    import pandas as pd

    subjects, visits, names = assessed.subjects, assessed.visits, np.asarray(RECIST_NAMES, dtype=object)
    return pd.DataFrame(
        {
            "subject": subjects.name[visits.subject],
            "arm": subjects.arm[visits.subject],
            "time": visits.time,
            "sum_of_diameters": np.where(subjects.has_target[visits.subject], visits.total, np.nan),
            "baseline": points.baseline,
            "nadir": points.nadir,
            "change_from_baseline": points.from_baseline,
            "change_from_nadir": points.from_nadir,
            "target": names[points.target],
            "non_target": names[visits.non_target],
            "new_lesion": visits.new_left > 0,
            "response": response,
            "reason": reason,
            "counted": counts,
        }
    )


def _subject_table(
    assessed: Assessed, points: Points, response: Array, counts: Array, rules: RecistRules, applied: Any, names: Array
) -> pd.DataFrame:
    import pandas as pd

    visits, people, size = assessed.visits, assessed.subjects, len(assessed.subjects)
    time, subject = visits.time, visits.subject
    confirmed = best_response.confirmed_visits(response, time, subject, counts, rules, size)
    responded = first_time(counts & (response <= PR), time, subject, size)
    kept = first_time(confirmed, time, subject, size)
    last = last_time(counts & (response != NE), time, subject, size)
    progressed, more = _progression(response, time, subject, counts, size, applied)
    end = np.where(np.isnan(progressed), last, progressed)
    table = {
        "subject": people.name,
        "arm": people.arm,
        "baseline": people.baseline,
        "baseline_time": people.baseline_time,
        "visits": np.bincount(subject, minlength=size),
        "best_change": best_response.change_at_best(points.from_baseline, subject, counts, size),
        "best_response": names[best_response.best_response(response, time, subject, counts, rules, size)],
        "confirmed_response": names[best_response.confirmed_response(response, time, subject, counts, confirmed, rules, size)],
        "response_time": responded,
        "confirmed_response_time": kept,
        "progression_time": progressed,
        "last_time": last,
        "duration_of_response": end - responded,
        "confirmed_duration_of_response": end - kept,
        "response_ongoing": ~np.isnan(responded) & np.isnan(progressed),
    }
    return pd.DataFrame({**table, **more})


def _progression(
    response: Array, time: Array, subject: Array, counts: Array, size: int, applied: Any
) -> tuple[Array, dict[str, Array]]:
    """Return the day of progression, and what iRECIST has to add."""
    if not isinstance(applied, IrecistRules):
        return first_time(counts & (response == PD), time, subject, size), {}
    day, confirmed, resolved = progressions(response, time, subject, counts, size)
    if not applied.unconfirmed_is_progression:
        day = np.where(confirmed, day, np.nan)
    upd = counts & (response == UPD)
    after = counts & (response <= PR) & grid_of(subject, size).before(upd)
    more = {
        "progression_confirmed": confirmed,
        "had_iupd": any_of(upd, subject, size),
        "pseudoprogression": resolved,
        "response_after_iupd": any_of(after, subject, size),
    }
    return day, more
