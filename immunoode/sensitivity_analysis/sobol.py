"""First-order and total Sobol indices of parameters or groups, with bootstrap intervals and a stopping rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from immunoode.sensitivity_analysis.inputs import ROUNDING, FloatArray

_RESAMPLES = 400
_MEASURES = ("first", "total")


@dataclass(frozen=True)
class Estimates:
    """Estimates of K outputs for G parameters or groups.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (K, G)
        Values by measure, each also with "_lower" and "_upper".
    n : int
        The number of points of the design.
    converged : bool
        Whether the widest interval is narrow enough; true if no tolerance was given.
    points, outputs : ndarray, shapes (n, d) and (n, K)
        A sample of the inputs, in the unit cube, with its outputs.
    notes : tuple of str
        Limitations of the estimates.
    """

    values: Mapping[str, FloatArray]
    n: int
    converged: bool
    points: FloatArray
    outputs: FloatArray
    notes: tuple[str, ...] = ()


Evaluate = Callable[[FloatArray], FloatArray]
"""Outputs (n, K) at points (n, d) of the unit cube."""


def sobol(
    evaluate: Evaluate,
    groups: Sequence[Sequence[int]],
    dimensions: int,
    *,
    n: int,
    most: int,
    tolerance: float | None,
    confidence: float,
    seed: int,
) -> Estimates:
    """Return first-order and total indices; the design is doubled until intervals are narrow enough.

    Estimators are those of SciPy: Saltelli et al. 2010 (Comput Phys Commun 181:259-70), Jansen's for the total index.
    """
    from scipy.stats import qmc, sobol_indices

    if len(groups) == 1:
        return _of_one(evaluate, dimensions, n, seed)
    design = qmc.Sobol(2 * dimensions, seed=seed)
    parts, size = list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]](), 0
    while True:
        parts.append(_part(evaluate, design.random(n if not size else size), groups))
        size = size * 2 if size else n
        a, f_a, f_b, f_ab = (np.concatenate([p[k] for p in parts], axis=-2 if k == 3 else 0) for k in range(4))
        shape = f_a.shape[1], len(groups)
        found = sobol_indices(func={"f_A": f_a.T, "f_B": f_b.T, "f_AB": f_ab.transpose(0, 2, 1)}, n=size)
        values = {"first": np.reshape(found.first_order, shape), "total": np.reshape(found.total_order, shape)}
        values |= _intervals(f_a, f_b, f_ab, confidence, seed)
        varying = np.ptp(f_ab, axis=(0, 1)) > ROUNDING * np.abs(f_ab).max(axis=(0, 1))
        width = (
            max(
                float(np.ptp([values[f"{m}_upper"], values[f"{m}_lower"]], axis=0)[varying].max(initial=0.0)) for m in _MEASURES
            )
            / 2
        )
        if tolerance is None or width <= tolerance or 2 * size > most:
            return Estimates(values, size, tolerance is None or width <= tolerance, a, f_a)


def _of_one(evaluate: Evaluate, dimensions: int, n: int, seed: int) -> Estimates:
    """Return the indices if only one parameter or group varies, which are 1."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, seed=seed).random(n)
    found = evaluate(points)
    whole = np.ones((found.shape[1], 1))
    values = {f"{m}{end}": whole for end in ("", "_lower", "_upper") for m in _MEASURES}
    note = (
        "only one parameter or group varies, so the indices of the outputs that it changes are 1 by definition, "
        "and so are their limits"
    )
    return Estimates(values, n, True, points, found, (note,))


def _part(
    evaluate: Evaluate, points: FloatArray, groups: Sequence[Sequence[int]]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return points A, and outputs at A, B and at A with the columns of each group of B."""
    a, b = np.split(points, 2, axis=1)
    mixed = []
    for group in groups:
        own = a.copy()
        own[:, list(group)] = b[:, list(group)]
        mixed.append(own)
    found = evaluate(np.concatenate([a, b, *mixed]))
    f_a, f_b, *f_ab = np.split(found, 2 + len(groups))
    return a, f_a, f_b, np.array(f_ab)


def _intervals(f_a: FloatArray, f_b: FloatArray, f_ab: FloatArray, confidence: float, seed: int) -> dict[str, FloatArray]:
    """Return percentile intervals of both indices from resampled rows of the design.

    SciPy's own intervals are corrected by a jackknife, which evaluates all rows once per row.
    """
    n, outputs = f_a.shape
    mean = (f_a.mean(axis=0) + f_b.mean(axis=0)) / 2
    a, b, mixed = f_a - mean, f_b - mean, f_ab - mean
    first, total = b * (mixed - a), (a - mixed) ** 2 / 2  # (groups, n, outputs) each
    moments = np.stack([a + b, a**2 + b**2]) / 2
    terms = np.concatenate([first, total, moments]).transpose(1, 0, 2).reshape(n, -1)
    random = np.random.default_rng(seed)
    drawn = np.array([np.bincount(random.integers(0, n, n), minlength=n) @ terms / n for _ in range(_RESAMPLES)])
    resampled = drawn.reshape(_RESAMPLES, -1, outputs)
    variance = resampled[:, -1] - resampled[:, -2] ** 2
    variance = variance[:, None]
    shares = np.divide(resampled[:, :-2], variance, out=np.zeros_like(resampled[:, :-2]), where=variance > 0)
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    groups = len(first)
    found = {}
    for name, rows in (("first", slice(0, groups)), ("total", slice(groups, 2 * groups))):
        found[f"{name}_lower"], found[f"{name}_upper"] = low[rows].T, high[rows].T
    return found
