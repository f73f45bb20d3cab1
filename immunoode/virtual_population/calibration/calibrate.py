"""Weights with which virtual patients meet targets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.fitting.threads import one_thread
from immunoode.number_checks import is_number
from immunoode.virtual_population.calibration.calibration_record import Calibration
from immunoode.virtual_population.calibration.certificate import certificate
from immunoode.virtual_population.calibration.contradictions import contradictions
from immunoode.virtual_population.calibration.divergence import ChiSquaredDivergence, Divergence, FloatArray, RelativeEntropy
from immunoode.virtual_population.calibration.dual import DualSolution, solve_dual, spread_of
from immunoode.virtual_population.calibration.stacked import StackedTargets, list_problems, restack, stack_targets
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.record import Target

RULES: dict[str, Divergence] = {"entropy": RelativeEntropy(), "least squares": ChiSquaredDivergence()}
PASSES = 20
"""The largest number of times that rows which depend on the weights (correlations, covariances between targets) are
recomputed."""

NOTABLE = 0.1
"""Change of a statistic, in standard errors, above which a warning is issued."""


def calibrate(
    patients: VirtualPatients,
    targets: Sequence[Target],
    *,
    rule: str = "entropy",
    tolerance: float = 1.0,
    prior_size: float = 1.0,
) -> Cohort:
    """Weight virtual patients so that they meet targets within their sampling errors, with weights as equal as possible.

    The weights minimise the divergence from the prior weights plus half of the misfit of the targets, which is (difference)'
    covariance^-1 (difference): one convex program. Its dual has one variable per row of the targets, regardless of the number
    of patients.

    Parameters
    ----------
    patients : VirtualPatients
    targets : sequence of targets
        `ResponseRateTarget`, `QuantileTarget`, `SurvivalTarget`, `MedianTarget`, `SizeTarget`, `MeanTarget` and
        `CorrelationTarget`.
    rule : {"entropy", "least squares"}
        The divergence. Entropy weights are positive; least-squares weights may be zero.
    tolerance : float
        Multiple of the sampling errors; 0 for exact agreement with the observed values.
    prior_size : float
        The number of subjects to which the prior weights are equivalent, relative to the subjects behind the targets.

    Returns
    -------
    Cohort

    Raises
    ------
    DataError
        If a target is wrong for these patients, targets contradict each other, or no weights meet exact targets.

    Warns
    -----
    UserWarning
        If rows that depend on the weights (such as correlations) have not converged.

    Notes
    -----
    Entropy weights with exact targets are minimum discrimination information [1]_, known in surveys as raking and in economics
    as entropy balancing. The price of a target measures how far it pulls the weights away from the prior ones; see
    `Cohort.table`.

    References
    ----------
    .. [1] Kullback S. Information Theory and Statistics. Wiley (1959).

    Examples
    --------
    One of four patients responds, but half of the trial did. The ratio of their weights is that of the odds, 1 / (1 / 3) = 3:

    >>> import immunoode as imo, pandas as pd
    >>> patients = imo.virtual_population.VirtualPatients(
    ...     pd.DataFrame({"kill_rate": [1.0, 2.0, 3.0, 4.0]}),
    ...     {"nivolumab": pd.DataFrame({"best_response": ["PD", "PD", "SD", "PR"]})},
    ... )
    >>> target = imo.virtual_population.ResponseRateTarget.objective("nivolumab", 0.5, n=100)
    >>> imo.calibrate(patients, [target], tolerance=0).weights.round(6).tolist()
    [0.166667, 0.166667, 0.166667, 0.5]
    """
    check_targets(patients, targets)
    _check(rule, tolerance, prior_size)
    with one_thread():
        stacked, solution = _solve(patients, targets, RULES[rule], tolerance, prior_size)
    if not solution.converged:
        raise DataError(certificate(_as_used(stacked, tolerance), patients.prior).problem())
    return Cohort(
        patients, solution.weights, Calibration(stacked, solution.prices, rule, tolerance, prior_size, solution.steps)
    )


def _solve(
    patients: VirtualPatients, targets: Sequence[Target], divergence: Divergence, tolerance: float, prior_size: float
) -> tuple[StackedTargets, DualSolution]:
    """Return the rows and the solution after the rows have been recomputed with the weights."""
    prior = patients.prior
    stacked = stack_targets(patients, targets, prior)
    solution = _solution(stacked, prior, divergence, tolerance, prior_size, None)
    for number in range(PASSES if stacked.depends_on_weights else 0):
        again = restack(stacked, patients, solution.weights, prior, covariance=number == 0)
        settled = _same_moments(stacked, again)
        stacked = again
        solution = _solution(stacked, prior, divergence, tolerance, prior_size, solution.prices)
        if settled or not solution.converged:
            break
    else:
        if stacked.depends_on_weights:
            _warn_of_change(stacked, restack(stacked, patients, solution.weights, prior, covariance=False), solution.weights)
    return stacked, solution


def _warn_of_change(used: StackedTargets, own: StackedTargets, weights: FloatArray) -> None:
    """Warn if statistics from the rows used for the solution differ from those recomputed with its weights."""
    errors = np.sqrt(np.diag(used.covariance))
    unit = np.where(errors > 0, errors, spread_of(used.moments, weights))
    change = float((np.abs(weights @ (own.moments - used.moments)) / unit).max())
    if change > NOTABLE:
        what = f"rows that depend on the weights still change by {change:.2g} standard errors after {PASSES} passes"
        warnings.warn(f"{what}; see the misfits in the table", UserWarning, stacklevel=4)


def _as_used(stacked: StackedTargets, tolerance: float) -> StackedTargets:
    return replace(stacked, covariance=stacked.covariance * tolerance**2)


def _solution(
    stacked: StackedTargets, prior: FloatArray, divergence: Divergence, tolerance: float, size: float, start: FloatArray | None
) -> DualSolution:
    used = _as_used(stacked, tolerance)
    return solve_dual(used.moments, used.observed, used.covariance, prior, divergence, size, start)


def _same_moments(before: StackedTargets, after: StackedTargets) -> bool:
    """Return whether moments are the same apart from rounding; covariances are recomputed once."""
    size = np.abs(before.moments).max(axis=0)
    return bool((np.abs(after.moments - before.moments).max(axis=0) <= 1e-8 * size).all())


def check_targets(patients: VirtualPatients, targets: Sequence[Target]) -> None:
    """Raise an error with all problems of patients and targets, including contradictions between targets."""
    problems = []
    if not isinstance(patients, VirtualPatients):
        problems.append(Problem("patients", f"are {type(patients).__name__}", "VirtualPatients"))
    problems += list_problems(targets)
    DataError.raise_if(problems or contradictions(targets))


def _check(rule: str, tolerance: float, prior_size: float) -> None:
    problems = []
    if rule not in RULES:
        problems.append(Problem("rule", f"is {rule!r}", nearest(str(rule), RULES)))
    if not (is_number(tolerance) and 0 <= tolerance < np.inf):
        problems.append(Problem("tolerance", f"is {tolerance!r}", "zero or more; 1 for the unchanged sampling errors"))
    if not (is_number(prior_size) and 0 < prior_size < np.inf):
        problems.append(Problem("prior_size", f"is {prior_size!r}", "a number of subjects above zero"))
    DataError.raise_if(problems)
