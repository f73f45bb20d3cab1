r"""Residuals of a population fit.

IWRES is :math:`(y - f(\hat\eta)) / \sqrt v`. CWRES (Hooker 2007) are those of the model linearised about each subject's most
likely effects, with mean :math:`f(\hat\eta) - a \hat\eta` and covariance :math:`a \Omega a' + v`, made independent by its
Cholesky factor. NPDE (Comets 2008) rank each observation among simulated ones, made independent by their empirical moments;
under the model they are standard normal, regardless of the shape of its distributions. For censored observations they are NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.fitting.observations import FloatArray
from immunoode.population.simulated_data import simulated_trials
from immunoode.population.tables import prediction_table

if TYPE_CHECKING:
    from pandas import DataFrame

    from immunoode.population.finished import FinishedPopulationFit


def residual_table(result: FinishedPopulationFit, draws: int, seed: int) -> DataFrame:
    """Return one row per observation: row, subject, arm, time, quantity, observed, typical, individual, iwres, cwres, npde."""
    table = prediction_table(result, None, "typical").rename(columns={"predicted": "typical"}).drop(columns="unit")
    table["individual"] = prediction_table(result, None, "individual")["predicted"]
    model = result.population_model
    measured = model.likelihood.measured
    g = model.likelihood.transformed(table["individual"].to_numpy())[0]
    table["iwres"] = np.where(measured, model.likelihood.residuals(g, result.estimates.errors), np.nan)
    table["cwres"] = np.where(measured, _conditional(result), np.nan)
    table["npde"] = np.where(measured, _ranked(result, draws, seed), np.nan)
    return table


def _conditional(result: FinishedPopulationFit) -> FloatArray:
    model, parameters, found = result.population_model, result.estimates, result.modes
    v = model.likelihood.variance(found.g, parameters.errors)
    own = found.jacobian[:, model.effects.random]
    mean = found.g - np.einsum("ni,ni->n", own, found.eta[model.subject])
    out = np.full(len(v), np.nan)
    for rows in np.split(np.arange(len(v)), model.first_rows[1:]):
        use = rows[np.isfinite(found.g[rows]) & model.likelihood.measured[rows]]
        if len(use):
            covariance = own[use] @ parameters.omega @ own[use].T + np.diag(v[use])
            out[use] = np.linalg.solve(np.linalg.cholesky(covariance), model.likelihood.value[use] - mean[use])
    return out


def _ranked(result: FinishedPopulationFit, draws: int, seed: int) -> FloatArray:
    from scipy.special import ndtri

    model, made = result.population_model, simulated_trials(result, draws, seed)
    out = np.full(made.shape[1], np.nan)
    for rows in np.split(np.arange(made.shape[1]), model.first_rows[1:]):
        use = rows[model.likelihood.measured[rows]]
        some = made[:, use][np.isfinite(made[:, use]).all(axis=1)]
        if not len(use) or len(some) < 2 * len(use) + 10:
            continue
        mean = some.mean(axis=0)
        spread = np.atleast_2d(np.cov(some.T)) + 1e-10 * np.diag(some.var(axis=0) + 1e-300)
        lower = np.linalg.cholesky(spread)
        alone = np.linalg.solve(lower, (some - mean).T)
        seen = np.linalg.solve(lower, model.likelihood.value[use] - mean)
        share = (alone < seen[:, None]).mean(axis=1)
        out[use] = ndtri(np.clip(share, 0.5 / len(some), 1 - 0.5 / len(some)))
    return out
