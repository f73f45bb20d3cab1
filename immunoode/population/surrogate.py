"""Moves of the chains that need one simulation for many steps: they step on polynomials that stand for the predictions.

Each prediction of each subject is a quadratic polynomial of the subject's latent values, fitted to the simulations that chains
have asked for. A chain takes some Metropolis steps with the polynomials, and where these end is accepted or not with the ratio
of the true density and that of the polynomials (Christen and Fox 2005, J Comput Graph Stat 14:795-810): what it draws from is
the true density, however wrong the polynomials are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.population_model import PopulationModel

STEPS = 6
"""Steps with the polynomials per simulation."""
FORGETTING = 0.98
"""What earlier simulations count after each iteration, while the chains still move to where they belong."""
LOW_ACCEPTANCE = 0.3
"""Below this share of accepted moves the polynomials are not good enough."""
_RIDGE = 1e-6
_COSTLY, _MOST_EFFECTS = 50.0, 5


def is_worthwhile(model: PopulationModel) -> bool:
    """Return whether a simulation costs so much more than its polynomials that these pay: many doses or states.

    Predictions must depend on the random effects alone, since these polynomials are in nothing else.
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
    acceptance : running share of accepted moves
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
        """Fit the polynomials, and let what they were fitted to count for less the next time."""
        size = np.einsum("sff->s", self.moments)[:, None, None]
        inverse = np.linalg.inv(self.moments + _RIDGE * size * np.eye(self.moments.shape[-1]))
        self.coefficients = np.einsum("nfg,ng->nf", inverse[model.subject], self.products)
        self.moments, self.products = FORGETTING * self.moments, FORGETTING * self.products

    def deviance(self, model: PopulationModel, latent: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (C, S) -2 log-likelihood with the polynomials."""
        g = np.einsum("cnf,nf->cn", self.terms(latent)[:, model.subject], self.coefficients)
        return model.per_subject(model.likelihood.minus_two_log(g, errors))


def new_surrogate(model: PopulationModel, mean: FloatArray, covariance: FloatArray) -> Surrogate:
    """Return polynomials that have seen nothing, about the moments (S, r) and (S, r, r) of the chains."""
    subjects, r = mean.shape
    terms = 1 + r + r * (r + 1) // 2
    scale = np.sqrt(np.einsum("sii->si", covariance))
    products = np.zeros((len(model.subject), terms))
    return Surrogate(mean, scale, np.zeros((subjects, terms, terms)), products, products)
