"""PopulationResult: what a population fit found, how sure it is, each subject's own parameters, and why it stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.fit.observations import FloatArray, Observations
from immunoode.fit.saving import fingerprint, save
from immunoode.model.parts import Model
from immunoode.population.conditional import ROUNDS, Modes, modes
from immunoode.population.focei import Ended
from immunoode.population.marginal import objective
from immunoode.population.problem import Point, Problem
from immunoode.population.sampling import importance
from immunoode.population.uncertainty import Uncertainty, uncertainty
from immunoode.trial.table import TrialData

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from immunoode.population.predictive import PredictiveCheck

SEED = 20240501
DRAWS, ENOUGH = 2000, 0.2
"""Of the importance sampling of each subject, and the standard error of the sum at which it may end."""


@dataclass(frozen=True, eq=False)
class PopulationResult:
    """A finished population fit.

    Attributes
    ----------
    model : Model
    data : TrialData
    method : {"focei", "saem"}
    problem : Problem
        Everything that was fitted, as arrays.
    ended : Ended
        Where the method ended and what it went through.
    seconds : float
    """

    model: Model
    data: TrialData
    method: str
    problem: Problem
    ended: Ended
    seconds: float
    seed: int = SEED

    @property
    def point(self) -> Point:
        """Coefficients, covariance of random effects, logarithms of error sizes."""
        return self.ended.point

    @property
    def success(self) -> bool:
        """Whether the method says that it has arrived."""
        return self.ended.success

    @property
    def observations(self) -> Observations:
        """What was fitted, as arrays."""
        return self.problem.trajectories.seen

    @property
    def unused(self) -> DataFrame:
        """Observations that were not fitted, each with the reason."""
        return self.observations.unused

    @cached_property
    def _tight(self) -> Problem:
        return self.problem.tight()

    @cached_property
    def modes(self) -> Modes:
        """Each subject's most likely random effects at the point found."""
        return modes(self._tight, self.point, self.ended.eta, 2 * ROUNDS)

    @cached_property
    def objective(self) -> float:
        """-2 log-likelihood without n log(2 pi), as NONMEM and nlmixr2 give it: by Laplace's method, or importance sampling."""
        if self.method == "focei":
            return float(objective(self.problem, self.point, self.ended.eta)[0].sum())
        return self.sampled[0]

    @cached_property
    def sampled(self) -> tuple[float, float]:
        """The objective by importance sampling, and its standard error."""
        effects = self.problem.effects
        mean = effects.means(self.point.beta)[:, effects.random]
        centre, spread = mean + self.ended.eta, self.ended.spread
        random = np.random.default_rng([self.seed, 2])
        found, error = importance(self.problem, self.point, centre, spread, random, DRAWS, ENOUGH)
        return float(found.sum()), float(np.sqrt(np.sum(error**2)))

    @property
    def deviance(self) -> float:
        """-2 log-likelihood, every constant included."""
        return self.objective + self.problem.likelihood.constant

    @property
    def free(self) -> int:
        """Number of estimated population parameters."""
        return len(self.problem.names)

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.deviance + 2 * self.free

    @property
    def bic(self) -> float:
        """Schwarz' criterion, over all observations."""
        return self.deviance + self.free * float(np.log(len(self.observations)))

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Covariance of the population parameters; computed when it is first asked for."""
        spread = np.linalg.inv(self.modes.hessian) if self.method == "focei" else self.ended.spread
        shift = self.ended.eta - self.modes.eta  # means of draws are off the modes where posteriors are skewed
        return uncertainty(self._tight, self.point, self.modes, spread + shift[:, :, None] * shift[:, None, :], self.seed)

    @property
    def values(self) -> dict[str, float]:
        """Typical values of the parameters that vary."""
        effects, beta = self.problem.effects, self.point.beta
        return {n: float(d.value(np.array(beta[t])))
                for n, d, t in zip(effects.names, effects.distributions, effects.typical, strict=True)}  # fmt: skip

    @property
    def omega(self) -> DataFrame:
        """Covariance of the random effects, on the latent scale."""
        import pandas as pd

        names = list(self.problem.effects.random_names)
        return pd.DataFrame(self.point.omega, index=names, columns=names)

    def parameters(self, level: float = 0.95) -> DataFrame:
        """Return one row a population parameter: value, unit, standard error, relative (%), interval, shrinkage (%)."""
        from immunoode.population.report import parameter_table

        return parameter_table(self, level)

    def individual(self) -> DataFrame:
        """Return one row a subject, one column a parameter that varies (and baseline): ready for `simulate(parameters=...)`."""
        import pandas as pd

        effects, seen = self.problem.effects, self.observations
        values = effects.values(effects.latent(effects.means(self.point.beta), self.ended.eta))
        table = pd.DataFrame(values, index=list(seen.subjects), columns=list(effects.names))
        return table.assign(**{k: v for k, v in seen.baselines.items() if k not in table})

    def random_effects(self) -> DataFrame:
        """Return each subject's random effects: most likely ones after "focei", means of the draws after "saem"."""
        import pandas as pd

        names = list(self.problem.effects.random_names)
        return pd.DataFrame(self.ended.eta, index=list(self.observations.subjects), columns=names)

    @property
    def shrinkage(self) -> dict[str, float]:
        """1 - sd(effects of subjects) / sd of the population: near 1 where the data say little about a subject."""
        sd = self.ended.eta.std(axis=0)
        names = self.problem.effects.random_names
        return {n: float(1 - s / np.sqrt(w)) for n, s, w in zip(names, sd, np.diag(self.point.omega), strict=True)}

    def patients(self, count: int, seed: int = SEED) -> DataFrame:
        """Return a virtual population: rows drawn from the fitted distribution, ready for `simulate(parameters=...)`.

        Covariates and baselines are those of subjects drawn with replacement (column `like`).
        """
        import pandas as pd

        random = np.random.default_rng(seed)
        effects, seen = self.problem.effects, self.observations
        like = random.integers(len(seen.subjects), size=count)
        eta = random.standard_normal((count, len(effects.random))) @ np.linalg.cholesky(self.point.omega).T
        means = effects.means(self.point.beta)[like]
        table = pd.DataFrame(effects.values(effects.latent(means, eta)), columns=list(effects.names))
        table = table.assign(**{k: v[like] for k, v in seen.baselines.items() if k not in table})
        return table.assign(like=np.array(seen.subjects)[like])

    def predict(
        self, times: Iterable[float] | None = None, *, of: Literal["individual", "typical"] = "individual"
    ) -> DataFrame:
        """Return predictions of each subject, with its own effects or without any, at the observations or at `times` [days].

        Returns
        -------
        DataFrame
            subject, arm, time, quantity, predicted, unit; at the observations also row and observed.
        """
        from immunoode.population.report import prediction_table

        return prediction_table(self, times, of)

    def residuals(self, draws: int = 1000, seed: int = SEED) -> DataFrame:
        """Return one row an observation: predictions, and residuals of every kind (see `immunoode.population.residuals`)."""
        from immunoode.population.residuals import residual_table

        return residual_table(self, draws, seed)

    def predictive_check(self, **how: Any) -> PredictiveCheck:
        """Return a visual predictive check; see `immunoode.population.predictive.predictive_check`."""
        from immunoode.population.predictive import predictive_check

        return predictive_check(self, **how)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of model, data and settings: equal fits have equal ones."""
        return fingerprint(self.model, self.problem, self.method, self.seed)

    def save(self, path: str | Path) -> Path:
        """Write the result to a file that `immunoode.load_fit` reads, to the last digit."""
        return save(self, path)

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader of the result must know."""
        from immunoode.population.report import cautions

        return cautions(self)

    def report(self) -> str:
        """Return the fit in words and tables."""
        from immunoode.population.report import text

        return text(self)

    def plot(self, **how: Any) -> Axes | FloatArray:
        """Draw subjects with their own and the typical curve; see `immunoode.plot.population.plot_individuals`."""
        from immunoode.plot.population import plot_individuals

        return plot_individuals(self, **how)

    def plot_residuals(self, **how: Any) -> FloatArray:
        """Draw observed against predicted, and residuals; see `immunoode.plot.population.plot_goodness`."""
        from immunoode.plot.population import plot_goodness

        return plot_goodness(self, **how)

    def plot_convergence(self, **how: Any) -> FloatArray:
        """Draw every parameter over the iterations."""
        from immunoode.plot.population import plot_convergence

        return plot_convergence(self, **how)

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        from immunoode.population.report import html

        return html(self)
