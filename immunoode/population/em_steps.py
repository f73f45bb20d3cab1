"""EM steps that approximate each subject's conditional distribution as normal, to give every method its starting point."""

from __future__ import annotations

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.population.conditional_modes import ConditionalModes, conditional_modes, initial_effects
from immunoode.population.covariance import log_determinants
from immunoode.population.population_model import PopulationModel, PopulationParameters

COMPARED = 10
"""EM iterations after which several starting points are compared."""
_LARGEST = 1.0
"""Longest step of a coefficient without random effect, or of the logarithm of an error size."""


def generalised_least_squares(model: PopulationModel, omega: FloatArray, latent: FloatArray, beta: FloatArray) -> FloatArray:
    """Return the coefficients with those of random-effect parameters fitted to latent values (S, r)."""
    effects = model.effects
    columns = effects.columns[:, effects.random]
    mine = np.flatnonzero(np.abs(columns).sum(axis=(0, 1)) > 0)
    x, precision = columns[..., mine], np.linalg.inv(omega)
    rest = latent - np.delete(columns, mine, axis=2) @ np.delete(beta, mine)
    left = np.einsum("srp,rt,stq->pq", x, precision, x)
    right = np.einsum("srp,rt,st->p", x, precision, rest)
    out = beta.copy()
    out[mine] = np.linalg.solve(left + 1e-12 * np.trace(left) * np.eye(len(mine)), right)
    return out


def score_without_variability(
    model: PopulationModel, slope: FloatArray, w: FloatArray, by: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return gradient (F,) and information (F, F) of the coefficients of parameters without random effects.

    `slope` and `w` (..., N) are the derivative of -2 log-likelihood by the prediction and its weight.
    """
    fixed = model.effects.without_variability
    columns = model.effects.columns[model.subject][:, fixed]
    mine = coefficients_without_variability(model)
    by_coefficient = np.einsum("...nk,nkp->...np", by[..., fixed], columns[..., mine])
    flat, size = by_coefficient.reshape(-1, len(mine)), np.broadcast_to(w, by_coefficient.shape[:-1]).reshape(-1)
    gradient = 0.5 * np.einsum("np,n->p", flat, np.broadcast_to(slope, by_coefficient.shape[:-1]).reshape(-1))
    return gradient, np.einsum("np,n,nq->pq", flat, size, flat)


def coefficients_without_variability(model: PopulationModel) -> IntArray:
    """Return which coefficients belong to parameters without random effects."""
    columns = model.effects.columns[:, model.effects.without_variability]
    return np.flatnonzero(np.abs(columns).sum(axis=(0, 1)) > 0)


def newton_step(start: FloatArray, gradient: FloatArray, information: FloatArray, step_size: float = 1.0) -> FloatArray:
    """Return the values after a Newton step, shortened if it is long; `step_size` scales it (stochastic approximation)."""
    if not len(start):
        return start
    size = np.maximum(np.diag(information), 1e-12)
    step = -np.linalg.solve(information + 1e-6 * np.diag(size), gradient)
    return start + step_size * step * min(1.0, _LARGEST / max(float(np.abs(step).max()), 1e-12))


def error_score(
    model: PopulationModel, g: FloatArray, errors: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return gradient (q,) and information (q, q) of the log error sizes, averaged over C sets of predictions (C, N).

    `variance` (N,) is that of the predictions themselves, which adds to the squared residuals.
    """
    by, shares = model.likelihood.scores(g, errors)
    v = model.likelihood.variance(g, errors)
    gradient = 0.5 * np.sum(by - shares * variance / v, axis=-1).mean(axis=-1)
    return gradient, 0.5 * np.einsum("icn,jcn->ij", shares, shares) / len(g)


def em_warm_start(model: PopulationModel, rounds: int) -> tuple[PopulationParameters, ConditionalModes]:
    """Return the best population parameters after some EM iterations from each start, and the conditional modes there."""
    if not model.other_starts:
        return _em_iterations(model, model.start(), rounds)
    ends = [
        _em_iterations(model, model.start(beta), max(rounds, COMPARED)) for beta in (model.effects.start, *model.other_starts)
    ]
    objectives = [float((m.minus_two_log_joint + log_determinants(m.hessian)).sum()) for _, m in ends]
    return ends[int(np.argmin(np.where(np.isfinite(objectives), objectives, np.inf)))]


def _em_iterations(
    model: PopulationModel, parameters: PopulationParameters, rounds: int
) -> tuple[PopulationParameters, ConditionalModes]:
    """Return the population parameters after some EM iterations, and the conditional modes there."""
    effects = model.effects
    modes = conditional_modes(model, parameters, initial_effects(model, parameters), 20)
    for _ in range(rounds):
        inverse = np.linalg.inv(modes.hessian)
        latent = effects.means(parameters.beta)[:, effects.random] + modes.eta
        beta = generalised_least_squares(model, parameters.omega, latent, parameters.beta)
        rest = latent - effects.means(beta)[:, effects.random]
        omega = effects.pattern.projected((rest.T @ rest + inverse.sum(axis=0)) / len(rest))
        solved = np.isfinite(modes.g)
        g = np.where(solved, modes.g, model.likelihood.value)
        if len(effects.without_variability):
            _, slope, w = model.likelihood.slope_and_weight(g, parameters.errors)
            mine = coefficients_without_variability(model)
            beta[mine] = newton_step(beta[mine], *score_without_variability(model, slope, w, modes.jacobian))
        own = modes.jacobian[:, effects.random]
        variance = np.einsum("ni,nij,nj->n", own, inverse[model.subject], own)
        errors = parameters.errors
        for _ in range(3):
            errors = newton_step(errors, *error_score(model, g[None], errors, variance))
        parameters = PopulationParameters(beta, omega, errors)
        modes = conditional_modes(model, parameters, rest, 6)
    return parameters, modes
