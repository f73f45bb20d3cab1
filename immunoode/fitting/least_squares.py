"""The least-squares problem of a fit: residuals and their Jacobian as functions of lmfit Parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import FitError, Problem
from immunoode.fitting.likelihood import ErrorModel, best_scale, ratio_start
from immunoode.fitting.observations import FloatArray, Observations
from immunoode.fitting.parameterisation import LOG, Parameterisation
from immunoode.fitting.prediction import Predictor
from immunoode.fitting.priors import Priors

if TYPE_CHECKING:
    from lmfit import Parameters

FAILED = 10.0
"""Residual of an observation that cannot be simulated, relative to the largest one at the start: large, but finite."""


@dataclass
class LeastSquares:
    """The objective that lmfit minimises. `errors` change between rounds of a fit; `failures` counts failed simulations.

    With `pool`, all quantities share one error scale.
    """

    predict: Predictor
    observations: Observations
    parameterisation: Parameterisation
    errors: tuple[ErrorModel, ...]
    pool: bool = False
    priors: Priors = field(default_factory=Priors)
    failures: int = 0
    evaluations: int = 0
    _penalty: float = field(default=0.0, repr=False)

    def parameters(self) -> Parameters:
        """Return the lmfit Parameters of the parameterisation and of the error models."""
        made = self.parameterisation.parameters()
        for model in self.errors:
            if model.ratio_name:
                start, low, high = ratio_start(model)
                made.add(LOG + model.ratio_name, value=np.log(start), min=np.log(low), max=np.log(high))
                made.add(model.ratio_name, expr=f"exp({LOG}{model.ratio_name})")
        return made

    def predictions(self, parameters: Parameters) -> FloatArray:
        """Return the predictions (N,); NaN for failed simulations."""
        return self.predict(self.parameterisation.values(parameters)[None])[0]

    def _counted(self, parameters: Parameters) -> FloatArray:
        """Return the predictions and count an evaluation of the fit."""
        found = self.predictions(parameters)
        self.evaluations += 1
        self.failures += len(set(self.observations.subject[~np.isfinite(found)]))
        return found

    def __call__(self, parameters: Parameters) -> FloatArray:
        """Return the residuals (N,), always finite, followed by those of the priors."""
        f = self._counted(parameters)
        z = self._standard(parameters, f)
        if not self._penalty:
            self._penalty = _penalty(f, z)
        return self._whole(parameters, f, z, self._penalty)

    def _standard(self, parameters: Parameters, f: FloatArray) -> FloatArray:
        """Return the residuals of the observations; arbitrary for failed simulations."""
        z, usable = np.full(len(f), np.nan), self._guess(f)
        for model in self.errors:
            z[model.rows] = model.residuals(usable[model.rows], error_ratio(model, parameters))
        return z

    def _whole(self, parameters: Parameters, f: FloatArray, z: FloatArray, penalty: float) -> FloatArray:
        """Return the residuals with `penalty` for failed simulations, followed by those of the priors."""
        return np.append(np.where(np.isfinite(f) & np.isfinite(z), z, penalty), self.priors.residuals(parameters))

    def _guess(self, f: FloatArray) -> FloatArray:
        """Return the predictions with the data instead of failed ones, so that the weights of the others stay finite."""
        return np.where(np.isfinite(f), f, self.observations.value)

    def jacobian(self, parameters: Parameters) -> FloatArray:
        """Return the Jacobian of the residuals, one column per varied parameter."""
        found, simulations = self._derivatives(parameters)
        self.evaluations += simulations
        return found

    def residuals_and_jacobian(self, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
        """Return the residuals and their Jacobian without counting an evaluation."""
        f = self.predictions(parameters)
        return self._whole(parameters, f, self._standard(parameters, f), 0.0), self._derivatives(parameters)[0]

    def _derivatives(self, parameters: Parameters) -> tuple[FloatArray, int]:
        """Return the Jacobian, and the number of simulations it took."""
        values = self.parameterisation.values(parameters)
        f, by, simulations = self.predict.derivatives(values)
        by = self.parameterisation.jacobian_wrt_fit(
            parameters, values, np.where(np.isfinite(f), by, 0.0), self.observations.subject
        )
        own = self._residual_slopes(parameters, self._guess(f), by, np.isfinite(f))
        return np.vstack([own, self.priors.jacobian(parameters)]), simulations

    def _residual_slopes(self, parameters: Parameters, f: FloatArray, by: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
        """Return the Jacobian of the observations' residuals, one column per varied parameter."""
        names = [n for n, p in parameters.items() if p.vary]
        jacobian = np.zeros_like(by)
        for model in self.errors:
            at = error_ratio(model, parameters)
            part, by_ratio = model.jacobian(f[model.rows], by[model.rows], at)
            jacobian[model.rows] = part
            if model.ratio_name and LOG + model.ratio_name in names:
                jacobian[model.rows, names.index(LOG + model.ratio_name)] += by_ratio * at
        jacobian[~good] = 0.0
        return np.where(np.isfinite(jacobian), jacobian, 0.0)

    def update_scales(self, parameters: Parameters) -> float:
        """Set the error scales to their maximum-likelihood values at these parameters; return their relative change."""
        f = self._counted(parameters)
        good = np.isfinite(f)
        before = [m.scale.s for m in self.errors]
        usable = self._guess(f)
        some = [m for m in self.errors if good[m.rows].any()]
        r = [m.standardised(usable[m.rows], error_ratio(m, parameters))[0] for m in some]
        limits = [m.limits(usable[m.rows], error_ratio(m, parameters)) for m in some]
        shared = best_scale(some, r, limits) if self.pool and some else None
        done = [
            m.with_best_scale(usable[m.rows], error_ratio(m, parameters), shared) if good[m.rows].any() else m
            for m in self.errors
        ]
        self.errors = tuple(done)
        self._penalty = 0.0
        return max(abs(np.log(m.scale.s / s)) for m, s in zip(self.errors, before, strict=True))

    @property
    def scale_is_separable(self) -> bool:
        """Whether all observations share one error scale, so that the best parameters do not depend on it."""
        plain = all(np.isinf(m.degrees) and not m.censoring.any() for m in self.errors)
        return plain and (self.pool or len(self.errors) == 1) and not len(self.priors)

    def deviance(self, parameters: Parameters) -> float:
        """Return -2 log-likelihood of all observations that could be simulated."""
        f = self.predictions(parameters)
        usable = self._guess(f)
        return sum(m.deviance(usable[m.rows], error_ratio(m, parameters)) for m in self.errors)

    def cost(self, parameters: Parameters) -> float:
        """Return the objective: -2 log-likelihood plus the squared residuals of the priors."""
        return self.deviance(parameters) + float(np.sum(self.priors.residuals(parameters) ** 2))


def _penalty(f: FloatArray, z: FloatArray) -> float:
    """Return the residual for failed simulations, from the residuals at the starting values."""
    good = np.isfinite(f) & np.isfinite(z)
    if not good.any():
        what = "no simulation succeeds at the starting values"
        raise FitError(Problem("initial", what, "give others with initial={'parameter': value}, or narrower bounds"))
    return FAILED * max(1.0, float(np.max(np.abs(z[good]))))


def error_ratio(model: ErrorModel, parameters: Parameters) -> float:
    """Return the ratio of the additive to the proportional part of a combined error (0 for other kinds)."""
    return float(parameters[model.ratio_name].value) if model.ratio_name else 0.0
