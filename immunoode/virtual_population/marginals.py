"""The interface of distributions of one parameter, and the uniform and log-uniform ones.

Each distribution maps standard normal scores to values, and back. A score is the quantile of the standard normal distribution
at the same probability. Correlated parameters have correlated scores (a Gaussian copula); for normal, log-normal and
logit-normal distributions these are the standardised random effects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.errors import PopulationError, Problem
from immunoode.number_checks import is_finite

FloatArray: TypeAlias = NDArray[np.float64]
ADD_UP = 1e-9
"""Tolerance of the sum of probabilities, which must be 1."""


class Marginal(ABC):
    """The distribution of one parameter.

    Examples
    --------
    >>> import immunoode as imo
    >>> isinstance(imo.virtual_population.Uniform(0.0, 2.0), imo.virtual_population.Marginal)
    True
    """

    @abstractmethod
    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""

    @abstractmethod
    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape; infinite outside the support."""

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The smallest and the largest value."""

    def ppf(self, probability: ArrayLike) -> FloatArray:
        """Return the quantiles at probabilities, same shape."""
        from scipy.special import ndtri

        return self.of_score(ndtri(np.asarray(probability, dtype=float)))

    def cdf(self, value: ArrayLike) -> FloatArray:
        """Return the probabilities of values up to these, same shape."""
        from scipy.special import ndtr

        return np.asarray(ndtr(self.score_of(value)))


@dataclass(frozen=True)
class Uniform(Marginal):
    """The uniform distribution.

    Attributes
    ----------
    lower, upper : float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.Uniform(0.0, 2.0).ppf([0.25, 0.75]).tolist()
    [0.5, 1.5]
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        check_numbers(self)
        _check_order(self.lower, self.upper)

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        from scipy.special import ndtr

        return np.asarray(self.lower + (self.upper - self.lower) * ndtr(np.asarray(score, dtype=float)))

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        from scipy.special import ndtri

        share = (np.asarray(value, dtype=float) - self.lower) / (self.upper - self.lower)
        return np.asarray(ndtri(np.clip(share, 0.0, 1.0)))

    @property
    def support(self) -> tuple[float, float]:
        """The limits."""
        return self.lower, self.upper


@dataclass(frozen=True)
class LogUniform(Marginal):
    """The log-uniform distribution: the logarithm is uniform.

    Attributes
    ----------
    lower, upper : float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.LogUniform(0.01, 1.0).ppf([0.0, 0.5, 1.0]).round(4).tolist()
    [0.01, 0.1, 1.0]
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        check_numbers(self, positive=("lower", "upper"))
        _check_order(self.lower, self.upper)

    @property
    def _logarithm(self) -> Uniform:
        return Uniform(float(np.log(self.lower)), float(np.log(self.upper)))

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        return np.clip(np.exp(self._logarithm.of_score(score)), self.lower, self.upper)

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        with np.errstate(divide="ignore"):
            return self._logarithm.score_of(np.log(np.maximum(np.asarray(value, dtype=float), 0.0)))

    @property
    def support(self) -> tuple[float, float]:
        """The limits."""
        return self.lower, self.upper


def check_numbers(made: Any, positive: tuple[str, ...] = ()) -> None:
    """Refuse fields that are not finite numbers, or not above zero; convert them to floats."""
    problems = []
    for field in fields(made):
        value = getattr(made, field.name)
        if not is_finite(value):
            problems.append(Problem(field.name, f"is {value!r}", "a finite number"))
        elif field.name in positive and value <= 0:
            problems.append(Problem(field.name, f"is {value:g}", "a number above zero"))
        else:
            object.__setattr__(made, field.name, float(value))
    PopulationError.raise_if(problems)


def _check_order(lower: float, upper: float) -> None:
    if not lower < upper:
        raise PopulationError(Problem("lower", f"is {lower:g}, which is not below upper, {upper:g}", "lower < upper"))
