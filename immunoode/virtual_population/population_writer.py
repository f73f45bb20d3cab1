"""Writing of population files: `read_population(save_population(population, path))` equals the population."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from immunoode.atomic import write_whole
from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows
from immunoode.virtual_population.marginal_tables import table_of
from immunoode.virtual_population.parameter_distribution import ParameterDistribution
from immunoode.virtual_population.population_distribution import PopulationDistribution


def save_population(population: PopulationDistribution, path: str | Path, *, overwrite: bool = True) -> Path:
    """Write a distribution of patients as TOML.

    Parameters
    ----------
    population : PopulationDistribution
        The distribution, with sources, which files must have.
    path : str or Path
        The file, which is written completely or not at all.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PopulationError
        If a distribution has no source.
    FileError
        If the file cannot be written, or exists and must not be replaced.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> name = imo.virtual_population.list_distributions().index[0]
    >>> population = imo.virtual_population.load_distribution(name)
    >>> imo.virtual_population.save_population(population, Path(tempfile.mkdtemp()) / "own.toml").name
    'own.toml'
    """
    import tomli_w

    _check_sources(population)
    return write_whole(path, tomli_w.dumps(_document(population, Path(path).stem)), overwrite=overwrite)


def _check_sources(population: PopulationDistribution) -> None:
    places = [(n, e.source) for n, e in population.entries.items()]
    places += [(f"correlations[{k}]", c.source) for k, c in enumerate(population.correlations)]
    places += [(f"tables[{k}]", t.source) for k, t in enumerate(population.tables)]
    problems = [
        Problem(place, "has no source", "a key of the bibliography, a DOI, or 'estimate: reason'")
        for place, source in places
        if not source
    ]
    PopulationError.raise_if(problems)


def _document(population: PopulationDistribution, stem: str) -> dict[str, Any]:
    texts = {key: getattr(population, key) for key in ("title", "description", "model", "variant")}
    name = population.name if population.name != stem else ""
    top: dict[str, Any] = {**texts, "name": name, "references": list(population.references)}
    top["parameters"] = {n: _entry(e) for n, e in population.parameters.items()}  # type: ignore[arg-type]
    top["covariates"] = {n: _entry(e) for n, e in population.covariates.items()}  # type: ignore[arg-type]
    top["correlations"] = [_correlation(c) for c in population.correlations]
    top["tables"] = [_table(t) for t in population.tables]
    return {key: value for key, value in top.items() if value}


def _entry(entry: ParameterDistribution) -> dict[str, Any]:
    stated = {"unit": entry.unit, "source": entry.source, "title": entry.title}
    return {**table_of(entry.distribution), **{k: v for k, v in stated.items() if v}}


def _correlation(block: Correlation) -> dict[str, Any]:
    lower = [list(row[: k + 1]) for k, row in enumerate(block.matrix)]
    return {"between": list(block.names), "correlation": lower, "source": block.source}


def _table(table: EmpiricalRows) -> dict[str, Any]:
    row = {"columns": list(table.columns), "units": list(table.units), "rows": [list(r) for r in table.rows]}
    stated = {"source": table.source, "title": table.title}
    return {k: v for k, v in {**row, **stated}.items() if v}
