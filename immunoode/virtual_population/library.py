"""The shipped distributions of patients: loading by name, and a list."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from immunoode.errors import PopulationError, Problem, nearest
from immunoode.model.paths import shipped_folder, shipped_names
from immunoode.virtual_population.population_distribution import PopulationDistribution
from immunoode.virtual_population.population_file import read_population

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "populations"


def distribution_names() -> list[str]:
    """Return the names of the shipped distributions."""
    return shipped_names(shipped_folder(FOLDER))


@lru_cache(maxsize=64)
def load_distribution(name: str) -> PopulationDistribution:
    """Load a shipped distribution of patients.

    Parameters
    ----------
    name : str
        One of `list_distributions()`.

    Raises
    ------
    PopulationError
        If there is no such distribution.

    Examples
    --------
    >>> load_distribution("chatterjee2016").model
    'chatterjee2016'
    """
    if not isinstance(name, str) or name not in distribution_names():
        advice = nearest(str(name), distribution_names())
        raise PopulationError(Problem(f"distribution {name!r}", "is not shipped", f"{advice}; read_population reads a file"))
    return read_population(shipped_folder(FOLDER) / f"{name}.toml")


def list_distributions() -> pd.DataFrame:
    """Return a table of the shipped distributions: title, model, variant, parameters, covariates.

    Returns
    -------
    pandas.DataFrame
        One row per distribution, indexed by name.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.virtual_population.list_distributions().columns.tolist()
    ['title', 'model', 'variant', 'parameters', 'covariates']
    """
    import pandas as pd

    rows = {name: _row(load_distribution(name)) for name in distribution_names()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def _row(made: PopulationDistribution) -> dict[str, str]:
    return {
        "title": made.title,
        "model": made.model,
        "variant": made.variant,
        "parameters": ", ".join(made.parameters),
        "covariates": ", ".join(made.covariates),
    }
