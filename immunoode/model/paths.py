"""The location of the shipped models, their bibliography, and the shipped populations."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from immunoode.errors import ModelError, Problem


def models_folder() -> Path:
    """Return the folder of the shipped models.

    Raises
    ------
    ModelError
        If it does not exist, because the installation is broken.
    """
    return shipped_folder("models")


def shipped_names(folder: Path) -> list[str]:
    """Return the names of the shipped files in a folder: of models, distributions or cohorts."""
    return sorted(path.stem for path in folder.glob("*.toml"))


@lru_cache(maxsize=8)
def shipped_folder(name: str) -> Path:
    """Return a folder of data: inside the installed package, or next to the package in a checkout.

    Raises
    ------
    ModelError
        If neither exists, because the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ModelError(Problem(str(package / name), "is missing", "a complete installation: install the package again"))
