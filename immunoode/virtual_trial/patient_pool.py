"""The patients from whom simulated trials draw their subjects, with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.model.model import Model
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.sampling import sample_patients
from immunoode.virtual_trial.random_draws import RandomDraws

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
POOL = 2000
"""The number of patients that are drawn from a distribution, as a pool for the subjects of trials."""


@dataclass(frozen=True)
class PatientPool:
    """Patients of one population, or of several, of which each replicate of a trial uses one.

    Attributes
    ----------
    parameters : DataFrame
        One row per patient, the populations one after the other.
    names : ndarray
        Number of each patient in the index of its population.
    weights : ndarray, shape (patients,)
        They add up to 1 in each population.
    starts : ndarray of int, shape (populations + 1,)
        First row of each population, and the number of rows.
    """

    parameters: pd.DataFrame
    names: NDArray[Any]
    weights: FloatArray
    starts: NDArray[np.int64]

    @property
    def populations(self) -> int:
        """Number of populations."""
        return len(self.starts) - 1

    def draw(self, draws: RandomDraws) -> NDArray[np.int64]:
        """Return the row of the patient for each subject, drawn with replacement, shape (rows,)."""
        random = draws.uniforms("patient of the subject")[:, 0].reshape(len(draws.replicates), -1)
        chosen = RandomDraws(draws.seed, range(1), draws.replicates).uniforms("population of the replicate")[:, 0]
        rows = np.empty(random.shape, dtype=np.int64)
        for k, population in enumerate((chosen * self.populations).astype(int)):
            first, end = self.starts[population], self.starts[population + 1]
            steps = np.cumsum(self.weights[first:end])
            rows[k] = first + np.searchsorted(steps / steps[-1], random[k], side="right").clip(max=end - first - 1)
        return rows.ravel()


def patient_pool(population: Any, model: Model, pool: int = POOL, seed: int = 0) -> PatientPool:
    """Return the patients of a population, or of a sequence of populations.

    Parameters
    ----------
    population : DataFrame, virtual patients, distribution, or sequence of these
        See `simulate_trial`.
    model : Model
    pool : int
        The number of patients that are drawn from a distribution.
    seed : int

    Raises
    ------
    DataError
    """
    import pandas as pd

    several = isinstance(population, Sequence) and not isinstance(population, str)
    given = list(population) if several else [population]
    if not given:
        raise DataError(Problem("population", "is empty", "at least one population"))
    tables, weights = zip(*(_one(p, model, pool, seed, k) for k, p in enumerate(given)), strict=True)
    columns = {tuple(t.columns) for t in tables}
    if len({frozenset(c) for c in columns}) > 1:
        raise DataError(Problem("population", "has different parameters in different populations", "the same columns"))
    parameters = pd.concat(tables) if several else tables[0]
    starts = np.cumsum([0, *map(len, tables)])
    return PatientPool(parameters.reset_index(drop=True), parameters.index.to_numpy(), np.concatenate(weights), starts)


def _one(population: Any, model: Model, pool: int, seed: int, number: int) -> tuple[pd.DataFrame, FloatArray]:
    """Return the table and the weights of one population."""
    import pandas as pd

    where = "population" if not number else f"population {number}"
    if isinstance(population, str | PopulationDistribution | Mapping):
        population = sample_patients(model, population, pool, seed, replicate=number)
    table, given = _table_and_weights(population)
    if not isinstance(table, pd.DataFrame):
        right = "a DataFrame with one row per patient, VirtualPatients, a Cohort, or a distribution as for sample_patients"
        raise DataError(Problem(where, f"is {type(population).__name__}", right))
    if not len(table):
        raise DataError(Problem(where, "has no patients", "at least one row"))
    weights = np.ones(len(table)) if given is None else np.asarray(given, dtype=np.float64)
    if weights.shape != (len(table),) or not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        raise DataError(Problem(where, "has weights that are negative, missing or all zero", "one weight per patient"))
    return table, weights / weights.sum()


def _table_and_weights(population: Any) -> tuple[Any, Any]:
    """Return the parameters and the weights of a population; None for equal weights."""
    if isinstance(population, Cohort):
        return population.patients.parameters, population.weights
    if isinstance(population, VirtualPatients):
        return population.parameters, population.prior_weights
    return population, None
