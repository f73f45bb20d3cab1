"""The notebooks run from top to bottom, say nothing on stderr, draw what they promise, and are kept without outputs."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIGURES = {
    "01_quickstart": 4,
    "02_fit_to_trial_data": 3,
    "03_combination_scenarios": 4,
    "04_write_your_own_therapy": 2,
    "05_trial_endpoints": 12,
    "06_population_fit": 4,
    "07_identifiability_and_design": 6,
    "08_published_numbers_to_a_cohort": 3,
    "09_independent_action": 3,
    "10_synergy": 4,
    "11_optimal_schedules": 5,
    "12_global_sensitivity": 5,
}
"""Every notebook, and how many figures it draws."""


def keep_for_the_site(book: Any, name: str) -> None:
    """Keep the outputs where `make docs` looks for them, so that a notebook runs once for each state of the package."""
    jupyter_cache = pytest.importorskip("jupyter_cache")
    base = pytest.importorskip("jupyter_cache.base")
    folder = runpy.run_path(str(ROOT / "docs" / "_extensions" / "notebook_cache.py"))["notebook_cache"]()
    bundle = base.CacheBundleIn(book, f"{name}.ipynb")
    jupyter_cache.get_cache(folder).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def test_every_notebook_is_here() -> None:
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_kept_without_outputs(name: str) -> None:
    book = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert cells and all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMMUNOODE_DATA", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])))
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=3000, resources={"metadata": {"path": str(tmp_path)}}).execute()
    keep_for_the_site(book, name)
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) == FIGURES[name]
