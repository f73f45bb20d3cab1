"""Draws of a model's parameters, from a fit's covariance, a bootstrap, a posterior, a table or a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.fitting.log_parameters import LOG
from immunoode.fitting.parameterisation import SHARED
from immunoode.fitting.result import FitResult
from immunoode.fitting.uncertainty.draws import Draws
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ParameterDraws:
    """A table with one row per draw and one column per parameter, and its origin."""

    table: pd.DataFrame
    words: str


def parameter_draws(source: Any, count: int, seed: int) -> ParameterDraws | None:
    """Return at most `count` draws from a source; None without a source.

    Raises
    ------
    DataError
        If the source is something else.
    """
    import pandas as pd

    if source is None:
        return None
    rng = np.random.default_rng(seed)
    if isinstance(source, FitResult):
        return ParameterDraws(_of_covariance(source, count, rng), f"{count} draws from the covariance of the fit")
    if isinstance(source, Draws):
        columns = [c for c in source.to_frame().columns if not c.startswith("error_scale__")]
        kind = "posterior" if source.kind == "posterior" else f"{source.kind} bootstrap"
        return _some(source.to_frame()[columns], None, count, rng, kind)
    if isinstance(source, VirtualPatients):
        source = Cohort(source, source.prior)
    if isinstance(source, Cohort):
        return _some(source.patients.parameters, source.weights, count, rng, "patients of the cohort")
    if isinstance(source, pd.DataFrame):
        return _some(source, None, count, rng, "the rows of the table")
    right = "a fit, its bootstrap or posterior, a table of parameters, or a cohort"
    raise DataError(Problem("uncertainty", f"is {type(source).__name__}", right))


def _some(table: pd.DataFrame, weights: Any, count: int, rng: np.random.Generator, what: str) -> ParameterDraws:
    """Return random rows, with the weights as probabilities; all rows if they are few and have no weights."""
    if table.empty:
        raise DataError(Problem("uncertainty", "has no rows, or no columns", "one row of parameters per draw"))
    if weights is None and len(table) <= count:
        return ParameterDraws(table.reset_index(drop=True), f"{len(table)} draws: {what}")
    rows = rng.choice(len(table), count, replace=weights is not None, p=weights)
    return ParameterDraws(table.iloc[rows].reset_index(drop=True), f"{count} draws: {what}")


def _of_covariance(fit: FitResult, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return draws from the normal distribution of the fitted parameters, on their natural scale, within their bounds."""
    import pandas as pd

    if any(p.sharing != SHARED for p in fit.parameterisation.fitted_parameters):
        what = "has parameters that differ between arms or subjects"
        raise DataError(Problem("fit", what, "a fit whose parameters are shared, or a table of draws"))
    names, params = list(fit.lmfit.var_names), fit.lmfit.params
    centre = np.array([params[name].value for name in names])
    drawn = rng.multivariate_normal(centre, fit.covariance().to_numpy(), count)
    kept = np.clip(drawn, [params[n].min for n in names], [params[n].max for n in names])
    columns = {}
    for name, values in zip(names, kept.T, strict=True):
        bare = name.removeprefix(LOG)
        logged = name.startswith(LOG) and bare in params
        columns[bare if logged else name] = np.exp(values) if logged else values
    return pd.DataFrame(columns)
