"""The README's story runs as it stands, and what it points to exists."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")


def test_the_story_runs(capsys: pytest.CaptureFixture[str]) -> None:
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    (story,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(story, "README.md", "exec"), {})
    assert len(plt.get_fignums()) == 3
    assert "converged" in capsys.readouterr().out
    plt.close("all")


@pytest.mark.parametrize("command", ["make demo", "make test", "pip install -e .", "-m immunoode demo", "-m pytest"])
def test_the_commands_are_there(command: str) -> None:
    assert command in README


def test_links_lead_somewhere() -> None:
    links = [
        (page, link)
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", link)
    ]
    assert len(links) > 300
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()] == []
