"""Where independent trajectories of published models lie, for tests that compare with them."""

import os
from pathlib import Path

import pandas as pd
import pytest


def trajectory(name):
    """Return an independent trajectory, or skip with a message where the folder is not there."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("IMMUNOODE_REFERENCE", beside)) / "trajectories"
    if not folder.is_dir():
        pytest.skip(f"no reference trajectories: set IMMUNOODE_REFERENCE to their folder (looked in {folder.parent})")
    return pd.read_csv(folder / f"{name}.csv", comment="#")
