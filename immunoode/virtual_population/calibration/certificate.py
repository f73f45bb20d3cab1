"""How close any weights can come to targets, with a certificate if they cannot meet them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.errors import Problem
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.dual import spread_of
from immunoode.virtual_population.calibration.patterns import find_patterns
from immunoode.virtual_population.calibration.stacked import StackedTargets

NONE = 1e-7


@dataclass(frozen=True)
class Certificate:
    """The smallest possible largest misfit over all weights of some patients, with the proof that none is smaller.

    Attributes
    ----------
    distance : float
        In units of `unit`; 0 if some weights meet all targets.
    unit : str
        "standard errors"; for exact rows, "standard deviations among the patients".
    multipliers : ndarray, shape (rows,)
        The combination of rows (in these units) that is higher for the observed values than for any patient: for every
        patient, the sum of multipliers x (moments - observed) is at most -distance. They are zero for irrelevant rows.
    targets : tuple of str
        The targets that cannot be met together, each with its observed value.
    nearest : tuple of str
        The values under the nearest weights.
    """

    distance: float
    unit: str
    multipliers: FloatArray
    targets: tuple[str, ...]
    nearest: tuple[str, ...]

    def __str__(self) -> str:
        if not self.targets:
            return f"some weights meet all targets within {self.distance:.2g} {self.unit}"
        wanted = " with ".join(self.targets)
        instead = "; ".join(self.nearest)
        return (
            f"no weights of these patients give {wanted}; the closest ones are {self.distance:.2g} {self.unit} away: {instead}"
        )

    def problem(self) -> Problem:
        """Return the certificate as a problem of calibration."""
        right = "add patients (imo.virtual_population.refine), or use targets with their sampling error"
        return Problem("targets", str(self), right)


def certificate(stacked: StackedTargets, prior: FloatArray, *, within: float = 0.0) -> Certificate:
    """Return how close any weights can come to the targets, by linear programming.

    Parameters
    ----------
    stacked : StackedTargets
    prior : ndarray, shape (patients,)
        Weights that determine the unit of rows without sampling error.
    within : float
        Targets that can be met within this many units count as met.
    """
    errors = np.sqrt(np.diag(stacked.covariance))
    exact = errors == 0
    unit = np.where(exact, spread_of(stacked.moments, prior), errors)
    deviations = (stacked.moments - stacked.observed) / unit
    if exact.any():  # the others can always be met at a cost
        deviations = np.where(exact, deviations, 0.0)
    deviations = find_patterns(deviations).rows
    distance, weights, multipliers = least_largest(deviations)
    words = "standard deviations among the patients" if exact.any() else "standard errors"
    if distance <= max(within, NONE):
        return Certificate(max(distance, 0.0), words, multipliers, (), ())
    matter = np.abs(multipliers) > NONE
    reached = stacked.observed + unit * (weights @ deviations)
    return Certificate(distance, words, multipliers, _wanted(stacked, matter), _instead(stacked, matter, reached))


def least_largest(deviations: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return the smallest possible largest absolute weighted mean deviation, its weights, and the multipliers that prove it.

    Parameters
    ----------
    deviations : ndarray, shape (patients, rows)
    """
    from scipy.optimize import linprog

    n, rows = deviations.shape
    cost = np.append(np.zeros(n), 1.0)
    one = np.ones((rows, 1))
    limits = np.block([[deviations.T, -one], [-deviations.T, -one]])
    total = np.append(np.ones(n), 0.0)[None, :]
    found = linprog(cost, A_ub=limits, b_ub=np.zeros(2 * rows), A_eq=total, b_eq=[1.0], method="highs")
    duals = np.asarray(found.ineqlin.marginals)
    return float(found.fun), np.asarray(found.x[:n]), duals[:rows] - duals[rows:]


def _wanted(stacked: StackedTargets, matter: np.ndarray) -> tuple[str, ...]:
    told = []
    for record, rows in zip(stacked.records, stacked.slices, strict=True):
        some = [row for row, m in zip(record.rows, matter[rows], strict=True) if m]
        if some:
            told.append(f"{record.label} ({', '.join(some)})")
    return tuple(told)


def _instead(stacked: StackedTargets, matter: np.ndarray, reached: FloatArray) -> tuple[str, ...]:
    told = []
    for record, rows in zip(stacked.records, stacked.slices, strict=True):
        values = zip(record.rows, matter[rows], reached[rows], record.observed, strict=True)
        told += [f"{record.label}, {row}: {value:.3g} instead of {target:.3g}" for row, m, value, target in values if m]
    return tuple(told)
