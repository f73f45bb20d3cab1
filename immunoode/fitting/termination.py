"""At the end of a fit: gradient of the objective, and covariance of the estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.fitting.observations import FloatArray

if TYPE_CHECKING:
    from lmfit import Parameters
    from lmfit.minimizer import MinimizerResult

SINGULAR = 1e-7
"""Singular value of the scaled Jacobian, relative to the largest, below which the data do not determine a direction."""
STEEP = 0.01
"""Slope at a bound, in standard errors, above which the bound stopped the fit."""
NEAR = 0.01
"""Distance that counts as at a bound, relative to the Newton step and to the width of the bounds."""


@dataclass(frozen=True)
class LikelihoodSlopes:
    """Gradient of half the sum of squares by the varied parameters, on the fitted scale.

    Attributes
    ----------
    gradient : (p,) its derivatives
    steepness : (p,) lengths of the columns of the Jacobian: the inverse of the standard errors given the other parameters
    """

    names: tuple[str, ...]
    gradient: FloatArray
    steepness: FloatArray

    def stopped_at(self, name: str, parameters: Parameters) -> str:
        """Return "lower" or "upper" if that bound stopped the fit, else ""."""
        if name not in self.names:
            return ""
        j, found = self.names.index(name), parameters[name]
        slope, steep = float(self.gradient[j]), float(self.steepness[j])
        side = "lower" if slope > 0 else "upper"
        distance = found.value - found.min if slope > 0 else found.max - found.value
        if not np.isfinite(distance) or not steep > 0:
            return ""
        wanted = abs(slope) / steep**2
        span = found.max - found.min if np.isfinite(found.max - found.min) else np.inf
        near = distance <= NEAR * min(wanted, span)
        return side if near and abs(slope) > STEEP * steep else ""


def likelihood_slopes(residuals: FloatArray, jacobian: FloatArray, names: tuple[str, ...]) -> LikelihoodSlopes:
    """Return the gradient from residuals (N,) and their Jacobian (N, p)."""
    return LikelihoodSlopes(names, jacobian.T @ residuals, np.linalg.norm(jacobian, axis=0))


def gauss_newton_covariance(residuals: FloatArray, jacobian: FloatArray, freedom: int) -> FloatArray:
    """Return the Gauss-Newton covariance (p, p) of the estimates, positive definite even if the data determine only some.

    It comes from singular values of the Jacobian, whose products are never formed. A direction that the data do not determine
    has a standard error of about 1 / SINGULAR times the best one, instead of a value determined by rounding.
    """
    size = np.linalg.norm(jacobian, axis=0)
    size = np.where(size > 0, size, 1.0)
    _, values, rows = np.linalg.svd(jacobian / size, full_matrices=False)
    spread = rows.T / np.maximum(values, SINGULAR * max(float(values[0]), 1e-300)) / size[:, None]
    return np.asarray(float(residuals @ residuals) / max(freedom, 1) * spread @ spread.T)


def set_standard_errors(result: MinimizerResult, covariance: FloatArray) -> None:
    """Set the covariance of lmfit's result, and the standard errors and correlations of its parameters."""
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    result.covar, result.errorbars = covariance, True
    for i, name in enumerate(result.var_names):
        result.params[name].stderr = float(deviation[i])
        result.params[name].correl = {n: float(correlation[i, j]) for j, n in enumerate(result.var_names) if j != i}
    result.params.create_uvars(covar=covariance)
