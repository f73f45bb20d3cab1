"""Moves of the chains that need one simulation for many steps, because the steps use polynomials instead of predictions.

Each prediction of each subject is a quadratic polynomial of the subject's latent values, fitted to the simulations that the
chains have made. A chain takes some Metropolis steps with the polynomials. Their end point is accepted or rejected by the
ratio of the true density to that of the polynomials (Christen and Fox 2005, J Comput Graph Stat 14:795-810), so that the
chain samples the true density however inaccurate the polynomials are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.population_model import PopulationModel

STEPS = 6
"""Steps with the polynomials per simulation."""
FORGETTING = 0.98
"""The factor by which the weight of earlier simulations falls per iteration while the chains still converge."""
LOW_ACCEPTANCE = 0.3
"""Below this acceptance rate, the polynomials are not good enough."""
_RIDGE = 1e-6
_COSTLY, _MOST_EFFECTS = 50.0, 5


def is_worthwhile(model: PopulationModel) -> bool:
    """Return whether a simulation is costly enough for polynomials to pay off: many doses or states.

    Predictions must depend only on the random effects, which are the only variables of the polynomials.
    """
    effects, trajectories = model.effects, model.trajectories
    doses = np.mean([0 if s is None else len(s.times) for s in trajectories.schedules])
    costly = (1.0 + doses) * len(trajectories.model.compartments) >= _COSTLY
    return bool(costly and not len(effects.without_variability) and len(effects.start_omega) <= _MOST_EFFECTS)


@dataclass
class Surrogate:
    """Polynomials of F terms for N predictions of S subjects.

    Attributes
    ----------
    centre, scale : (S, r) latent values are standardised with these
    moments : (S, F, F) weighted sums of products of the terms
    products : (N, F) weighted sums of terms and predictions
    coefficients : (N, F)
    acceptance : running acceptance rate
    """

    centre: FloatArray
    scale: FloatArray
    moments: FloatArray
    products: FloatArray
    coefficients: FloatArray
    acceptance: float = 1.0

    def terms(self, latent: FloatArray) -> FloatArray:
        """Return (C, S, F): one, the standardised latent values (C, S, r), and their products of two."""
        z = (latent - self.centre) / self.scale
        i, j = np.triu_indices(z.shape[-1])
        return np.concatenate([np.ones((*z.shape[:-1], 1)), z, z[..., i] * z[..., j]], axis=-1)

    def learn(self, model: PopulationModel, latent: FloatArray, g: FloatArray) -> None:
        """Add predictions g (C, N) at latent values (C, S, r); far from the centre they count less."""
        terms, subject = self.terms(latent), model.subject
        distance = np.sum(terms[..., 1 : 1 + latent.shape[-1]] ** 2, axis=-1) / latent.shape[-1]
        solved = np.logical_and.reduceat(np.isfinite(g), model.first_rows, axis=-1)
        weight = np.where(solved, 1.0 / (1.0 + (distance / 3.0) ** 2), 0.0)
        weighted = terms * weight[..., None]
        self.moments = self.moments + np.einsum("csf,csg->sfg", weighted, terms)
        known = np.where(np.isfinite(g), g, 0.0)
        self.products = self.products + np.einsum("cnf,cn->nf", weighted[:, subject], known)

    def refit(self, model: PopulationModel) -> None:
        """Fit the polynomials, and reduce the weight of the present simulations for the next fit."""
        size = np.einsum("sff->s", self.moments)[:, None, None]
        inverse = np.linalg.inv(self.moments + _RIDGE * size * np.eye(self.moments.shape[-1]))
        self.coefficients = np.einsum("nfg,ng->nf", inverse[model.subject], self.products)
        self.moments, self.products = FORGETTING * self.moments, FORGETTING * self.products

    def deviance(self, model: PopulationModel, latent: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (C, S) -2 log-likelihood with the polynomials."""
        g = np.einsum("cnf,nf->cn", self.terms(latent)[:, model.subject], self.coefficients)
        return model.per_subject(model.likelihood.minus_two_log(g, errors))


def new_surrogate(model: PopulationModel, mean: FloatArray, covariance: FloatArray) -> Surrogate:
    """Return polynomials without data, centred on the moments (S, r) and (S, r, r) of the chains."""
    subjects, r = mean.shape
    terms = 1 + r + r * (r + 1) // 2
    scale = np.sqrt(np.einsum("sii->si", covariance))
    products = np.zeros((len(model.subject), terms))
    return Surrogate(mean, scale, np.zeros((subjects, terms, terms)), products, products)
