"""Every public name has an example that the tests run: in its docstring, or elsewhere, which its page then shows."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

EXTENSIONS = Path(__file__).resolve().parents[1] / "docs" / "_extensions"
MISSING: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def run_examples() -> dict[str, Any]:
    return runpy.run_path(str(EXTENSIONS / "run_examples.py"), run_name="run_examples")


def test_every_public_name_has_an_example(run_examples: dict[str, Any]) -> None:
    names = [name for name in run_examples["PUBLIC"] if name != "__version__"]
    without = {name for name in names if not run_examples["has_own"](name) and run_examples["example_of"](name) is None}
    assert len(names) > 200
    assert without == MISSING, "write an Examples section in the docstring"
