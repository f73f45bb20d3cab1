"""Papers' equations written out once more, and independent trajectories, for tests that compare models with them."""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "models"))
from papers import PAPERS, case_of  # noqa: E402 they are written for the pages of the models

__all__ = ["PAPERS", "case_of", "trajectory"]


def trajectory(name):
    """Return an independent trajectory."""
    return pd.read_csv(Path(__file__).parent / "reference" / "trajectories" / f"{name}.csv", comment="#")
