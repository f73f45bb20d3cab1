"""Covariance and correlation of the fitted parameters, and confidence intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.log_parameters import LOG
from immunoode.fitting.observations import FloatArray
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    from lmfit import Parameters
    from lmfit.minimizer import MinimizerResult
    from pandas import DataFrame


def covariance(result: MinimizerResult) -> DataFrame:
    """Return the covariance of the varied parameters ("log_..." if the logarithm is fitted).

    Raises
    ------
    FitError
        If the fit has none, because the data do not determine all parameters.
    """
    import pandas as pd

    if getattr(result, "covar", None) is None or not np.all(np.isfinite(result.covar)):
        if result.aborted:
            what = "is not available: the fit was stopped early"
            raise FitError(Problem("covariance", what, "continue from its values: fit(..., initial=result)"))
        raise FitError(
            Problem(
                "covariance",
                "is not available: the data do not determine all parameters",
                "fit fewer parameters, or see the .profile() of each",
            )
        )
    return pd.DataFrame(result.covar, index=result.var_names, columns=result.var_names)


def correlation(result: MinimizerResult) -> DataFrame:
    """Return the correlation of the varied parameters."""
    table = covariance(result)
    sd = deviations(table)
    return (table / np.outer(sd, sd)).clip(-1.0, 1.0)


def deviations(table: DataFrame) -> FloatArray:
    """Return the standard deviations; NaN if rounding makes a variance negative."""
    variances = np.diag(table)
    return np.sqrt(np.where(variances >= 0, variances, np.nan))


def natural_name(name: str, parameters: Parameters) -> str:
    """Return the name of a parameter from that of its logarithm; other names are unchanged."""
    bare = name.removeprefix(LOG)
    return bare if name.startswith(LOG) and bare in parameters else name


def intervals(result: MinimizerResult, level: float) -> DataFrame:
    """Return confidence intervals from the covariance, cut at the bounds; symmetric on the fitted scale."""
    import pandas as pd
    from scipy.stats import t

    FitError.raise_if(confidence_problems(level, "confidence"))
    found = [result.params[n] for n in result.var_names]
    half = t.ppf(0.5 + level / 2, max(result.nfree, 1)) * deviations(covariance(result))
    middle = np.array([p.value for p in found])
    low = np.maximum(middle - half, [p.min for p in found])
    high = np.minimum(middle + half, [p.max for p in found])
    names = [natural_name(n, result.params) for n in result.var_names]
    logged = np.array([n != m for n, m in zip(names, result.var_names, strict=True)])

    def back(x: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.where(logged, np.exp(np.where(logged, x, 0.0)), x)

    return pd.DataFrame({"value": back(middle), "lower": back(low), "upper": back(high)}, index=names)
