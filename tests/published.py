"""Papers' equations written out once more, and independent trajectories, for tests that compare models with them."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "models"))
from papers import PAPERS, case_of  # noqa: E402 they are written for the pages of the models

__all__ = ["PAPERS", "case_of", "trajectory"]


def trajectory(name):
    """Return an independent trajectory, or skip with a message where the folder is not there."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("IMMUNOODE_REFERENCE", beside)) / "trajectories"
    if not folder.is_dir():
        pytest.skip(f"no reference trajectories: set IMMUNOODE_REFERENCE to their folder (looked in {folder.parent})")
    return pd.read_csv(folder / f"{name}.csv", comment="#")
