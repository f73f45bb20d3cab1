"""CONTRIBUTING says how to add a therapy; every block of that page runs here."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import immunoode as imo

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILE = "il15_agonist.toml"


def block(language: str) -> str:
    """Return the only code block of a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / FILE).write_text(block("toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_therapy_changes_what_it_says_and_only_when_given(here: Path) -> None:
    model = imo.combine("tumour_immune", imo.read_model(FILE))
    weekly = imo.Regimen().dose("il15_agonist", "1 mg", every="1 week", count=12)
    days = np.arange(0.0, 366.0, 60.0)
    untreated, treated = imo.simulate(model, times=days), imo.simulate(model, weekly, times=days)
    bare = imo.simulate("tumour_immune", times=days)
    np.testing.assert_allclose(untreated["tumour"], bare["tumour"], rtol=1e-5)
    assert treated["effectors"][1] > 1.2 * untreated["effectors"][1]
    assert treated["tumour"][3] < untreated["tumour"][3]


def test_the_messages_are_those_of_the_page(here: Path) -> None:
    wrong = block("toml").replace("central / volume", "central / volum").replace('to = "central"', 'to = "centre"')
    (here / FILE).write_text(wrong)
    with pytest.raises(imo.errors.ModelError) as error:
        imo.read_model(FILE)
    assert str(error.value) == block("text").strip()


def test_the_units_that_the_page_speaks_of(here: Path) -> None:
    before = "max_division = { value = 0.08, unit = "
    assert before + '"1/day"' in block("toml")
    (here / FILE).write_text(block("toml").replace(before + '"1/day"', before + '"L"'))
    with pytest.raises(imo.errors.ModelError, match="modifiers.division.add"):
        imo.read_model(FILE)


def test_the_code_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), {})
    shown = capsys.readouterr().out
    assert all(label in shown for label in ("agonist", "antibody", "both"))


def test_versions_are_the_same_wherever_they_are_stated() -> None:
    hooks, citation, setup = ((ROOT / name).read_text() for name in (".pre-commit-config.yaml", "CITATION.cff", "setup.cfg"))
    assert set(re.findall(r"ruff==([\d.]+)", hooks)) == set(re.findall(r"ruff==([\d.]+)", setup))
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [imo.__version__]
