r"""The marginal likelihood by Laplace's method with expected curvature (FOCE with interaction), and its exact gradient.

For each subject, with the most likely effects :math:`\hat\eta`,

.. math:: -2 \log p(y) \approx \Phi(\hat\eta) + \log |H|, \quad
    \Phi = \sum_j E_j + \eta' \Omega^{-1} \eta + \log |\Omega|, \quad
    H = \Omega^{-1} + \sum_j W_j a_j a_j', \quad a_j = \partial g_j / \partial \eta.

The gradient follows the most likely effects as they move (implicit function theorem). It needs second derivatives of
predictions; these are central differences of sensitivities, over all directions in one call of the solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import Modes, modes
from immunoode.population.covariance import log_determinants, solve_all
from immunoode.population.population_model import Point, Problem

STEP = 1e-3
"""Of differences of sensitivities, on the latent scale."""


@dataclass(frozen=True)
class Marginal:
    """-2 log-likelihood less constants, of each subject (S,), its gradient by the vector (S, V), and the effects found."""

    subjects: FloatArray
    gradients: FloatArray
    modes: Modes

    @property
    def objective(self) -> float:
        """The sum over subjects."""
        return float(self.subjects.sum())


def objective(problem: Problem, point: Point, eta: FloatArray) -> tuple[FloatArray, Modes]:
    """Return -2 log-likelihood of each subject (S,), and the most likely effects."""
    found = modes(problem, point, eta)
    return found.penalised + log_determinants(found.hessian), found


def marginal(problem: Problem, vector: FloatArray, eta: FloatArray) -> Marginal:
    """Return the objective and its gradient by the vector of population parameters."""
    point = problem.point(vector)
    values, found = objective(problem, point, eta)
    second = second_slopes(problem, point, found)
    return Marginal(values, _gradients(problem, vector, point, found, second), found)


def second_slopes(problem: Problem, point: Point, found: Modes) -> FloatArray:
    """Return (N, K, K) second derivatives of predictions by latent values; zero where they cannot be had."""
    count = len(problem.effects.names)
    latent = problem.effects.latent(problem.effects.means(point.beta), found.eta)
    moves = STEP * np.concatenate([np.eye(count), -np.eye(count)])
    _, by = problem.scaled_with_slopes(latent[None] + moves[:, None, :])
    second = (by[:count] - by[count:]) / (2.0 * STEP)
    second = np.where(np.isfinite(second), second, 0.0).transpose(1, 2, 0)
    return 0.5 * (second + second.transpose(0, 2, 1))


def _gradients(problem: Problem, vector: FloatArray, point: Point, found: Modes, second: FloatArray) -> FloatArray:
    """Return (S, V)."""
    effects, likelihood = problem.effects, problem.likelihood
    random, a = effects.random, found.by
    solved = np.isfinite(found.g)
    t = likelihood.terms(np.where(solved, found.g, likelihood.value), point.errors)
    own = a[:, random]
    precision = np.linalg.inv(point.omega)
    inverse = np.linalg.inv(found.hessian)[problem.subject]
    turned = np.einsum("nij,nj->ni", inverse, own)
    leverage = np.einsum("ni,ni->n", own, turned)
    bent = np.einsum("ni,nik->nk", turned, second[:, random, :])
    data = problem.sums(t.g[:, None] * a)
    determinant = problem.sums((t.w_g * leverage)[:, None] * a + 2.0 * t.w[:, None] * bent)
    curvature = problem.sums(t.gg[:, None, None] * a[:, :, None] * a[:, None, :] + t.g[:, None, None] * second)
    whole = _definite(curvature[:, random[:, None], random] + 2.0 * precision, found.hessian)
    drawn = solve_all(whole, determinant[:, random])
    by_latent = data + determinant - np.einsum("skr,sr->sk", curvature[:, :, random], drawn)
    by_beta = np.einsum("sk,skp->sp", by_latent, effects.columns)
    pulled = found.eta @ precision
    inner = precision @ np.linalg.inv(found.hessian) @ precision
    first = vector[len(point.beta) : len(vector) - len(point.errors)]
    by_omega = []
    for change in effects.pattern.derivatives(first):
        moved = pulled @ change
        by_omega.append(
            np.trace(precision @ change)
            - np.einsum("si,si->s", moved, pulled)
            - np.einsum("sij,ji->s", inner, change)
            + 2.0 * np.einsum("si,si->s", drawn, moved @ precision)
        )
    by_errors = []
    for j in range(len(point.errors)):
        crossed = problem.sums(t.g_by[j][:, None] * own)
        by_errors.append(problem.by_subject(t.by[j] + t.w_by[j] * leverage) - np.einsum("si,si->s", drawn, crossed))
    return np.concatenate([by_beta, np.stack(by_omega, 1), np.stack(by_errors, 1)], axis=1)


def _definite(matrices: FloatArray, hessians: FloatArray) -> FloatArray:
    """Return the matrices, with twice the Gauss-Newton one where a subject's is not positive definite (not at a minimum)."""
    good = np.linalg.eigvalsh(matrices)[:, 0] > 1e-8 * np.einsum("sii->s", matrices)
    return np.where(good[:, None, None], matrices, 2.0 * hessians)
