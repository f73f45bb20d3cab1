"""FitResult: what a fit found, how sure it is, why it stopped, and what it did not use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from immunoode import units
from immunoode.errors import FitError, Problem
from immunoode.fitting.crossvalidation import CrossValidation, cross_validate
from immunoode.fitting.minimise import Outcome
from immunoode.fitting.multistart import Starts
from immunoode.fitting.objective import Objective, ratio
from immunoode.fitting.observations import MEASURED, FloatArray, IntArray, Observations
from immunoode.fitting.parameterisation import SHARED
from immunoode.fitting.prediction import Predictor
from immunoode.fitting.saving import fingerprint, save
from immunoode.fitting.termination import Slopes, slopes
from immunoode.fitting.uncertainty.bands import bands, spread
from immunoode.fitting.uncertainty.bootstrap import bootstrap
from immunoode.fitting.uncertainty.covariance import correlation, covariance, intervals
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.fitting.uncertainty.likelihood_bands import likelihood_bands
from immunoode.fitting.uncertainty.profile import Profiles, profiles
from immunoode.model.components import Parameter
from immunoode.model.model import Model
from immunoode.notebook import without_mathematics
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult
    from matplotlib.axes import Axes
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class FitResult:
    """A finished fit.

    Attributes
    ----------
    model : Model
        The model as it was fitted; `fitted_model()` has the values found, where they are shared.
    data : TrialData
    lmfit : lmfit.minimizer.MinimizerResult
        The result of the last round; `lmfit.params` holds every parameter in its natural scale (with standard error) and,
        as "log_" + name, in the scale that was fitted. Its residuals are in units of the standard deviation.
    seconds : float
    starts : Starts
        The fits from all places where it was started; see `immunoode.fitting.multistart`.
    covariates_not_used : tuple of str
        Covariates of the data that neither the model nor `covariates=` names.
    """

    model: Model
    data: TrialData
    objective: Objective
    predictor: Predictor
    outcome: Outcome
    seconds: float = 0.0
    starts: Starts | None = None
    covariates_not_used: tuple[str, ...] = ()

    @property
    def lmfit(self) -> MinimizerResult:
        """lmfit's own result object."""
        return self.outcome.result

    @property
    def observations(self) -> Observations:
        """What was fitted, as arrays."""
        return self.objective.observations

    @property
    def unused(self) -> DataFrame:
        """Observations that were not fitted, each with the reason."""
        return self.observations.unused

    @property
    def success(self) -> bool:
        """Whether the method says that it converged, every solve at the end finished, and the errors' scales settled.

        A fit that was stopped has no success, though the best of several starts may have converged.
        """
        return bool(self.lmfit.success and self.outcome.settled and self.failed_subjects == () and not self.stopped)

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C ended the fit, or kept any of its starts from their end; what was done by then is what is here."""
        return self.outcome.stopped or (self.starts is not None and self.starts.stopped > 0)

    @cached_property
    def fitted(self) -> FloatArray:
        """(N,) predictions at the fitted observations."""
        return self.objective.predictions(self.lmfit.params)

    @cached_property
    def slopes(self) -> Slopes:
        """Which way the likelihood still falls at the values found: at a bound that stopped the fit, and nowhere else."""
        names = tuple(n for n, p in self.lmfit.params.items() if p.vary)
        return slopes(*self.objective.at(self.lmfit.params), names)

    @property
    def failed_subjects(self) -> tuple[str, ...]:
        """Subjects whose simulation does not finish at the values found."""
        lost = np.unique(self.observations.subject[~np.isfinite(self.fitted)])
        return tuple(self.observations.subjects[i] for i in lost)

    @property
    def ratios(self) -> FloatArray:
        """(Q,) additive over proportional part of each quantity's error."""
        return np.array([ratio(m, self.lmfit.params) for m in self.objective.errors])

    @cached_property
    def deviance(self) -> float:
        """Twice the negative log-likelihood, every constant included."""
        return self.objective.deviance(self.lmfit.params)

    @property
    def free(self) -> int:
        """Number of estimated parameters, one scale of errors for each quantity among them."""
        return int(self.lmfit.nvarys) + (1 if self.objective.pool else len(self.objective.errors))

    @property
    def aic(self) -> float:
        """Akaike's criterion from the full likelihood (lmfit's own counts the residuals only)."""
        return self.deviance + 2 * self.free

    @property
    def aicc(self) -> float:
        """Akaike's criterion for few observations; infinite where there are not enough of them."""
        left = len(self.observations) - self.free - 1
        return self.aic + 2 * self.free * (self.free + 1) / left if left > 0 else float("inf")

    @property
    def bic(self) -> float:
        """Schwarz' criterion from the full likelihood."""
        return self.deviance + self.free * float(np.log(len(self.observations)))

    @property
    def relative_error(self) -> float:
        """Median of |observed - predicted| / observed over the measured (not censored) observations above zero."""
        y = self.observations.value
        some = (y > 0) & np.isfinite(self.fitted) & (self.observations.censoring == MEASURED)
        return float(np.median(np.abs(y - self.fitted)[some] / y[some])) if some.any() else float("nan")

    @property
    def values(self) -> dict[str, float]:
        """Every fitted parameter's value, by its name in lmfit (without the logarithms)."""
        keys = [k for s in self.objective.design.slots for k in s.keys]
        return {k: float(self.lmfit.params[k].value) for k in keys}

    def parameters(self, level: float = 0.95) -> DataFrame:
        """Return one row per parameter: value, unit, standard error, interval, bounds, start, and what to beware of."""
        from immunoode.fitting.report import parameter_table

        return parameter_table(self, level)

    def individual(self) -> DataFrame:
        """Return one row per subject, one column per fitted parameter (and baseline): ready for `simulate(parameters=...)`."""
        import pandas as pd

        values = self.objective.design.values(self.lmfit.params)
        table = pd.DataFrame(values, index=list(self.observations.subjects), columns=list(self.objective.design.names))
        return table.assign(**{k: v for k, v in self.observations.baselines.items() if k not in table})

    def fitted_model(self, arm: str | None = None) -> Model:
        """Return the model with the values found; those that an arm has of its own for the arm that is named.

        Raises
        ------
        FitError
            If the arm is not in the data.
        """
        if arm is not None and arm not in self.observations.arms:
            raise FitError(Problem("arm", f"{arm!r} is not in the data", "one of " + ", ".join(self.data.arms)))
        return self._widened().with_values(**self._values_of(arm))

    def _values_of(self, arm: str | None) -> dict[str, float]:
        """Return what is shared, and what this arm has of its own."""
        params, slots = self.lmfit.params, self.objective.design.slots
        shared = {s.name: float(params[s.keys[0]].value) for s in slots if s.sharing == SHARED}
        own = {s.name: float(params[s.keys[s.labels.index(arm)]].value) for s in slots if arm in s.labels}
        return {**shared, **own}

    def _widened(self) -> Model:
        """Return the model with the bounds that the fit had, which may be wider than its own."""
        fitted = {s.name: s.bounds for s in self.objective.design.slots}

        def widen(table: Mapping[str, Parameter]) -> dict[str, Parameter]:
            return {n: replace(p, bounds=fitted[n]) if n in fitted else p for n, p in table.items()}

        return replace(self.model, parameters=widen(self.model.parameters), covariates=widen(self.model.covariates))

    def covariance(self) -> DataFrame:
        """Return the covariance matrix of the fitted parameters (in the scale that was fitted).

        Raises
        ------
        FitError
            If the data do not determine all parameters.
        """
        return covariance(self.lmfit)

    def correlation(self) -> DataFrame:
        """Return the correlation matrix of the fitted parameters (in the scale that was fitted)."""
        return correlation(self.lmfit)

    def confidence(self, level: float = 0.95) -> DataFrame:
        """Return confidence intervals from the covariance: value, lower, upper.

        Raises
        ------
        FitError
            If the data do not determine all parameters.
        """
        return intervals(self.lmfit, level)

    def profile(self, *names: str, level: float = 0.95, threads: int | None = None, progress: bool | None = None) -> Profiles:
        """Return the profile likelihood of parameters: curves, intervals, what is identifiable.

        Every other parameter, and the scale of errors, is fitted again at each point; see
        `immunoode.fitting.uncertainty.profile`.
        """
        return profiles(self, names, level, threads, progress)

    def bootstrap(
        self,
        count: int = 200,
        *,
        kind: Literal["parametric", "cases"] = "parametric",
        seed: int = 20240501,
        threads: int | None = None,
        progress: bool | None = None,
    ) -> Draws:
        """Return fits to `count` data sets that are like this one: simulated from the fit, or subjects drawn with replacement.

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
        from immunoode.fitting.uncertainty.posterior import posterior

        return posterior(self, steps, walkers, burn, seed, progress)

    def predict(self, times: Iterable[float] | None = None) -> DataFrame:
        """Return predictions: at the observations, or at `times` [days] for every subject and quantity.

        Returns
        -------
        DataFrame
            subject, arm, time, quantity, predicted, unit; at the observations also row, observed, weighted_residual.
        """
        from immunoode.fitting.report import curve_table, fitted_table

        if times is None:
            return fitted_table(self)
        days = units.times(times)
        values = self.objective.design.values(self.lmfit.params)
        curves = self.predictor.curves(values[None], days)[0]
        return curve_table(self, days, curves, "subject", {"predicted": curves})

    def bands(
        self,
        times: Iterable[float] | None = None,
        *,
        by: Literal["subject", "arm"] = "subject",
        level: float = 0.95,
        of: Literal["mean", "observation"] = "mean",
        method: Literal["delta", "sampling", "likelihood"] = "delta",
    ) -> DataFrame:
        """Return prediction bands: of each subject's curve, or of an arm's mean curve.

        Parameters
        ----------
        times : days, default 200 from the first start to the last observation
        of : the curve itself, or a new observation (the error model's spread is added)
        method : from the covariance, "delta" (first order) or "sampling" (400 draws); "likelihood", up to the threshold of
            profiles, as lopsided as the likelihood is

        Returns
        -------
        DataFrame
            subject (or arm), time, quantity, predicted, lower, upper, unit.
        """
        from immunoode.fitting.report import curve_table

        days = self.grid() if times is None else units.times(times)
        if method == "likelihood":
            middle, low, high = likelihood_bands(self, days, self.groups(by), level)
            low, high = (low, high) if of == "mean" else spread(middle, low, high, self.objective.errors, self.ratios, level)
            return curve_table(self, days, middle, by, {"predicted": middle, "lower": low, "upper": high})
        middle, low, high = bands(
            self.predictor,
            self.objective.design,
            self.objective.errors,
            self.ratios,
            self.lmfit,
            days,
            self.groups(by),
            level=level,
            of=of,
            method=method,
        )
        return curve_table(self, days, middle, by, {"predicted": middle, "lower": low, "upper": high})

    def grid(self, count: int = 200) -> FloatArray:
        """Return days from the first subject's start to the last observation."""
        return np.linspace(float(self.observations.start.min()), float(self.observations.last.max()), count)

    def groups(self, by: str) -> IntArray:
        """Return (S,) which subject, or arm, each subject's curve belongs to."""
        if by == "subject":
            return np.arange(len(self.observations.subjects))
        arms = list(dict.fromkeys(self.observations.arms))
        return np.array([arms.index(a) for a in self.observations.arms])

    def cross_validate(self, folds: int = 10, *, seed: int = 20240501, progress: bool | None = None) -> CrossValidation:
        """Return how well subjects are predicted whom the fit has not seen; see `immunoode.fitting.crossvalidation`."""
        return cross_validate(self, folds, seed, progress)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of model, data and settings: equal fits have equal ones."""
        fit = self.objective
        errors = [(m.kind, m.degrees) for m in fit.errors]
        return fingerprint(self.model, fit.observations, fit.design, fit.priors, errors, fit.pool, *_conditions(self.predictor))

    def save(self, path: str | Path, *, overwrite: bool = True) -> Path:
        """Write the result to a file that `immunoode.load_fit` reads, to the last digit; whole or not at all.

        A file that is there is replaced, unless `overwrite` is False.
        """
        return save(self, path, overwrite=overwrite)

    def lack_of_fit(self) -> DataFrame:
        """Return tests of the residuals, one row per quantity; see `immunoode.fitting.lack_of_fit`."""
        from dataclasses import asdict

        import pandas as pd

        from immunoode.fitting.diagnostics import lacks_of_fit

        return pd.DataFrame([asdict(lack) for lack in lacks_of_fit(self)]).set_index("quantity")

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader of the result must know: bounds hit, parameters not determined, solves that failed."""
        from immunoode.fitting.diagnostics import cautions

        return cautions(self)

    def report(self) -> str:
        """Return the fit in words and tables: why it stopped, parameters with errors, correlations, what to beware of."""
        from immunoode.fitting.report import text

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
        from immunoode.fitting.report import html

        return html(self)


def _conditions(predictor: Predictor) -> tuple[object, ...]:
    """Return what else a simulation depends on."""
    return tuple(getattr(predictor, n, None) for n in ("schedules", "base", "engine", "rtol"))
