"""The distribution of patients that a population fit estimated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import PopulationError, Problem
from immunoode.model.closed_model import resolve
from immunoode.population.distributions import LOGIT, LOGNORMAL, Distribution
from immunoode.population.population_model import PopulationParameters
from immunoode.population.random_effect_levels import levels
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows
from immunoode.virtual_population.discrete_marginals import Fixed
from immunoode.virtual_population.latent_normals import LogitNormal, LogNormal, Normal
from immunoode.virtual_population.marginals import FloatArray, Marginal
from immunoode.virtual_population.parameter_distribution import ParameterDistribution
from immunoode.virtual_population.random_numbers import normals

if TYPE_CHECKING:
    from immunoode.population.result import PopulationResult

SAME = 1e-12
"""Spread of a typical value over subjects, relative to its size, below which it counts as the same for all."""


@dataclass(frozen=True)
class FittedDistribution:
    """The result of a population fit as distributions, their correlations, and rows of the fitted subjects."""

    parameters: dict[str, ParameterDistribution]
    correlations: tuple[Correlation, ...]
    tables: tuple[EmpiricalRows, ...]


def fitted_distribution(fit: PopulationResult, *, uncertainty: bool, seed: int, replicate: int) -> FittedDistribution:
    """Return the distribution that a population fit estimated; see `PopulationDistribution.from_fit`.

    Raises
    ------
    PopulationError
    """
    drawn = _drawn(fit, seed, replicate) if uncertainty else fit.estimates
    effects = fit.population_model.effects
    source = f"estimate: population fit ({fit.method}) of {fit.data.title or 'data'}"
    typical = drawn.beta[effects.typical[effects.first]]
    shifts = effects.means(drawn.beta)[:, effects.first] - typical
    covariance = _covariance(fit, drawn)
    parameters, columns = {}, dict[str, FloatArray]()
    for k, (name, first) in enumerate(zip(effects.parameters, effects.first, strict=True)):
        kind, sd = effects.distributions[first], float(np.sqrt(covariance[k, k]))
        moves = np.abs(shifts[:, k]).max() > SAME * max(1.0, abs(typical[k]))
        if moves and not sd:
            columns[name] = kind.value(typical[k] + shifts[:, k])
            continue
        if moves:
            columns[f"shift({name})"] = shifts[:, k]
        parameters[name] = ParameterDistribution(_marginal(kind, typical[k], sd), effects.units[first], source)
    for name, values in _given(fit):
        if np.ptp(values):
            columns[name] = values
        else:
            parameters[name] = ParameterDistribution(Fixed(float(values[0])), fit.model.constants[name].unit, source)
    rows = np.stack(list(columns.values()), axis=1) if columns else None
    tables = () if rows is None else (EmpiricalRows(tuple(columns), rows, (), source),)  # type: ignore[arg-type]
    return FittedDistribution(parameters, tuple(_blocks(effects.parameters, covariance, source)), tables)


def _given(fit: PopulationResult) -> Iterator[tuple[str, FloatArray]]:
    """Yield the parameters that were not fitted and differ from the model: covariates, baselines, and those fixed by the
    user.
    """
    trajectories, fitted = fit.population_model.trajectories, fit.population_model.effects.parameters
    for name, values in zip(resolve(trajectories.model).parameters, trajectories.base.T, strict=True):
        own = fit.model.constants.get(name)
        if own is not None and name not in fitted and (values != own.value).any():
            yield name, values


def _drawn(fit: PopulationResult, seed: int, replicate: int) -> PopulationParameters:
    """Return population parameters, drawn from the normal distribution of their estimates."""
    found, model = fit.uncertainty, fit.population_model
    if len(found.blind):
        what = f"{len(found.blind)} directions of the population parameters are not determined by the data"
        raise PopulationError(
            Problem("uncertainty", what, "uncertainty=False, or fix parameters in the fit; see fit.warnings()")
        )
    values, vectors = np.linalg.eigh(found.covariance)
    scores = normals(seed, "population parameters", range(1), len(values), replicate=replicate)[0]
    return model.parameters_of(model.vector(fit.estimates) + vectors @ (np.sqrt(np.maximum(values, 0.0)) * scores))


def _covariance(fit: PopulationResult, drawn: PopulationParameters) -> FloatArray:
    """Return the covariance of latent values between patients, plus that between occasions if parameters differ between
    these.
    """
    effects = fit.population_model.effects
    total = np.zeros((len(effects.parameters),) * 2)
    for level in levels(effects, drawn.omega, fit.outcome.eta):
        at = [effects.parameters.index(p) for p in level.parameters]
        total[np.ix_(at, at)] += level.covariance
    return total


def _marginal(kind: Distribution, latent: float, sd: float) -> Marginal:
    value = float(kind.value(np.array(latent)))
    if not sd:
        return Fixed(value)
    if kind.kind == LOGNORMAL:
        return LogNormal(value, sd)
    return LogitNormal(value, sd, kind.low, kind.high) if kind.kind == LOGIT else Normal(value, sd)


def _blocks(names: tuple[str, ...], covariance: FloatArray, source: str) -> Iterator[Correlation]:
    """Yield the correlation of each group of parameters that are correlated with each other."""
    from scipy.sparse.csgraph import connected_components

    count, labels = connected_components(covariance != 0, directed=False)
    for k in range(count):
        at = np.flatnonzero(labels == k)
        if len(at) > 1:
            yield Correlation.from_covariance([names[i] for i in at], covariance[np.ix_(at, at)], source)
