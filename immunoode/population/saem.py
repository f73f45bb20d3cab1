"""Stochastic approximation EM (SAEM): simulated random effects, averaged with decreasing step size.

The algorithm of Kuhn and Lavielle. Random effects are proposed from a normal approximation for each subject, from the
population distribution and by random walks, so that a few moves per iteration mix well; if simulations are costly, chains use
polynomial surrogates between them (see `immunoode.population.surrogate`). Coefficients and covariances have closed forms;
error sizes and parameters without random effects take Newton steps with the mean score of the draws, which is zero at the
maximum of the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.conditional_modes import ConditionalModes, conditional_modes, initial_effects
from immunoode.population.em_steps import (
    coefficients_without_variability,
    em_warm_start,
    error_score,
    generalised_least_squares,
    newton_step,
    score_without_variability,
)
from immunoode.population.focei import MethodResult, Trace, failed_before_start, stop_reason
from immunoode.population.population_model import PopulationModel, PopulationParameters
from immunoode.population.sampling import (
    Chains,
    all_latent,
    independent_move,
    initial_chains,
    metropolis_sweep,
    proposals_about,
    surrogate_move,
)
from immunoode.population.surrogate import LOW_ACCEPTANCE, Surrogate, is_worthwhile, new_surrogate

CHAINS, FEWEST_CHAINS, MOST_CHAINS = 1200, 3, 5
"""Total number of chains, and the limits per subject: with a single chain, the parameters follow its sampling error."""
SURROGATE_CHAINS = 600
"""Total number of chains if a surrogate makes each draw nearly independent of the previous one."""
BURN_IN = 10
"""Sweeps of the chains before the first iteration."""
INDEPENDENT_EVERY = 4
"""With a surrogate, the number of iterations between independent proposals, which may come from anywhere in the population."""
STEP_EXPONENT = 0.7
"""The step size falls as k ** -STEP_EXPONENT, and estimates are averaged over these iterations (Polyak and Ruppert): with
1 / k they would stop short of the maximum when most of the information is missing."""
_SLOWEST_DECREASE = 0.9
"""In the exploratory iterations of SAEM, a variance falls at most by this factor per iteration."""


@dataclass
class _Averages:
    """Stochastic approximation of each subject's latent values: mean (S, r) and second moment (S, r, r)."""

    mean: FloatArray
    second_moment: FloatArray

    def update(self, chains: Chains, step_size: float) -> None:
        """Move towards the moments of the chains."""
        mean, second_moment = chains.moments()
        self.mean = self.mean + step_size * (mean - self.mean)
        self.second_moment = self.second_moment + step_size * (second_moment - self.second_moment)

    def covariance(self, omega: FloatArray) -> FloatArray:
        """Return the covariances (S, r, r) of the latent values, kept positive definite by adding a small fraction of the
        population's.
        """
        spread = self.second_moment - self.mean[:, :, None] * self.mean[:, None, :]
        return spread + 1e-4 * np.diag(np.diag(omega))


def saem(
    model: PopulationModel,
    start: PopulationParameters | None,
    iterations: tuple[int, int],
    chains: int | None,
    seed: int,
    bar: Any,
) -> MethodResult:
    """Run SAEM: first exploratory iterations (step size 1), then averaging iterations."""
    random = np.random.default_rng(seed)
    costly = is_worthwhile(model)
    wanted = SURROGATE_CHAINS if costly else CHAINS
    count = chains or min(MOST_CHAINS, max(FEWEST_CHAINS, -(-wanted // model.subjects)))
    try:
        parameters, modes = _starting_point(model, start)
        walkers = initial_chains(model, parameters, modes, count)
        surrogate = new_surrogate(model, walkers.mean, _covariance_of(walkers)) if costly else None
        for _ in range(BURN_IN):
            metropolis_sweep(model, parameters, walkers, random, surrogate)
            walkers.adapt(parameters.omega)
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        return failed_before_start(model, start, error)
    averages, trace = _Averages(*walkers.moments()), Trace()
    trace.add(model.vector(parameters))
    search, average = iterations
    message, success = "all iterations done", True
    try:
        for k in range(search + average):
            step_size = 1.0 if k < search else (k - search + 1.0) ** -STEP_EXPONENT
            _move(model, parameters, walkers, surrogate, random, k, k < search)
            averages.update(walkers, step_size)
            parameters = _m_step(model, parameters, averages, walkers, step_size, k < search)
            trace.add(model.vector(parameters))
            bar.update()
            if k % 10 == 0:
                bar.set_postfix_str(_progress_text(model, parameters), refresh=False)
        parameters = model.parameters_of(np.mean(trace.vectors[-(2 * average // 3) or -1 :], axis=0))
        trace.add(model.vector(parameters))
    except (KeyboardInterrupt, np.linalg.LinAlgError) as error:
        message, success = (
            f"{stop_reason(error)} after {len(trace.vectors) - 1} iterations; these are the values so far",
            False,
        )
    mean = model.effects.means(parameters.beta)[:, model.effects.random]
    spread = averages.covariance(parameters.omega)
    return MethodResult(parameters, averages.mean - mean, spread, success, message, trace, _drift(trace, average), search)


def _move(
    model: PopulationModel,
    parameters: PopulationParameters,
    chains: Chains,
    surrogate: Surrogate | None,
    random: np.random.Generator,
    k: int,
    searching: bool,
) -> None:
    """Move the chains in iteration k, and adapt their proposals in the exploratory iterations.

    One simulation per chain if a surrogate is good enough, otherwise two; every `INDEPENDENT_EVERY`th time with an
    independent proposal, which may come from anywhere in the population.
    """
    if surrogate is not None and searching:
        surrogate.refit(model)
    if surrogate is None or surrogate.acceptance < LOW_ACCEPTANCE:
        metropolis_sweep(model, parameters, chains, random)
    elif k % INDEPENDENT_EVERY == 0:
        made = proposals_about(model, parameters, chains.centre, chains.lower)
        independent_move(model, parameters, chains, made, random, surrogate if searching else None)
    else:
        surrogate_move(model, parameters, chains, surrogate, random)
        if searching:
            surrogate.acceptance += 0.1 * (chains.accepted["surrogate"] - surrogate.acceptance)
    if searching:
        chains.adapt(parameters.omega)


def _covariance_of(chains: Chains) -> FloatArray:
    """Return the covariance of each subject's proposals, (S, r, r)."""
    return np.asarray(chains.lower @ chains.lower.transpose(0, 2, 1))


def _starting_point(
    model: PopulationModel, start: PopulationParameters | None
) -> tuple[PopulationParameters, ConditionalModes]:
    if start is None:
        return em_warm_start(model, 3)
    return start, conditional_modes(model, start, initial_effects(model, start))


def _m_step(
    model: PopulationModel,
    parameters: PopulationParameters,
    averages: _Averages,
    chains: Chains,
    step_size: float,
    searching: bool,
) -> PopulationParameters:
    """Return the next population parameters, and update the chains' likelihoods to them."""
    effects = model.effects
    beta = generalised_least_squares(model, parameters.omega, averages.mean, parameters.beta)
    mean = effects.means(beta)[:, effects.random]
    crossed = averages.mean[:, :, None] * mean[:, None, :]
    moments = averages.second_moment - crossed - crossed.transpose(0, 2, 1) + mean[:, :, None] * mean[:, None, :]
    omega = effects.pattern.projected(moments.mean(axis=0))
    if searching:
        omega = _limited_decrease(omega, parameters.omega)
    errors = _errors(model, parameters.errors, chains, step_size)
    if not len(effects.without_variability):
        chains.update_deviance(model, PopulationParameters(beta, omega, errors))
        return PopulationParameters(beta, omega, errors)
    mine = coefficients_without_variability(model)
    g, by = model.predict_with_jacobian(all_latent(model, PopulationParameters(beta, omega, errors), chains.latent))
    good = np.isfinite(g)
    _, slope, w = model.likelihood.slope_and_weight(np.where(good, g, model.likelihood.value), errors)
    gradient, information = score_without_variability(
        model, np.where(good, slope, 0.0), np.where(good, w, 0.0), np.where(good[..., None], by, 0.0)
    )
    beta[mine] = newton_step(beta[mine], gradient, information, step_size)
    chains.evaluate(model, PopulationParameters(beta, omega, errors))
    return PopulationParameters(beta, omega, errors)


def _errors(model: PopulationModel, errors: FloatArray, chains: Chains, step_size: float) -> FloatArray:
    """Return the log error sizes after a Newton step with the scores of all chains."""
    g = np.where(np.isfinite(chains.g), chains.g, model.likelihood.value)
    return newton_step(errors, *error_score(model, g, errors, np.zeros(1)), step_size)


def _limited_decrease(new: FloatArray, old: FloatArray) -> FloatArray:
    """Return the covariance with no variance below a fraction of the old one."""
    lift = np.sqrt(np.maximum(1.0, _SLOWEST_DECREASE * np.diag(old) / np.diag(new)))
    return new * np.outer(lift, lift)


def _progress_text(model: PopulationModel, parameters: PopulationParameters) -> str:
    typical = model.effects.typical_values(parameters.beta)
    return ", ".join(f"{n} {v:.3g}" for n, v in list(typical.items())[:4])


def _drift(trace: Trace, average: int) -> FloatArray | None:
    """Return the distance by which the estimates moved between the last two thirds of the averaging; None if iterations are
    too few.
    """
    third = average // 3
    if third < 20 or len(trace.vectors) < 2 * third + 2:
        return None
    middle, last = np.array(trace.vectors[-1 - 2 * third : -1 - third]), np.array(trace.vectors[-1 - third : -1])
    return np.asarray(last.mean(axis=0) - middle.mean(axis=0))
