"""Applying RECIST 1.1 and iRECIST to a table of assessments: `recist` and `irecist`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.tables.identifiers import identifiers
from immunoode.trial.response.assessments import responses_of
from immunoode.trial.response.codes import IRECIST_NAMES, NONE, PD, RECIST_NAMES, UPD
from immunoode.trial.response.immune import irecist_response
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.response.tables import collected, read, reasons
from immunoode.trial.response.time_point_response import Points, evaluate, recist_reason, recist_response
from immunoode.trial.response.visit_grid import first_time
from immunoode.trial.response.visits import Array, Assessed

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.table import TrialData


SOON = 7.0
"""Days after baseline within which a first measurement may be one that is dated late."""


def recist(
    assessments: TrialData | pd.DataFrame,
    rules: RecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
    enrolled: pd.DataFrame | None = None,
    by: Literal["responses", "measurements"] | None = None,
    reader: str | None = None,
) -> Responses:
    """Evaluate responses by RECIST 1.1, from lesions, from sums, or from responses at time points.

    Parameters
    ----------
    assessments : TrialData or DataFrame
        Trial data with diameters of lesions, sums of diameters, or responses. Or a table, times in days from the start of
        treatment, diameters in mm, in one of four forms:

        - one row per lesion and visit: subject, time, lesion, diameter; optional kind (without it all are targets), arm, visit
          (its name), finding, organ, markers_normal. Kinds: "target", "non-target", "new", "new target", "new non-target", each
          also with " node" (short axis). Findings: "", "not evaluable", "too small to measure", "absent", "present",
          "unequivocal progression", "increased".
        - one row per visit: subject, time, sum_of_diameters; optional arm, non_target ("CR", "non-CR/non-PD", "PD", "NE", ""),
          new_lesion, target_gone (all targets gone, nodes below 10 mm, though the sum is not 0), markers_normal.
        - one row per visit: subject, time, response; optional arm.
        - one row per visit: subject, time, target (its response); optional arm, non_target, new_lesion, markers_normal. Not for
          `irecist`, which needs sums.

        Measurements may have responses beside them, in the same table or in trial data (ADTR and ADRS), see `by`. Days of one
        visit are one assessment, see `RecistRules.visit_days`.

        Common names of these columns are understood (USUBJID, patient, day, SLD, diam_mm, AVALC, ...).
    rules : RecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy : mapping of str to float, optional
        Day on which a subject began another anticancer therapy: assessments from then on do not count.
    enrolled : DataFrame, optional
        Subjects (and arm) who belong to the trial whether assessed or not: without an assessment, NE. Of trial data, all their
        subjects by default.
    by : {"responses", "measurements"}, optional
        What counts where targets were measured and a reader stated responses as well. "responses", the default: what was
        stated, of all or of targets; at visits without a statement what was measured; sums and changes are measured ones in
        either case. "measurements": the targets' response is derived from what was measured; non-targets and new lesions are
        as stated. Visits at which the two differ are listed in `left_out`.
    reader : str, optional
        Whose readings count in a table with several readers, or "accepted". Trial data are of one reader already.

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
    assessed = _read(assessments, IrecistRules(recist=rules), enrolled, by, reader)
    points = evaluate(assessed, rules)
    response, reason = recist_response(points, assessed.visits), recist_reason(points, assessed.visits)
    given = np.where(assessed.visits.given == UPD, PD, assessed.visits.given)
    assessed = _with_doubts(assessed, points, response, given, RECIST_NAMES)
    response, reason = np.where(given != NONE, given, response), np.where(given != NONE, "", reason)
    return responses_of(assessed, points, response, reason, rules, _until(assessed, new_therapy))


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
        As for `recist`. Sums may have more columns: new_lesion (new lesions are there), new_lesions (how many were seen so
        far), new_sum_of_diameters (of the new target lesions), non_target_increased and new_non_target_increased (since the
        last assessment), new_non_target_progressed (unequivocally).
    rules : IrecistRules, optional
        The thresholds; by default those of the guideline.
    new_therapy, enrolled, by, reader
        As for `recist`; targets' responses that were stated without sums are of no use here.

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
    assessed = _measured_targets(_read(assessments, rules, enrolled, by, reader))
    points = evaluate(assessed, rules.recist)
    response, reason = irecist_response(points, assessed.visits, rules)
    given = assessed.visits.given
    assessed = _with_doubts(assessed, points, response, given, IRECIST_NAMES)
    response, reason = np.where(given != NONE, given, response), np.where(given != NONE, "", reason)
    return responses_of(assessed, points, response, reason, rules, _until(assessed, new_therapy))


def _measured_targets(assessed: Assessed) -> Assessed:
    """Return the visits without what was stated of targets, which does not say by how much they grew.

    Raises
    ------
    DataError
        If nothing else is there.
    """
    visits = assessed.visits
    stated = visits.given_target != NONE
    if not stated.any():
        return assessed
    if not np.isfinite(visits.total).any() and (visits.given == NONE).all():
        what = "say not by how much targets increased, which confirms or does not confirm a progression"
        raise DataError(Problem("assessments", what, "sums of diameters or lesions; or iUPD, iCPD, ... as response"))
    return replace(assessed, visits=replace(visits, given_target=np.full(len(visits), NONE)))


def _with_doubts(assessed: Assessed, points: Points, derived: Array, given: Array, names: Sequence[str]) -> Assessed:
    """Return what was read with a list of where stated and measured differ, and what was taken."""
    visits, words = assessed.visits, np.asarray(names, dtype=object)
    measured, stated, target = np.isfinite(visits.total), given != NONE, visits.given_target
    if not (stated | (target != NONE)).any() or not measured.any():
        return assessed
    who, days = assessed.subjects.name[visits.subject], visits.time
    over_all = stated & measured & (given != derived)
    of_targets = ~stated & measured & (target != NONE) & (target != points.measured_target)
    silent = ~stated & stated.any() & measured
    texts = np.asarray(RECIST_NAMES, dtype=object)
    tables = [
        reasons(days, who, here, "").assign(reason=reason[here])
        for here, reason in (
            (over_all, "stated " + words[given] + ", by the rules " + words[derived]),
            (of_targets, "targets stated " + texts[target] + ", by the rules " + texts[points.measured_target]),
            (silent, np.full(len(visits), "no response was stated: by the rules from what was measured", dtype=object)),
        )
    ]
    tables = [table.assign(row=[f"day {day:g}" for day in table["row"]]) for table in tables]
    note = (
        f"responses are as stated at {int(stated.sum())} of {len(visits)} visits"
        if stated.any()
        else f"the targets' responses are as stated at {int((target != NONE).sum())} of {len(visits)} visits"
    ) + "; by='measurements' derives those of targets from what was measured"
    return replace(assessed, left_out=collected([assessed.left_out, *tables]), notes=(*assessed.notes, note))


def _read(assessments: Any, rules: IrecistRules, enrolled: pd.DataFrame | None, by: str | None, reader: str | None) -> Assessed:
    """Return what the table says, with a warning where nobody has a baseline: days are then likely to begin elsewhere."""
    assessed = read(assessments, rules, enrolled, by, reader)
    assessed = _with_late_baselines(assessed, rules.recist)
    visits, until = assessed.visits, rules.recist.baseline_until
    if np.isfinite(visits.total).any() and np.isnan(assessed.subjects.baseline_time).all():
        warnings.warn(
            f"no subject was assessed up to day {until:g}, so that targets cannot be evaluated; the first assessment is on day "
            f"{visits.time.min():g}. RecistRules(baseline='first') takes each subject's first assessment, or shift the days.",
            stacklevel=3,
        )
    return assessed


def _with_late_baselines(assessed: Assessed, rules: RecistRules) -> Assessed:
    """Return what was read with a note on subjects who were first measured soon after day 0."""
    visits, size = assessed.visits, len(assessed.subjects)
    first = first_time(np.isfinite(visits.total) | (visits.least > 0), visits.time, visits.subject, size)
    late = np.isnan(assessed.subjects.baseline_time) & (first <= rules.baseline_until + SOON)
    if not late.any() or np.isnan(assessed.subjects.baseline_time).all():
        return assessed
    earliest, latest = np.nanmin(first[late]), np.nanmax(first[late])
    days = f"day {latest:g}" if earliest == latest else f"days {earliest:g} to {latest:g}"
    note = (
        f"{int(late.sum())} of {size} subjects have no baseline, and are first measured on {days}: "
        f"RecistRules(baseline_until={latest:g}) takes that as baseline"
    )
    return replace(assessed, notes=(*assessed.notes, note))


def _rules(rules: Any, wanted: type) -> Any:
    if rules is None:
        return wanted()
    if not isinstance(rules, wanted):
        raise DataError(Problem("rules", f"is a {type(rules).__name__}", f"expected {wanted.__name__}"))
    return rules


def _until(assessed: Assessed, new_therapy: Mapping[str, float] | None) -> Array:
    """Return the day from which assessments do not count, one a subject."""
    until = np.full(len(assessed.subjects), np.inf)
    place = {str(name): i for i, name in enumerate(assessed.subjects.name)}
    days = {} if new_therapy is None else dict(zip(identifiers(new_therapy), dict(new_therapy).values(), strict=True))
    unknown = [name for name in days if name not in place]
    if unknown:
        raise DataError([Problem("new_therapy", f"{name!r} is no subject", nearest(name, place)) for name in unknown[:20]])
    for name, day in days.items():
        until[place[name]] = np.inf if day is None or np.isnan(day) else day
    return until
