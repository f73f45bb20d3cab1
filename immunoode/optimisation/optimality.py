"""Optimality of a solution: the residual of the Karush-Kuhn-Tucker conditions, active limits and their multipliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.optimisation.descent import ScaledProblem
from immunoode.optimisation.dosages import FloatArray

_ACTIVE = 1e-5
"""A limit is active if its margin is less than this fraction of the limit; a bound, if it is less than this fraction of the
range."""


@dataclass(frozen=True)
class ActiveLimit:
    """A limit, or a bound, that is active at the optimum.

    Attributes
    ----------
    what : str
    multiplier : float
        The improvement of the objective per unit by which the limit is relaxed.
    is_bound : bool
    row : int
        Index among the margins of limits, or among the numbers for a bound.
    at_high : bool
        Whether a bound is the upper one.
    """

    what: str
    multiplier: float
    is_bound: bool
    row: int
    at_high: bool = False


@dataclass(frozen=True)
class Optimality:
    """The first-order conditions at a point.

    Attributes
    ----------
    residual : float
        The largest component of the gradient that is not balanced by active limits: the change of the objective over the
        whole range of a number at that slope, as a fraction of the differences between starts.
    slope : float
        The largest component of the gradient of the objective, in the same units.
    active : tuple of ActiveLimit
    """

    residual: float
    slope: float
    active: tuple[ActiveLimit, ...]


def optimality(problem: ScaledProblem, z: FloatArray, labels: tuple[str, ...], limit_names: tuple[str, ...]) -> Optimality:
    """Return the first-order conditions at scaled numbers (n,).

    Parameters
    ----------
    labels : tuple of str
        The names of the numbers.
    limit_names : tuple of str
        The names of the margins.
    """
    from scipy.optimize import nnls

    gradient, margins, by = problem.gradient(z), problem.margins(z), problem.margin_gradients(z)
    limits = np.flatnonzero(margins <= _ACTIVE)
    low, high = np.flatnonzero(z <= _ACTIVE), np.flatnonzero(z >= 1 - _ACTIVE)
    normals = np.concatenate([by[limits], np.eye(z.size)[low], -np.eye(z.size)[high]])
    scale = float(np.abs(gradient).max(initial=0.0))
    multipliers, unbalanced = np.zeros(len(normals)), gradient
    if len(normals) and scale > 0:
        multipliers = nnls(normals.T, gradient / scale)[0] * scale
        unbalanced = gradient - multipliers @ normals
    residual = float(np.abs(unbalanced).max(initial=0.0))
    per_limit = _per_unit(problem, z)
    active = [
        ActiveLimit(limit_names[row], float(m * problem.scale / per_limit[row]), False, int(row))
        for row, m in zip(limits, multipliers, strict=False)
    ]
    bounds = [(i, False) for i in low] + [(i, True) for i in high]
    for (i, at_high), m in zip(bounds, multipliers[len(limits) :], strict=True):
        number = problem.low[i] + problem.span[i] * at_high
        what = f"{labels[i]} {'<=' if at_high else '>='} {number:g}"
        active.append(ActiveLimit(what, float(m * problem.scale / problem.span[i]), True, int(i), at_high))
    return Optimality(residual, scale, tuple(active))


def _per_unit(problem: ScaledProblem, z: FloatArray) -> FloatArray:
    """Return the scale of each margin."""
    pairs = zip(problem.evaluator.limits, problem.at(z).limits, strict=True)
    return np.array([one.scale for one, values in pairs for _ in values])
