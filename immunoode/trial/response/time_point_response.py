"""The response at each visit by RECIST 1.1: of the target lesions (4.3.1), and over all (4.4.1, tables 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.trial.response.codes import CR, NE, NON, NONE, PD, PR, SD
from immunoode.trial.response.rules import TOLERANCE, RecistRules
from immunoode.trial.response.visit_grid import Grid, first_time, grid_of
from immunoode.trial.response.visits import Array, Assessed, Subjects, Visits


@dataclass(frozen=True)
class Points:
    """What the rules make of each visit.

    Attributes
    ----------
    grid : Grid
        Where the visits are.
    baseline, nadir : array of float
        Sum at baseline, and the smallest before the visit with baseline included, mm.
    from_baseline, from_nadir : array of float
        Change as a fraction; from a nadir of 0, infinite.
    target, measured_target : array of int
        Code of the targets' response, `NONE` where there are none: as stated where it was, else by what was measured; and by
        what was measured alone.
    calm : array of int
        Code over all without regard to new lesions and to what came back.
    back : array of bool
        Disease is seen after a CR.
    """

    grid: Grid
    baseline: Array
    nadir: Array
    from_baseline: Array
    from_nadir: Array
    target: Array
    measured_target: Array
    calm: Array
    back: Array


def evaluate(assessed: Assessed, rules: RecistRules) -> Points:
    """Return what RECIST 1.1 makes of each visit, new lesions aside."""
    subjects, visits = assessed.subjects, assessed.visits
    grid = grid_of(visits.subject, len(subjects))
    baseline = subjects.baseline[visits.subject]
    nadir = grid.smallest_before(visits.total, subjects.baseline)
    measured = _continued(target_response(visits, subjects, baseline, nadir, rules), visits, grid, rules)
    target = np.where(visits.given_target != NONE, visits.given_target, measured)
    calm = overall(target, visits.non_target, visits.markers)
    prior = grid.before(calm == CR)
    back = prior & visits.seen & np.isin(calm, (PR, SD, NON)) & rules.reappearance_is_progression
    with np.errstate(divide="ignore", invalid="ignore"):
        from_baseline, from_nadir = visits.total / baseline - 1, (visits.total - nadir) / nadir
    from_nadir = np.where((visits.total == 0) & (nadir == 0), 0.0, from_nadir)
    return Points(grid, baseline, nadir, from_baseline, from_nadir, target, measured, calm, back)


def target_response(visits: Visits, subjects: Subjects, baseline: Array, nadir: Array, rules: RecistRules) -> Array:
    """Return the targets' response (4.3.1): CR, then PD, then PR, then SD.

    What was measured may show PD although not all was (4.4.2): the sum of all cannot be less.
    """
    sum_ = np.where(np.isfinite(visits.total), visits.total, visits.least)
    has, unknown = subjects.has_target[visits.subject], subjects.unknown[visits.subject]
    choices = [
        unknown,
        ~has,
        visits.gone,
        has_progressed(sum_, nadir, rules),
        np.isnan(visits.total),
        visits.total <= (1 - rules.partial_response) * baseline * (1 + TOLERANCE),
    ]
    return np.select(choices, [NE, NONE, CR, PD, NE, PR], SD)


def has_progressed(sum_: Array, nadir: Array, rules: RecistRules) -> Array:
    """Return whether a sum is far enough above the smallest, in proportion and in mm (4.3.1)."""
    slack = TOLERANCE * np.maximum(sum_, nadir)
    relative = sum_ >= (1 + rules.progression) * nadir - slack
    return np.asarray(relative & (sum_ - nadir >= rules.progression_mm - slack) & (sum_ > nadir))


def _continued(target: Array, visits: Visits, grid: Grid, rules: RecistRules) -> Array:
    """Return the targets' response where a PR goes on until PD, if the rules say so."""
    if rules.partial_response_continues == "never":
        return target
    response = np.isin(target, (CR, PR))
    if rules.partial_response_continues == "once confirmed":
        start = first_time(response, visits.time, visits.subject, grid.shape[0])[visits.subject]
        response &= visits.time - start >= rules.confirmation_days
    return np.where((target == SD) & grid.before(response), PR, target)


def overall(target: Array, non_target: Array, markers: Array) -> Array:
    """Return the response over targets and non-targets (tables 1 and 2); markers must be normal for CR (4.3.3)."""
    rest_gone = np.isin(non_target, (NONE, CR)) & markers
    choices = [
        (target == PD) | (non_target == PD),
        (target == CR) & rest_gone,
        np.isin(target, (CR, PR)),
        target == SD,
        target == NE,
        (non_target == CR) & markers,
        np.isin(non_target, (CR, NON)),
    ]
    return np.select(choices, [PD, CR, PR, SD, NE, CR, NON], NE)


def recist_response(points: Points, visits: Visits) -> Array:
    """Return the response by RECIST 1.1: new lesions are PD whatever else is seen, and so is what comes back."""
    return np.where((visits.new_left > 0) | points.back, PD, points.calm)


def recist_reason(points: Points, visits: Visits) -> Array:
    """Return in words why a visit is PD or NE, "" elsewhere."""
    partial = (points.target == PD) & np.isnan(visits.total) & (visits.least > 0)
    response = recist_response(points, visits)
    choices = [
        visits.new_left > 0,
        partial,
        points.target == PD,
        visits.non_target == PD,
        points.back,
        (response == NE) & (points.target == NE),
        response == NE,
    ]
    words = [
        "new lesion",
        "targets progressed by those measured alone",
        "targets progressed",
        "unequivocal progression of non-targets",
        "disease seen after CR",
        "not all targets evaluated",
        "not all non-targets evaluated",
    ]
    return np.select(choices, words, "").astype(object)
