"""Uncertainty of a finished fit: correlation, intervals from the covariance, profiles, prediction bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fit.design import LOG, Design
from immunoode.fit.likelihood import ErrorModel
from immunoode.fit.observations import FloatArray, IntArray

if TYPE_CHECKING:
    from lmfit import Minimizer, Parameters
    from lmfit.minimizer import MinimizerResult
    from pandas import DataFrame

    from immunoode.fit.prediction import Predictor

SEED = 20240501


def covariance(result: MinimizerResult) -> DataFrame:
    """Return the covariance of what lmfit varies ("log_..." where the logarithm is fitted).

    Raises
    ------
    FitError
        If the fit has none: parameters that the data do not determine.
    """
    import pandas as pd

    if getattr(result, "covar", None) is None or not np.all(np.isfinite(result.covar)):
        raise FitError(
            Problem(
                "covariance",
                "is not available: the data do not determine all parameters",
                "let fewer parameters vary, or look at .profile() of each",
            )
        )
    return pd.DataFrame(result.covar, index=result.var_names, columns=result.var_names)


def correlation(result: MinimizerResult) -> DataFrame:
    """Return the correlation of what lmfit varies."""
    table = covariance(result)
    sd = _deviations(table)
    return table / np.outer(sd, sd)


def _deviations(table: DataFrame) -> FloatArray:
    """Return standard deviations; NaN, which reports say in words, where rounding leaves a variance below zero."""
    variances = np.diag(table)
    return np.sqrt(np.where(variances >= 0, variances, np.nan))


def natural(name: str, parameters: Parameters) -> str:
    """Return the name of the parameter itself where `name` is that of its logarithm."""
    bare = name.removeprefix(LOG)
    return bare if name.startswith(LOG) and bare in parameters else name


def intervals(result: MinimizerResult, level: float) -> DataFrame:
    """Return confidence intervals from the covariance, cut at the bounds; symmetric in the scale that was fitted."""
    import pandas as pd
    from scipy.stats import t

    _level(level)
    found = [result.params[n] for n in result.var_names]
    half = t.ppf(0.5 + level / 2, max(result.nfree, 1)) * _deviations(covariance(result))
    middle = np.array([p.value for p in found])
    low = np.maximum(middle - half, [p.min for p in found])
    high = np.minimum(middle + half, [p.max for p in found])
    names = [natural(n, result.params) for n in result.var_names]
    logged = np.array([n != m for n, m in zip(names, result.var_names, strict=True)])

    def back(x: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.where(logged, np.exp(np.where(logged, x, 0.0)), x)

    return pd.DataFrame({"value": back(middle), "lower": back(low), "upper": back(high)}, index=names)


def _level(level: float) -> None:
    if not 0 < level < 1:
        raise FitError(Problem("level", f"{level!r} is not between 0 and 1", "for example 0.95"))


def profiles(minimizer: Minimizer, result: MinimizerResult, names: Sequence[str], level: float) -> DataFrame:
    """Return profile-likelihood intervals (lmfit.conf_interval: every other parameter refitted, F-test).

    An infinite limit says that the data do not bound the parameter on that side within its bounds.
    """
    import warnings

    import pandas as pd
    from lmfit import conf_interval

    _level(level)
    covariance(result)
    known = {natural(n, result.params): n for n in result.var_names}
    chosen = list(names) or list(known)
    unknown = [n for n in chosen if n not in known]
    if unknown:
        raise FitError([Problem("profile", f"{n!r} was not fitted", nearest(n, known)) for n in unknown])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a limit that is not reached is in the table as infinite
        if len(known) == 1:
            found = {known[n]: _alone(minimizer, result, known[n], level) for n in chosen}
        else:
            found = {
                k: [v for _, v in rows]
                for k, rows in conf_interval(minimizer, result, [known[n] for n in chosen], [level]).items()
            }
    rows = {n: (np.exp(found[known[n]]) if known[n] != n else np.asarray(found[known[n]])) for n in chosen}
    return pd.DataFrame({n: [r[1], r[0], r[-1]] for n, r in rows.items()}, index=["value", "lower", "upper"]).T


def _alone(minimizer: Minimizer, result: MinimizerResult, name: str, level: float) -> list[float]:
    """Return lower limit, value and upper limit of the only parameter, where nothing else is to be refitted."""
    from scipy.optimize import brentq
    from scipy.stats import f

    limit = result.chisqr * (1 + f.ppf(level, 1, result.nfree) / result.nfree)
    parameters = result.params.copy()
    best, sd = parameters[name].value, parameters[name].stderr

    def above(x: float) -> float:
        parameters[name].value = x
        return float(np.sum(minimizer.userfcn(parameters) ** 2)) - limit

    def edge(sign: int, bound: float) -> float:
        for width in (2, 4, 8, 16, 32):
            x = best + sign * width * sd
            x = max(x, bound) if sign < 0 else min(x, bound)
            if above(x) > 0:
                return float(brentq(above, *sorted((best, x)), xtol=1e-6 * sd))
        return sign * np.inf

    return [edge(-1, parameters[name].min), best, edge(1, parameters[name].max)]


def bands(
    predictor: Predictor,
    design: Design,
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
    """Return (G, T, Q) curves averaged over groups of subjects, and the lower and upper end of their band.

    Parameters
    ----------
    groups : (S,) the group of each subject; -1 leaves it out
    of : the curve itself, or a new observation about it (the error model's spread is added)
    method : first-order error propagation (on the logarithm where a curve stays positive), or draws from the covariance
    """
    _level(level)
    values = design.values(result.params)
    middle = _grouped(predictor.curves(values[None], times), groups)[0]
    make = _delta if method == "delta" else _drawn
    if method not in ("delta", "sampling"):
        raise FitError(Problem("method", f"{method!r} is not known", "use 'delta' or 'sampling'"))
    low, high = make(predictor, design, result, times, groups, middle, level, draws)
    return (middle, low, high) if of == "mean" else (middle, *_spread(middle, low, high, errors, ratios, level))


def _grouped(curves: FloatArray, groups: IntArray) -> FloatArray:
    """Return (B, G, T, Q) the mean curve of each group, from when all its subjects have started (those that fail aside)."""
    solved = np.flatnonzero(np.isfinite(curves).any(axis=(0, 2, 3)))
    every = [np.flatnonzero(groups == g) for g in range(int(groups.max()) + 1)]
    members = [np.intersect1d(m, solved) if np.isin(m, solved).any() else m for m in every]
    return np.stack([curves[:, m].mean(axis=1) for m in members], axis=1)


def _delta(
    predictor: Predictor,
    design: Design,
    result: MinimizerResult,
    times: FloatArray,
    groups: IntArray,
    middle: FloatArray,
    level: float,
    _: int,
) -> tuple[FloatArray, FloatArray]:
    from scipy.stats import t

    slopes = _slopes(predictor, design, result, times, groups)
    variance = np.einsum("p...,pq,q...->...", slopes, covariance(result).to_numpy(), slopes)
    half = t.ppf(0.5 + level / 2, max(result.nfree, 1)) * np.sqrt(np.maximum(variance, 0.0))
    positive = np.all(np.where(np.isfinite(middle), middle, 1.0) > 0, axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.exp(np.minimum(half / middle, 50.0))
        return np.where(positive, middle / factor, middle - half), np.where(positive, middle * factor, middle + half)


def _slopes(
    predictor: Predictor, design: Design, result: MinimizerResult, times: FloatArray, groups: IntArray
) -> FloatArray:
    """Return (p, G, T, Q) derivatives of the groups' mean curves by what lmfit varies."""
    moved, width = design.perturbed(design.values(result.params))
    curves = predictor.curves(moved, times)
    by_slot = (curves[0::2] - curves[1::2]) / width[:, :, None, None]
    rows = []
    for name in result.var_names:
        slot, owner = _owner(design, name)
        if slot < 0:
            rows.append(np.zeros_like(_grouped(by_slot[:1], groups)[0]))
            continue
        mine = design.slots[slot].group == owner
        rows.append(_grouped(np.where(mine[:, None, None], by_slot[slot], 0.0)[None], groups)[0])
    return np.stack(rows)


def _owner(design: Design, name: str) -> tuple[int, int]:
    """Return slot and group of a varied parameter; (-1, -1) for parameters of the error model."""
    for k, slot in enumerate(design.slots):
        if name in slot.varied:
            return k, slot.varied.index(name)
    return -1, -1


def _drawn(
    predictor: Predictor,
    design: Design,
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
    values = np.stack([_values(design, names, row) for row in np.clip(drawn, low, high)])
    curves = _grouped(predictor.curves(values, times), groups)
    ends = np.nanquantile(curves, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return ends[0], ends[1]


def _values(design: Design, names: list[str], row: FloatArray) -> FloatArray:
    columns = []
    for slot in design.slots:
        own = np.array([row[names.index(n)] for n in slot.varied])
        columns.append((np.exp(own) if slot.log else own)[slot.group])
    return np.column_stack(columns)


def _spread(
    middle: FloatArray,
    low: FloatArray,
    high: FloatArray,
    errors: Sequence[ErrorModel],
    ratios: FloatArray,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the band of a new observation: the curve's half widths and the errors' spread, added in squares."""
    from scipy.stats import norm

    z = norm.ppf(0.5 + level / 2)
    out_low, out_high = low.copy(), high.copy()
    for q, model in enumerate(errors):
        f = middle[..., q]
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
