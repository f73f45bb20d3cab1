"""A distribution beside a model: units of its parameters, and truncation to their bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import PopulationError, Problem, UnitError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.solve.simulate import as_model
from immunoode.virtual_population.composed_marginals import Truncated

if TYPE_CHECKING:
    from immunoode.virtual_population.population_distribution import PopulationDistribution


def unit_factors(population: PopulationDistribution, model: ClosedModel) -> dict[str, float]:
    """Return the factor of each column that converts its numbers to the model's unit.

    Raises
    ------
    PopulationError
        If the model has no such parameter, or it measures another thing.
    """
    factors, problems = dict[str, float](), list[Problem]()
    for name, unit in population.units.items():
        if name not in model.constants:
            right = nearest(name, model.constants)
            problems.append(Problem(f"distribution of {name!r}", f"is not a parameter of model {model.name!r}", right))
            continue
        try:
            own = model.constants[name].unit
            factors[name] = units.factor(unit, own) if unit else 1.0
        except UnitError as error:
            problems += [Problem(f"distribution of {name!r}", f"{p.where}: {p.what}", p.right) for p in error.problems]
    if problems:
        raise PopulationError(problems)
    return factors


def truncated(population: PopulationDistribution, model: Any) -> PopulationDistribution:
    """Return the distribution with each parameter truncated to the model's bounds, where it reaches beyond them.

    Raises
    ------
    PopulationError
    """
    resolved = resolve(as_model(model))
    factors = unit_factors(population, resolved)
    changed, problems = {}, list[Problem]()
    for name, entry in population.entries.items():
        bounds = resolved.constants[name].bounds
        if bounds is None:
            continue
        low, high = bounds[0] / factors[name], bounds[1] / factors[name]
        least, most = entry.distribution.support
        if low <= least and most <= high:
            continue
        try:
            changed[name] = replace(entry, distribution=Truncated(entry.distribution, low, high))
        except PopulationError as error:
            problems += [Problem(f"{name}: {p.where}", p.what, p.right) for p in error.problems]
    if problems:
        raise PopulationError(problems)
    return population.with_parameters(**changed)
