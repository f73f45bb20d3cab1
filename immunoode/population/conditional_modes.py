"""Conditional modes (empirical Bayes estimates) of the random effects: damped Gauss-Newton steps, all subjects at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from immunoode.fitting.observations import FloatArray
from immunoode.population.covariance import solve_all
from immunoode.population.population_model import PopulationModel, PopulationParameters

ROUNDS = 40
CLOSE = 1e-7
"""Squared length of the next step, in units of the conditional standard deviation, at which a subject has converged."""
NEAR = 1e-4
"""The same at the last iteration: in skewed valleys, Gauss-Newton steps shrink slowly."""
_LARGEST = 0.7
"""Longest step of a random effect, in standard deviations of the population or in latent units, whichever is longer.

Longer steps lead to predictions beyond any bound, for which proportional errors make the likelihood flat.
"""
CANDIDATES = 12
"""Draws from the population among which the starting point of each subject is chosen."""
DRAWN, WIDE = 240, 3.0
"""Draws for the starting points of further searches, and their largest width relative to the population."""
SEARCHED, AWAY = 3, 2.0
"""Number of further searches, and their distance from known modes, in conditional standard deviations."""
GAIN = 1e-3
"""Difference of -2 log densities above which another mode is better."""


@dataclass(frozen=True)
class ConditionalModes:
    """Conditional modes of all subjects.

    Attributes
    ----------
    eta : (S, r) most likely random effects
    g, jacobian : (N,), (N, K) predictions at the modes on the error scale, and their derivatives with respect to latent values
    penalised : (S,) -2 log of the joint density of observations and effects, without constants
    hessian : (S, r, r) half of its second derivative, by Gauss and Newton
    arrived : (S,) whether the search has converged
    """

    eta: FloatArray
    g: FloatArray
    jacobian: FloatArray
    minus_two_log_joint: FloatArray
    hessian: FloatArray
    converged: NDArray[np.bool_]


def conditional_modes(
    model: PopulationModel, parameters: PopulationParameters, eta: FloatArray, rounds: int = ROUNDS
) -> ConditionalModes:
    """Return the conditional modes, searched from `eta` (S, r)."""
    means, precision = model.effects.means(parameters.beta), np.asarray(np.linalg.inv(parameters.omega), dtype=np.float64)
    sd = np.sqrt(np.diag(parameters.omega))
    log_det = np.linalg.slogdet(parameters.omega)[1]
    random = model.effects.random
    trial, damping = eta.copy(), np.zeros(len(eta))
    best: ConditionalModes | None = None
    slope = np.zeros_like(eta)
    for _ in range(max(rounds, 1)):
        g, by = (x[0] for x in model.predict_with_jacobian(model.effects.latent(means, trial)[None]))
        g, by, minus_two_log_joint, hessian, first = _evaluate(model, parameters, trial, g, by, precision, log_det)
        if best is None:
            best = ConditionalModes(trial.copy(), g, by, minus_two_log_joint, hessian, np.zeros(len(eta), bool))
            better = np.ones(len(eta), bool)
            slope = first
        else:
            better = ~best.converged & (
                minus_two_log_joint <= best.minus_two_log_joint + 1e-12 * np.abs(best.minus_two_log_joint)
            )
            rows = better[model.subject]
            best = ConditionalModes(
                np.where(better[:, None], trial, best.eta),
                np.where(rows, g, best.g),
                np.where(rows[:, None], by, best.jacobian),
                np.where(better, minus_two_log_joint, best.minus_two_log_joint),
                np.where(better[:, None, None], hessian, best.hessian),
                best.converged,
            )
            slope = np.where(better[:, None], first, slope)
        damping = np.where(better, 0.1 * damping * (damping > 1e-4), np.maximum(10.0 * damping, 1e-2))
        scale = np.einsum("sii->si", best.hessian)
        damped = best.hessian + (damping[:, None] * scale)[:, :, None] * np.eye(len(random))
        step = -solve_all(damped, 0.5 * slope)
        step *= np.minimum(1.0, _LARGEST * np.maximum(sd, 0.5) / np.maximum(np.abs(step), 1e-300)).min(axis=1)[:, None]
        length = np.einsum("si,sij,sj->s", step, best.hessian, step)
        converged = best.converged | (length < CLOSE) | (damping > 1e8)
        best = ConditionalModes(best.eta, best.g, best.jacobian, best.minus_two_log_joint, best.hessian, converged)
        if converged.all():
            break
        trial = np.where(converged[:, None], best.eta, best.eta + step)
    assert best is not None
    return replace(best, converged=best.converged | (length < NEAR))


def initial_effects(model: PopulationModel, parameters: PopulationParameters) -> FloatArray:
    """Return effects (S, r) to search from: zero, or the best of a few draws if that is more likely."""
    random = np.random.default_rng(CANDIDATES)
    r = len(model.effects.random)
    drawn = random.standard_normal((CANDIDATES, r)) @ np.linalg.cholesky(parameters.omega).T
    drawn = np.concatenate([np.zeros((1, r)), drawn])
    eta = np.repeat(drawn[:, None], model.subjects, axis=1)
    found = model.minus_two_log(model.effects.latent(model.effects.means(parameters.beta), eta), parameters.errors)
    pull = np.einsum("ci,ij,cj->c", drawn, np.linalg.inv(parameters.omega), drawn)
    return np.asarray(drawn[np.argmin(found + pull[:, None], axis=0)])


def search_other_modes(
    model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes
) -> tuple[ConditionalModes, FloatArray]:
    """Return the more likely of the known modes and those of further searches, and the gain of each subject (S,).

    For a subject whose effects have two modes, the search starts from the most likely of some draws away from the known
    modes; if it ends in a worse mode, the previous one is kept.
    """
    kept = found
    for start in _starts_elsewhere(model, parameters, found):
        kept = _more_likely(model, kept, conditional_modes(model, parameters, start, ROUNDS))
    return kept, np.maximum(found.minus_two_log_joint - kept.minus_two_log_joint, 0.0)


def _more_likely(model: PopulationModel, one: ConditionalModes, other: ConditionalModes) -> ConditionalModes:
    """Return each subject's more likely mode, the first if they are the same."""
    better = np.isfinite(other.minus_two_log_joint) & ~(one.minus_two_log_joint - other.minus_two_log_joint <= GAIN)
    rows = better[model.subject]
    return ConditionalModes(
        np.where(better[:, None], other.eta, one.eta),
        np.where(rows, other.g, one.g),
        np.where(rows[:, None], other.jacobian, one.jacobian),
        np.where(better, other.minus_two_log_joint, one.minus_two_log_joint),
        np.where(better[:, None, None], other.hessian, one.hessian),
        np.where(better, other.converged, one.converged),
    )


def _starts_elsewhere(model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes) -> list[FloatArray]:
    """Return effects (S, r) to search from: the most likely draws away from the modes and starts known so far."""
    random, spread = np.random.default_rng(DRAWN), np.linalg.cholesky(parameters.omega)
    drawn = random.standard_normal((DRAWN, len(spread))) @ spread.T * np.linspace(1.0, WIDE, DRAWN)[:, None]
    drawn = np.concatenate([np.zeros((1, len(spread))), drawn])
    eta = np.repeat(drawn[:, None], model.subjects, axis=1)
    means, inverse = model.effects.means(parameters.beta), np.linalg.inv(parameters.omega)
    energy = model.minus_two_log(model.effects.latent(means, eta), parameters.errors)
    energy = energy + np.einsum("ci,ij,cj->c", drawn, inverse, drawn)[:, None]
    starts, known = [], [found.eta]
    for _ in range(SEARCHED):
        apart = [np.einsum("csi,sij,csj->cs", eta - k, found.hessian, eta - k) > AWAY**2 for k in known]
        starts.append(drawn[np.argmin(np.where(np.all(apart, axis=0), energy, np.inf), axis=0)])
        known.append(starts[-1])
    return starts


def _evaluate(
    model: PopulationModel,
    parameters: PopulationParameters,
    eta: FloatArray,
    g: FloatArray,
    by: FloatArray,
    precision: FloatArray,
    log_det: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return g, its Jacobian (zero if not solved), and (S,) the joint -2 log, half its second and its first derivative."""
    e, slope, w = model.likelihood.slope_and_weight(g, parameters.errors)
    good = np.isfinite(g) & np.isfinite(e) & np.isfinite(by).all(axis=-1)
    slope, w, by = np.where(good, slope, 0.0), np.where(good, w, 0.0), np.where(good[:, None], by, 0.0)
    e = np.where(good, e, np.inf)
    own = by[:, model.effects.random]
    pulled = eta @ precision
    minus_two_log_joint = model.per_subject(e) + np.einsum("si,si->s", eta, pulled) + log_det
    hessian = model.per_subject(w[:, None, None] * own[:, :, None] * own[:, None, :], axis=0) + precision
    return g, by, minus_two_log_joint, hessian, model.per_subject(slope[:, None] * own, axis=0) + 2.0 * pulled
