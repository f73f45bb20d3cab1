"""Draws of each subject's random effects, given its data: Metropolis-Hastings, all subjects and chains at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import Modes
from immunoode.population.population_model import Point, Problem

FREEDOM = 5.0
"""Degrees of freedom of independent proposals, whose tails must be longer than what they stand for."""
POPULATION = 0.25
"""Share of independent proposals that come from the population, so that no mode is out of reach."""
WANTED = 0.3
"""Share of accepted steps that the size of random walks is adapted to."""
MEMORY = 0.03
"""Weight of the newest draws in the moments that proposals are made from."""


@dataclass
class Chains:
    """C chains of each of S subjects.

    `latent` (C, S, r) where they are, `g` (C, N) predictions there on the scale of errors, `energy` (C, S) -2 log-likelihood of
    the observations; `first` (S, r) and `second` (S, r, r) moments of what was drawn of late; `centre` and `lower` of
    independent proposals, from these; `step` (2, S) sizes of random walks; `accepted` shares of the last sweep by kernel.
    """

    latent: FloatArray
    g: FloatArray
    energy: FloatArray
    first: FloatArray
    second: FloatArray
    centre: FloatArray
    lower: FloatArray
    step: FloatArray
    accepted: dict[str, float]

    def learn(self, omega: FloatArray) -> None:
        """Move the moments towards where the chains are, and the proposals with them."""
        squares = np.einsum("csi,csj->sij", self.latent, self.latent) / len(self.latent)
        self.first = self.first + MEMORY * (self.latent.mean(axis=0) - self.first)
        self.second = self.second + MEMORY * (squares - self.second)
        spread = self.second - self.first[:, :, None] * self.first[:, None, :]
        size = np.maximum(np.einsum("sii->si", spread), 1e-4 * np.diag(omega))
        self.centre, self.lower = self.first, np.linalg.cholesky(spread + 0.2 * size[:, :, None] * np.eye(len(omega)))

    def look(self, problem: Problem, point: Point) -> None:
        """Set predictions and likelihoods where the chains are."""
        self.g = problem.scaled(whole(problem, point, self.latent))
        self.weigh(problem, point)

    def weigh(self, problem: Problem, point: Point) -> None:
        """Set the likelihoods, predictions being as they were: after a change of the error sizes alone."""
        self.energy = problem.by_subject(problem.likelihood.minus_two_log(self.g, point.errors))


def chains_of(problem: Problem, point: Point, found: Modes, count: int) -> Chains:
    """Return chains that start at the most likely effects."""
    inverse = np.linalg.inv(found.hessian)
    centre = problem.effects.means(point.beta)[:, problem.effects.random] + found.eta
    latent = np.repeat(centre[None], count, axis=0)
    empty, second = np.zeros(0), inverse + centre[:, :, None] * centre[:, None, :]
    chains = Chains(latent, empty, empty, centre, second, centre, np.linalg.cholesky(inverse), np.ones((2, len(centre))), {})
    chains.look(problem, point)
    return chains


def whole(problem: Problem, point: Point, latent: FloatArray) -> FloatArray:
    """Return (C, S, K) latent values of all parameters, given those with random effects (C, S, r)."""
    means = problem.effects.means(point.beta)
    return problem.effects.latent(means, latent - means[:, problem.effects.random])


@dataclass(frozen=True)
class Proposals:
    """Independent proposals of latent values: t-distributed about each subject's centre, a share from the population."""

    mean: FloatArray
    outer: FloatArray
    centre: FloatArray
    lower: FloatArray

    def draw(self, random: np.random.Generator, count: int) -> FloatArray:
        """Return (count, S, r)."""
        subjects, r = self.centre.shape
        z = random.standard_normal((count, subjects, r))
        chi = random.chisquare(FREEDOM, (count, subjects)) / FREEDOM
        own = self.centre + np.einsum("sij,csj->csi", self.lower, z / np.sqrt(chi)[..., None])
        population = self.mean + z @ self.outer.T
        return np.where((random.random((count, subjects)) < POPULATION)[..., None], population, own)

    def population(self, latent: FloatArray) -> FloatArray:
        """Return (C, S) log densities of the population."""
        eta = (latent - self.mean) @ np.linalg.inv(self.outer).T
        r = latent.shape[-1]
        return np.asarray(-0.5 * np.sum(eta * eta, axis=-1) - np.log(np.diag(self.outer)).sum() - r / 2 * np.log(2 * np.pi))

    def density(self, latent: FloatArray) -> FloatArray:
        """Return (C, S) log densities of the proposals."""
        from scipy.special import gammaln

        r = latent.shape[-1]
        t = np.einsum("sij,csj->csi", np.linalg.inv(self.lower), latent - self.centre)
        size = gammaln((FREEDOM + r) / 2) - gammaln(FREEDOM / 2) - r / 2 * np.log(FREEDOM * np.pi)
        own = size - np.log(np.einsum("sii->si", self.lower)).sum(axis=1)
        own = own - (FREEDOM + r) / 2 * np.log1p(np.sum(t * t, axis=-1) / FREEDOM)
        return np.asarray(np.logaddexp(own + np.log1p(-POPULATION), self.population(latent) + np.log(POPULATION)))


def proposals(problem: Problem, point: Point, centre: FloatArray, lower: FloatArray) -> Proposals:
    """Return the proposals about a centre (S, r)."""
    mean = problem.effects.means(point.beta)[:, problem.effects.random]
    return Proposals(mean, np.asarray(np.linalg.cholesky(point.omega), dtype=np.float64), centre, lower)


def sweep(problem: Problem, point: Point, chains: Chains, random: np.random.Generator) -> None:
    """Move every chain twice: by an independent proposal, and by a random walk in all directions or along one."""
    made = proposals(problem, point, chains.centre, chains.lower)

    def accept(name: str, proposal: FloatArray, correction: FloatArray | float) -> FloatArray:
        g = problem.scaled(whole(problem, point, proposal))
        new = problem.by_subject(problem.likelihood.minus_two_log(g, point.errors))
        with np.errstate(invalid="ignore"):
            ratio = 0.5 * (chains.energy - new) + made.population(proposal) - made.population(chains.latent) + correction
        taken = np.log(random.random(ratio.shape)) < ratio
        chains.latent = np.where(taken[..., None], proposal, chains.latent)
        chains.energy = np.where(taken, new, chains.energy)
        chains.g = np.where(taken[:, problem.subject], g, chains.g)
        chains.accepted[name] = float(taken.mean())
        return np.asarray(taken.mean(axis=0))

    count, subjects, r = chains.latent.shape
    drawn = made.draw(random, count)
    accept("independent", drawn, made.density(chains.latent) - made.density(drawn))
    kind = int(random.integers(2)) if r > 1 else 0
    walk = np.einsum("sij,csj->csi", chains.lower, random.standard_normal(chains.latent.shape))
    if kind == 1:
        size = np.sqrt(np.einsum("sij,sij->si", chains.lower, chains.lower))
        along = np.eye(r)[random.integers(r, size=(count, subjects))]
        walk = along * size * random.standard_normal((count, subjects, 1)) * np.sqrt(r)
    taken = accept("walk", chains.latent + walk * chains.step[kind][:, None], 0.0)
    chains.step[kind] = np.clip(chains.step[kind] * np.exp(0.4 * (taken - WANTED)), 0.05, 5.0)


def importance(
    problem: Problem,
    point: Point,
    centre: FloatArray,
    covariance: FloatArray,
    random: np.random.Generator,
    draws: int,
    enough: float,
) -> tuple[FloatArray, FloatArray]:
    """Return -2 log-likelihood (S,) of subjects, constants left out, and its standard errors, by importance sampling.

    Of the draws a quarter comes from the population, so that no weight is large; the others are t-distributed about `centre`
    (S, r) with `covariance` (S, r, r). Sampling ends after `draws`, or where the standard error of the sum is below `enough`.
    """
    from scipy.special import logsumexp

    subjects = len(centre)
    made = proposals(problem, point, centre, np.asarray(np.linalg.cholesky(covariance), dtype=np.float64))
    block = max(1, min(50, 20_000 // subjects))
    found: list[FloatArray] = []
    error = np.full(subjects, np.inf)
    while sum(len(f) for f in found) < draws:
        latent = made.draw(random, block)
        likely = -0.5 * problem.minus_two_log(whole(problem, point, latent), point.errors)
        found.append(likely + made.population(latent) - made.density(latent))
        weights = np.concatenate(found)
        total = logsumexp(weights, axis=0)
        relative = np.exp(weights - total)
        error = 2.0 * np.sqrt(np.maximum(np.sum(relative**2, axis=0) - 1.0 / len(weights), 0.0))
        if len(weights) >= 4 * block and float(np.sqrt(np.sum(error**2))) < enough:
            break
    return -2.0 * (total - np.log(len(weights))), error
