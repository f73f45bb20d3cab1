"""Draws from the conditional distribution of each subject's random effects: Metropolis-Hastings, all chains at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import ConditionalModes
from immunoode.population.population_model import PopulationModel, PopulationParameters
from immunoode.population.surrogate import STEPS, Surrogate

DEGREES = 5.0
"""Degrees of freedom of independent proposals, which need heavier tails than their target."""
POPULATION_SHARE = 0.25
"""Share of independent proposals from the population distribution, so that every mode can be reached."""
TARGET_ACCEPTANCE = 0.3
"""Target acceptance rate of the random walks."""
ADAPTATION_RATE = 0.03
"""Weight of the newest draws in the running moments of the proposals."""


@dataclass
class Chains:
    """C chains of each of S subjects.

    Attributes
    ----------
    latent : (C, S, r) the current values
    g : (C, N) predictions at these values, on the error scale
    deviance : (C, S) -2 log-likelihood of the observations
    mean, second_moment : (S, r), (S, r, r) running moments of the draws
    centre, lower : of the independent proposals: mean (S, r), Cholesky factor of the covariance (S, r, r)
    step : (2, S) step sizes of the random walks, in all directions and along one
    accepted : acceptance rates of the last sweep, by kernel
    """

    latent: FloatArray
    g: FloatArray
    deviance: FloatArray
    mean: FloatArray
    second_moment: FloatArray
    centre: FloatArray
    lower: FloatArray
    step: FloatArray
    accepted: dict[str, float]

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return the mean (S, r) and the second moment (S, r, r) of each subject's current draws."""
        return self.latent.mean(axis=0), np.einsum("csi,csj->sij", self.latent, self.latent) / len(self.latent)

    def adapt(self, omega: FloatArray) -> None:
        """Update the running moments, and the proposals made from them."""
        mean, second_moment = self.moments()
        self.mean = self.mean + ADAPTATION_RATE * (mean - self.mean)
        self.second_moment = self.second_moment + ADAPTATION_RATE * (second_moment - self.second_moment)
        spread = self.second_moment - self.mean[:, :, None] * self.mean[:, None, :]
        size = np.maximum(np.einsum("sii->si", spread), 1e-4 * np.diag(omega))
        self.centre, self.lower = self.mean, np.linalg.cholesky(spread + 0.2 * size[:, :, None] * np.eye(len(omega)))

    def evaluate(self, model: PopulationModel, parameters: PopulationParameters) -> None:
        """Compute the predictions and likelihoods of the chains."""
        self.g = model.predict(all_latent(model, parameters, self.latent))
        self.update_deviance(model, parameters)

    def update_deviance(self, model: PopulationModel, parameters: PopulationParameters) -> None:
        """Compute the likelihoods with unchanged predictions, after a change of the error sizes alone."""
        self.deviance = model.per_subject(model.likelihood.minus_two_log(self.g, parameters.errors))


def initial_chains(model: PopulationModel, parameters: PopulationParameters, found: ConditionalModes, count: int) -> Chains:
    """Return chains that start at the conditional modes."""
    inverse = np.linalg.inv(found.hessian)
    centre = model.effects.means(parameters.beta)[:, model.effects.random] + found.eta
    latent = np.repeat(centre[None], count, axis=0)
    empty, second = np.zeros(0), inverse + centre[:, :, None] * centre[:, None, :]
    chains = Chains(latent, empty, empty, centre, second, centre, np.linalg.cholesky(inverse), np.ones((2, len(centre))), {})
    chains.evaluate(model, parameters)
    return chains


def all_latent(model: PopulationModel, parameters: PopulationParameters, latent: FloatArray) -> FloatArray:
    """Return (C, S, K) latent values of all parameters, given those with random effects (C, S, r)."""
    means = model.effects.means(parameters.beta)
    return model.effects.latent(means, latent - means[:, model.effects.random])


@dataclass(frozen=True)
class Proposals:
    """Independent proposals of latent values: t-distributed about each subject's centre, and a share from the population."""

    mean: FloatArray
    population_cholesky: FloatArray
    centre: FloatArray
    lower: FloatArray

    def draw(self, random: np.random.Generator, count: int) -> FloatArray:
        """Return (count, S, r)."""
        subjects, r = self.centre.shape
        z = random.standard_normal((count, subjects, r))
        chi = random.chisquare(DEGREES, (count, subjects)) / DEGREES
        own = self.centre + np.einsum("sij,csj->csi", self.lower, z / np.sqrt(chi)[..., None])
        population = self.mean + z @ self.population_cholesky.T
        return np.where((random.random((count, subjects)) < POPULATION_SHARE)[..., None], population, own)

    def population(self, latent: FloatArray) -> FloatArray:
        """Return (C, S) log densities of the population."""
        eta = (latent - self.mean) @ np.linalg.inv(self.population_cholesky).T
        r = latent.shape[-1]
        return np.asarray(
            -0.5 * np.sum(eta * eta, axis=-1) - np.log(np.diag(self.population_cholesky)).sum() - r / 2 * np.log(2 * np.pi)
        )

    def density(self, latent: FloatArray) -> FloatArray:
        """Return (C, S) log densities of the proposals."""
        from scipy.special import gammaln

        r = latent.shape[-1]
        t = np.einsum("sij,csj->csi", np.linalg.inv(self.lower), latent - self.centre)
        size = gammaln((DEGREES + r) / 2) - gammaln(DEGREES / 2) - r / 2 * np.log(DEGREES * np.pi)
        own = size - np.log(np.einsum("sii->si", self.lower)).sum(axis=1)
        own = own - (DEGREES + r) / 2 * np.log1p(np.sum(t * t, axis=-1) / DEGREES)
        return np.asarray(np.logaddexp(own + np.log1p(-POPULATION_SHARE), self.population(latent) + np.log(POPULATION_SHARE)))


def proposals_about(
    model: PopulationModel, parameters: PopulationParameters, centre: FloatArray, lower: FloatArray
) -> Proposals:
    """Return the proposals about a centre (S, r)."""
    mean = model.effects.means(parameters.beta)[:, model.effects.random]
    return Proposals(mean, np.asarray(np.linalg.cholesky(parameters.omega), dtype=np.float64), centre, lower)


def metropolis_sweep(
    model: PopulationModel,
    parameters: PopulationParameters,
    chains: Chains,
    random: np.random.Generator,
    surrogate: Surrogate | None = None,
) -> None:
    """Update every chain twice: by an independent proposal, and by a random walk in all directions or along one.

    A `surrogate` is fitted to these simulations.
    """
    made = proposals_about(model, parameters, chains.centre, chains.lower)
    independent_move(model, parameters, chains, made, random, surrogate)
    kind, walk = _random_walk(chains, random)
    taken = _accept(model, parameters, chains, made, "walk", chains.latent + walk, 0.0, random, surrogate)
    chains.step[kind] = np.clip(chains.step[kind] * np.exp(0.4 * (taken - TARGET_ACCEPTANCE)), 0.05, 5.0)


def independent_move(
    model: PopulationModel,
    parameters: PopulationParameters,
    chains: Chains,
    made: Proposals,
    random: np.random.Generator,
    surrogate: Surrogate | None = None,
) -> None:
    """Move every chain by an independent proposal."""
    drawn = made.draw(random, len(chains.latent))
    correction = made.density(chains.latent) - made.density(drawn)
    _accept(model, parameters, chains, made, "independent", drawn, correction, random, surrogate)


def surrogate_move(
    model: PopulationModel, parameters: PopulationParameters, chains: Chains, surrogate: Surrogate, random: np.random.Generator
) -> None:
    """Move every chain by some steps with polynomials instead of predictions, then simulate once and accept or not."""
    made = proposals_about(model, parameters, chains.centre, chains.lower)
    latent, begin = chains.latent, surrogate.deviance(model, chains.latent, parameters.errors)
    deviance = begin
    for _ in range(STEPS):  # kinds, and so their order, are drawn at random, which makes the combined move reversible
        if random.random() < 0.5:
            proposal = made.draw(random, len(latent))
            correction = made.density(latent) - made.density(proposal)
        else:
            proposal, correction = latent + _random_walk(chains, random)[1], np.zeros(1)
        new = surrogate.deviance(model, proposal, parameters.errors)
        with np.errstate(invalid="ignore"):
            ratio = 0.5 * (deviance - new) + made.population(proposal) - made.population(latent) + correction
        taken = np.log(random.random(ratio.shape)) < ratio
        latent, deviance = np.where(taken[..., None], proposal, latent), np.where(taken, new, deviance)
    correction = 0.5 * (deviance - begin) - made.population(latent) + made.population(chains.latent)
    _accept(model, parameters, chains, made, "surrogate", latent, correction, random, surrogate)


def _random_walk(chains: Chains, random: np.random.Generator) -> tuple[int, FloatArray]:
    """Return the kind of a random walk, 0 in all directions and 1 along one, and its steps (C, S, r)."""
    count, subjects, r = chains.latent.shape
    kind = int(random.integers(2)) if r > 1 else 0
    walk = np.einsum("sij,csj->csi", chains.lower, random.standard_normal(chains.latent.shape))
    if kind == 1:
        size = np.sqrt(np.einsum("sij,sij->si", chains.lower, chains.lower))
        along = np.eye(r)[random.integers(r, size=(count, subjects))]
        walk = along * size * random.standard_normal((count, subjects, 1)) * np.sqrt(r)
    return kind, walk * chains.step[kind][:, None]


def _accept(
    model: PopulationModel,
    parameters: PopulationParameters,
    chains: Chains,
    made: Proposals,
    name: str,
    proposal: FloatArray,
    correction: FloatArray | float,
    random: np.random.Generator,
    surrogate: Surrogate | None,
) -> FloatArray:
    """Move chains to a proposal where it is accepted; return each subject's share. `correction` is added to the ratio."""
    g = model.predict(all_latent(model, parameters, proposal))
    if surrogate is not None:
        surrogate.learn(model, proposal, g)
    new = model.per_subject(model.likelihood.minus_two_log(g, parameters.errors))
    with np.errstate(invalid="ignore"):
        ratio = 0.5 * (chains.deviance - new) + made.population(proposal) - made.population(chains.latent) + correction
    taken = np.log(random.random(ratio.shape)) < ratio
    chains.latent = np.where(taken[..., None], proposal, chains.latent)
    chains.deviance = np.where(taken, new, chains.deviance)
    chains.g = np.where(taken[:, model.subject], g, chains.g)
    chains.accepted[name] = float(taken.mean())
    return np.asarray(taken.mean(axis=0))


def importance_sampling(
    model: PopulationModel,
    parameters: PopulationParameters,
    centre: FloatArray,
    covariance: FloatArray,
    random: np.random.Generator,
    draws: int,
    enough: float,
) -> tuple[FloatArray, FloatArray]:
    """Return -2 log-likelihood (S,) of subjects, without constants, and its standard errors, by importance sampling.

    A quarter of the draws come from the population, so that no weight is large; the others are t-distributed about `centre`
    (S, r) with `covariance` (S, r, r). Sampling ends after `draws`, or when the standard error of the sum is below `enough`.
    """
    from scipy.special import logsumexp

    subjects = len(centre)
    made = proposals_about(model, parameters, centre, np.asarray(np.linalg.cholesky(covariance), dtype=np.float64))
    block = max(1, min(50, 20_000 // subjects))
    found: list[FloatArray] = []
    error = np.full(subjects, np.inf)
    while sum(len(f) for f in found) < draws:
        latent = made.draw(random, block)
        likely = -0.5 * model.minus_two_log(all_latent(model, parameters, latent), parameters.errors)
        found.append(likely + made.population(latent) - made.density(latent))
        weights = np.concatenate(found)
        total = logsumexp(weights, axis=0)
        relative = np.exp(weights - total)
        error = 2.0 * np.sqrt(np.maximum(np.sum(relative**2, axis=0) - 1.0 / len(weights), 0.0))
        if len(weights) >= 4 * block and float(np.sqrt(np.sum(error**2))) < enough:
            break
    return -2.0 * (total - np.log(len(weights))), error
