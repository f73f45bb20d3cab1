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
PAGES = sorted(path.relative_to(FOLDER).as_posix() for path in [*FOLDER.glob("*.md"), *FOLDER.glob("figures/*.svg")])
"""The pages that are there; what they should say is worked out when a test first asks."""


@pytest.fixture(scope="session")
def pages() -> dict[str, str]:
    return make_pages.pages()


def test_every_model_has_a_page(pages: dict[str, str]) -> None:
    assert set(PAGES) == set(pages)


def test_they_are_as_their_files_are_now(pages: dict[str, str]) -> None:
    changed = [name for name in PAGES if (FOLDER / name).read_text(encoding="utf-8") != pages[name]]
    assert changed == [], "run: python docs/models/make_pages.py"


FIGURES = [name for name in make_pages.model_names() if make_pages.verification.of(name)]


def test_every_model_has_a_figure_and_nothing_else_is_there() -> None:
    assert FIGURES == make_pages.model_names()
    assert {path.stem for path in (FOLDER / "figures").glob("*.png")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_its_figure_is_drawn_from_the_file_and_the_equations_as_they_are_now(name: str) -> None:
    path = FOLDER / "figures" / f"{name}.png"
    assert make_pages.verification.stamp_in(path) == make_pages.verification.stamp(name), "run: make pages"
    assert path.stat().st_size < 40_000


def test_a_figure_is_stale_once_its_model_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (make_pages.models_folder() / "vaghi2020.toml").read_text(encoding="utf-8")
    (tmp_path / "vaghi2020.toml").write_text(text.replace("value = 0.07", "value = 0.08"), encoding="utf-8")
    before = make_pages.verification.stamp("vaghi2020")
    monkeypatch.setattr(make_pages.verification, "models_folder", lambda: tmp_path)
    assert make_pages.verification.stamp("vaghi2020") != before


def test_the_figure_shows_both_curves(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(make_pages.verification.draw("vaghi2020"))
    assert make_pages.verification.stamp_in(path) == make_pages.verification.stamp("vaghi2020")
