"""Stochastic approximation of expectation and maximisation (SAEM): draws of the effects, averaged ever more slowly.

Kuhn and Lavielle's algorithm. Draws are proposed from each subject's own normal approximation beside random walks and the
population's distribution, so that a few moves an iteration mix. Coefficients and covariances have closed forms; sizes of errors
and parameters without random effects take Newton steps with the average of the draws' scores, which have their zero where the
likelihood has its maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import Modes, begin, modes
from immunoode.population.em_steps import coefficients_of, error_step, fixed_coefficients, fixed_step, moved, warm
from immunoode.population.focei import Ended, Trace, unbegun, why
from immunoode.population.population_model import Point, Problem
from immunoode.population.sampling import Chains, chains_of, sweep, whole

PATIENTS, FEWEST, MOST = 1200, 3, 5
"""Chains of each subject are so many that this many patients are drawn, within limits: a single chain learns its own errors."""
BURN = 10
"""Sweeps before the first iteration."""
POWER = 0.7
"""Averages move by k ** -POWER, and estimates are averaged over these iterations (Polyak and Ruppert): with 1 / k they would
stop short of the maximum where the effects hide most of the information."""
_SHRINK = 0.9
"""Variances fall no faster than by this factor an iteration while the fit still searches."""


@dataclass
class _Averages:
    """What is averaged: mean (S, r) and second moment (S, r, r) of each subject's latent values."""

    first: FloatArray
    second: FloatArray

    def add(self, chains: Chains, share: float) -> None:
        """Move towards what the chains show."""
        self.first = self.first + share * (chains.latent.mean(axis=0) - self.first)
        squares = np.einsum("csi,csj->sij", chains.latent, chains.latent) / len(chains.latent)
        self.second = self.second + share * (squares - self.second)

    def covariance(self, omega: FloatArray) -> FloatArray:
        """Return (S, r, r) covariances of the latent values, kept definite by a part of the population's."""
        spread = self.second - self.first[:, :, None] * self.first[:, None, :]
        return spread + 1e-4 * np.diag(np.diag(omega))


def saem(problem: Problem, start: Point | None, iterations: tuple[int, int], chains: int | None, seed: int, bar: Any) -> Ended:
    """Run SAEM: iterations that search, and iterations that average."""
    random = np.random.default_rng(seed)
    count = chains or min(MOST, max(FEWEST, -(-PATIENTS // problem.subjects)))
    try:
        point, found = _begin(problem, start)
        walkers = chains_of(problem, point, found, count)
        for _ in range(BURN):
            sweep(problem, point, walkers, random)
            walkers.learn(point.omega)
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        return unbegun(problem, start, error)
    averages, trace = _Averages(np.zeros(0), np.zeros(0)), Trace()
    averages.first = walkers.latent.mean(axis=0)
    averages.second = np.einsum("csi,csj->sij", walkers.latent, walkers.latent) / len(walkers.latent)
    trace.add(problem.vector(point))
    search, average = iterations
    message, success = "all iterations done", True
    try:
        for k in range(search + average):
            share = 1.0 if k < search else (k - search + 1.0) ** -POWER
            sweep(problem, point, walkers, random)
            if k < search:
                walkers.learn(point.omega)
            averages.add(walkers, share)
            point = _maximised(problem, point, averages, walkers, share, k < search)
            trace.add(problem.vector(point))
            bar.update()
            if k % 10 == 0:
                bar.set_postfix_str(_words(problem, point), refresh=False)
        point = problem.point(np.mean(trace.vectors[-(2 * average // 3) or -1 :], axis=0))
        trace.add(problem.vector(point))
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        message, success = f"{why(error)} after {len(trace.vectors) - 1} iterations; this is where they led", False
    mean = problem.effects.means(point.beta)[:, problem.effects.random]
    spread = averages.covariance(point.omega)
    return Ended(point, averages.first - mean, spread, success, message, trace, _drift(trace, average), search)


def _begin(problem: Problem, start: Point | None) -> tuple[Point, Modes]:
    if start is None:
        return warm(problem, 3)
    return start, modes(problem, start, begin(problem, start))


def _maximised(problem: Problem, point: Point, averages: _Averages, chains: Chains, share: float, searching: bool) -> Point:
    """Return the next point, and leave the chains' likelihoods as they are there."""
    effects = problem.effects
    beta = coefficients_of(problem, point.omega, averages.first, point.beta)
    mean = effects.means(beta)[:, effects.random]
    crossed = averages.first[:, :, None] * mean[:, None, :]
    moments = averages.second - crossed - crossed.transpose(0, 2, 1) + mean[:, :, None] * mean[:, None, :]
    omega = effects.pattern.kept(moments.mean(axis=0))
    if searching:
        omega = _not_too_fast(omega, point.omega)
    errors = _errors(problem, point.errors, chains, share)
    if not len(effects.fixed):
        chains.weigh(problem, Point(beta, omega, errors))
        return Point(beta, omega, errors)
    mine = fixed_coefficients(problem)
    g, by = problem.scaled_with_slopes(whole(problem, Point(beta, omega, errors), chains.latent))
    good = np.isfinite(g)
    _, slope, w = problem.likelihood.first(np.where(good, g, problem.likelihood.value), errors)
    gradient, information = fixed_step(
        problem, np.where(good, slope, 0.0), np.where(good, w, 0.0), np.where(good[..., None], by, 0.0)
    )
    beta[mine] = moved(beta[mine], gradient, information, share)
    chains.look(problem, Point(beta, omega, errors))
    return Point(beta, omega, errors)


def _errors(problem: Problem, errors: FloatArray, chains: Chains, share: float) -> FloatArray:
    """Return error sizes after a step of Newton's with the scores of all chains."""
    g = np.where(np.isfinite(chains.g), chains.g, problem.likelihood.value)
    return moved(errors, *error_step(problem, g, errors, np.zeros(1)), share)


def _not_too_fast(new: FloatArray, old: FloatArray) -> FloatArray:
    """Return the covariance, its variances lifted to a share of the old ones."""
    lift = np.sqrt(np.maximum(1.0, _SHRINK * np.diag(old) / np.diag(new)))
    return new * np.outer(lift, lift)


def _words(problem: Problem, point: Point) -> str:
    typical = problem.effects.typical_values(point.beta)
    return ", ".join(f"{n} {v:.3g}" for n, v in list(typical.items())[:4])


def _drift(trace: Trace, average: int) -> FloatArray | None:
    """Return how far estimates moved between the last two thirds of the averaging; None where there are too few iterations."""
    third = average // 3
    if third < 20 or len(trace.vectors) < 2 * third + 2:
        return None
    middle, last = np.array(trace.vectors[-1 - 2 * third : -1 - third]), np.array(trace.vectors[-1 - third : -1])
    return np.asarray(last.mean(axis=0) - middle.mean(axis=0))
