"""Standard errors of population parameters.

They come from the curvature of the marginal likelihood (differences of its gradient) if Laplace's method is accurate. If it
is not, for example because the effects of some subjects have two modes, they come from the products of subjects' scores. Each
score is the mean, over draws of the effects, of the score of data and effects together (Fisher's identity).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import ConditionalModes
from immunoode.population.laplace import marginal_likelihood
from immunoode.population.population_model import PopulationModel, PopulationParameters
from immunoode.population.sampling import proposals_about

DRAWS = 400
"""Draws of each subject's effects for the sampled scores."""
MANY = 5
"""Subjects per parameter above which products of scores are reliable."""
JUMP = 0.5
"""Change of a subject's effects by a small step of a parameter, in standard deviations, that indicates a second mode."""
SINGULAR = 1e-6
"""Information in a direction, relative to the largest, below which it counts as zero."""
STEP = 0.25
"""Step of the differences, in standard errors: above the noise of the solver, within the parabola."""


@dataclass(frozen=True)
class Uncertainty:
    """Covariance (V, V) of the vector of population parameters, and the method by which it was found.

    `blind` are directions (b, V), of length one in units of standard errors, in which the likelihood does not change.
    """

    covariance: FloatArray
    blind: FloatArray
    method: str
    sound: bool


def uncertainty(
    model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes, spread: FloatArray, seed: int
) -> Uncertainty:
    """Return the covariance by the first method that is reliable.

    Parameters
    ----------
    found : Modes
        Each subject's most likely effects.
    spread : (S, r, r)
        Covariances of the effects of each subject, about these.
    """
    vector = model.vector(parameters)
    information = _observed(model, vector, found)
    if information is not None:
        return Uncertainty(*_inverse(information), "observed information", True)
    scores = _sampled_scores(model, parameters, found, spread, seed)
    products = scores.T @ scores
    enough = len(scores) >= MANY * len(vector)
    return Uncertainty(*_inverse(products), "products of subjects' sampled scores", enough)


def _inverse(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the inverse and the directions without information, in which it is large (a pseudo-inverse would be zero)."""
    size = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / np.outer(size, size))
    least = SINGULAR * values[-1]
    inverse = (vectors / np.maximum(values, least)) @ vectors.T
    return np.asarray(inverse / np.outer(size, size), dtype=np.float64), np.asarray(vectors[:, values < least].T)


def _observed(model: PopulationModel, vector: FloatArray, found: ConditionalModes) -> FloatArray | None:
    """Return the observed information by Laplace's method; None if it is not positive definite (beyond rounding)."""
    first = marginal_likelihood(model, vector, found.eta)
    size = np.sqrt(np.maximum(np.sum((0.5 * first.gradients) ** 2, axis=0), 1e-8))
    information = np.empty((len(vector), len(vector)))
    for j, step in enumerate(np.minimum(STEP / size, 0.2)):
        moved = [vector.copy(), vector.copy()]
        moved[0][j] += step
        moved[1][j] -= step
        up, down = (marginal_likelihood(model, v, first.modes.eta) for v in moved)
        jumped = (
            np.abs(up.modes.eta - down.modes.eta).max(axis=1) > JUMP * np.sqrt(np.diag(model.parameters_of(vector).omega)).max()
        )
        if jumped.any():  # subjects whose effects moved to another mode
            return None
        information[j] = 0.5 * (up.gradients - down.gradients).sum(axis=0) / (2.0 * step)
    information = 0.5 * (information + information.T)
    scaled = information / np.outer(size, size)
    values = np.linalg.eigvalsh(scaled) if np.isfinite(scaled).all() else np.array([0.0, 1.0])
    return information if values[0] > -SINGULAR * values[-1] else None


def _sampled_scores(
    model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes, spread: FloatArray, seed: int
) -> FloatArray:
    """Return (S, V) scores of subjects, by importance sampling of their effects."""
    random = np.random.default_rng([seed, 4])
    effects, likelihood = model.effects, model.likelihood
    means, precision = effects.means(parameters.beta), np.linalg.inv(parameters.omega)
    centre = means[:, effects.random] + found.eta
    made = proposals_about(model, parameters, centre, np.asarray(np.linalg.cholesky(spread), dtype=np.float64))
    first = model.vector(parameters)[len(parameters.beta) : len(model.names) - len(parameters.errors)]
    changes = list(effects.pattern.derivatives(first))
    total = np.full(model.subjects, -np.inf)
    summed = np.zeros((model.subjects, len(model.names)))
    block = max(1, min(DRAWS, 20_000 // model.subjects))
    for _ in range(-(-DRAWS // block)):
        latent = made.draw(random, block)
        eta = latent - means[:, effects.random]
        full = effects.latent(means, eta)
        if len(effects.without_variability):
            g, by = model.predict_with_jacobian(full)
        else:
            g, by = model.predict(full), np.zeros((block, len(model.subject), len(effects.names)))
        weight = made.population(latent) - made.density(latent)
        weight = weight - 0.5 * model.per_subject(likelihood.minus_two_log(g, parameters.errors))
        good = np.abs(g) < 1e100  # draws beyond the limits have no weight
        g, by = np.where(good, g, likelihood.value), np.where(good[..., None] & np.isfinite(by), by, 0.0)
        pulled = eta @ precision
        by_latent = np.zeros(full.shape)
        by_latent[..., effects.random] = pulled
        if len(effects.without_variability):
            slope = likelihood.slope_and_weight(g, parameters.errors)[1]
            by_latent[..., effects.without_variability] = -0.5 * model.per_subject(
                slope[..., None] * by[..., effects.without_variability], axis=-2
            )
        parts = [np.einsum("csk,skp->csp", by_latent, effects.columns)]
        for change in changes:
            moved = np.einsum("csi,ij,csj->cs", pulled, change, pulled)
            parts.append(0.5 * (moved - np.trace(precision @ change))[..., None])
        errors = likelihood.scores(g, parameters.errors)[0]
        parts.append(-0.5 * np.moveaxis(model.per_subject(errors), 0, -1))
        scores = np.concatenate(parts, axis=-1)
        top = np.maximum(total, weight.max(axis=0))
        shares = np.exp(weight - top)
        scores = np.where((shares > 0)[..., None], scores, 0.0)
        keep = np.exp(total - top)
        mass = keep + shares.sum(axis=0)
        summed = (summed * keep[:, None] + np.einsum("cs,csp->sp", shares, scores)) / mass[:, None]
        total = top + np.log(mass)
    return summed
