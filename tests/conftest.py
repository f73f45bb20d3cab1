"""What holds for every test: no figure is left open, and examples of Hypothesis are the same each time and have no deadline."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("same examples on any machine", deadline=None, derandomize=True)
settings.load_profile("same examples on any machine")


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
