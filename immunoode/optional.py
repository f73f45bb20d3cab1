"""Packages that only some parts need: imported when they are used, with a message that says what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from immunoode.errors import MissingPackageError, Problem

EXTRAS = {
    "anywidget": "explorer",
    "arviz": "mcmc",
    "distributed": "cluster",
    "emcee": "mcmc",
    "libsbml": "sbml",
    "lifelines": "survival",
    "openpyxl": "excel",
    "pooch": "download",
    "pyarrow": "files",
    "pyreadstat": "sas",
    "yaml": "petab",
    "zarr": "files",
}
"""The extra of setup.cfg that installs a package, by the name under which the package is imported."""


def require(module: str, for_: str) -> Any:
    """Import a package that is not always installed.

    Parameters
    ----------
    module : str
        The name under which it is imported, which may be a part of it: "pyarrow.parquet".
    for_ : str
        What needs it, as in "Cox regression".

    Returns
    -------
    module

    Raises
    ------
    MissingPackageError
        If it is not installed. An error within an installed package is passed on as it is.

    Examples
    --------
    >>> require("lifelines", "Cox regression").__name__
    'lifelines'
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        right = f"pip install 'immunoode[{EXTRAS[package]}]'"
        raise MissingPackageError(Problem(for_, f"needs the package {package}, which is not installed", right)) from None
