"""Likelihood bands of curves: how far a curve can move before -2 log L rises by the threshold of a profile.

At each time, the fitted parameters move in the direction in which the curve changes most for a given loss of likelihood (the
covariance times the curve's derivatives), with the error scale re-estimated along the way, until -2 log L has risen by the
threshold of a profile. For one parameter, these are the curves at the ends of its profile; for linear models, they are the
bands from the covariance. In general they are as asymmetric as the likelihood, and respect bounds and priors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import FitError
from immunoode.fitting.least_squares import LeastSquares, error_ratio
from immunoode.fitting.likelihood import best_scale
from immunoode.fitting.observations import FloatArray, IntArray
from immunoode.fitting.uncertainty.bands import curve_jacobian, grouped
from immunoode.fitting.uncertainty.covariance import covariance
from immunoode.fitting.uncertainty.profile import thresholds
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    from lmfit import Parameters

    from immunoode.fitting.finished import FinishedFit

KNOTS = 25
"""Number of times at which a band is computed; in between, its distance from the curve is interpolated."""
ROUNDS = 7
AT_ONCE = 256
CLOSE = 2e-3
"""Relative tolerance of the square root of the rise."""


def likelihood_bands(
    result: FinishedFit, times: FloatArray, groups: IntArray, level: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the curves (G, T, Q) averaged over groups of subjects, and the lower and upper ends of their bands."""
    FitError.raise_if(confidence_problems(level, "confidence"))
    values = result.parameterisation.values(result.lmfit.params)
    middle = grouped(result.predictor.curves(values[None], times), groups)[0]
    at = np.unique(np.linspace(0, len(times) - 1, min(len(times), KNOTS)).astype(np.int64))
    ends = _ends(result, times[at], groups, level)
    known = middle[:, at]
    low, high = (_between(times, times[at], middle, known, end) for end in (ends.min(axis=0), ends.max(axis=0)))
    return middle, np.minimum(low, middle), np.maximum(high, middle)


def _ends(result: FinishedFit, times: FloatArray, groups: IntArray, level: float) -> FloatArray:
    """Return the curves (2, G, T, Q) at which the threshold is reached on either side."""
    fit, best = result.least_squares, result.lmfit
    names = list(best.var_names)
    centre = np.array([float(best.params[n].value) for n in names])
    low, high = (np.array([float(getattr(best.params[n], end)) for n in names]) for end in ("min", "max"))
    by = curve_jacobian(result.predictor, fit.parameterisation, best, times, groups)
    shape = by.shape[1:]
    flat = np.nan_to_num(by.reshape(len(names), -1))
    moved = covariance(best).to_numpy() @ flat
    size = np.sqrt(np.maximum(np.einsum("pk,pk->k", flat, moved), 0.0))
    some = size > 0
    rays = np.where(some, moved / np.where(some, size, 1.0), 0.0).T
    rays = np.concatenate([-rays, rays])
    root = np.sqrt(thresholds(result, level)[0])
    length = _lengths(result, names, centre, rays, (low, high), float(root))
    rows = np.clip(centre + length[:, None] * rays, low, high)
    when = np.tile(np.unravel_index(np.arange(flat.shape[1]), shape), 2)
    out = np.empty(len(rows))
    for begin in range(0, len(rows), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        trial = best.params.copy()
        sets = np.stack([fit.parameterisation.values(fit.parameterisation.set_varied(trial, names, row)) for row in rows[part]])
        curves = grouped(result.predictor.curves(sets, times), groups)
        g, t, q = when[:, part]
        out[part] = curves[np.arange(len(sets)), g, t, q]
    return out.reshape(2, *shape)


def _lengths(
    result: FinishedFit,
    names: list[str],
    centre: FloatArray,
    rays: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    root: float,
) -> FloatArray:
    """Return the length along each ray at which the square root of the rise of -2 log L is `root`; it is nearly linear."""
    least = result.least_squares.cost(result.lmfit.params)
    length = np.where(np.any(rays != 0, axis=1), root, 0.0)
    going = length > 0
    for _ in range(ROUNDS):
        which = np.flatnonzero(going)
        if not len(which):
            break
        rows = np.clip(centre + length[which, None] * rays[which], *bounds)
        costs = np.concatenate(
            [
                costs_of(result.least_squares, result.lmfit.params, names, rows[i : i + AT_ONCE])
                for i in range(0, len(rows), AT_ONCE)
            ]
        )
        found = np.sqrt(np.maximum(costs - least, 1e-12))
        factor = np.where(np.isfinite(found), np.clip(root / found, 0.4, 1.8), 0.5)
        length[which] *= factor
        going[which] = np.abs(factor - 1) > CLOSE
    return length


def _between(times: FloatArray, at: FloatArray, middle: FloatArray, known: FloatArray, end: FloatArray) -> FloatArray:
    """Return the end of a band at all times: its distance from the curve interpolated, as a ratio where both are positive."""
    out = np.empty_like(middle)
    for g in range(middle.shape[0]):
        for q in range(middle.shape[2]):
            curve, known_curve, own = middle[g, :, q], known[g, :, q], end[g, :, q]
            ratio = bool(np.all((known_curve > 0) & (own > 0))) and bool(np.all(curve > 0))
            distance = np.log(own / known_curve) if ratio else own - known_curve
            along = np.interp(times, at, distance)
            out[g, :, q] = curve * np.exp(along) if ratio else curve + along
    return out


def costs_of(fit: LeastSquares, parameters: Parameters, names: list[str], rows: FloatArray) -> FloatArray:
    """Return the objective (B,) at rows (B, p) of the varied parameters, with the best error scales."""
    trial = parameters.copy()
    values, ratios, extra = [], [], []
    for row in rows:
        moved = fit.parameterisation.set_varied(trial, names, row)
        moved.update_constraints()
        values.append(fit.parameterisation.values(moved))
        ratios.append([error_ratio(m, moved) for m in fit.errors])
        extra.append(float(np.sum(fit.priors.residuals(moved) ** 2)))
    predicted = fit.predict(np.stack(values))
    return np.array([_cost(fit, f, at) + more for f, at, more in zip(predicted, ratios, extra, strict=True)])


def _cost(fit: LeastSquares, f: FloatArray, ratios: list[float]) -> float:
    if not np.isfinite(f).all():
        return np.inf
    parts = [f[m.rows] for m in fit.errors]
    shared = None
    if fit.pool:
        r = [m.standardised(own, at)[0] for m, own, at in zip(fit.errors, parts, ratios, strict=True)]
        shared = best_scale(fit.errors, r, [m.limits(own, at) for m, own, at in zip(fit.errors, parts, ratios, strict=True)])
    return sum(
        m.with_best_scale(own, at, shared).deviance(own, at) for m, own, at in zip(fit.errors, parts, ratios, strict=True)
    )
