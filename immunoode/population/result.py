"""`PopulationResult`: estimates, their uncertainty, individual parameters, convergence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import FitError, Problem, renamed, renamed_arguments
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.saving import fingerprint, save
from immunoode.notebook import shown, without_mathematics
from immunoode.population.diagnostics import warnings_of
from immunoode.population.finished import SEED, FinishedPopulationFit
from immunoode.population.predictive import PredictiveCheck, predictive_check
from immunoode.population.random_effect_levels import Level
from immunoode.population.report import html, text
from immunoode.population.residuals import residual_table
from immunoode.population.tables import parameter_table, prediction_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


def _square(level: Level) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(level.covariance, index=list(level.names), columns=list(level.names))


@dataclass(frozen=True, eq=False)
@shown
class PopulationResult(FinishedPopulationFit):
    """A finished population fit.

    Attributes
    ----------
    model : Model
    data : TrialData
    method : {"focei", "saem"}
    population_model : PopulationModel
        The mixed-effects model and its data, as arrays.
    outcome : MethodResult
        The final state of the method, and its iterations.
    seconds : float
    starts : PopulationMultiStartResult
        The fits from all starting points, if there are several.
    covariates_not_used : tuple of str
        Covariates of the data that are used neither by the model nor by `covariates=`.
    """

    problem = renamed("problem", "population_model")
    ended = renamed("ended", "outcome")
    point = renamed("point", "estimates")
    free = renamed("free", "parameter_count")

    @property
    def omega(self) -> DataFrame:
        """Covariance of the random effects of subjects, on the latent scale."""
        return _square(self.levels[0])

    @property
    def occasion_omega(self) -> DataFrame | None:
        """Covariance of the random effects of occasions; None if there are none."""
        return _square(self.levels[1]) if len(self.levels) > 1 else None

    parameters = renamed("parameters", "to_frame")

    def to_frame(self, confidence: float = 0.95) -> DataFrame:
        """Return one row per population parameter: value, unit, standard error, relative (%), interval, shrinkage (%)."""
        return parameter_table(self, confidence)

    def individual(self) -> DataFrame:
        """Return one row per subject, one column per varying parameter (and baseline): ready for `simulate(parameters=...)`.

        For a parameter that differs between occasions, it is the subject's own value, about which those of the occasions
        scatter; see `occasions`.
        """
        table = self._one_occasion(self._means, self.levels[0].found)
        table.index = list(self.observations.subjects)
        return table.assign(**{k: v for k, v in self.observations.baselines.items() if k not in table})

    def occasions(self) -> DataFrame:
        """Return one row per subject and occasion: first day, and the parameters that differ between occasions.

        Raises
        ------
        FitError
            If no parameter differs between occasions.
        """
        import pandas as pd

        effects, seen = self.population_model.effects, self.observations
        if effects.occasions is None:
            what = "no parameter was fitted with inter-occasion variability"
            raise FitError(Problem("occasions", what, "fit_population(..., between_occasions=[...], occasions=...)"))
        values = effects.values(effects.latent(effects.means(self.estimates.beta), self.outcome.eta))
        who, which = np.nonzero(effects.occasions.there)
        days = effects.occasions.days[who, which]
        columns = {n: values[who, effects.first[effects.parameters.index(n)] + which] for n in effects.occasions.names}
        return pd.DataFrame(
            {
                "subject": np.array(seen.subjects)[who],
                "occasion": which + 1,
                "from_day": np.where(np.isfinite(days), days, seen.start[who]),
                **columns,
            }
        )

    @property
    def _means(self) -> FloatArray:
        """(S, K0) latent values of the parameters without random effects."""
        return self.population_model.effects.means(self.estimates.beta)[:, self.population_model.effects.first]

    def _one_occasion(self, means: FloatArray, own: FloatArray, later: FloatArray | None = None) -> DataFrame:
        """Return parameters (n, K0) of latent means with effects of subjects (n, q), and of one occasion (n, w)."""
        import pandas as pd

        effects, latent = self.population_model.effects, means.copy()
        for level, found in zip(self.levels, (own, later), strict=False):
            if found is not None:
                latent[:, [effects.parameters.index(p) for p in level.parameters]] += found
        values = {
            n: effects.distributions[k].value(latent[:, i])
            for i, (n, k) in enumerate(zip(effects.parameters, effects.first, strict=True))
        }
        return pd.DataFrame(values)

    def random_effects(self) -> DataFrame:
        """Return each subject's random effects: conditional modes after "focei", conditional means after "saem"."""
        import pandas as pd

        own = self.levels[0]
        return pd.DataFrame(own.found, index=list(self.observations.subjects), columns=list(own.names))

    def patients(self, count: int, seed: int = SEED) -> DataFrame:
        """Return a virtual population: rows drawn from the fitted distribution, ready for `simulate(parameters=...)`.

        Covariates and baselines are those of subjects drawn with replacement (column `like`). Parameters that differ between
        occasions have their values on a single occasion.
        """
        random, seen = np.random.default_rng(seed), self.observations
        like = random.integers(len(seen.subjects), size=count)
        drawn = [random.standard_normal((count, len(v.covariance))) @ np.linalg.cholesky(v.covariance).T for v in self.levels]
        table = self._one_occasion(self._means[like], *drawn)
        table = table.assign(**{k: v[like] for k, v in seen.baselines.items() if k not in table})
        return table.assign(like=np.array(seen.subjects)[like])

    @renamed_arguments(of="kind")
    def predict(
        self, times: Iterable[float] | None = None, *, kind: Literal["individual", "typical"] = "individual"
    ) -> DataFrame:
        """Return individual or typical predictions of each subject, at the observations or at `times` [days].

        Returns
        -------
        DataFrame
            subject, arm, time, quantity, predicted, unit; and, at the observations, row and observed.
        """
        return prediction_table(self, times, kind)

    def residuals(self, draws: int = 1000, seed: int = SEED) -> DataFrame:
        """Return one row per observation: predictions, and residuals of every kind (see `immunoode.population.residuals`)."""
        return residual_table(self, draws, seed)

    def predictive_check(self, quantity: str | None = None, **how: Any) -> PredictiveCheck:
        """Return a visual predictive check; see `immunoode.population.predictive.predictive_check`."""
        return predictive_check(self, quantity, **how)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of model, data and settings; equal fits have equal hashes."""
        return fingerprint(self.model, self.population_model, self.method, self.seed)

    def save(self, path: str | Path, *, overwrite: bool = True) -> Path:
        """Write the result to a file that `immunoode.load_fit` reads, to the last digit. It is written completely or not at
        all.

        An existing file is replaced, unless `overwrite` is False.
        """
        return save(self, path, overwrite=overwrite)

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings: convergence, parameters not determined, shrinkage, lack of fit."""
        return warnings_of(self)

    def report(self) -> str:
        """Return the fit in words and tables."""
        return text(self)

    def plot(self, **how: Any) -> Axes | FloatArray:
        """Draw subjects with their individual and typical curves; see `immunoode.plot.population.plot_individuals`."""
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

    @without_mathematics
    def _repr_html_(self) -> str:
        return html(self)
