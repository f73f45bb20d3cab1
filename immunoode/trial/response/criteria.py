"""Applying RECIST 1.1 and iRECIST to a table of assessments: `recist` and `irecist`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response import best
from immunoode.trial.response.grid import any_of, first_time, grid_of, last_time
from immunoode.trial.response.immune import irecist_response, progressions
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.tables import read
from immunoode.trial.response.timepoint import Points, evaluate, recist_reason, recist_response
from immunoode.trial.response.visits import Array, Assessed
from immunoode.trial.response.words import IRECIST_NAMES, NE, PD, PR, RECIST_NAMES, UPD

if TYPE_CHECKING:
    import pandas as pd


def recist(
    assessments: pd.DataFrame,
    rules: RecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
) -> Responses:
    """Evaluate responses by RECIST 1.1, from lesions, from sums, or from responses at time points.

    Parameters
    ----------
    assessments : DataFrame
        Times in days from the start of treatment, diameters in mm. One of three forms:

        - a row a lesion and visit: subject, time, lesion, kind, diameter; optional arm, finding, organ, markers_normal. Kinds:
          "target", "non-target", "new", "new target", "new non-target", each also with " node" (short axis). Findings: "",
          "not evaluable", "too small to measure", "absent", "present", "unequivocal progression", "increased".
        - a row a visit: subject, time, sum_of_diameters; optional arm, non_target ("CR", "non-CR/non-PD", "PD", "NE", ""),
          new_lesion, target_gone (all targets gone, nodes below 10 mm, though the sum is not 0), markers_normal.
        - a row a visit: subject, time, response; optional arm.
    rules : RecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy : mapping of str to float, optional
        Day on which a subject began another anticancer therapy: assessments from then on do not count.
    enrolled : DataFrame, optional
        Subjects (and arm) who belong to the trial whether assessed or not: without an assessment, NE.

    Returns
    -------
    Responses

    Raises
    ------
    DataError
        If the columns are those of no form, a word is unknown, a subject is in two arms, or a rule makes no sense.

    References
    ----------
    Eisenhauer et al. 2009, Eur J Cancer 45:228-247, doi:10.1016/j.ejca.2008.10.026.

    Examples
    --------
    >>> import pandas as pd
    >>> sums = pd.DataFrame({"subject": "1", "time": [0, 42, 84, 126], "sum_of_diameters": [100, 70, 50, 60]})
    >>> list(recist(sums).visits["response"])
    ['PR', 'PR', 'PD']
    """
    rules = _rules(rules, RecistRules)
    assessed = read(assessments, IrecistRules(recist=rules), enrolled)
    points = evaluate(assessed, rules)
    if assessed.given is None:
        response, reason = recist_response(points, assessed.visits), recist_reason(points, assessed.visits)
    else:
        response, reason = _given(assessed, {UPD: PD})
    return _responses(assessed, points, response, reason, rules, rules, new_therapy)


def irecist(
    assessments: pd.DataFrame,
    rules: IrecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
) -> Responses:
    """Evaluate responses by iRECIST: progression is unconfirmed (iUPD) until a later assessment confirms it (iCPD).

    Parameters
    ----------
    assessments : DataFrame
        As for `recist`. Sums may have more columns: new_lesion (new lesions are there), new_lesions (how many were seen so far),
        new_sum_of_diameters (of the new target lesions), non_target_increased and new_non_target_increased (since the last
        assessment), new_non_target_progressed (unequivocally).
    rules : IrecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy, enrolled
        As for `recist`.

    Returns
    -------
    Responses
        With iCR, iPR, iSD, iUPD, iCPD, NE, and non-iCR/non-iUPD where there are no targets. The progression's day is that of the
        first iUPD of the episode that was confirmed, or after which nothing else was seen.

    Raises
    ------
    DataError
        As for `recist`.

    References
    ----------
    Seymour et al. 2017, Lancet Oncol 18:e143-e152, doi:10.1016/S1470-2045(17)30074-8; recist.eortc.org/irecist.

    Examples
    --------
    >>> import pandas as pd
    >>> sums = pd.DataFrame({"subject": "1", "time": [0, 42, 84, 126], "sum_of_diameters": [100, 130, 60, 40]})
    >>> list(irecist(sums).visits["response"])
    ['iUPD', 'iPR', 'iPR']
    """
    rules = _rules(rules, IrecistRules)
    assessed = read(assessments, rules, enrolled)
    points = evaluate(assessed, rules.recist)
    if assessed.given is None:
        response, reason = irecist_response(points, assessed.visits, rules)
    else:
        response, reason = _given(assessed, {})
    return _responses(assessed, points, response, reason, rules.recist, rules, new_therapy)


def _rules(rules: Any, wanted: type) -> Any:
    if rules is None:
        return wanted()
    if not isinstance(rules, wanted):
        raise DataError(Problem("rules", f"is a {type(rules).__name__}", f"expected {wanted.__name__}"))
    return rules


def _given(assessed: Assessed, meaning: Mapping[int, int]) -> tuple[Array, Array]:
    """Return responses as they were given."""
    given = np.asarray(assessed.given)
    for code, other in meaning.items():
        given = np.where(given == code, other, given)
    return given, np.full(len(given), "", dtype=object)


def _until(assessed: Assessed, new_therapy: Mapping[str, float] | None) -> Array:
    """Return the day from which assessments do not count, one a subject."""
    until = np.full(len(assessed.subjects), np.inf)
    place = {str(name): i for i, name in enumerate(assessed.subjects.name)}
    unknown = [str(name) for name in new_therapy or {} if str(name) not in place]
    if unknown:
        raise DataError([Problem("new_therapy", f"{name!r} is no subject", nearest(name, place)) for name in unknown])
    for name, day in (new_therapy or {}).items():
        until[place[str(name)]] = np.inf if day is None or np.isnan(day) else day
    return until


def _responses(
    assessed: Assessed, points: Points, response: Array, reason: Array, rules: RecistRules, applied: Any, new_therapy: Any
) -> Responses:
    immune = isinstance(applied, IrecistRules)
    counts = best.counted(response, assessed.visits.time, assessed.visits.subject, _until(assessed, new_therapy))
    names = np.asarray(IRECIST_NAMES if immune else RECIST_NAMES, dtype=object)
    visits = _visit_table(assessed, points, names[response], reason, counts)
    subjects = _subject_table(assessed, points, response, counts, rules, applied, names)
    return Responses(visits, subjects, assessed.left_out, applied)


def _visit_table(assessed: Assessed, points: Points, response: Array, reason: Array, counts: Array) -> pd.DataFrame:
    import pandas as pd

    subjects, visits, names = assessed.subjects, assessed.visits, np.asarray(RECIST_NAMES, dtype=object)
    given = assessed.given is not None
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
            "target": "" if given else names[points.target],
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
    confirmed = best.confirmed_visits(response, time, subject, counts, rules, size)
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
        "best_change": best.change_at_best(points.from_baseline, subject, counts, size),
        "best_response": names[best.best_response(response, time, subject, counts, rules, size)],
        "confirmed_response": names[best.confirmed_response(response, time, subject, counts, confirmed, rules, size)],
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


