"""The location of the shipped models and their bibliography."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from immunoode.errors import ModelError, Problem


@lru_cache(maxsize=1)
def models_folder() -> Path:
    """Return the folder of the shipped models: inside the installed package, or beside the package in a checkout.

    Raises
    ------
    ModelError
        If neither exists, because the installation is broken.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "models", package.parent / "models"):
        if folder.is_dir():
            return folder
    raise ModelError(Problem(str(package / "models"), "is missing", "a complete installation: install the package again"))
