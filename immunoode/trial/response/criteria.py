"""Applying RECIST 1.1 and iRECIST to a table of assessments: `recist` and `irecist`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.tables.identifiers import values_of_subjects
from immunoode.trial.response.assessment_rows import concatenate_left_out, left_out_rows
from immunoode.trial.response.codes import IUPD, NONE, PD, RECIST_NAMES
from immunoode.trial.response.irecist_response import irecist_response
from immunoode.trial.response.read_assessments import read_assessments
from immunoode.trial.response.response_tables import tabulate_responses
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules, Rules, response_names
from immunoode.trial.response.time_point_response import TimePointResponse, evaluate_time_points, recist_reason, recist_response
from immunoode.trial.response.visit_grid import first_time
from immunoode.trial.response.visits import Array, AssessmentData

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.trial_data import TrialData


LATE_BASELINE_DAYS = 7.0
"""Days after the baseline period within which a first measurement may be a late baseline."""


def recist(
    assessments: TrialData | pd.DataFrame,
    rules: RecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
    by: Literal["responses", "measurements"] | None = None,
    reader: str | None = None,
) -> Responses:
    """Evaluate responses by RECIST 1.1, from lesions, from sums, or from reported responses.

    Parameters
    ----------
    assessments : TrialData or DataFrame
        Trial data with diameters of lesions, sums of diameters, or responses; or a table with times in days from the start of
        treatment and diameters in mm, in one of four forms:

        - one row per lesion and visit: subject, time, lesion, diameter; optional kind (if missing, all are targets), arm, visit
          (its name), finding, organ, markers_normal. Kinds: "target", "non-target", "new", "new target", "new non-target", each
          also with " node" (short axis). Findings: "", "not evaluable", "too small to measure", "absent", "present",
          "unequivocal progression", "increased".
        - one row per visit: subject, time, sum_of_diameters; optional arm, non_target ("CR", "non-CR/non-PD", "PD", "NE", ""),
          new_lesion, target_gone (all targets absent and nodes below 10 mm, although the sum is not 0), markers_normal.
        - one row per visit: subject, time, response; optional arm.
        - one row per visit: subject, time, target (its response); optional arm, non_target, new_lesion, markers_normal. Not for
          `irecist`, which needs sums.

        Measurements and responses may be given together, in one table or in trial data (ADTR and ADRS), see `by`. The days of
        one visit are one assessment, see `RecistRules.visit_days`.

        Usual names of these columns are recognised (USUBJID, patient, day, SLD, diam_mm, AVALC, ...).
    rules : RecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy : mapping of str to float, optional
        Day on which a subject began another anticancer therapy: assessments from that day on do not count.
    enrolled : DataFrame, optional
        Subjects (and arm) of the trial, whether assessed or not: without an assessment they are NE. By default, all subjects
        of the trial data.
    by : {"responses", "measurements"}, optional
        What counts if targets were measured and a reader reported responses as well. "responses", the default: the reported
        responses, overall or of targets, and the measurements at visits without a reported response; sums and changes are
        measured in either case. "measurements": the response of the targets is derived from the measurements; non-targets and
        new lesions are as reported. Visits at which the two differ are listed in `left_out`.
    reader : str, optional
        The reader whose readings count in a table with several readers, or "accepted". Trial data have one reader already.

    Returns
    -------
    Responses

    Raises
    ------
    DataError
        If the columns fit none of the forms, a word is unknown, a subject is in two arms, or a rule is invalid.

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
    rules = _check_rules(rules, RecistRules)
    assessed = _read(assessments, IrecistRules(recist=rules), enrolled, by, reader)
    evaluated = evaluate_time_points(assessed, rules)
    response, reason = recist_response(evaluated, assessed.visits), recist_reason(evaluated, assessed.visits)
    reported = np.where(assessed.visits.reported == IUPD, PD, assessed.visits.reported)
    return _with_reported(assessed, evaluated, response, reason, reported, rules, new_therapy)


def irecist(
    assessments: TrialData | pd.DataFrame,
    rules: IrecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
    by: Literal["responses", "measurements"] | None = None,
    reader: str | None = None,
) -> Responses:
    """Evaluate responses by iRECIST: progression is unconfirmed (iUPD) until a later assessment confirms it (iCPD).

    Parameters
    ----------
    assessments : TrialData or DataFrame
        As for `recist`. Tables of sums may have more columns: new_lesion (new lesions are present), new_lesions (number seen
        so far), new_sum_of_diameters (of the new target lesions), non_target_increased and new_non_target_increased (since the
        last assessment), new_non_target_progressed (unequivocally).
    rules : IrecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy, enrolled, by, reader
        As for `recist`; responses of targets that were reported without sums cannot be used.

    Returns
    -------
    Responses
        With iCR, iPR, iSD, iUPD, iCPD, NE, and non-iCR/non-iUPD without targets. The day of progression is that of the first
        iUPD of the episode that was confirmed, or that was not followed by a better response.

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
    rules = _check_rules(rules, IrecistRules)
    assessed = _without_reported_targets(_read(assessments, rules, enrolled, by, reader))
    evaluated = evaluate_time_points(assessed, rules.recist)
    response, reason = irecist_response(evaluated, assessed.visits, rules)
    return _with_reported(assessed, evaluated, response, reason, assessed.visits.reported, rules, new_therapy)


def _with_reported(
    assessed: AssessmentData,
    evaluated: TimePointResponse,
    derived: Array,
    reason: Array,
    reported: Array,
    rules: Rules,
    new_therapy: Mapping[str, float] | None,
) -> Responses:
    """Return the responses: as reported at visits with a reported response, else as derived."""
    names = response_names(rules)
    assessed = _with_discrepancies(assessed, evaluated, derived, reported, names)
    response, reason = np.where(reported != NONE, reported, derived), np.where(reported != NONE, "", reason)
    return tabulate_responses(assessed, evaluated, response, reason, rules, _new_therapy_days(assessed, new_therapy))


def _without_reported_targets(assessed: AssessmentData) -> AssessmentData:
    """Return the visits without the reported responses of targets, which do not say by how much the targets grew.

    Raises
    ------
    DataError
        If there is nothing else.
    """
    visits = assessed.visits
    if (visits.reported_target == NONE).all():
        return assessed
    if not np.isfinite(visits.target_sum).any() and (visits.reported == NONE).all():
        what = "do not say by how much the targets increased, so that a progression cannot be confirmed"
        raise DataError(Problem("assessments", what, "sums of diameters or lesions; or iUPD, iCPD, ... as response"))
    return replace(assessed, visits=replace(visits, reported_target=np.full(len(visits), NONE)))


def _with_discrepancies(
    assessed: AssessmentData, evaluated: TimePointResponse, derived: Array, response: Array, names: Sequence[str]
) -> AssessmentData:
    """Return the data with a list of the visits at which reported and derived responses differ, and a note on what counts."""
    visits = assessed.visits
    measured, target = np.isfinite(visits.target_sum), visits.reported_target
    reported, target_reported = response != NONE, visits.reported_target != NONE
    if not (reported | target_reported).any() or not measured.any():
        return assessed
    overall, targets = np.asarray(names, dtype=object), np.asarray(RECIST_NAMES, dtype=object)
    from_rules = targets[evaluated.measured_target]
    differences = [
        (reported & measured & (response != derived), "reported " + overall[response] + ", by the rules " + overall[derived]),
        (
            ~reported & measured & target_reported & (target != evaluated.measured_target),
            "targets reported " + targets[target] + ", by the rules " + from_rules,
        ),
        (
            ~reported & reported.any() & measured,
            np.full(len(visits), "no response was reported: derived from the measurements by the rules", dtype=object),
        ),
    ]
    days = np.asarray([f"day {day:g}" for day in visits.time], dtype=object)
    who = assessed.subjects.name[visits.subject]
    tables = [left_out_rows(days, who, where, "").assign(reason=reason[where]) for where, reason in differences]
    some, what = (reported, "responses") if reported.any() else (target_reported, "the responses of targets")
    note = f"{what} are as reported at {int(some.sum())} of {len(visits)} visits; by='measurements' derives those of targets "
    note += "from the measurements"
    left_out = concatenate_left_out([assessed.left_out, *tables])
    return replace(assessed, left_out=left_out, notes=(*assessed.notes, note))


def _read(
    assessments: Any, rules: IrecistRules, enrolled: pd.DataFrame | None, by: str | None, reader: str | None
) -> AssessmentData:
    """Read the assessments, and warn if no subject has a baseline, as the days probably count from elsewhere."""
    assessed = read_assessments(assessments, rules, enrolled, by, reader)
    assessed = _with_late_baselines(assessed, rules.recist)
    visits, until = assessed.visits, rules.recist.baseline_until
    if np.isfinite(visits.target_sum).any() and np.isnan(assessed.subjects.baseline_time).all():
        warnings.warn(
            f"no subject was assessed up to day {until:g}, so that targets cannot be evaluated; the first assessment is on day "
            f"{visits.time.min():g}. RecistRules(baseline='first') takes each subject's first assessment; or shift the days.",
            stacklevel=3,
        )
    return assessed


def _with_late_baselines(assessed: AssessmentData, rules: RecistRules) -> AssessmentData:
    """Return the data with a note on subjects who were first measured soon after day 0."""
    visits, size = assessed.visits, len(assessed.subjects)
    first = first_time(np.isfinite(visits.target_sum) | (visits.partial_target_sum > 0), visits.time, visits.subject, size)
    late = np.isnan(assessed.subjects.baseline_time) & (first <= rules.baseline_until + LATE_BASELINE_DAYS)
    if not late.any() or np.isnan(assessed.subjects.baseline_time).all():
        return assessed
    earliest, latest = np.nanmin(first[late]), np.nanmax(first[late])
    days = f"day {latest:g}" if earliest == latest else f"days {earliest:g} to {latest:g}"
    note = (
        f"{int(late.sum())} of {size} subjects have no baseline, and are first measured on {days}: "
        f"RecistRules(baseline_until={latest:g}) takes that as baseline"
    )
    return replace(assessed, notes=(*assessed.notes, note))


def _check_rules(rules: Any, expected: type) -> Any:
    if rules is None:
        return expected()
    if not isinstance(rules, expected):
        raise DataError(Problem("rules", f"is a {type(rules).__name__}", f"expected {expected.__name__}"))
    return rules


def _new_therapy_days(assessed: AssessmentData, new_therapy: Mapping[str, float] | None) -> Array:
    """Return each subject's day of a new therapy, infinite without one."""
    days = np.full(len(assessed.subjects), np.inf)
    index = {str(name): i for i, name in enumerate(assessed.subjects.name)}
    for name, day in values_of_subjects(dict(new_therapy or {}), index, "new_therapy").items():
        days[index[name]] = np.inf if day is None or np.isnan(day) else day
    return days
