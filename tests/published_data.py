"""Where measured data lie, for tests that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from immunoode.trial.shipped_datasets import FOLDER as SHIPPED

HERE = Path(__file__).parent / "data"
FOLDER = Path(os.environ.get("IMMUNOODE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
OF_THE_PACKAGE = {"nsclc_atezolizumab_target_lesions.csv": SHIPPED / "atezolizumab_lung.csv"}


def data_file(name: str) -> Path:
    """Return a file of measured data: of the package, of the tests, or of the folder beside; or skip with a message."""
    for path in (OF_THE_PACKAGE.get(name), HERE / name, FOLDER / name):
        if path is not None and path.is_file():
            return path
    pytest.skip(f"no {name}: set IMMUNOODE_DATA to the folder that has it (it may not ship with the package)")
