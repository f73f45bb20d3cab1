"""The examples in docstrings are true, in every module of the package."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import immunoode
from tests.long_forms import without

LEFT_OUT = ("immunoode.__main__", "immunoode.trial.example_data")
"""Modules that do something when they are imported."""


def modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages(immunoode.__path__, "immunoode.", onerror=lambda name: None)]
    return ["immunoode", *(name for name in found if name not in LEFT_OUT)]


def source(name: str) -> str:
    path = Path(immunoode.__path__[0]).parent.joinpath(*name.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


MODULES = modules()
WITH_EXAMPLES = [name for name in MODULES if ">>>" in source(name)]
LONG = (
    "immunoode.combination.likelihood_ratio",
    "immunoode.fitting.per_subject",
    "immunoode.optimisation.optimise",
    "immunoode.optimisation.pareto",
    "immunoode.petab.writer",
)
"""Modules whose examples take longer: they run among the slow tests."""


def examples(name: str) -> list[doctest.DocTest]:
    return [t for t in doctest.DocTestFinder().find(importlib.import_module(name)) if t.examples]


@pytest.mark.parametrize("name", without(WITH_EXAMPLES, LONG))
def test_examples(name: str) -> None:
    found = examples(name)
    assert found
    for test in found:
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0, test.name


CLOCKS = re.compile(r"\b(?:perf_counter|process_time|monotonic|timeit|time\.time)\b")


def test_no_test_looks_at_a_clock() -> None:
    """How long something takes depends on the machine; benchmarks compare. Two files need clocks, and assert nothing on it."""
    files = [path for path in Path(__file__).parent.glob("*.py") if path.name not in ("conftest.py", "test_killed.py")]
    assert [p.name for p in files if p != Path(__file__) and CLOCKS.search(p.read_text(encoding="utf-8"))] == []


def test_no_example_is_skipped() -> None:
    files = Path(immunoode.__path__[0]).rglob("*.py")
    assert [str(path) for path in files if re.search(r"doctest: *\+SKIP", path.read_text(encoding="utf-8"))] == []


def test_every_part_of_the_package_is_walked() -> None:
    parts = {name.split(".")[1] for name in MODULES if "." in name}
    assert parts >= {
        "model",
        "regimen",
        "solve",
        "trial",
        "fitting",
        "population",
        "petab",
        "virtual_population",
        "virtual_trial",
        "plot",
        "interop",
        "analysis",
        "scenario",
        "tables",
    }
    assert all(name in [*MODULES, *LEFT_OUT] for name in LEFT_OUT)
