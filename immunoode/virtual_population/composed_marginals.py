"""Distributions of one parameter that are built from others: truncated distributions and mixtures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.discrete_marginals import checked_probabilities
from immunoode.virtual_population.latent_normals import LatentNormal
from immunoode.virtual_population.marginals import FloatArray, Marginal

HALVINGS = 200
"""Largest number of bisections for a quantile of a mixture; they end when no number lies between the limits."""


@dataclass(frozen=True)
class Truncated(Marginal):
    """A distribution truncated to an interval.

    Attributes
    ----------
    of : Marginal
    lower, upper : float
        Either may be infinite.

    Raises
    ------
    PopulationError
        If hardly any value (less than one in 1e300) is between the limits.

    Examples
    --------
    >>> from immunoode.virtual_population import Normal
    >>> Truncated(Normal(0, 1), lower=0).ppf([0.5]).round(4).tolist()
    [0.6745]
    """

    of: Marginal
    lower: float = -np.inf
    upper: float = np.inf

    def __post_init__(self) -> None:
        if not isinstance(self.of, Marginal):
            raise PopulationError(Problem("of", f"is {type(self.of).__name__}", "a distribution, such as LogNormal(1, 0.5)"))
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        if not self.lower < self.upper:
            what = f"is {self.lower:g}, which is not below upper, {self.upper:g}"
            raise PopulationError(Problem("lower", what, "lower < upper"))
        if not self._scores[0] < self._scores[1] or not np.isfinite(conditional_scores(np.zeros(1), *self._scores)).all():
            least, most = self.of.support
            what = f"[{self.lower:g}, {self.upper:g}] has no probability"
            raise PopulationError(Problem("lower, upper", what, f"limits within the distribution, from {least:g} to {most:g}"))

    @cached_property
    def _scores(self) -> tuple[float, float]:
        """The scores at the limits; slightly below the lower one, so that a point mass there is kept."""
        return float(self.of.score_of(np.nextafter(self.lower, -np.inf))), float(self.of.score_of(self.upper))

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        return np.clip(self.of.of_score(conditional_scores(score, *self._scores)), *self.support)

    def of_shifted_score(self, score: FloatArray, shift: FloatArray) -> FloatArray:
        """Return the values of patients whose mean is shifted on the scale on which the distribution is normal.

        Parameters
        ----------
        score, shift : ndarray, shape (n,)
            The distribution must be a truncated normal, log-normal or logit-normal one.
        """
        assert isinstance(self.of, LatentNormal)
        moved, (low, high) = shift / self.of.sd, self._scores
        return np.clip(self.of.of_score(conditional_scores(score, low - moved, high - moved) + moved), *self.support)

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        from scipy.special import ndtr, ndtri

        sign, low, high = _from_the_tail(*self._scores)
        start, mass = ndtr(low), ndtr(high) - ndtr(low)
        found = sign * ndtri(np.clip((ndtr(sign * self.of.score_of(value)) - start) / mass, 0.0, 1.0))
        given = np.asarray(value, dtype=float)
        return np.where(given < self.lower, -np.inf, np.where(given >= self.upper, np.inf, found))

    @property
    def support(self) -> tuple[float, float]:
        """The limits, or those of the distribution if these are narrower."""
        low, high = self.of.support
        return max(low, self.lower), min(high, self.upper)


def conditional_scores(score: ArrayLike, low: ArrayLike, high: ArrayLike) -> FloatArray:
    """Return scores between two limits, whose conditional probabilities are those of the given scores."""
    from scipy.special import ndtr, ndtri

    sign, first, last = _from_the_tail(low, high)
    start = ndtr(first)
    share = ndtr(sign * np.asarray(score, dtype=float))
    return np.asarray(sign * ndtri(start + (ndtr(last) - start) * share))


def _from_the_tail(low: ArrayLike, high: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return limits, mirrored if both are above 0, and the sign, because probabilities of a lower tail keep all their
    digits.
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    upper = low > 0
    return np.where(upper, -1.0, 1.0), np.where(upper, -high, low), np.where(upper, -low, high)


@dataclass(frozen=True)
class Mixture(Marginal):
    """A mixture: each patient belongs to one of several components.

    `sample_patients` draws the component of a patient first, and then its value by the component's own distribution, using
    the score that correlates the parameter with others; scores are thus correlated within components.

    Attributes
    ----------
    components : tuple of Marginal
    weights : tuple of float
        Probabilities of the components.
    group : str
        Mixtures of a group share the component of each patient: a responder is a responder in every parameter of the group.
        By default, each mixture is independent.

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> from immunoode.virtual_population import Fixed, LogNormal
    >>> Mixture((Fixed(0.0), LogNormal(0.1, 0.3)), (0.8, 0.2)).cdf([0.0, 0.1]).round(3).tolist()
    [0.8, 0.9]
    """

    components: tuple[Marginal, ...]
    weights: tuple[float, ...]
    group: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        wrong = [c for c in self.components if not isinstance(c, Marginal) or isinstance(c, Mixture)]
        if wrong or len(self.components) < 2:
            what = f"are {len(self.components)} components, including {wrong!r:.60}" if wrong else "has fewer than two"
            raise PopulationError(Problem("components", what, "two distributions or more, none of them a mixture"))
        object.__setattr__(self, "weights", checked_probabilities("weights", self.weights, len(self.components)))

    def _probability(self, value: ArrayLike) -> FloatArray:
        """Return the probabilities of values up to these, same shape."""
        parts = [w * c.cdf(value) for w, c in zip(self.weights, self.components, strict=True)]
        return np.asarray(np.sum(parts, axis=0))

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        from scipy.special import ndtri

        return np.asarray(ndtri(np.clip(self._probability(value), 0.0, 1.0)))

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape, by bisection between the components' values."""
        from scipy.special import ndtr

        wanted = np.asarray(ndtr(np.asarray(score, dtype=float)))
        ends = np.array([c.of_score(score) for c in self.components])
        low, high = ends.min(axis=0), ends.max(axis=0)
        for _ in range(HALVINGS):
            middle = low / 2 + high / 2
            above = self._probability(middle) >= wanted
            if not ((middle > low) & (middle < high)).any():
                break
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.where(self._probability(low) >= wanted, low, high)

    @property
    def support(self) -> tuple[float, float]:
        """The smallest and the largest value of the components."""
        low, high = zip(*(c.support for c in self.components), strict=True)
        return min(low), max(high)

    def of_component(self, component: NDArray[np.int64], score: FloatArray) -> FloatArray:
        """Return the values of patients whose components are known.

        Parameters
        ----------
        component : ndarray of int, shape (n,)
            The index of the component of each patient, from 0.
        score : ndarray, shape (n,)
            Standard normal scores within the components.
        """
        out = np.empty(np.shape(score))
        for k, part in enumerate(self.components):
            out[component == k] = part.of_score(score[component == k])
        return out
