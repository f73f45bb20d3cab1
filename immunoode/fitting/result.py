"""`FitResult`: estimates, their uncertainty, convergence, and unused data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from immunoode import units
from immunoode.errors import FitError, Problem, renamed, renamed_arguments
from immunoode.fitting.crossvalidation import CrossValidation, cross_validate
from immunoode.fitting.diagnostics import lacks_of_fit, warnings_of
from immunoode.fitting.finished import FinishedFit
from immunoode.fitting.former_names import ObjectiveValue
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.parameterisation import SHARED
from immunoode.fitting.prediction import Predictor
from immunoode.fitting.report import html, text
from immunoode.fitting.saving import fingerprint, save
from immunoode.fitting.tables import curve_table, fitted_table, parameter_table, with_fixed
from immunoode.fitting.uncertainty.bands import bands, observation_band
from immunoode.fitting.uncertainty.bootstrap import bootstrap
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.likelihood_bands import likelihood_bands
from immunoode.fitting.uncertainty.posterior import posterior
from immunoode.fitting.uncertainty.profile import Profiles, profiles
from immunoode.model.components import Parameter
from immunoode.model.model import Model
from immunoode.notebook import shown, without_mathematics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
@shown
class FitResult(FinishedFit):
    """A finished fit.

    Attributes
    ----------
    model : Model
        The model that was fitted; `fitted_model()` has the shared estimates.
    data : TrialData
    lmfit : lmfit.minimizer.MinimizerResult
        The result of the last round; `lmfit.params` holds every parameter on its natural scale (with standard error) and, as
        "log_" + name, on the fitted scale. Its residuals are in units of the standard deviation.
    seconds : float
    starts : MultiStartResult
        The fits from all starting points; see `immunoode.fitting.multistart`.
    covariates_not_used : tuple of str
        Covariates of the data that are used neither by the model nor by `covariates=`.
    """

    free = renamed("free", "parameter_count")

    @cached_property
    def objective(self) -> float:
        """The number that was minimised: -2 log-likelihood, including all constants, plus the squared residuals of priors."""
        value = ObjectiveValue(self.least_squares.cost(self.lmfit.params))
        value.least_squares = self.least_squares
        return value

    parameters = renamed("parameters", "to_frame")

    def to_frame(self, confidence: float = 0.95, *, fixed: bool = False) -> DataFrame:
        """Return one row per parameter: value, unit, standard error, interval, start, bounds, remarks, and whether it is fixed.

        Parameters
        ----------
        confidence : float
            Confidence level of the intervals.
        fixed : bool
            Whether to list the parameters of the model that were not fitted, too.
        """
        fitted = parameter_table(self, confidence).assign(fixed=False)
        return with_fixed(fitted, self) if fixed else fitted

    def individual(self) -> DataFrame:
        """Return one row per subject, one column per fitted parameter (and baseline): ready for `simulate(parameters=...)`."""
        import pandas as pd

        values = self.parameterisation.values(self.lmfit.params)
        table = pd.DataFrame(values, index=list(self.observations.subjects), columns=list(self.parameterisation.names))
        return table.assign(**{k: v for k, v in self.observations.baselines.items() if k not in table})

    def fitted_model(self, arm: str | None = None) -> Model:
        """Return the model with the estimates; parameters that differ between arms get those of `arm`.

        Raises
        ------
        FitError
            If the arm is not in the data.
        """
        if arm is not None and arm not in self.observations.arms:
            raise FitError(Problem("arm", f"{arm!r} is not in the data", "one of " + ", ".join(self.data.arms)))
        return self._widened().with_values(**self._values_of(arm))

    def _values_of(self, arm: str | None) -> dict[str, float]:
        """Return the shared estimates, and those of this arm."""
        params, fitted_parameters = self.lmfit.params, self.parameterisation.fitted_parameters
        shared = {s.name: float(params[s.keys[0]].value) for s in fitted_parameters if s.sharing == SHARED}
        own = {s.name: float(params[s.keys[s.labels.index(arm)]].value) for s in fitted_parameters if arm in s.labels}
        return {**shared, **own}

    def _widened(self) -> Model:
        """Return the model with the bounds of the fit, which may be wider than its own."""
        fitted = {s.name: s.bounds for s in self.parameterisation.fitted_parameters}

        def widen(table: Mapping[str, Parameter]) -> dict[str, Parameter]:
            return {n: replace(p, bounds=fitted[n]) if n in fitted else p for n, p in table.items()}

        return replace(self.model, parameters=widen(self.model.parameters), covariates=widen(self.model.covariates))

    @renamed_arguments(level="confidence")
    def profile(
        self, *names: str, confidence: float = 0.95, threads: int | None = None, progress: bool | None = None
    ) -> Profiles:
        """Return the profile likelihood of parameters: curves, intervals, identifiability.

        All other parameters, and the scale of errors, are estimated again at each point; see
        `immunoode.fitting.uncertainty.profile`.
        """
        return profiles(self, names, confidence, threads, progress)

    def bootstrap(
        self,
        count: int = 200,
        *,
        kind: Literal["parametric", "cases"] = "parametric",
        seed: int = 20240501,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Draws:
        """Return bootstrap fits to `count` data sets, which are simulated from the fit or consist of subjects drawn with
        replacement.

        See `immunoode.fitting.uncertainty.bootstrap`.
        """
        return bootstrap(self, count, kind, seed, threads, progress)

    def posterior(
        self,
        steps: int = 1000,
        *,
        walkers: int | None = None,
        burn: int | None = None,
        seed: int = 20240501,
        progress: bool | None = None,
    ) -> Draws:
        """Return draws from the posterior by emcee; see `immunoode.fitting.uncertainty.posterior`."""
        return posterior(self, steps, walkers, burn, seed, progress)

    def predict(self, times: Iterable[float] | None = None) -> DataFrame:
        """Return predictions: at the observations, or at `times` [days] for every subject and quantity.

        Returns
        -------
        DataFrame
            Columns subject, arm, time, quantity, predicted, unit; at the observations also row, observed, weighted_residual.
        """
        if times is None:
            return fitted_table(self)
        days = units.times(times)
        values = self.parameterisation.values(self.lmfit.params)
        curves = self.predictor.curves(values[None], days)[0]
        return curve_table(self.observations, days, "subject", {"predicted": curves})

    @renamed_arguments(level="confidence", of="kind")
    def bands(
        self,
        times: Iterable[float] | None = None,
        *,
        by: Literal["subject", "arm"] = "subject",
        confidence: float = 0.95,
        kind: Literal["mean", "observation"] = "mean",
        method: Literal["delta", "sampling", "likelihood"] = "delta",
    ) -> DataFrame:
        """Return prediction bands for the curve of each subject, or for the mean curve of an arm.

        Parameters
        ----------
        times : days, default 200 from the first start to the last observation
        kind : the curve itself, or a new observation (the error model's spread is added)
        method : from the covariance, "delta" (first order) or "sampling" (400 draws); "likelihood", up to the threshold of
            profiles, and therefore as asymmetric as the likelihood

        Returns
        -------
        DataFrame
            subject (or arm), time, quantity, predicted, lower, upper, unit.
        """
        days = self.grid() if times is None else units.times(times)
        if method == "likelihood":
            middle, low, high = likelihood_bands(self, days, self.groups(by), confidence)
            if kind != "mean":
                low, high = observation_band(middle, low, high, self.least_squares.errors, self.ratios, confidence)
        else:
            middle, low, high = bands(
                self.predictor,
                self.parameterisation,
                self.least_squares.errors,
                self.ratios,
                self.lmfit,
                days,
                self.groups(by),
                level=confidence,
                of=kind,
                method=method,
            )
        return curve_table(self.observations, days, by, {"predicted": middle, "lower": low, "upper": high})

    def cross_validate(self, folds: int = 10, *, seed: int = 20240501, progress: bool | None = None) -> CrossValidation:
        """Return the cross-validated likelihood of left-out subjects; see `immunoode.fitting.crossvalidation`."""
        return cross_validate(self, folds, seed, progress)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of model, data and settings; equal fits have equal hashes."""
        fit = self.least_squares
        errors = [(m.kind, m.degrees) for m in fit.errors]
        return fingerprint(
            self.model, fit.observations, fit.parameterisation, fit.priors, errors, fit.pool, *_conditions(self.predictor)
        )

    def save(self, path: str | Path, *, overwrite: bool = True) -> Path:
        """Write the result to a file that `immunoode.load_fit` reads, to the last digit. It is written completely or not at
        all.

        An existing file is replaced, unless `overwrite` is False.
        """
        return save(self, path, overwrite=overwrite)

    def lack_of_fit(self) -> DataFrame:
        """Return tests of the residuals, one row per quantity; see `immunoode.fitting.lack_of_fit`."""
        from dataclasses import asdict

        import pandas as pd

        return pd.DataFrame([asdict(lack) for lack in lacks_of_fit(self)]).set_index("quantity")

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings: parameters at bounds, parameters not determined, failed simulations, lack of fit."""
        return warnings_of(self)

    def report(self) -> str:
        """Return the report: why the fit stopped, parameters with standard errors, correlations, warnings."""
        return text(self)

    def plot(self, by: Literal["arm", "subject"] | None = None, **how: object) -> Axes | FloatArray:
        """Draw fitted curves over the data, with their bands; see `immunoode.plot.fit.plot_fit`."""
        from immunoode.plot.fit import plot_fit

        return plot_fit(self, by, **how)  # type: ignore[arg-type]

    def plot_residuals(self, **how: object) -> FloatArray:
        """Draw weighted residuals over time and prediction, their distribution, and observed against predicted."""
        from immunoode.plot.fit import plot_residuals

        return plot_residuals(self, **how)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        return html(self)


def _conditions(predictor: Predictor) -> tuple[object, ...]:
    """Return everything else that the simulations depend on."""
    return tuple(getattr(predictor, n, None) for n in ("schedules", "base", "engine", "rtol"))
