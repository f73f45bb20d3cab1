"""The joint distribution of the parameters and covariates of patients, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.notebook import shown, without_mathematics
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows, shifted_by
from immunoode.virtual_population.distribution_checks import correlation_problems, group_problems, name_problems, shift_problems
from immunoode.virtual_population.marginals import Marginal
from immunoode.virtual_population.parameter_distribution import ParameterDistribution

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model
    from immunoode.population.result import PopulationResult


Distributions: TypeAlias = Mapping[str, ParameterDistribution | Marginal]


@dataclass(frozen=True)
@shown
class PopulationDistribution:
    """The joint distribution of parameters and covariates of patients.

    Attributes
    ----------
    parameters, covariates : mapping of str to ParameterDistribution
        A bare distribution (`LogNormal(0.22, 0.37)`) has no stated unit or source. Parameters and covariates are treated in
        the same way; the distinction is for the reader.
    correlations : tuple of Correlation
        Parameters of different blocks are independent.
    tables : tuple of EmpiricalRows
    name, title, description : str
    model, variant : str
        The model for which it was made.
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
        problems = problems or [*self._problems()]
        PopulationError.raise_if(problems)

    def _problems(self) -> Iterator[Problem]:
        yield from name_problems(self.parameters, self.covariates, self.tables)
        yield from correlation_problems(self.entries, self.correlations)
        yield from shift_problems(self.entries, self.tables)
        yield from group_problems(self.entries)

    def _wrap(self, table: str) -> Iterator[Problem]:
        """Wrap bare distributions in a `ParameterDistribution`."""
        made: dict[str, ParameterDistribution] = {}
        stated = getattr(self, table)
        if not isinstance(stated, Mapping):
            yield Problem(table, f"are {type(stated).__name__}", "a mapping of name to distribution")
            return
        for name, given in stated.items():
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
        """The stated units; "" for that of the model."""
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

        Covariates and baselines are whole rows of the fitted subjects. Parameters that differ between occasions have their
        values on a single occasion.

        Parameters
        ----------
        fit : PopulationResult
        uncertainty : bool
            Draw the population parameters (typical values, covariate effects, omega) from their uncertainty: the distribution
            is then that of one possible population, a different one for each `replicate`.
        seed, replicate : int
            Seed and replicate of that draw.

        Raises
        ------
        PopulationError
            If the uncertainty is requested and the data do not determine all population parameters.
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
            If a distribution has no probability within the bounds, or a parameter is not in the model.
        """
        from immunoode.virtual_population.model_bounds import truncated

        return self.with_parameters(**truncated(self.entries, self.units, model))

    def with_parameters(self, **distributions: ParameterDistribution | Marginal) -> PopulationDistribution:
        """Return the distribution with some parameters or covariates replaced or added."""
        covariates = {n: distributions.get(n, d) for n, d in self.covariates.items()}
        others = {n: d for n, d in distributions.items() if n not in self.covariates}
        return replace(self, covariates=covariates, parameters={**self.parameters, **others})

    def for_instance(self, instance: str) -> PopulationDistribution:
        """Return the distribution with the names that parameters have in a combined model: "nivolumab_clearance".

        Covariates belong to the patient, and keep their names.
        """
        return self.renamed({name: f"{instance}_{name}" for name in self.parameters})

    def renamed(self, names: Mapping[str, str]) -> PopulationDistribution:
        """Return the distribution with other names for some parameters or covariates, also in correlations and tables.

        Raises
        ------
        PopulationError
            If a name does not exist, or two would be equal.
        """
        new = {name: names.get(name, name) for name in self.names}
        problems = [Problem("names", f"{n!r} has no distribution here", nearest(n, self.names)) for n in names if n not in new]
        taken = [name for name in new.values() if list(new.values()).count(name) > 1]
        problems += [Problem("names", f"{name!r} would occur twice", "different names") for name in dict.fromkeys(taken)]
        PopulationError.raise_if(problems)
        return replace(
            self,
            parameters={new[n]: d for n, d in self.parameters.items()},
            covariates={new[n]: d for n, d in self.covariates.items()},
            correlations=tuple(replace(c, names=tuple(new[n] for n in c.names)) for c in self.correlations),
            tables=tuple(replace(t, columns=tuple(_renamed_column(c, new) for c in t.columns)) for t in self.tables),
        )

    def joined(self, *others: PopulationDistribution) -> PopulationDistribution:
        """Return the joint distribution of this one and others, which are independent of each other.

        Raises
        ------
        PopulationError
            If two of them describe the same parameter.
        """
        every = (self, *others)
        seen = [name for one in every for name in one.names]
        twice = [name for name in dict.fromkeys(seen) if seen.count(name) > 1]
        if twice:
            right = "only one distribution of each; use .renamed or .for_instance to distinguish them"
            raise PopulationError([Problem(f"distribution of {name!r}", "is in more than one", right) for name in twice])
        return PopulationDistribution(
            {n: d for one in every for n, d in one.parameters.items()},
            {n: d for one in every for n, d in one.covariates.items()},
            tuple(c for one in every for c in one.correlations),
            tuple(t for one in every for t in one.tables),
            title="; ".join(filter(None, (one.title for one in every))),
            references=tuple(dict.fromkeys(r for one in every for r in one.references)),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per parameter: distribution, median, quantiles at 2.5 % and 97.5 %, unit, source."""
        from immunoode.virtual_population.summary import summary

        return summary(self.entries, self.tables)

    def report(self) -> str:
        """Return the distribution as text with tables."""
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
        from html import escape

        return f"<p>{escape(self.title or self.name or 'Distribution of patients')}</p>{self.to_frame().to_html()}"


def _renamed_column(column: str, names: Mapping[str, str]) -> str:
    shifted = shifted_by(column)
    return f"shift({names[shifted]})" if shifted else names[column]
