"""The pages of the models say what their files say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "models"
spec = importlib.util.spec_from_file_location("make_pages", FOLDER / "make_pages.py")
assert spec is not None and spec.loader is not None
make_pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_pages)
PAGES = make_pages.pages()


def test_every_model_has_a_page() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_it_is_as_its_file_is_now(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run: python docs/models/make_pages.py"
