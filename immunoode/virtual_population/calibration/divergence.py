"""The divergence of weights from prior weights (relative entropy or least squares) and its convex conjugate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Conjugate:
    """The conjugate of a divergence at a point.

    Attributes
    ----------
    value : float
    weights : ndarray, shape (n,)
        Its gradient: the weights, which add up to 1.
    curvature : ndarray, shape (n,)
        Its Hessian is diag(curvature) - curvature curvature' / sum(curvature).
    """

    value: float
    weights: FloatArray
    curvature: FloatArray


class Divergence(Protocol):
    """A divergence of weights from prior weights on the simplex."""

    def conjugate(self, tilt: FloatArray, prior: FloatArray) -> Conjugate:
        """Return the maximum of tilt @ weights - divergence over all weights, and the weights that attain it."""
        ...


class RelativeEntropy:
    """sum(w log(w / prior)): weights are positive, and products of one factor per target."""

    def conjugate(self, tilt: FloatArray, prior: FloatArray) -> Conjugate:
        """Return the logarithm of the prior mean of exp(tilt), and the tilted weights."""
        top = float(tilt.max())
        mass = prior * np.exp(tilt - top)
        total = float(mass.sum())
        weights = mass / total
        return Conjugate(top + float(np.log(total)), weights, weights)


class ChiSquaredDivergence:
    """sum((w - prior)^2 / prior) / 2: weights are zero or more, and sums of one term per target where they are positive."""

    def conjugate(self, tilt: FloatArray, prior: FloatArray) -> Conjugate:
        """Return the conjugate; weights are prior x max(0, 1 + tilt - shift), with the shift at which they add up to 1."""
        weights = prior * np.maximum(0.0, 1 + tilt - _shift(tilt, prior))
        weights /= weights.sum()
        value = float(tilt @ weights - ((weights - prior) ** 2 / prior).sum() / 2)
        return Conjugate(value, weights, np.where(weights > 0, prior, 0.0))


def _shift(tilt: FloatArray, prior: FloatArray) -> float:
    """Return the shift at which sum(prior x max(0, 1 + tilt - shift)) is 1."""
    order = np.argsort(-tilt, kind="stable")
    highest = 1 + tilt[order]
    mass = np.cumsum(prior[order])
    shifts = (np.cumsum(prior[order] * highest) - 1) / mass
    active = int((highest > shifts).sum())  # the highest values, as with the projection on a simplex
    return float(shifts[active - 1])
