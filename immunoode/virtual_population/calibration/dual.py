"""The convex program of calibration, solved by Newton's method with one dual variable (price) per row of the targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.virtual_population.calibration.divergence import Conjugate, Divergence, FloatArray
from immunoode.virtual_population.calibration.patterns import find_patterns

STEPS = 200
GRADIENT = 1e-13
"""Largest gradient at convergence, in standard deviations of the rows among the patients."""
SUFFICIENT = 1e-4
SMALLEST = 2.0**-40
ROUNDING = 1e-9
NEGLIGIBLE = 1e-14
"""Eigenvalues below this fraction of the largest belong to redundant rows."""


@dataclass(frozen=True)
class DualSolution:
    """Weights and prices.

    Attributes
    ----------
    weights : ndarray, shape (n,)
    prices : ndarray, shape (rows,)
        The increase of the minimum of the program if an observed value increases by 1.
    steps : int
    converged : bool
        False if the rows cannot be met, so that prices grow without bound.
    """

    weights: FloatArray
    prices: FloatArray
    steps: int
    converged: bool


@dataclass(frozen=True)
class _Program:
    """min over weights: size x divergence + (moments' w - observed)' covariance^-1 (moments' w - observed) / 2."""

    moments: FloatArray
    observed: FloatArray
    covariance: FloatArray
    prior: FloatArray
    divergence: Divergence
    size: float

    def at(self, prices: FloatArray) -> Conjugate:
        return self.divergence.conjugate(self.moments @ (prices / self.size), self.prior)

    def value(self, prices: FloatArray, at: Conjugate) -> float:
        return float(self.size * at.value - self.observed @ prices + prices @ self.covariance @ prices / 2)

    def gradient(self, prices: FloatArray, at: Conjugate) -> FloatArray:
        return at.weights @ self.moments - self.observed + self.covariance @ prices

    def hessian(self, at: Conjugate) -> FloatArray:
        weighted = self.moments * at.curvature[:, None]
        sums = weighted.sum(axis=0)
        return (weighted.T @ self.moments - np.outer(sums, sums) / at.curvature.sum()) / self.size + self.covariance


def solve_dual(
    moments: FloatArray,
    observed: FloatArray,
    covariance: FloatArray,
    prior: FloatArray,
    divergence: Divergence,
    size: float = 1.0,
    start: FloatArray | None = None,
) -> DualSolution:
    """Return the weights that minimise size x divergence from the prior + misfit of the targets / 2.

    The misfit is (moments' w - observed)' covariance^-1 (moments' w - observed); rows whose covariance is zero hold exactly.
    The dual has one variable per row and is smooth and convex, regardless of the number of patients.

    Parameters
    ----------
    moments : ndarray, shape (n, rows)
    observed : ndarray, shape (rows,)
    covariance : ndarray, shape (rows, rows)
    prior : ndarray, shape (n,)
        Positive, adding up to 1.
    divergence : Divergence
    size : float
        The number of subjects to which the prior weights are equivalent.
    start : ndarray, shape (rows,), optional
        Prices to start from.

    Returns
    -------
    DualSolution
    """
    kinds = find_patterns(moments)
    mass = kinds.total(prior)
    centre = mass @ kinds.rows
    scale = spread_of(kinds.rows, mass)
    program = _Program(
        np.ascontiguousarray((kinds.rows - centre) / scale),
        (observed - centre) / scale,
        covariance / np.outer(scale, scale),
        mass,
        divergence,
        size,
    )
    found = _newton(program, np.zeros(len(observed)) if start is None else start * scale)
    weights = kinds.shared(found.weights, prior)
    return DualSolution(weights / weights.sum(), found.prices / scale, found.steps, found.converged)


def spread_of(moments: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the standard deviation of each row among the patients, or 1 if it is zero apart from rounding."""
    spread = np.sqrt(weights @ (moments - weights @ moments) ** 2)
    return np.where(spread > ROUNDING * np.abs(moments).max(axis=0), spread, 1.0)


def _newton(program: _Program, prices: FloatArray) -> DualSolution:
    at = program.at(prices)
    for step in range(STEPS):
        gradient = program.gradient(prices, at)
        if np.abs(gradient).max(initial=0.0) <= GRADIENT:
            return DualSolution(at.weights, prices, step, True)
        direction = _solve(program.hessian(at), -gradient)
        slope = float(gradient @ direction)
        moved = _line_search(program, prices, at, direction, slope)
        if moved is None:  # at the limit of rounding, or no lower point
            return DualSolution(at.weights, prices, step, _met(gradient))
        prices, at = moved
    return DualSolution(at.weights, prices, STEPS, _met(program.gradient(prices, at)))


def _met(gradient: FloatArray) -> bool:
    return bool(np.abs(gradient).max(initial=0.0) <= 1e-7)


def _line_search(
    program: _Program, prices: FloatArray, at: Conjugate, direction: FloatArray, slope: float
) -> tuple[FloatArray, Conjugate] | None:
    """Return the first of successively shorter steps that lowers the dual enough; None if none does."""
    before, length = program.value(prices, at), 1.0
    rounding = 1e-15 * max(1.0, abs(before))
    if -slope <= rounding:  # the progress of such a step shows in the gradient, but not in the value
        tried = prices + direction
        here = program.at(tried)
        better = np.abs(program.gradient(tried, here)).max() < 0.5 * np.abs(program.gradient(prices, at)).max()
        return (tried, here) if better else None
    while length >= SMALLEST:
        tried = prices + length * direction
        here = program.at(tried)
        if program.value(tried, here) <= before + SUFFICIENT * length * slope + rounding:
            return tried, here
        length /= 2
    return None


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Return the minimum-norm solution of a system with a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > NEGLIGIBLE * max(float(values[-1]), 1e-300)
    return np.asarray(vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept]))
