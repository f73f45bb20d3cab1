"""Selection of patients: each is in or out, and as many as possible are in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number
from immunoode.virtual_population.calibration.calibrate import check_targets
from immunoode.virtual_population.calibration.calibration_record import Calibration
from immunoode.virtual_population.calibration.certificate import certificate
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.patterns import Patterns, find_patterns
from immunoode.virtual_population.calibration.stacked import StackedTargets, stack_targets
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.random_numbers import uniforms
from immunoode.virtual_population.targets.record import Target

SELECTION = "whole selection"
ACCEPTANCE = "accept or reject"


def select_patients(
    patients: VirtualPatients, targets: Sequence[Target], *, tolerance: float | None = None, seed: int = 0
) -> Cohort:
    """Select as many patients as possible such that each rate is close to its target.

    Patients who are identical for all targets form a cell, and a whole number of patients is chosen from each cell: an
    integer program with one variable per cell rather than per patient, solved to optimality. The selection within a cell is
    random.

    Parameters
    ----------
    patients : VirtualPatients
    targets : sequence of targets
        Targets that are proportions of patients: response rates, quantiles, survival curves, medians.
    tolerance : float, optional
        The largest absolute difference of each proportion from its target; by default its standard error.
    seed : int

    Returns
    -------
    Cohort
        The selected patients have equal weights, the others have none.

    Raises
    ------
    DataError
        If no selection is close enough, or a target is not a proportion.

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> responses = pd.DataFrame({"best_response": ["PR"] * 2 + ["PD"] * 8})
    >>> patients = VirtualPatients(pd.DataFrame({"kill_rate": range(10)}), {"drug": responses})
    >>> target = imo.virtual_population.ResponseRateTarget.objective("drug", 0.5, n=100)
    >>> int(round(select_patients(patients, [target], tolerance=0.1).effective_sample_size))
    5
    """
    check_targets(patients, targets)
    if tolerance is not None and not (is_number(tolerance) and 0 <= tolerance < 1):
        raise DataError(Problem("tolerance", f"is {tolerance!r}", "a number from 0 to 1, such as 0.05 for 5 percentage points"))
    stacked = stack_targets(patients, targets, patients.prior)
    _check_shares(stacked)
    allowed = np.sqrt(np.diag(stacked.covariance)) if tolerance is None else np.full(len(stacked.observed), tolerance)
    cells = find_patterns(stacked.moments)
    counts = _largest_counts(cells.rows, np.bincount(cells.which, minlength=len(cells.rows)), stacked.observed, allowed)
    if not counts.sum():
        raise DataError(_none(stacked, patients))
    chosen = _of_each_cell(cells, counts, patients, seed)
    return _equally_weighted(patients, chosen, stacked, SELECTION)


def accept_patients(cohort: Cohort, *, seed: int = 0) -> Cohort:
    """Accept each patient with a probability proportional to its weight; the one with the largest weight is always accepted.

    Parameters
    ----------
    cohort : Cohort
        A calibrated cohort.
    seed : int

    Returns
    -------
    Cohort
        The accepted patients have equal weights, the others have none.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> patients = imo.virtual_population.VirtualPatients(
    ...     pd.DataFrame({"kill_rate": [1.0, 2.0, 3.0, 4.0]}),
    ...     {"nivolumab": pd.DataFrame({"best_response": ["PD", "PD", "SD", "PR"]})},
    ... )
    >>> target = imo.virtual_population.ResponseRateTarget.objective("nivolumab", 0.5, n=100)
    >>> accepted = imo.virtual_population.accept_patients(imo.calibrate(patients, [target], tolerance=0), seed=1)
    >>> bool(accepted.weights[3] > 0)
    True
    """
    needed = cohort.weights / cohort.patients.prior
    chosen = _uniform(cohort.patients, "acceptance of patients", seed) < needed / needed.max()
    return _equally_weighted(cohort.patients, chosen, cohort.calibrated.stacked, ACCEPTANCE)


def _check_shares(stacked: StackedTargets) -> None:
    right = (
        "rates, quantiles, survival curves or medians, with sufficient follow-up of all patients; weights support all targets"
    )
    what = "is not a proportion of the patients, so they cannot be counted for it"
    wrong = [r.label for r in stacked.records if r.shares is not None or not np.isin(r.moments, (0.0, 1.0)).all()]
    DataError.raise_if(Problem(label, what, right) for label in wrong)


def _largest_counts(cells: FloatArray, available: np.ndarray, observed: FloatArray, allowed: FloatArray) -> np.ndarray:
    """Return how many patients of each cell are in the largest selection that is close enough."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    limits = np.concatenate([(cells - observed - allowed).T, (observed - allowed - cells).T])
    found = milp(
        -np.ones(len(cells)),
        constraints=LinearConstraint(limits, ub=np.full(len(limits), 1e-9)),
        bounds=Bounds(0, available),
        integrality=np.ones(len(cells)),
    )
    return np.round(found.x).astype(int) if found.x is not None else np.zeros(len(cells), int)


def _of_each_cell(cells: Patterns, counts: np.ndarray, patients: VirtualPatients, seed: int) -> np.ndarray:
    """Return which patients are selected: those with the smallest random numbers in each cell."""
    order = np.lexsort((_uniform(patients, "selection of patients", seed), cells.which))
    sizes = np.bincount(cells.which, minlength=len(counts))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.zeros(len(order), bool)
    chosen[order] = place < np.repeat(counts, sizes)
    return chosen


def _uniform(patients: VirtualPatients, purpose: str, seed: int) -> FloatArray:
    """Return a random number per patient, determined by the patient number if there is one."""
    index = patients.parameters.index
    numbers = index.to_numpy() if index.dtype.kind in "iu" and index.min() >= 0 else range(len(index))
    return uniforms(seed, purpose, numbers)[:, 0]


def _equally_weighted(patients: VirtualPatients, chosen: np.ndarray, stacked: StackedTargets, rule: str) -> Cohort:
    how = Calibration(stacked, np.full(len(stacked.observed), np.nan), rule, 1.0, 1.0, 0)
    return Cohort(patients, chosen.astype(np.float64), how)


def _none(stacked: StackedTargets, patients: VirtualPatients) -> Problem:
    found = certificate(stacked, patients.prior)
    what = str(found) if found.targets else "no selection of patients is close enough to all targets"
    return Problem("targets", what, "a larger tolerance, or more patients")
