"""The finished fit, with its data and estimates, from which tables, diagnostics and uncertainty are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import renamed_arguments
from immunoode.fitting.least_squares import LeastSquares, error_ratio
from immunoode.fitting.minimise import Outcome
from immunoode.fitting.multistart import MultiStartResult
from immunoode.fitting.observations import MEASURED, FloatArray, IntArray, Observations
from immunoode.fitting.parameterisation import Parameterisation
from immunoode.fitting.prediction import Predictor
from immunoode.fitting.termination import LikelihoodSlopes, likelihood_slopes
from immunoode.fitting.uncertainty.covariance import correlation, covariance, intervals
from immunoode.model.model import Model
from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class FinishedFit:
    """A finished fit as data; `immunoode.fitting.result.FitResult` adds the methods that need more of the package."""

    model: Model
    data: TrialData
    least_squares: LeastSquares
    predictor: Predictor
    outcome: Outcome
    seconds: float = 0.0
    starts: MultiStartResult | None = None
    covariates_not_used: tuple[str, ...] = ()

    @property
    def lmfit(self) -> MinimizerResult:
        """lmfit's own result object."""
        return self.outcome.result

    @property
    def parameterisation(self) -> Parameterisation:
        """The fitted parameters, how they are shared, and their scale."""
        return self.least_squares.parameterisation

    @property
    def observations(self) -> Observations:
        """The fitted observations, as arrays."""
        return self.least_squares.observations

    @property
    def unused(self) -> DataFrame:
        """Observations that were not fitted, each with the reason."""
        return self.observations.unused

    @property
    def success(self) -> bool:
        """Whether the method converged, every simulation at the estimates finished, and the error scales settled.

        A fit that was stopped is not a success, although the best of several starts may have converged.
        """
        return bool(self.lmfit.success and self.outcome.settled and self.failed_subjects == () and not self.stopped)

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C ended the fit or any of its starts; the result then holds the best values so far."""
        return self.outcome.stopped or (self.starts is not None and self.starts.stopped > 0)

    @cached_property
    def fitted(self) -> FloatArray:
        """(N,) predictions at the fitted observations."""
        return self.least_squares.predictions(self.lmfit.params)

    @cached_property
    def slopes(self) -> LikelihoodSlopes:
        """Gradient of the objective at the estimates; it is zero unless a bound stopped the fit."""
        names = tuple(n for n, p in self.lmfit.params.items() if p.vary)
        return likelihood_slopes(*self.least_squares.residuals_and_jacobian(self.lmfit.params), names)

    @property
    def failed_subjects(self) -> tuple[str, ...]:
        """Subjects that cannot be simulated at the estimates."""
        lost = np.unique(self.observations.subject[~np.isfinite(self.fitted)])
        return tuple(self.observations.subjects[i] for i in lost)

    @property
    def ratios(self) -> FloatArray:
        """(Q,) ratio of the additive to the proportional part of each quantity's residual error."""
        return np.array([error_ratio(m, self.lmfit.params) for m in self.least_squares.errors])

    @cached_property
    def deviance(self) -> float:
        """-2 log-likelihood, including all constants."""
        return self.least_squares.deviance(self.lmfit.params)

    @property
    def parameter_count(self) -> int:
        """Number of estimated parameters, including one error scale per quantity."""
        return int(self.lmfit.nvarys) + (1 if self.least_squares.pool else len(self.least_squares.errors))

    @property
    def aic(self) -> float:
        """Akaike's information criterion from the full likelihood (lmfit's own uses the residuals only)."""
        return self.deviance + 2 * self.parameter_count

    @property
    def aicc(self) -> float:
        """Akaike's information criterion corrected for small samples; infinite if there are too few observations."""
        left = len(self.observations) - self.parameter_count - 1
        return self.aic + 2 * self.parameter_count * (self.parameter_count + 1) / left if left > 0 else float("inf")

    @property
    def bic(self) -> float:
        """Bayesian information criterion from the full likelihood."""
        return self.deviance + self.parameter_count * float(np.log(len(self.observations)))

    @property
    def relative_error(self) -> float:
        """Median of |observed - predicted| / observed over the measured (not censored) observations above zero."""
        y = self.observations.value
        some = (y > 0) & np.isfinite(self.fitted) & (self.observations.censoring == MEASURED)
        return float(np.median(np.abs(y - self.fitted)[some] / y[some])) if some.any() else float("nan")

    @property
    def values(self) -> dict[str, float]:
        """Every fitted parameter's value, by its name in lmfit (without the logarithms)."""
        keys = [k for s in self.least_squares.parameterisation.fitted_parameters for k in s.keys]
        return {k: float(self.lmfit.params[k].value) for k in keys}

    def covariance(self) -> DataFrame:
        """Return the covariance matrix of the fitted parameters (on the fitted scale).

        Raises
        ------
        FitError
            If the data do not determine all parameters.
        """
        return covariance(self.lmfit)

    def correlation(self) -> DataFrame:
        """Return the correlation matrix of the fitted parameters (on the fitted scale)."""
        return correlation(self.lmfit)

    @renamed_arguments(level="confidence")
    def confidence(self, confidence: float = 0.95) -> DataFrame:
        """Return confidence intervals from the covariance: value, lower, upper.

        Raises
        ------
        FitError
            If the data do not determine all parameters.
        """
        return intervals(self.lmfit, confidence)

    def grid(self, count: int = 200) -> FloatArray:
        """Return days from the first subject's start to the last observation."""
        return np.linspace(float(self.observations.start.min()), float(self.observations.last.max()), count)

    def groups(self, by: str) -> IntArray:
        """Return the group of each subject (S,): the subject itself, or its arm."""
        if by == "subject":
            return np.arange(len(self.observations.subjects))
        arms = list(dict.fromkeys(self.observations.arms))
        return np.array([arms.index(a) for a in self.observations.arms])
