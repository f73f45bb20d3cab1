"""Applying RECIST 1.1 and iRECIST to a table of assessments: `recist` and `irecist`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.assemble import responses_of
from immunoode.trial.response.immune import irecist_response
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.tables import read
from immunoode.trial.response.timepoint import evaluate, recist_reason, recist_response
from immunoode.trial.response.visits import Array, Assessed
from immunoode.trial.response.words import PD, UPD

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.table import TrialData


def recist(
    assessments: TrialData | pd.DataFrame,
    rules: RecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
) -> Responses:
    """Evaluate responses by RECIST 1.1, from lesions, from sums, or from responses at time points.

    Parameters
    ----------
    assessments : TrialData or DataFrame
        Trial data with diameters of lesions, sums of diameters, or responses. Or a table, times in days from the start of
        treatment, diameters in mm, in one of four forms:

        - a row a lesion and visit: subject, time, lesion, diameter; optional kind (without it all are targets), arm, finding,
          organ, markers_normal. Kinds: "target", "non-target", "new", "new target", "new non-target", each also with " node"
          (short axis). Findings: "", "not evaluable", "too small to measure", "absent", "present", "unequivocal progression",
          "increased".
        - a row a visit: subject, time, sum_of_diameters; optional arm, non_target ("CR", "non-CR/non-PD", "PD", "NE", ""),
          new_lesion, target_gone (all targets gone, nodes below 10 mm, though the sum is not 0), markers_normal.
        - a row a visit: subject, time, response; optional arm.
        - a row a visit: subject, time, target (its response); optional arm, non_target, new_lesion, markers_normal. Not for
          `irecist`, which needs sums.

        Common names of these columns are understood (USUBJID, patient, day, SLD, diam_mm, AVALC, ...).
    rules : RecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy : mapping of str to float, optional
        Day on which a subject began another anticancer therapy: assessments from then on do not count.
    enrolled : DataFrame, optional
        Subjects (and arm) who belong to the trial whether assessed or not: without an assessment, NE. Of trial data, all their
        subjects by default.

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
    assessed = _read(assessments, IrecistRules(recist=rules), enrolled)
    points = evaluate(assessed, rules)
    if assessed.given is None:
        response, reason = recist_response(points, assessed.visits), recist_reason(points, assessed.visits)
    else:
        response, reason = _given(assessed, {UPD: PD})
    return responses_of(assessed, points, response, reason, rules, _until(assessed, new_therapy))


def irecist(
    assessments: TrialData | pd.DataFrame,
    rules: IrecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
) -> Responses:
    """Evaluate responses by iRECIST: progression is unconfirmed (iUPD) until a later assessment confirms it (iCPD).

    Parameters
    ----------
    assessments : TrialData or DataFrame
        As for `recist`. Sums may have more columns: new_lesion (new lesions are there), new_lesions (how many were seen so
        far), new_sum_of_diameters (of the new target lesions), non_target_increased and new_non_target_increased (since the
        last assessment), new_non_target_progressed (unequivocally).
    rules : IrecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy, enrolled
        As for `recist`.

    Returns
    -------
    Responses
        With iCR, iPR, iSD, iUPD, iCPD, NE, and non-iCR/non-iUPD where there are no targets. The progression's day is that of
        the first iUPD of the episode that was confirmed, or after which nothing else was seen.

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
    assessed = _read(assessments, rules, enrolled)
    if assessed.target is not None:
        what = "say not by how much targets increased, which confirms or does not confirm a progression"
        raise DataError(Problem("assessments", what, "sums of diameters or lesions; or iUPD, iCPD, ... as response"))
    points = evaluate(assessed, rules.recist)
    if assessed.given is None:
        response, reason = irecist_response(points, assessed.visits, rules)
    else:
        response, reason = _given(assessed, {})
    return responses_of(assessed, points, response, reason, rules, _until(assessed, new_therapy))


def _read(assessments: Any, rules: IrecistRules, enrolled: pd.DataFrame | None) -> Assessed:
    """Return what the table says, with a warning where nobody has a baseline: days are then likely to begin elsewhere."""
    assessed = read(assessments, rules, enrolled)
    visits, until = assessed.visits, rules.recist.baseline_until
    if np.isfinite(visits.total).any() and np.isnan(assessed.subjects.baseline_time).all():
        warnings.warn(
            f"no subject was assessed up to day {until:g}, so that targets cannot be evaluated; the first assessment is on day "
            f"{visits.time.min():g}. RecistRules(baseline='first') takes each subject's first assessment, or shift the days.",
            stacklevel=3,
        )
    return assessed


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
    days = {} if new_therapy is None else {str(name): day for name, day in dict(new_therapy).items()}
    unknown = [name for name in days if name not in place]
    if unknown:
        raise DataError(
            [Problem("new_therapy", f"{name!r} is no subject", nearest(name, place)) for name in unknown[:20]]
        )
    for name, day in days.items():
        until[place[name]] = np.inf if day is None or np.isnan(day) else day
    return until
