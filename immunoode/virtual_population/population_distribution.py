"""The joint distribution of the parameters and covariates of patients, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.notebook import without_mathematics
from immunoode.virtual_population.composed_marginals import Mixture, Truncated
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows
from immunoode.virtual_population.discrete_marginals import Fixed
from immunoode.virtual_population.marginals import LatentNormal, Marginal
from immunoode.virtual_population.parameter_distribution import ParameterDistribution

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model
    from immunoode.population.result import PopulationResult


Distributions: TypeAlias = Mapping[str, ParameterDistribution | Marginal]


@dataclass(frozen=True)
class PopulationDistribution:
    """The joint distribution of parameters and covariates of patients.

    Attributes
    ----------
    parameters, covariates : mapping of str to ParameterDistribution
        A distribution alone (`LogNormal(0.22, 0.37)`) stands for one without a stated unit and source. The two are alike but
        for what they are to the reader.
    correlations : tuple of Correlation
        Parameters of different blocks are independent.
    tables : tuple of EmpiricalRows
    name, title, description : str
    model, variant : str
        The model that it was made for.
    references : tuple of str

    Raises
    ------
    PopulationError
        With all problems.

    Examples
    --------
    >>> import immunoode as imo
    >>> from immunoode.virtual_population import Correlation, LogNormal, PopulationDistribution
    >>> antibody = PopulationDistribution(
    ...     {"clearance": LogNormal(0.22, 0.366), "central_volume": LogNormal(3.48, 0.204)},
    ...     correlations=[Correlation(("clearance", "central_volume"), [[1], [0.4, 1]])],
    ... )
    >>> antibody.names
    ('clearance', 'central_volume')
    """

    parameters: Distributions
    covariates: Distributions = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    tables: tuple[EmpiricalRows, ...] = ()
    name: str = ""
    title: str = ""
    description: str = ""
    model: str = ""
    variant: str = ""
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("correlations", "tables", "references"):
            object.__setattr__(self, key, tuple(getattr(self, key)))
        problems = [*self._wrap("parameters"), *self._wrap("covariates")]
        problems = problems or [*_names(self), *_correlated(self), *_shifted(self), *_groups(self)]
        if problems:
            raise PopulationError(problems)

    def _wrap(self, table: str) -> Iterator[Problem]:
        """Give bare distributions their place in a `ParameterDistribution`."""
        made = {}
        for name, given in getattr(self, table).items():
            if isinstance(given, (ParameterDistribution, Marginal)):
                made[str(name)] = given if isinstance(given, ParameterDistribution) else ParameterDistribution(given)
            else:
                right = "a distribution, such as LogNormal(0.22, 0.37), or Fixed(3)"
                yield Problem(f"{table}.{name}", f"is {type(given).__name__}", right)
        object.__setattr__(self, table, made)

    @cached_property
    def entries(self) -> dict[str, ParameterDistribution]:
        """The distributions of covariates and parameters together."""
        return {**self.covariates, **self.parameters}  # type: ignore[dict-item]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns of a table of patients."""
        own = [c for table in self.tables for c in table.columns if not shifted_by(c)]
        return (*self.entries, *own)

    @cached_property
    def units(self) -> dict[str, str]:
        """The stated units; "" where it is that of the model."""
        of_tables = {
            c: u
            for t in self.tables
            for c, u in zip(t.columns, t.units or [""] * len(t.columns), strict=True)
            if not shifted_by(c)
        }
        return {**{n: e.unit for n, e in self.entries.items()}, **of_tables}

    @classmethod
    def from_fit(
        cls, fit: PopulationResult, *, uncertainty: bool = False, seed: int = 0, replicate: int = 0
    ) -> PopulationDistribution:
        """Return the distribution that a population fit estimated.

        Covariates and baselines are those of the fitted subjects, each patient taking a whole row of them. Of what differs
        between occasions, a patient is as on one occasion.

        Parameters
        ----------
        fit : PopulationResult
        uncertainty : bool
            Draw the population parameters (typical values, covariate effects, omega) from their uncertainty: the distribution
            is then that of one possible population, another one for each `replicate`.
        seed, replicate : int
            Of that draw.

        Raises
        ------
        PopulationError
            If the uncertainty is asked for and the data do not determine all population parameters.
        """
        from immunoode.virtual_population.fitted_distribution import fitted_distribution

        found = fitted_distribution(fit, uncertainty=uncertainty, seed=seed, replicate=replicate)
        return cls(
            found.parameters,
            correlations=found.correlations,
            tables=found.tables,
            title=f"Population fit of {fit.data.title}" if fit.data.title else "Population fit",
            model=fit.model.file or fit.model.name,
            variant=fit.model.variant,
        )

    def truncated_to(self, model: Model | str) -> PopulationDistribution:
        """Return the distribution with each parameter truncated to the bounds that a model states for it.

        Raises
        ------
        PopulationError
            If a distribution has no probability within the bounds, or a parameter is not one of the model.
        """
        from immunoode.virtual_population.model_bounds import truncated

        return self.with_parameters(**truncated(self.entries, self.units, model))

    def with_parameters(self, **distributions: ParameterDistribution | Marginal) -> PopulationDistribution:
        """Return the distribution with other distributions of some parameters or covariates, or with further parameters."""
        covariates = {n: distributions.get(n, d) for n, d in self.covariates.items()}
        others = {n: d for n, d in distributions.items() if n not in self.covariates}
        return replace(self, covariates=covariates, parameters={**self.parameters, **others})

    def to_frame(self) -> pd.DataFrame:
        """Return one row per parameter: distribution, median, quantiles at 2.5 % and 97.5 %, unit, source."""
        from immunoode.virtual_population.summary import summary

        return summary(self.entries, self.tables)

    def report(self) -> str:
        """Return the distribution in words and tables."""
        from immunoode.virtual_population.summary import text

        model = f"of model {self.model}" + f", variant {self.variant}" * bool(self.variant) if self.model else ""
        return text(self.title or self.name, model, self.to_frame(), self.correlations)

    def plot(self, **how: Any) -> Any:
        """Draw the distribution of each parameter; see `immunoode.plot.virtual_population.plot_distribution`."""
        from immunoode.plot.virtual_population import plot_distribution

        return plot_distribution(self, **how)

    def __str__(self) -> str:
        return self.report()

    @without_mathematics
    def _repr_html_(self) -> str:
        return f"<b>{self.title or self.name or 'Distribution of patients'}</b>{self.to_frame().to_html()}"


def shifted_by(column: str) -> str:
    """Return the parameter that a column "shift(parameter)" of a table moves, or ""."""
    return column[len("shift(") : -1] if column.startswith("shift(") and column.endswith(")") else ""


def _names(made: PopulationDistribution) -> Iterator[Problem]:
    """Yield names that have two distributions, and the lack of any."""
    seen: dict[str, str] = {}
    places = [*(("covariates", n) for n in made.covariates), *(("parameters", n) for n in made.parameters)]
    places += [(f"tables[{k}]", c) for k, table in enumerate(made.tables) for c in table.columns]
    for place, name in places:
        if name in seen:
            yield Problem(f"{place}.{name}", f"is also in {seen[name]}", "one distribution for each parameter")
        seen[name] = place
    if not seen:
        yield Problem("parameters", "are empty", "at least one parameter with a distribution")


def _correlated(made: PopulationDistribution) -> Iterator[Problem]:
    """Yield correlated names without a distribution that can be correlated, or in two blocks."""
    seen: dict[str, int] = {}
    for k, block in enumerate(made.correlations):
        for name in block.names:
            place = f"correlations[{k}]: {name}"
            if name not in made.entries:
                yield Problem(place, "has no distribution of its own here", nearest(name, made.entries))
            elif isinstance(made.entries[name].distribution, Fixed):
                yield Problem(place, "does not vary", "leave it out, or give it a distribution")
            if name in seen:
                yield Problem(place, f"is also in correlations[{seen[name]}]", "one block with all correlations of it")
            seen[name] = k


def _shifted(made: PopulationDistribution) -> Iterator[Problem]:
    """Yield shifts of what is not normal on a latent scale."""
    for k, table in enumerate(made.tables):
        for column in table.columns:
            name = shifted_by(column)
            if name and not (name in made.entries and _can_be_shifted(made.entries[name].distribution)):
                right = "a parameter with a normal, log-normal or logit-normal distribution, truncated or not"
                yield Problem(f"tables[{k}]: {column}", f"{name!r} is none that can be shifted", right)


def _can_be_shifted(found: Marginal) -> bool:
    return isinstance(found.of if isinstance(found, Truncated) else found, LatentNormal)


def _groups(made: PopulationDistribution) -> Iterator[Problem]:
    """Yield mixtures of one group with different weights, and mixtures inside other distributions that name a group."""
    seen: dict[str, tuple[str, Mixture]] = {}
    for name, entry in made.entries.items():
        found = entry.distribution
        if isinstance(found, Truncated) and isinstance(found.of, Mixture) and found.of.group:
            yield Problem(name, f"is a truncated mixture of group {found.of.group!r}", "truncate the components instead")
        if not isinstance(found, Mixture) or not found.group:
            continue
        other, first = seen.setdefault(found.group, (name, found))
        if first.weights != found.weights:
            what = f"has the weights {list(found.weights)} in group {found.group!r}, where {other!r} has {list(first.weights)}"
            yield Problem(name, what, "the same weights in one group")
