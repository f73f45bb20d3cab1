"""The tables of a finished population fit: parameters, predictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from immunoode import units
from immunoode.errors import FitError, Problem
from immunoode.fitting.tables import curve_table
from immunoode.number_checks import confidence_problems
from immunoode.population.distributions import LOGNORMAL, NORMAL

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.fitting.observations import FloatArray
    from immunoode.population.finished import FinishedPopulationFit
    from immunoode.population.random_effect_levels import Level

_UNKNOWN = 100.0
"""Largest standard error of a logarithm that is reported."""
FEW = 1e-3
"""Standard deviation below which a random effect has vanished."""


def parameter_table(result: FinishedPopulationFit, level: float = 0.95) -> DataFrame:
    """Return one row per population parameter; intervals are symmetric on the scale that is estimated."""
    import pandas as pd
    from scipy.stats import norm

    FitError.raise_if(confidence_problems(level, "confidence"))
    covariance = result.uncertainty.covariance
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    z = float(norm.ppf(0.5 + level / 2))
    with np.errstate(over="ignore"):
        rows = [*_typical(result, sd, z), *_spread(result, covariance, z), *_errors(result, sd, z)]
    table = pd.DataFrame(rows).set_index("parameter")
    with np.errstate(divide="ignore", invalid="ignore"):
        table.insert(4, "rse_percent", 100 * table["standard_error"] / table["value"].abs())
    return table


def _typical(result: FinishedPopulationFit, sd: FloatArray, z: float) -> list[dict[str, object]]:
    effects, beta = result.population_model.effects, result.estimates.beta
    rows: list[dict[str, object]] = []
    for c, name in enumerate(effects.coefficients):
        k = int(np.argmax(np.abs(effects.columns[..., c]).sum(axis=0)))
        if c == effects.typical[k]:
            d = effects.distributions[k]
            value, low, high = (float(d.value(np.array(beta[c] + s * z * sd[c]))) for s in (0, -1, 1))
            error = float(d.slope(np.array(beta[c]))) * sd[c]
            rows.append(_row(name, "typical value", value, effects.units[k], error, low, high))
        else:
            rows.append(_row(name, "covariate", float(beta[c]), "1", sd[c], beta[c] - z * sd[c], beta[c] + z * sd[c]))
    return rows


def _spread(result: FinishedPopulationFit, covariance: FloatArray, z: float) -> list[dict[str, object]]:
    """Return standard deviations and correlations of random effects, level by level, with errors by the delta method."""
    return [row for level in result.levels for row in _spread_of(result, level, covariance, z)]


def _spread_of(result: FinishedPopulationFit, level: Level, covariance: FloatArray, z: float) -> list[dict[str, object]]:
    pattern, omega, names = level.pattern, level.covariance, level.names
    first, count = len(result.population_model.effects.coefficients) + level.offset, len(level.pattern.elements)
    slopes = np.array(list(pattern.derivatives(pattern.vector(omega))))
    own = covariance[first : first + count, first : first + count]
    size, shrinkage = np.sqrt(np.diag(omega)), level.shrinkage
    rows = []
    for i, name in enumerate(names):
        by = slopes[:, i, i] / (2 * omega[i, i])
        error = min(float(np.sqrt(max(by @ own @ by, 0.0))), _UNKNOWN)
        latent = level.distributions[i].kind
        unit = level.units[i] if latent == NORMAL else "1"
        known = size[i] >= FEW and error <= 1  # an effect that has vanished, or that the data do not determine, has no interval
        low, high = (size[i] * np.exp(s * z * error) if known else np.nan for s in (-1, 1))
        row = _row(f"sd({name})", level.kind, float(size[i]), unit, size[i] * error if known else np.nan, low, high)
        cv = 100 * np.sqrt(np.expm1(omega[i, i])) if latent == LOGNORMAL and omega[i, i] < 50 else np.nan
        rows.append({**row, "cv_percent": cv, "shrinkage_percent": 100 * shrinkage[name]})
    for i, j in pattern.elements:
        if i == j:
            continue
        r = omega[i, j] / (size[i] * size[j])
        by = slopes[:, i, j] / (size[i] * size[j]) - r * (slopes[:, i, i] / omega[i, i] + slopes[:, j, j] / omega[j, j]) / 2
        error = float(np.sqrt(max(by @ own @ by, 0.0)))
        half = z * error / max(1 - r * r, 1e-9)
        rows.append(
            _row(
                f"correlation({names[j]}, {names[i]})",
                level.kind,
                float(r),
                "1",
                error,
                float(np.tanh(np.arctanh(r) - half)),
                float(np.tanh(np.arctanh(r) + half)),
            )
        )
    return rows


def _errors(result: FinishedPopulationFit, sd: FloatArray, z: float) -> list[dict[str, object]]:
    likelihood, seen, rows = result.population_model.likelihood, result.observations, []
    first = len(result.population_model.names) - len(likelihood.names)
    for j, name in enumerate(likelihood.names):
        quantity = int(seen.quantity[np.flatnonzero((likelihood.additive == j) | (likelihood.proportional == j))[0]])
        unit = seen.units[quantity] if name.startswith("additive") else "1"
        value, error = float(np.exp(result.estimates.errors[j])), min(float(sd[first + j]), _UNKNOWN)
        rows.append(
            _row(name, "within subjects", value, unit, value * error, value * np.exp(-z * error), value * np.exp(z * error))
        )
    return rows


def _row(name: str, kind: str, value: float, unit: str, error: float, low: float, high: float) -> dict[str, object]:
    return {
        "parameter": name,
        "kind": kind,
        "value": value,
        "unit": unit,
        "standard_error": float(error),
        "lower": float(low),
        "upper": float(high),
    }


def prediction_table(result: FinishedPopulationFit, times: Iterable[float] | None, of: str) -> DataFrame:
    """Return predictions at the observations, or at times."""
    import pandas as pd

    if of not in ("individual", "typical"):
        raise FitError(Problem("of", f"is {of!r}", "'individual' or 'typical'"))
    seen, effects = result.observations, result.population_model.effects
    eta = result.outcome.eta if of == "individual" else np.zeros_like(result.outcome.eta)
    latent = effects.latent(effects.means(result.estimates.beta), eta)[None]
    subjects, arms = np.array(seen.subjects), np.array(seen.arms)
    if times is None:
        found = result.population_model.trajectories(latent)[0]
        return pd.DataFrame(
            {
                "row": seen.rows,
                "subject": subjects[seen.subject],
                "arm": arms[seen.subject],
                "time": seen.time,
                "quantity": np.array(seen.quantities)[seen.quantity],
                "observed": seen.value,
                "predicted": found,
                "unit": np.array(seen.units)[seen.quantity],
            }
        )
    days = units.times(times)
    curves = result.population_model.trajectories.curves(latent, days)[0]
    return curve_table(seen, days, "subject", {"predicted": curves})
