"""Distributions of one parameter that are normal on a latent scale: of the value itself, its logarithm or its logit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.marginals import FloatArray, Marginal, check_numbers


class LatentNormal(Marginal, ABC):
    """A distribution that is normal on a latent scale: of the value itself, its logarithm or its logit."""

    sd: float

    @property
    @abstractmethod
    def latent_mean(self) -> float:
        """The mean on the latent scale."""

    @abstractmethod
    def value_of(self, latent: ArrayLike) -> FloatArray:
        """Return the values of latent values."""

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        return self.value_of(self.latent_mean + self.sd * np.asarray(score, dtype=float))


@dataclass(frozen=True)
class Normal(LatentNormal):
    """The normal distribution.

    Attributes
    ----------
    mean, sd : float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.Normal(70.0, sd=10.0).ppf([0.025, 0.5, 0.975]).round(1).tolist()
    [50.4, 70.0, 89.6]
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        check_numbers(self, positive=("sd",))

    @property
    def latent_mean(self) -> float:
        """The mean."""
        return self.mean

    def value_of(self, latent: ArrayLike) -> FloatArray:
        """Return the values themselves."""
        return np.asarray(latent, dtype=float)

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        return np.asarray((np.asarray(value, dtype=float) - self.mean) / self.sd)

    @property
    def support(self) -> tuple[float, float]:
        """All numbers."""
        return -np.inf, np.inf


@dataclass(frozen=True)
class LogNormal(LatentNormal):
    """The log-normal distribution.

    Attributes
    ----------
    median : float
    sd : float
        Standard deviation of the natural logarithm (omega of a population analysis).

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> LogNormal(0.22, sd=0.366).ppf([0.025, 0.5, 0.975]).round(3).tolist()
    [0.107, 0.22, 0.451]
    """

    median: float
    sd: float

    def __post_init__(self) -> None:
        check_numbers(self, positive=("median", "sd"))

    @property
    def latent_mean(self) -> float:
        """The logarithm of the median."""
        return float(np.log(self.median))

    def value_of(self, latent: ArrayLike) -> FloatArray:
        """Return the values of logarithms."""
        return np.asarray(np.exp(latent))

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        with np.errstate(divide="ignore"):
            latent = np.log(np.maximum(np.asarray(value, dtype=float), 0.0))
        return np.asarray((latent - self.latent_mean) / self.sd)

    @property
    def support(self) -> tuple[float, float]:
        """All numbers above zero."""
        return 0.0, np.inf


@dataclass(frozen=True)
class LogitNormal(LatentNormal):
    """The logit-normal distribution between two limits.

    Attributes
    ----------
    median : float
    sd : float
        Standard deviation of the logit, log((x - lower) / (upper - x)).
    lower, upper : float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> LogitNormal(0.574, sd=1.67).ppf([0.025, 0.5, 0.975]).round(3).tolist()
    [0.049, 0.574, 0.973]
    """

    median: float
    sd: float
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        check_numbers(self, positive=("sd",))
        if not self.lower < self.median < self.upper:
            raise PopulationError(_between("median", self.median, self.lower, self.upper))

    @property
    def latent_mean(self) -> float:
        """The logit of the median."""
        return float(np.log((self.median - self.lower) / (self.upper - self.median)))

    def value_of(self, latent: ArrayLike) -> FloatArray:
        """Return the values of logits."""
        from scipy.special import expit

        return np.asarray(self.lower + (self.upper - self.lower) * expit(latent))

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores of values, same shape."""
        from scipy.special import logit

        share = np.clip((np.asarray(value, dtype=float) - self.lower) / (self.upper - self.lower), 0.0, 1.0)
        return np.asarray((logit(share) - self.latent_mean) / self.sd)

    @property
    def support(self) -> tuple[float, float]:
        """The limits."""
        return self.lower, self.upper


def _between(name: str, value: float, lower: float, upper: float) -> Problem:
    return Problem(name, f"is {value:g}", f"a number above {lower:g} and below {upper:g}, the limits")
