"""The three tasks of a new user run as the page states them, each in fewer than ten lines."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib
import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
TASKS = re.findall(r"```python\n(.*?)```", (DOCS / "first_tasks.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(DOCS / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    return tmp_path


def run(task: str) -> dict[str, Any]:
    import matplotlib.pyplot as plt

    found: dict[str, Any] = {}
    with plt.rc_context():
        exec(compile(task, "first_tasks.md", "exec"), found)
    assert len(plt.get_fignums()) == 1
    plt.close("all")
    return found


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_fewer_than_ten_lines(task: str) -> None:
    lines = [line for line in task.splitlines() if line and not line.startswith("import")]
    assert len(TASKS) == 3
    assert len(lines) < 10


def test_mouse_volumes_to_a_fitted_combination(here: Path) -> None:
    result = run(TASKS[0])["result"]
    assert result.success
    assert result.values["growth_rate"] == pytest.approx(0.4, rel=0.1)  # what the table was simulated with


@pytest.mark.slow
def test_nonmem_table_to_a_population_fit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(TASKS[1])["result"]
    assert result.success
    assert result.values["shrinkage_rate"] == pytest.approx(0.004, rel=0.2)


@pytest.mark.slow
def test_slide_of_three_regimens(here: Path) -> None:
    run(TASKS[2])
    assert (here / "three_regimens.png").stat().st_size > 10_000
