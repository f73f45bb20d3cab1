"""The time-point response by RECIST 1.1: of the target lesions (4.3.1), and overall (4.4.1, tables 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON_CR_NON_PD, NONE, PD, PR, SD
from immunoode.trial.response.rules import TOLERANCE, RecistRules
from immunoode.trial.response.visit_grid import VisitGrid, first_time, visit_grid
from immunoode.trial.response.visits import Array, AssessmentData, Subjects, Visits


@dataclass(frozen=True)
class TimePointResponse:
    """The results of the rules for each visit, one entry per visit.

    Attributes
    ----------
    grid : VisitGrid
        Subject and number of each visit.
    baseline, nadir : array of float
        Sum at baseline, and the smallest sum before the visit with baseline included, mm.
    change_from_baseline, change_from_nadir : array of float
        Change as a fraction; infinite from a nadir of 0.
    target, measured_target : array of int
        Response of the target lesions, `NONE` without target lesions: as reported, else as measured; and as measured.
    response_without_new_lesions : array of int
        Overall response, without regard to new lesions and to disease that reappeared.
    reappeared : array of bool
        Disease is present after a CR.
    """

    grid: VisitGrid
    baseline: Array
    nadir: Array
    change_from_baseline: Array
    change_from_nadir: Array
    target: Array
    measured_target: Array
    response_without_new_lesions: Array
    reappeared: Array


def evaluate_time_points(assessed: AssessmentData, rules: RecistRules) -> TimePointResponse:
    """Return what RECIST 1.1 derives for each visit, apart from new lesions."""
    subjects, visits = assessed.subjects, assessed.visits
    grid = visit_grid(visits.subject, len(subjects))
    baseline, total = subjects.baseline[visits.subject], visits.target_sum
    nadir = grid.smallest_before(total, subjects.baseline)
    measured = _continue_partial_response(target_response(visits, subjects, baseline, nadir, rules), visits, grid, rules)
    target = np.where(visits.reported_target != NONE, visits.reported_target, measured)
    overall = overall_response(target, visits.non_target, visits.markers_normal)
    after_cr = grid.any_before(overall == CR)
    reappeared = after_cr & visits.disease_present & np.isin(overall, (PR, SD, NON_CR_NON_PD))
    with np.errstate(divide="ignore", invalid="ignore"):
        from_baseline, from_nadir = total / baseline - 1, (total - nadir) / nadir
    return TimePointResponse(
        grid,
        baseline,
        nadir,
        change_from_baseline=from_baseline,
        change_from_nadir=np.where((total == 0) & (nadir == 0), 0.0, from_nadir),
        target=target,
        measured_target=measured,
        response_without_new_lesions=overall,
        reappeared=reappeared & rules.reappearance_is_progression,
    )


def target_response(visits: Visits, subjects: Subjects, baseline: Array, nadir: Array, rules: RecistRules) -> Array:
    """Return the response of the target lesions (4.3.1): CR, then PD, then PR, then SD.

    An incomplete measurement may show PD (4.4.2), as the sum of all target lesions cannot be smaller.
    """
    total = np.where(np.isfinite(visits.target_sum), visits.target_sum, visits.partial_target_sum)
    conditions = [
        subjects.targets_not_evaluable[visits.subject],
        ~subjects.has_target[visits.subject],
        visits.targets_absent,
        has_progressed(total, nadir, rules),
        np.isnan(visits.target_sum),
        visits.target_sum <= (1 - rules.partial_response) * baseline * (1 + TOLERANCE),
    ]
    return np.select(conditions, [NE, NONE, CR, PD, NE, PR], SD)


def has_progressed(total: Array | float, nadir: Array | float, rules: RecistRules) -> Array:
    """Return whether a sum is far enough above the nadir, both relatively and in mm (4.3.1)."""
    slack = TOLERANCE * np.maximum(total, nadir)
    relative = total >= (1 + rules.progression) * nadir - slack
    return np.asarray(relative & (total - nadir >= rules.progression_mm - slack) & (total > nadir))


def _continue_partial_response(target: Array, visits: Visits, grid: VisitGrid, rules: RecistRules) -> Array:
    """Return the response of the target lesions with a PR that continues until PD, if the rules say so."""
    if rules.partial_response_continues == "never":
        return target
    response = np.isin(target, (CR, PR))
    if rules.partial_response_continues == "once confirmed":
        start = first_time(response, visits.time, visits.subject, grid.shape[0])[visits.subject]
        response &= visits.time - start >= rules.confirmation_days
    return np.where((target == SD) & grid.any_before(response), PR, target)


def overall_response(target: Array, non_target: Array, markers_normal: Array) -> Array:
    """Return the response of targets and non-targets (tables 1 and 2); CR needs normal tumour markers (4.3.3)."""
    others_absent = np.isin(non_target, (NONE, CR)) & markers_normal
    conditions = [
        (target == PD) | (non_target == PD),
        (target == CR) & others_absent,
        np.isin(target, (CR, PR)),
        target == SD,
        target == NE,
        (non_target == CR) & markers_normal,
        np.isin(non_target, (CR, NON_CR_NON_PD)),
    ]
    return np.select(conditions, [PD, CR, PR, SD, NE, CR, NON_CR_NON_PD], NE)


def recist_response(evaluated: TimePointResponse, visits: Visits) -> Array:
    """Return the response by RECIST 1.1: new lesions and disease that reappears are PD, regardless of other findings."""
    return np.where((visits.new_lesions_present > 0) | evaluated.reappeared, PD, evaluated.response_without_new_lesions)


def recist_reason(evaluated: TimePointResponse, visits: Visits) -> Array:
    """Return the reason why a visit is PD or NE, "" elsewhere."""
    incomplete = (evaluated.target == PD) & np.isnan(visits.target_sum) & (visits.partial_target_sum > 0)
    response = recist_response(evaluated, visits)
    reasons = [
        (visits.new_lesions_present > 0, "new lesion"),
        (incomplete, "targets progressed by those measured alone"),
        (evaluated.target == PD, "targets progressed"),
        (visits.non_target == PD, "unequivocal progression of non-targets"),
        (evaluated.reappeared, "disease seen after CR"),
        ((response == NE) & (evaluated.target == NE), "not all targets evaluated"),
        (response == NE, "not all non-targets evaluated"),
    ]
    return np.select([which for which, _ in reasons], [reason for _, reason in reasons], "").astype(object)
