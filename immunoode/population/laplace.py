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
from immunoode.population.conditional_modes import ConditionalModes, conditional_modes
from immunoode.population.covariance import log_determinants, solve_all
from immunoode.population.population_model import PopulationModel, PopulationParameters

STEP = 1e-3
"""Step of the differences of sensitivities, on the latent scale."""


@dataclass(frozen=True)
class MarginalLikelihood:
    """-2 log-likelihood of each subject without constants (S,), its gradient (S, V), and the conditional modes."""

    subjects: FloatArray
    gradients: FloatArray
    modes: ConditionalModes

    @property
    def objective(self) -> float:
        """The sum over subjects."""
        return float(self.subjects.sum())


def laplace_objective(
    model: PopulationModel, parameters: PopulationParameters, eta: FloatArray
) -> tuple[FloatArray, ConditionalModes]:
    """Return -2 log-likelihood of each subject (S,) by Laplace's method, and the conditional modes."""
    found = conditional_modes(model, parameters, eta)
    return found.minus_two_log_joint + log_determinants(found.hessian), found


def marginal_likelihood(model: PopulationModel, vector: FloatArray, eta: FloatArray) -> MarginalLikelihood:
    """Return the objective and its gradient by the vector of population parameters."""
    parameters = model.parameters_of(vector)
    values, found = laplace_objective(model, parameters, eta)
    second = second_derivatives(model, parameters, found)
    return MarginalLikelihood(values, _gradients(model, vector, parameters, found, second), found)


def second_derivatives(model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes) -> FloatArray:
    """Return second derivatives (N, K, K) of predictions by latent values; zero if they cannot be computed."""
    count = len(model.effects.names)
    latent = model.effects.latent(model.effects.means(parameters.beta), found.eta)
    moves = STEP * np.concatenate([np.eye(count), -np.eye(count)])
    _, by = model.predict_with_jacobian(latent[None] + moves[:, None, :])
    second = (by[:count] - by[count:]) / (2.0 * STEP)
    second = np.where(np.isfinite(second), second, 0.0).transpose(1, 2, 0)
    return 0.5 * (second + second.transpose(0, 2, 1))


def _gradients(
    model: PopulationModel, vector: FloatArray, parameters: PopulationParameters, found: ConditionalModes, second: FloatArray
) -> FloatArray:
    """Return the gradients (S, V) of -2 log-likelihood."""
    effects, likelihood = model.effects, model.likelihood
    random, a = effects.random, found.jacobian
    solved = np.isfinite(found.g)
    t = likelihood.terms(np.where(solved, found.g, likelihood.value), parameters.errors)
    own = a[:, random]
    precision = np.linalg.inv(parameters.omega)
    inverse = np.linalg.inv(found.hessian)[model.subject]
    turned = np.einsum("nij,nj->ni", inverse, own)
    leverage = np.einsum("ni,ni->n", own, turned)
    bent = np.einsum("ni,nik->nk", turned, second[:, random, :])
    data = model.per_subject(t.g[:, None] * a, axis=0)
    determinant = model.per_subject((t.w_g * leverage)[:, None] * a + 2.0 * t.w[:, None] * bent, axis=0)
    curvature = model.per_subject(t.gg[:, None, None] * a[:, :, None] * a[:, None, :] + t.g[:, None, None] * second, axis=0)
    whole = _definite(curvature[:, random[:, None], random] + 2.0 * precision, found.hessian)
    drawn = solve_all(whole, determinant[:, random])
    by_latent = data + determinant - np.einsum("skr,sr->sk", curvature[:, :, random], drawn)
    by_beta = np.einsum("sk,skp->sp", by_latent, effects.columns)
    pulled = found.eta @ precision
    inner = precision @ np.linalg.inv(found.hessian) @ precision
    first = vector[len(parameters.beta) : len(vector) - len(parameters.errors)]
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
    for j in range(len(parameters.errors)):
        crossed = model.per_subject(t.g_by[j][:, None] * own, axis=0)
        by_errors.append(model.per_subject(t.by[j] + t.w_by[j] * leverage) - np.einsum("si,si->s", drawn, crossed))
    return np.concatenate([by_beta, np.stack(by_omega, 1), np.stack(by_errors, 1)], axis=1)


def _definite(matrices: FloatArray, hessians: FloatArray) -> FloatArray:
    """Return the matrices; one that is not positive definite (not at a minimum) is replaced by twice the Gauss-Newton one."""
    good = np.linalg.eigvalsh(matrices)[:, 0] > 1e-8 * np.einsum("sii->s", matrices)
    return np.where(good[:, None, None], matrices, 2.0 * hessians)
