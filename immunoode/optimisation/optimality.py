"""How good an optimum is: the residual of the Karush-Kuhn-Tucker conditions, active limits and their multipliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.optimisation.descent import ScaledProblem
from immunoode.optimisation.dosages import FloatArray

_ACTIVE = 1e-5
"""A limit is active if it is met with less than this share of it to spare; a bound, with less than this share of the span."""


@dataclass(frozen=True)
class ActiveLimit:
    """A limit, or a bound, that holds the optimum back.

    Attributes
    ----------
    what : str
    multiplier : float
        How much better the objective becomes per unit by which the limit is relaxed.
    is_bound : bool
    row : int
        Among the margins of limits, or among the numbers for a bound.
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
        The largest component of the gradient that no active limit balances: how much the objective would change over the whole
        range of a number at that slope, as a share of how much it differs between starts.
    slope : float
        The largest component of the objective's gradient, in the same terms.
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
        Of the numbers.
    limit_names : tuple of str
        Of the margins.
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
