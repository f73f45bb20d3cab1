"""Bands of curves of subjects, or of the mean curve of an arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.fitting.likelihood import ErrorModel
from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.fitting.parameterisation import Parameterisation
from immunoode.fitting.uncertainty.covariance import covariance
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    from lmfit import Parameters
    from lmfit.minimizer import MinimizerResult

    from immunoode.fitting.prediction import Predictor

SEED = 20240501


def bands(
    predictor: Predictor,
    parameterisation: Parameterisation,
    errors: Sequence[ErrorModel],
    ratios: FloatArray,
    result: MinimizerResult,
    times: FloatArray,
    groups: IntArray,
    *,
    level: float = 0.95,
    of: Literal["mean", "observation"] = "mean",
    method: Literal["delta", "sampling"] = "delta",
    draws: int = 400,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return curves (G, T, Q) averaged over groups of subjects, and the lower and upper ends of their bands.

    Parameters
    ----------
    groups : (S,) the group of each subject; -1 leaves it out
    of : the curve itself, or a new observation about it (the error model's spread is added)
    method : first-order error propagation (on the logarithm where a curve stays positive), or draws from the covariance
    """
    FitError.raise_if(confidence_problems(level, "confidence"))
    values = parameterisation.values(result.params)
    middle = grouped(predictor.curves(values[None], times), groups)[0]
    make = _delta if method == "delta" else _drawn
    if method not in ("delta", "sampling"):
        raise FitError(Problem("method", f"{method!r} is not known", "use 'delta', 'sampling' or 'likelihood'"))
    low, high = make(predictor, parameterisation, result, times, groups, middle, level, draws)
    return (middle, low, high) if of == "mean" else (middle, *observation_band(middle, low, high, errors, ratios, level))


def grouped(curves: FloatArray, groups: IntArray) -> FloatArray:
    """Return the mean curve (B, G, T, Q) of each group from when all its subjects have started, without failed simulations."""
    solved = np.flatnonzero(np.isfinite(curves).any(axis=(0, 2, 3)))
    every = [np.flatnonzero(groups == g) for g in range(int(groups.max()) + 1)]
    members = [np.intersect1d(m, solved) if np.isin(m, solved).any() else m for m in every]
    return np.stack([curves[:, m].mean(axis=1) for m in members], axis=1)


def _delta(
    predictor: Predictor,
    parameterisation: Parameterisation,
    result: MinimizerResult,
    times: FloatArray,
    groups: IntArray,
    middle: FloatArray,
    level: float,
    _: int,
) -> tuple[FloatArray, FloatArray]:
    from scipy.stats import t

    by = curve_jacobian(predictor, parameterisation, result, times, groups)
    variance = np.einsum("p...,pq,q...->...", by, covariance(result).to_numpy(), by)
    half = t.ppf(0.5 + level / 2, max(result.nfree, 1)) * np.sqrt(np.maximum(variance, 0.0))
    positive = np.all(np.where(np.isfinite(middle), middle, 1.0) > 0, axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.exp(np.minimum(half / middle, 50.0))
        return np.where(positive, middle / factor, middle - half), np.where(positive, middle * factor, middle + half)


def curve_jacobian(
    predictor: Predictor, parameterisation: Parameterisation, result: MinimizerResult, times: FloatArray, groups: IntArray
) -> FloatArray:
    """Return derivatives (p, G, T, Q) of the groups' mean curves by the varied parameters."""
    parameters = result.params
    shifted, width = parameterisation.perturbed(parameterisation.values(parameters))
    curves = predictor.curves(shifted, times)
    by_parameter = (curves[0::2] - curves[1::2]) / width[:, :, None, None]
    chain = parameterisation.chain_rule(parameters)
    zero = np.zeros_like(grouped(by_parameter[:1], groups)[0])
    rows = []
    for name in result.var_names:
        parts = [by_parameter[k] * factors[:, None, None] for k, factors in chain.get(name, [])]
        rows.append(grouped(sum(parts[1:], parts[0])[None], groups)[0] if parts else zero)
    return np.stack(rows)


def _drawn(
    predictor: Predictor,
    parameterisation: Parameterisation,
    result: MinimizerResult,
    times: FloatArray,
    groups: IntArray,
    middle: FloatArray,
    level: float,
    draws: int,
) -> tuple[FloatArray, FloatArray]:
    """Return quantiles over parameters drawn from the covariance, kept inside their bounds."""
    names = list(result.var_names)
    best = np.array([result.params[n].value for n in names])
    drawn = np.random.default_rng(SEED).multivariate_normal(best, covariance(result).to_numpy(), size=draws)
    low = np.array([result.params[n].min for n in names])
    high = np.array([result.params[n].max for n in names])
    return quantiles(predictor, parameterisation, result.params, names, np.clip(drawn, low, high), times, groups, level)


def quantiles(
    predictor: Predictor,
    parameterisation: Parameterisation,
    parameters: Parameters,
    names: Sequence[str],
    drawn: FloatArray,
    times: FloatArray,
    groups: IntArray,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper quantiles (G, T, Q) of curves over draws (D, p) of the varied parameters."""
    trial = parameters.copy()
    values = np.stack([parameterisation.values(parameterisation.set_varied(trial, names, row)) for row in drawn])
    curves = grouped(predictor.curves(values, times), groups)
    ends = np.nanquantile(curves, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return ends[0], ends[1]


def observation_band(
    middle: FloatArray, low: FloatArray, high: FloatArray, errors: Sequence[ErrorModel], ratios: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the band of a new observation: half widths of curve and residual error, added in squares."""
    out_low, out_high = low.copy(), high.copy()
    for q, model in enumerate(errors):
        f, z = middle[..., q], model.half_width(level)
        if model.kind == "lognormal":
            with np.errstate(divide="ignore", invalid="ignore"):
                down, up = np.log(f / low[..., q]), np.log(high[..., q] / f)
            out_low[..., q] = f * np.exp(-np.hypot(down, z * model.scale.s))
            out_high[..., q] = f * np.exp(np.hypot(up, z * model.scale.s))
            continue
        sd = z * model.sd(f, ratios[q])
        out_low[..., q] = f - np.hypot(f - low[..., q], sd)
        out_high[..., q] = f + np.hypot(high[..., q] - f, sd)
    return out_low, out_high
