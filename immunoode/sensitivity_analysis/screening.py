"""Elementary effects (Morris), PAWN, and regional analysis: cheap measures of importance."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.sensitivity_analysis.inputs import FloatArray
from immunoode.sensitivity_analysis.sobol import Estimates, Evaluate

_STEP, _RESAMPLES, _SLICES = 2 / 3, 400, 10


def morris(evaluate: Evaluate, dimensions: int, *, n: int, confidence: float, seed: int) -> Estimates:
    """Return the mean absolute elementary effect and its interval, the mean, and the standard deviation, over n trajectories.

    Effects are changes of the output per change of a parameter's probability by one (Morris 1991, Technometrics 33:161-74;
    Campolongo et al. 2007, Environ Model Softw 22:1509-18).
    """
    random = np.random.default_rng(seed)
    starts = random.random((n, dimensions)) * (1 - _STEP)  # not on a grid, which could hide the effect of a periodic function
    signs = random.choice([-1.0, 1.0], (n, dimensions))
    starts = np.where(signs > 0, starts, starts + _STEP)
    orders = np.argsort(random.random((n, dimensions)), axis=1)
    points = np.repeat(starts[:, None], dimensions + 1, axis=1)
    for k in range(dimensions):
        rows, moved = np.arange(n), orders[:, k]
        points[rows, k + 1 :, moved] += (_STEP * signs[rows, moved])[:, None]
    found = evaluate(points.reshape(-1, dimensions)).reshape(n, dimensions + 1, -1)
    effects = np.empty((n, dimensions, found.shape[2]))
    for k in range(dimensions):
        rows, moved = np.arange(n), orders[:, k]
        effects[rows, moved] = (found[:, k + 1] - found[:, k]) / (_STEP * signs[rows, moved])[:, None]
    drawn = random.integers(0, n, (_RESAMPLES, n))
    resampled = np.abs(effects)[drawn].mean(axis=1)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    values = {
        "mean_absolute_effect": np.abs(effects).mean(axis=0).T,
        "mean_absolute_effect_lower": low.T,
        "mean_absolute_effect_upper": high.T,
        "mean_effect": effects.mean(axis=0).T,
        "standard_deviation": effects.std(axis=0, ddof=1).T,
    }
    return Estimates(values, n, True, points.reshape(-1, dimensions), found.reshape(-1, found.shape[2]))


def pawn(points: FloatArray, outputs: FloatArray, *, confidence: float, seed: int) -> Estimates:
    """Return, for each parameter, the median Kolmogorov-Smirnov distance between the distribution of the output and that in
    slices.

    A dummy parameter without influence gives `noise`, the value due to chance alone (Pianosi and Wagener 2015,
    Environ Model Softw 67:1-11).
    """
    random = np.random.default_rng(seed)
    n, d = points.shape

    def measures(rows: Any) -> FloatArray:
        return np.array([[_distance(points[rows, i], outputs[rows, k]) for i in range(d)] for k in range(outputs.shape[1])])

    found = measures(np.arange(n))
    boot = np.array([measures(random.integers(0, n, n)) for _ in range(50)])
    centred = boot - boot.mean(axis=0) + found  # samples with ties have larger distances
    low, high = np.quantile(centred, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    dummies = [[_distance(random.random(n), y) for _ in range(20)] for y in outputs.T]
    noise = np.repeat(np.quantile(dummies, confidence, axis=1)[:, None], d, axis=1)
    values = {"median_distance": found, "median_distance_lower": low, "median_distance_upper": high, "noise": noise}
    return Estimates(values, n, True, points, outputs)


def _distance(x: Any, y: Any) -> float:
    """Return the median, over slices of x, of the distance between the distribution of y in the slice and that of all y."""
    order = np.argsort(x, kind="stable")
    ranks = np.searchsorted(np.sort(y), y[order], side="right") / len(y)
    parts = np.array_split(ranks, _SLICES)
    return float(np.median([_from_uniform(part) for part in parts]))


def _from_uniform(ranks: FloatArray) -> float:
    inside = np.sort(ranks)
    steps = np.arange(1, len(inside) + 1) / len(inside)
    return float(max(np.max(steps - inside), np.max(inside - steps + 1 / len(inside))))


def regional(points: FloatArray, outputs: FloatArray, happens: np.ndarray) -> Estimates:
    """Return, for each parameter, the difference between its distributions in patients with and without an event.

    These are the Kolmogorov-Smirnov distance with its p value, and the difference in means of probabilities (Hornberger and
    Spear 1981, J Environ Manage 12:7-18).
    """
    from scipy.stats import ks_2samp

    tests = [ks_2samp(points[happens, i], points[~happens, i]) for i in range(points.shape[1])]
    shift = points[happens].mean(axis=0) - points[~happens].mean(axis=0)
    values = {
        "distance": np.array([[t.statistic for t in tests]]),
        "p_value": np.array([[t.pvalue for t in tests]]),
        "shift": shift[None],
    }
    return Estimates(values, len(points), True, points, outputs)


def one_at_a_time(evaluate: Evaluate, dimensions: int, *, low: float, high: float) -> Estimates:
    """Return the output with each parameter at a low and a high quantile, the others at their medians."""
    points = np.full((2 * dimensions + 1, dimensions), 0.5)
    for i in range(dimensions):
        points[1 + 2 * i, i], points[2 + 2 * i, i] = low, high
    found = evaluate(points)
    values = {"at_low": found[1::2].T, "at_high": found[2::2].T, "at_median": np.repeat(found[:1].T, dimensions, axis=1)}
    return Estimates(values, len(points), True, points, found)
