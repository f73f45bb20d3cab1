"""The inputs: parameters computed from independent standard normal scores, with the correlation of their distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.sampling import dimensions_of, patients_at

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
_PARAMETER = "parameter "
LEAST = 2.0**-53
ROUNDING = 1e-12
"""Relative difference below which outputs count as equal."""


@dataclass(frozen=True)
class Inputs:
    """Parameters with their joint distribution.

    Attributes
    ----------
    population : PopulationDistribution
    factors : mapping of str to float
        Factors that convert numbers to the model's units.
    """

    population: PopulationDistribution
    factors: Mapping[str, float]

    def __post_init__(self) -> None:
        other = [name for name in dimensions_of(self.population) if not name.startswith(_PARAMETER)]
        problems = [
            Problem("distributions", f"have {name}", "distributions of individual parameters, correlated or not")
            for name in other
        ]
        if not dimensions_of(self.population):
            problems.append(Problem("distributions", "fix all parameters", "at least one parameter that varies"))
        SolveError.raise_if(problems)

    @property
    def names(self) -> tuple[str, ...]:
        """The d parameters that vary."""
        return tuple(name.removeprefix(_PARAMETER) for name in dimensions_of(self.population))

    @property
    def factor(self) -> FloatArray:
        """The Cholesky factor of the correlations of scores, shape (d, d)."""
        found, names = np.eye(len(self.names)), self.names
        for block in self.population.correlations:
            at = [names.index(name) for name in block.names]
            found[np.ix_(at, at)] = block.factor
        return found

    @property
    def correlated(self) -> tuple[str, ...]:
        """The parameters that are correlated with others."""
        return tuple(name for block in self.population.correlations for name in block.names)

    def at_scores(self, scores: FloatArray) -> pd.DataFrame:
        """Return the parameters at independent scores (n, d)."""
        return patients_at(self.population, scores, self.factors)

    def at(self, points: FloatArray) -> pd.DataFrame:
        """Return the parameters at points (n, d) of the unit cube."""
        return self.at_scores(scores_of(points))


def scores_of(points: FloatArray) -> FloatArray:
    """Return standard normal scores of probabilities."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.clip(points, LEAST, 1 - LEAST)))
