"""The documentation site: pages are in an index, the switcher knows this version, and the tables are complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import immunoode as imo

DOCS = Path(__file__).resolve().parents[1] / "docs"
INDEXES = ("index.md", "how_to.md", "explanation.md", "about.md", "tutorials.md")
NO_ENTRY = {"README.md", "index.md"}


def test_every_page_is_in_an_index() -> None:
    """`make docs` refuses pages that nothing leads to; this says so within seconds."""
    texts = [(DOCS / name).read_text(encoding="utf-8") for name in INDEXES]
    linked = {name for text in texts for name in re.findall(r"\]\((\w+\.md)\)", text)}
    own = {f"{name}.md" for name in re.findall(r"^(?:\w+ <)?(\w+)>?$", texts[0], re.MULTILINE)}
    assert {path.name for path in DOCS.glob("*.md")} - linked - own - NO_ENTRY == set()


def test_every_notebook_is_in_the_tutorials() -> None:
    text = (DOCS / "tutorials.md").read_text(encoding="utf-8")
    notebooks = {path.name for path in (DOCS.parent / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"\(\.\./notebooks/([\w.]+)\)", text)) == notebooks


def test_the_switcher_knows_this_version() -> None:
    versions = json.loads((DOCS / "_static" / "switcher.json").read_text(encoding="utf-8"))
    assert [entry["version"] for entry in versions].count(imo.__version__) == 1
