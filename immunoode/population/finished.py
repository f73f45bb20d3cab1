"""The finished population fit that tables, diagnostics and simulations are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from immunoode.fitting.observations import Observations
from immunoode.model.model import Model
from immunoode.population.conditional_modes import ROUNDS, ConditionalModes, conditional_modes
from immunoode.population.focei import MethodResult
from immunoode.population.laplace import laplace_objective
from immunoode.population.multistart import PopulationMultiStartResult
from immunoode.population.population_model import PopulationModel, PopulationParameters
from immunoode.population.random_effect_levels import Level, levels
from immunoode.population.sampling import importance_sampling
from immunoode.population.uncertainty import Uncertainty, uncertainty
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame

SEED = 20240501
DRAWS, ENOUGH = 2000, 0.2
"""Draws per subject of the importance sampling, and the standard error of the sum at which it may end earlier."""


@dataclass(frozen=True, eq=False)
class FinishedPopulationFit:
    """A finished population fit as data; `immunoode.population.result.PopulationResult` adds the other methods."""

    model: Model
    data: TrialData
    method: str
    population_model: PopulationModel
    outcome: MethodResult
    seconds: float
    seed: int = SEED
    starts: PopulationMultiStartResult | None = None
    covariates_not_used: tuple[str, ...] = ()

    @property
    def estimates(self) -> PopulationParameters:
        """Coefficients, covariance of random effects, logarithms of error sizes."""
        return self.outcome.estimates

    @property
    def success(self) -> bool:
        """Whether the method converged."""
        return self.outcome.success

    @property
    def observations(self) -> Observations:
        """The fitted observations, as arrays."""
        return self.population_model.trajectories.seen

    @property
    def unused(self) -> DataFrame:
        """Observations that were not fitted, each with the reason."""
        return self.observations.unused

    @cached_property
    def _tight_model(self) -> PopulationModel:
        return self.population_model.with_tight_tolerance()

    @cached_property
    def modes(self) -> ConditionalModes:
        """Conditional modes (empirical Bayes estimates) of the random effects, at the estimates."""
        return conditional_modes(self._tight_model, self.estimates, self.outcome.eta, 2 * ROUNDS)

    @cached_property
    def objective(self) -> float:
        """-2 log-likelihood without n log(2 pi), as NONMEM and nlmixr2 give it: by Laplace's method, or importance sampling."""
        if self.method == "focei":
            return float(laplace_objective(self.population_model, self.estimates, self.outcome.eta)[0].sum())
        return self.sampled[0]

    @cached_property
    def sampled(self) -> tuple[float, float]:
        """The objective by importance sampling, and its standard error."""
        effects = self.population_model.effects
        mean = effects.means(self.estimates.beta)[:, effects.random]
        centre, spread = mean + self.outcome.eta, self.outcome.spread
        random = np.random.default_rng([self.seed, 2])
        found, error = importance_sampling(self.population_model, self.estimates, centre, spread, random, DRAWS, ENOUGH)
        return float(found.sum()), float(np.sqrt(np.sum(error**2)))

    @property
    def deviance(self) -> float:
        """-2 log-likelihood, including all constants."""
        return self.objective + self.population_model.likelihood.constant

    @property
    def parameter_count(self) -> int:
        """Number of estimated population parameters."""
        return len(self.population_model.names)

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return self.deviance + 2 * self.parameter_count

    @property
    def bic(self) -> float:
        """Bayesian information criterion, over all observations."""
        return self.deviance + self.parameter_count * float(np.log(len(self.observations)))

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Covariance of the population parameters; computed on first access."""
        spread = np.linalg.inv(self.modes.hessian) if self.method == "focei" else self.outcome.spread
        shift = self.outcome.eta - self.modes.eta  # if posteriors are skewed, means of draws differ from the modes
        return uncertainty(
            self._tight_model, self.estimates, self.modes, spread + shift[:, :, None] * shift[:, None, :], self.seed
        )

    @property
    def values(self) -> dict[str, float]:
        """Typical values of the parameters that vary."""
        return self.population_model.effects.typical_values(self.estimates.beta)

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The levels of random effects: subjects, and their occasions if parameters differ between occasions."""
        return tuple(levels(self.population_model.effects, self.estimates.omega, self.outcome.eta))

    @property
    def shrinkage(self) -> dict[str, float]:
        """Eta shrinkage, 1 - sd(eta) / omega: near 1 if the data carry little information about individual subjects."""
        return {name: share for level in self.levels for name, share in level.shrinkage.items()}
