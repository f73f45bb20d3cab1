"""The page of benchmarks has what the scripts kept."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_is_that_of_the_kept_results() -> None:
    results = runpy.run_path(str(ROOT / "benchmarks" / "tools" / "results.py"))
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == results["page"]()
