"""Where published data lie, for tests that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("IMMUNOODE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def data_file(name: str) -> Path:
    """Return a file of published data, or skip with a message where it is not at hand."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no published data: set IMMUNOODE_DATA to the folder that has {name}")
    return path
