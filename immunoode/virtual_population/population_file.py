"""Reading of population files: TOML becomes a `PopulationDistribution`, and all problems of a file are reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from immunoode.errors import ModelError, PopulationError, Problem, nearest
from immunoode.model.file_problems import FileProblems
from immunoode.model.references import keys_for
from immunoode.model.toml_document import toml_document
from immunoode.number_checks import is_number
from immunoode.virtual_population.dependence import Correlation, EmpiricalRows, completed
from immunoode.virtual_population.latent_normals import LatentNormal
from immunoode.virtual_population.marginal_tables import marginal_of
from immunoode.virtual_population.parameter_distribution import ParameterDistribution
from immunoode.virtual_population.population_distribution import PopulationDistribution

TEXTS = ("title", "description", "model", "variant")
TOP = (*TEXTS, "name", "references", "parameters", "covariates", "correlations", "tables")
OF_ENTRIES = ("unit", "source", "title")
MATRICES = ("correlation", "covariance", "rank_correlation")
PAGE = "docs/virtual_populations.md"
SAME = 0.02
"""Relative difference between the variance of a distribution and that of a covariance that counts as rounding."""


def read_population(path: str | Path) -> PopulationDistribution:
    """Read a population file.

    Parameters
    ----------
    path : str or Path
        A TOML file in the format of `docs/virtual_populations.md`.

    Raises
    ------
    PopulationError
        With all problems of the file: where, what is wrong, and what would be right.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> name = imo.virtual_population.list_distributions().index[0]
    >>> population = imo.virtual_population.load_distribution(name)
    >>> path = imo.virtual_population.save_population(population, Path(tempfile.mkdtemp()) / "own.toml")
    >>> imo.virtual_population.read_population(path).title == population.title
    True
    """
    path = Path(path)
    return PopulationReader(path.name, keys_for(path)).population(population_document(path, PAGE), path.stem)


def population_document(path: Path, format_page: str) -> dict[str, Any]:
    """Return the tables of a population or cohort file; error messages name the page that describes the format.

    Raises
    ------
    PopulationError
        If it cannot be read.
    """
    try:
        return toml_document(path, format_page)
    except ModelError as error:
        raise PopulationError(error.problems) from None


class PopulationReader:
    """Converts the tables of one document and collects problems."""

    def __init__(self, where: str, bib: frozenset[str]) -> None:
        self.problems = FileProblems(where, bib)

    def population(self, document: Mapping[str, Any], stem: str) -> PopulationDistribution:
        self.problems.keys(document, TOP, what="is not a table or key of population files")
        parameters, covariates = self.entries(document, "parameters"), self.entries(document, "covariates")
        entries = {**covariates, **parameters}
        correlations = [self.correlation(row, k, entries) for k, row in enumerate(self.rows(document, "correlations"))]
        rows = [self.table(row, k) for k, row in enumerate(self.rows(document, "tables"))]
        texts: dict[str, Any] = {key: self.problems.text(document, key) for key in TEXTS}
        references = self.references(document)
        name = self.problems.text(document, "name") or stem
        PopulationError.raise_if(self.problems.found)
        try:
            return PopulationDistribution(
                parameters,
                covariates,
                correlations=tuple(c for c in correlations if c is not None),
                tables=tuple(t for t in rows if t is not None),
                name=name,
                references=references,
                **texts,
            )
        except PopulationError as error:
            raise PopulationError(
                [Problem(f"{self.problems.where}: {p.where}", p.what, p.right) for p in error.problems]
            ) from None

    def references(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        stated = self.problems.list_of_texts(document.get("references", []), "references", "a list of keys of the bibliography")
        for key in stated:
            if key not in self.problems.bib:
                self.problems.add("references", f"{key!r} is not in references.bib", nearest(key, self.problems.bib))
        return stated

    def rows(self, document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = document.get(key, [])
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return value
        self.problems.add(key, f"is {type(value).__name__}", f"a list of tables: [[{key}]]")
        return []

    def entries(self, document: Mapping[str, Any], key: str) -> dict[str, ParameterDistribution]:
        made = {name: self.entry(row, f"{key}.{name}") for name, row in self.problems.lines(document, key).items()}
        return {name: entry for name, entry in made.items() if entry is not None}

    def entry(self, row: Any, place: str) -> ParameterDistribution | None:
        if not isinstance(row, dict):
            self.problems.add(
                place, f"is {row!r:.60}", 'a table such as { distribution = "log-normal", median = 1, sd = 0.3, ... }'
            )
            return None
        source = self.problems.source(row, place)
        unit, title = (self.problems.text(row, key, place) for key in ("unit", "title"))
        self.problems.unit(unit, f"{place}.unit")
        stated = {k: v for k, v in row.items() if k not in OF_ENTRIES}
        found = marginal_of(stated, f"{self.problems.where}: {place}", self.problems.found)
        return None if found is None else ParameterDistribution(found, unit, source, title)

    def correlation(self, row: dict[str, Any], k: int, entries: Mapping[str, ParameterDistribution]) -> Correlation | None:
        place, names = f"correlations[{k}]", row.get("between")
        stated = [key for key in MATRICES if key in row]
        self.problems.keys(row, ("between", "source", *MATRICES), place)
        source = self.problems.source(row, place)
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or len(names) < 2:
            self.problems.add(f"{place}.between", f"is {names!r:.60}", "a list of two names or more")
            return None
        if len(stated) != 1 or not _is_matrix(row[stated[0]]):
            self.problems.add(
                place, f"states {', '.join(stated) or 'no matrix'}", f"one matrix, a list of lists: {', '.join(MATRICES)}"
            )
            return None
        make = {
            "correlation": Correlation,
            "covariance": Correlation.from_covariance,
            "rank_correlation": Correlation.from_ranks,
        }
        with self.problems.at(place):
            if stated[0] == "covariance":
                self.variances(place, names, row["covariance"], entries)
            return make[stated[0]](tuple(names), row[stated[0]], source)  # type: ignore[operator]
        return None

    def variances(
        self, place: str, names: list[str], matrix: list[list[float]], entries: Mapping[str, ParameterDistribution]
    ) -> None:
        """Check that a covariance has the variances of the distributions."""
        for name, variance in zip(names, np.diag(completed(tuple(names), matrix)), strict=True):
            found = entries[name].distribution if name in entries else None
            if name not in entries:
                continue
            if not isinstance(found, LatentNormal):
                right = "normal, log-normal or logit-normal; or state correlation instead of covariance"
                self.problems.add(f"{place}: {name}", "has no variance on a normal scale", right)
            elif abs(found.sd**2 - variance) > SAME * found.sd**2:
                what = f"has the variance {variance:g} here and {found.sd**2:g} in its distribution"
                self.problems.add(f"{place}: {name}", what, "the same variance")

    def table(self, row: dict[str, Any], k: int) -> EmpiricalRows | None:
        place, keys = f"tables[{k}]", ("columns", "rows", "units", "source", "title")
        self.problems.keys(row, keys, place)
        source, title, before = (
            self.problems.source(row, place),
            self.problems.text(row, "title", place),
            len(self.problems.found),
        )
        columns = self.problems.list_of_texts(row.get("columns"), f"{place}.columns")
        unit = self.problems.list_of_texts(row.get("units", []), f"{place}.units")
        if len(self.problems.found) > before:
            return None
        for text in unit:
            self.problems.unit(text, f"{place}.unit")
        if not _is_matrix(row.get("rows")):
            self.problems.add(f"{place}.rows", "is not a list of lists of numbers", "rows = [[60, 38], [85, 41], ...]")
            return None
        with self.problems.at(place):
            return EmpiricalRows(columns, row["rows"], unit, source, title)
        return None


def _is_matrix(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, list) and all(map(is_number, row)) for row in value)
