"""Checks of a joint distribution. They return problems; the caller raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from immunoode.errors import Problem, nearest
from immunoode.virtual_population.composed_marginals import Mixture, Truncated
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows, shifted_by
from immunoode.virtual_population.discrete_marginals import Fixed
from immunoode.virtual_population.latent_normals import LatentNormal
from immunoode.virtual_population.marginals import Marginal
from immunoode.virtual_population.parameter_distribution import ParameterDistribution


def name_problems(parameters: Iterable[str], covariates: Iterable[str], tables: Sequence[EmpiricalRows]) -> Iterator[Problem]:
    """Yield problems of names with two distributions, or of no distribution at all."""
    seen: dict[str, str] = {}
    places = [*(("covariates", n) for n in covariates), *(("parameters", n) for n in parameters)]
    places += [(f"tables[{k}]", c) for k, table in enumerate(tables) for c in table.columns]
    for place, name in places:
        if name in seen:
            yield Problem(f"{place}.{name}", f"is also in {seen[name]}", "one distribution for each parameter")
        seen[name] = place
    if not seen:
        yield Problem("parameters", "are empty", "at least one parameter with a distribution")


def correlation_problems(
    entries: Mapping[str, ParameterDistribution], correlations: Sequence[Correlation]
) -> Iterator[Problem]:
    """Yield problems of correlated names that have no distribution that can be correlated, or are in two blocks."""
    seen: dict[str, int] = {}
    for k, block in enumerate(correlations):
        for name in block.names:
            place = f"correlations[{k}]: {name}"
            if name not in entries:
                yield Problem(place, "has no individual distribution here", nearest(name, entries))
            elif isinstance(entries[name].distribution, Fixed):
                yield Problem(place, "does not vary", "leave it out, or give it a distribution")
            if name in seen:
                yield Problem(place, f"is also in correlations[{seen[name]}]", "one block with all of its correlations")
            seen[name] = k


def shift_problems(entries: Mapping[str, ParameterDistribution], tables: Sequence[EmpiricalRows]) -> Iterator[Problem]:
    """Yield problems of shifts of parameters that are not normal on a latent scale."""
    for k, table in enumerate(tables):
        for column in table.columns:
            name = shifted_by(column)
            if name and not (name in entries and _can_be_shifted(entries[name].distribution)):
                right = "a parameter with a normal, log-normal or logit-normal distribution, truncated or not"
                yield Problem(f"tables[{k}]: {column}", f"{name!r} cannot be shifted", right)


def _can_be_shifted(found: Marginal) -> bool:
    return isinstance(found.of if isinstance(found, Truncated) else found, LatentNormal)


def group_problems(entries: Mapping[str, ParameterDistribution]) -> Iterator[Problem]:
    """Yield problems of mixtures that have different weights in one group, or name a group inside another distribution."""
    seen: dict[str, tuple[str, Mixture]] = {}
    for name, entry in entries.items():
        found = entry.distribution
        if isinstance(found, Truncated) and isinstance(found.of, Mixture) and found.of.group:
            yield Problem(name, f"is a truncated mixture of group {found.of.group!r}", "truncate the components instead")
        if not isinstance(found, Mixture) or not found.group:
            continue
        other, first = seen.setdefault(found.group, (name, found))
        if first.weights != found.weights:
            what = f"has the weights {list(found.weights)} in group {found.group!r}, but {other!r} has {list(first.weights)}"
            yield Problem(name, what, "the same weights in one group")
