"""Virtual patients drawn from a distribution: one row of parameters per patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import PopulationError, Problem
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.model.values import warn_out_of_bounds
from immunoode.solve.simulate import as_model
from immunoode.virtual_population.composed_marginals import Mixture, Truncated
from immunoode.virtual_population.dependence import shifted_by
from immunoode.virtual_population.designs import Design, independent_scores
from immunoode.virtual_population.discrete_marginals import Fixed, row_at
from immunoode.virtual_population.latent_normals import LatentNormal
from immunoode.virtual_population.library import load_distribution
from immunoode.virtual_population.marginals import FloatArray, Marginal
from immunoode.virtual_population.model_bounds import parameter_units, unit_factors
from immunoode.virtual_population.parameter_distribution import ParameterDistribution
from immunoode.virtual_population.population_distribution import PopulationDistribution

if TYPE_CHECKING:
    import pandas as pd

Distributions: TypeAlias = PopulationDistribution | str | Mapping[str, ParameterDistribution | Marginal]


def sample_patients(
    model: Model | str,
    distributions: Distributions,
    n: int,
    seed: int = 0,
    *,
    first: int = 0,
    design: Design = "random",
    size: int | None = None,
    replicate: int = 0,
) -> pd.DataFrame:
    """Draw virtual patients: parameters in the units of a model, ready for `simulate(parameters=...)`.

    Parameters
    ----------
    model : Model or str
    distributions : PopulationDistribution, str, or mapping of str to Marginal
        A distribution, the name of a shipped one (`imo.virtual_population.list_distributions()`), or distributions of
        individual parameters, which are then independent.
    n : int
        Patients.
    seed : int
    first : int
        The number of the first patient, so that blocks are parts of one table.
    design : {"random", "latin_hypercube", "sobol"}
        Independent patients, a Latin hypercube, or scrambled Sobol points, which fill the space most evenly if the number of
        patients in the whole design is a power of 2.
    size : int, optional
        For the other designs, the number of patients in the whole design (default `first + n`), on which a block of a Latin
        hypercube depends.
    replicate : int
        The repetition of the study.

    Returns
    -------
    DataFrame
        One row per patient, indexed by patient number, and one column per parameter. Patient i is the same in any block and
        process (to the last bit, apart from the last digits of exp and log in other builds of NumPy and SciPy).

    Raises
    ------
    PopulationError
        With all problems: parameters that the model does not have, units with another dimension, wrong arguments.

    Warns
    -----
    OutOfBoundsWarning
        If values lie outside the bounds that the model states; `distributions.truncated_to(model)` avoids them.
    UserWarning
        If the number of patients in a Sobol design is not a power of 2.

    Examples
    --------
    >>> import immunoode as imo
    >>> patients = imo.sample_patients("stein2019", "stein2019", 1000, seed=1)
    >>> patients.index[-1], float(patients["contraction_rate"].median().round(2))
    (999, 0.16)
    """
    resolved, population = resolve(as_model(model)), as_distribution(distributions)
    factors = unit_factors(population.units, resolved)
    scores = independent_scores(design, dimensions_of(population), first, n, seed=seed, size=size, replicate=replicate)
    table = patients_at(population, scores, factors, first)
    warn_of_patients(resolved, table)
    table.attrs["units"] = parameter_units(table, resolved)
    return table


def warn_of_patients(model: ClosedModel, table: pd.DataFrame) -> None:
    """Issue one warning about values outside the bounds of a model."""
    constants = {name: model.constants[name] for name in table if name in model.constants}
    warn_out_of_bounds(model.name, constants, {name: table[name].to_numpy() for name in constants}, "kept")


def as_distribution(given: Distributions) -> PopulationDistribution:
    """Return a distribution: the given one, the shipped one with this name, or that of independent parameters.

    Raises
    ------
    PopulationError
        If it is anything else.
    """
    if isinstance(given, PopulationDistribution):
        return given
    if isinstance(given, str):
        return load_distribution(given)
    if isinstance(given, Mapping):
        return PopulationDistribution(given)
    right = "a PopulationDistribution, the name of a shipped one, or a mapping of parameter to distribution"
    raise PopulationError(Problem("distributions", f"are {type(given).__name__}", right))


def dimensions_of(population: PopulationDistribution) -> tuple[str, ...]:
    """Return the names of the independent scores of a patient: for parameters, components of mixtures, and rows of tables."""
    entries = population.entries.items()
    own = [_parameter(name) for name, entry in entries if not isinstance(entry.distribution, Fixed)]
    groups = dict.fromkeys(_component(n, e.distribution) for n, e in entries if isinstance(e.distribution, Mixture))
    return (*own, *groups, *(_row(table.columns) for table in population.tables))


def patients_at(
    population: PopulationDistribution, scores: FloatArray, factors: Mapping[str, float], first: int = 0
) -> pd.DataFrame:
    """Return the patients at independent scores.

    Parameters
    ----------
    population : PopulationDistribution
    scores : ndarray, shape (n, dimensions)
        In the order of `dimensions_of`.
    factors : mapping of str to float
        The factors that convert the numbers of each column to the model's unit.
    first : int
        The number of the first patient.
    """
    import pandas as pd

    independent = dict(zip(dimensions_of(population), scores.T, strict=True))
    rows = {t.columns: t.values[_rows(independent[_row(t.columns)], len(t.rows))] for t in population.tables}
    own = {c: v for columns, found in rows.items() for c, v in zip(columns, found.T, strict=True)}
    shifts = {shifted_by(c): v for c, v in own.items() if shifted_by(c)}
    correlated = dict(_correlated(population, independent))
    count = len(scores)
    columns = np.empty((len(population.names), count))
    for k, name in enumerate(population.names):
        if name in own:
            columns[k] = own[name]
        else:
            score = correlated.get(name, independent.get(_parameter(name), np.zeros(count)))
            columns[k] = _values(name, population.entries[name].distribution, score, independent, shifts.get(name))
        columns[k] *= factors.get(name, 1.0)
    index = pd.RangeIndex(first, first + count, name="patient")
    return pd.DataFrame(columns.T, index, pd.Index(population.names), copy=False)


def components_of(
    distributions: Distributions,
    n: int,
    seed: int = 0,
    *,
    first: int = 0,
    design: Design = "random",
    size: int | None = None,
    replicate: int = 0,
) -> pd.DataFrame:
    """Return the component of each mixture to which the patients of `sample_patients` belong.

    Parameters
    ----------
    distributions, n, seed, first, design, size, replicate
        As for `sample_patients`.

    Returns
    -------
    DataFrame
        One row per patient; one column per group of mixtures (or per mixture without a group), with numbers from 0.

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> import immunoode as imo
    >>> fixed = imo.virtual_population.Fixed
    >>> growth = {"growth_rate": imo.virtual_population.Mixture((fixed(1.0), fixed(2.0)), (0.5, 0.5))}
    >>> imo.virtual_population.components_of(growth, 4, seed=1).iloc[:, 0].tolist()
    [1, 0, 0, 0]
    """
    import pandas as pd

    population = as_distribution(distributions)
    dimensions = dimensions_of(population)
    scores = independent_scores(design, dimensions, first, n, seed=seed, size=size, replicate=replicate)
    columns = {}
    for name, entry in population.entries.items():
        if isinstance(entry.distribution, Mixture):
            score = scores[:, dimensions.index(_component(name, entry.distribution))]
            columns[entry.distribution.group or name] = _component_at(entry.distribution, score)
    return pd.DataFrame(columns, index=pd.RangeIndex(first, first + n, name="patient"))


def _parameter(name: str) -> str:
    return f"parameter {name}"


def _component(name: str, mixture: Mixture) -> str:
    return f"component of group {mixture.group}" if mixture.group else f"component of {name}"


def _row(columns: tuple[str, ...]) -> str:
    return f"row {columns[0]}"


def _rows(score: FloatArray, count: int) -> NDArray[np.int64]:
    from scipy.special import ndtr

    return row_at(ndtr(score), count)


def _correlated(population: PopulationDistribution, independent: Mapping[str, FloatArray]) -> Iterator[tuple[str, FloatArray]]:
    """Yield the scores of correlated parameters."""
    for block in population.correlations:
        for k, name in enumerate(block.names):
            weights = zip(block.factor[k, : k + 1], block.names[: k + 1], strict=True)
            parts = [weight * independent[_parameter(other)] for weight, other in weights]
            yield name, sum(parts[1:], start=parts[0])


def _values(
    name: str, found: Marginal, score: FloatArray, independent: Mapping[str, FloatArray], shift: FloatArray | None
) -> FloatArray:
    """Return the values of one parameter."""
    if isinstance(found, Mixture):
        return found.of_component(_component_at(found, independent[_component(name, found)]), score)
    if shift is not None and isinstance(found, Truncated):
        return found.of_shifted_score(score, shift)
    if shift is not None and isinstance(found, LatentNormal):
        return found.of_score(score + shift / found.sd)
    return found.of_score(score)


def _component_at(mixture: Mixture, score: FloatArray) -> NDArray[np.int64]:
    """Return which component the patients with these scores belong to."""
    from scipy.special import ndtri

    reach = ndtri(np.minimum(np.cumsum(mixture.weights), 1.0))[:-1]
    return np.searchsorted(reach, score, side="left")
