"""The pages with examples are true: these run, and give what the pages say."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


QUICK = (
    "dosing.md",
    "response.md",
    "trial_data.md",
    "endpoints.md",
    "interpretation.md",
    "virtual_populations.md",
    "cohorts.md",
    "finding_names.md",
)
LONG = (
    "solver.md",
    "fitting.md",
    "populations.md",
    "reading_models.md",
    "exchange.md",
    "extending.md",
    "survival_statistics.md",
    "combinations.md",
    "scale.md",
    "optimal_schedules.md",
    "global_sensitivity.md",
)


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    page = DOCS / name
    code = "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(code, {}, name, str(page), 0)
    told: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert result.attempted >= 5
    assert result.failed == 0, "".join(told)


def test_every_status_is_explained() -> None:
    from immunoode.solve.status import _MESSAGES

    page = (DOCS / "solver.md").read_text(encoding="utf-8")
    assert all(f"| {message} |" in page for message, _ in _MESSAGES.values())


def test_every_test_that_the_page_on_interpretation_names_exists() -> None:
    tests, page = Path(__file__).parent, (DOCS / "interpretation.md").read_text(encoding="utf-8")
    file = ""
    for name in re.findall(r"`(?:tests/)?(test_\w+(?:\.py)?(?:::\w+)?|::\w+)`", page):
        path, _, function = name.partition("::")
        file = path if path.endswith(".py") else file
        function = function or (path if not path.endswith(".py") else "")
        assert f"def {function}" in (tests / file).read_text(encoding="utf-8"), name
