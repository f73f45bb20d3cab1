"""A distribution for a model: units of its parameters, and truncation to their bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from immunoode import units
from immunoode.errors import PopulationError, Problem, UnitError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.solve.simulate import as_model
from immunoode.virtual_population.composed_marginals import Truncated
from immunoode.virtual_population.parameter_distribution import ParameterDistribution


def unit_factors(stated: Mapping[str, str], model: ClosedModel) -> dict[str, float]:
    """Return the factor that converts the numbers of each parameter from the stated unit to the model's.

    Raises
    ------
    PopulationError
        If the model has no such parameter, or the unit has another dimension.
    """
    factors, problems = dict[str, float](), list[Problem]()
    for name, unit in stated.items():
        if name not in model.constants:
            right = nearest(name, model.constants)
            problems.append(Problem(f"distribution of {name!r}", f"is not a parameter of model {model.name!r}", right))
            continue
        try:
            own = model.constants[name].unit
            factors[name] = units.factor(unit, own) if unit else 1.0
        except UnitError as error:
            problems += [Problem(f"distribution of {name!r}", f"{p.where}: {p.what}", p.right) for p in error.problems]
    PopulationError.raise_if(problems)
    return factors


def parameter_units(names: Iterable[str], model: ClosedModel) -> dict[str, str]:
    """Return the units of those names that are parameters of a model."""
    return {name: model.constants[name].unit for name in names if name in model.constants}


def truncated(
    entries: Mapping[str, ParameterDistribution], stated: Mapping[str, str], model: Model | str
) -> dict[str, ParameterDistribution]:
    """Return the distributions that extend beyond a model's bounds, truncated to these; `stated` are units.

    Raises
    ------
    PopulationError
    """
    resolved = resolve(as_model(model))
    factors = unit_factors(stated, resolved)
    changed, problems = {}, list[Problem]()
    for name, entry in entries.items():
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
    PopulationError.raise_if(problems)
    return changed
