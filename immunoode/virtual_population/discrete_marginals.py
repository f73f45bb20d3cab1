"""Distributions of one parameter over a list of values: fixed, categorical, and empirical."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.marginals import ADD_UP, FloatArray, Marginal


@dataclass(frozen=True)
class Fixed(Marginal):
    """The same value for every patient.

    Attributes
    ----------
    value : float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.Fixed(0.3).ppf([0.1, 0.9]).tolist()
    [0.3, 0.3]
    """

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _numbers("value", [self.value])[0])

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the value for each score."""
        return np.full(np.shape(score), self.value)

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return minus infinity below the value, otherwise infinity."""
        return np.where(np.asarray(value, dtype=float) < self.value, -np.inf, np.inf)

    @property
    def support(self) -> tuple[float, float]:
        """The value, twice."""
        return self.value, self.value


@dataclass(frozen=True)
class Categorical(Marginal):
    """A few values with their probabilities, for covariates such as sex or a mutation.

    Attributes
    ----------
    values : tuple of float
    probabilities : tuple of float
        Their sum must be 1.

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> Categorical((0, 1), (0.85, 0.15)).ppf([0.2, 0.8, 0.9]).tolist()
    [0.0, 0.0, 1.0]
    """

    values: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _numbers("values", self.values))
        object.__setattr__(self, "probabilities", checked_probabilities("probabilities", self.probabilities, len(self.values)))
        if len(set(self.values)) < len(self.values):
            raise PopulationError(
                Problem("values", f"are {list(self.values)}, in which one value occurs twice", "different values")
            )

    @classmethod
    def from_counts(cls, counts: dict[float, float]) -> Categorical:
        """Return the distribution with probabilities proportional to counts, given by value.

        Raises
        ------
        PopulationError
        """
        total = sum(counts.values())
        if counts and not (min(counts.values()) >= 0 and total > 0):
            raise PopulationError(
                Problem("counts", f"are {counts}", "numbers of zero or more, at least one of them above zero")
            )
        return cls(tuple(counts), tuple(n / total for n in counts.values()))

    @cached_property
    def _steps(self) -> tuple[FloatArray, FloatArray]:
        """Values in ascending order, and the scores up to which each reaches."""
        from scipy.special import ndtri

        order = np.argsort(self.values)
        cumulative = np.cumsum(np.array(self.probabilities)[order])
        return np.array(self.values)[order], np.asarray(ndtri(np.minimum(cumulative, 1.0)))

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        values, reach = self._steps
        return values[np.searchsorted(reach[:-1], np.asarray(score, dtype=float), side="left")]

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores up to which these values reach, same shape."""
        values, reach = self._steps
        below = np.searchsorted(values, np.asarray(value, dtype=float), side="right")
        return np.concatenate([[-np.inf], reach[:-1], [np.inf]])[below]

    @property
    def support(self) -> tuple[float, float]:
        """The smallest and the largest value with a probability above zero."""
        used = [v for v, p in zip(self.values, self.probabilities, strict=True) if p > 0]
        return min(used), max(used)


@dataclass(frozen=True)
class Empirical(Marginal):
    """Observed values, each equally likely. For whole rows of a table, whose columns stay together, use `EmpiricalRows`.

    Attributes
    ----------
    values : tuple of float

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.Empirical((1.0, 2.0, 4.0)).ppf([0.1, 0.5, 0.9]).tolist()
    [1.0, 2.0, 4.0]
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _numbers("values", self.values))

    @cached_property
    def _sorted(self) -> FloatArray:
        return np.sort(np.array(self.values))

    def of_score(self, score: ArrayLike) -> FloatArray:
        """Return the values at standard normal scores, same shape."""
        from scipy.special import ndtr

        return self._sorted[row_at(ndtr(np.asarray(score, dtype=float)), len(self.values))]

    def score_of(self, value: ArrayLike) -> FloatArray:
        """Return the standard normal scores up to which these values reach, same shape."""
        from scipy.special import ndtri

        below = np.searchsorted(self._sorted, np.asarray(value, dtype=float), side="right")
        return np.asarray(ndtri(below / len(self.values)))

    @property
    def support(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return float(self._sorted[0]), float(self._sorted[-1])


def row_at(probability: FloatArray, count: int) -> NDArray[np.int64]:
    """Return the index of the equally likely row at a probability."""
    return np.minimum((probability * count).astype(np.int64), count - 1)


def checked_probabilities(name: str, given: ArrayLike, count: int) -> tuple[float, ...]:
    """Return probabilities, checked.

    Raises
    ------
    PopulationError
    """
    found = _numbers(name, given)
    if len(found) != count:
        raise PopulationError(Problem(name, f"has {len(found)} entries", f"one probability for each of {count} values"))
    total = sum(found)
    if min(found) < 0 or abs(total - 1) > ADD_UP:
        raise PopulationError(Problem(name, f"are {list(found)}, with a sum of {total:g}", "zero or more, adding up to 1"))
    return found


def _numbers(name: str, given: ArrayLike) -> tuple[float, ...]:
    """Return finite numbers, at least one."""
    try:
        found = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise PopulationError(Problem(name, f"is {given!r:.60}", "finite numbers, at least one"))
    return tuple(found.tolist())
