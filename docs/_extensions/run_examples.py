"""An example of every public name, among the examples that the tests run.

Most names have one in their docstring. Of others, it is that of the function that returns them, a figure of the gallery, or a
block of a page.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import immunoode as imo

DOCS = Path(__file__).resolve().parents[1]
PLACES = {"": imo, **{space: getattr(imo, space) for space in imo.NAMESPACES}}
PUBLIC = {f"{place}.{name}".lstrip("."): getattr(module, name) for place, module in PLACES.items() for name in module.__all__}
"""Every public name, under the path that users write after `imo.`, and what it is."""

DRAWN = {
    "cohorts.TrialComparison": "virtual_populations/trial_comparison.py",
    "plot.dose_surface_map": "combinations/dose_surface.py",
    "plot.growth_synergy_figure": "combinations/growth_synergy.py",
    "plot.held_out": "virtual_populations/held_out.py",
    "plot.inclusion_rules": "virtual_populations/rules.py",
    "plot.independent_action_curves": "combinations/independent_action.py",
    "plot.kaplan_meier": "survival/kaplan_meier.py",
    "plot.synergy_nulls": "combinations/synergy.py",
    "plot.trial_comparison": "virtual_populations/trial_comparison.py",
    "population.PredictiveCheck": "populations/predictive_check.py",
    "population.predictive_check": "populations/predictive_check.py",
    "scenario.Grid": "scenarios/grid.py",
    "virtual_population.HeldOut": "virtual_populations/held_out.py",
    "virtual_population.RuleComparison": "virtual_populations/rules.py",
}
"""Names that users meet through methods of results, with the figure of the gallery that uses them."""
MADE_BY = {"io.PetabFit": "io.read_petab", "io.PetabProblem": "io.read_petab"}
"""Results of methods, with the function whose example leads to them."""


@dataclass(frozen=True)
class RunExample:
    """Code that a test runs: where it stands (a name, a page, or a file of the gallery), and its text."""

    kind: str
    place: str
    code: str


def has_own(name: str) -> bool:
    """Return whether the docstring of a public name has an example."""
    return ">>>" in (inspect.getdoc(PUBLIC[name]) or "")


def example_of(name: str) -> RunExample | None:
    """Return an example of a public name whose docstring has none."""
    return next(_found(MADE_BY.get(name, name)), None)


def _found(name: str) -> Iterator[RunExample]:
    if name in DRAWN:
        path = DOCS / "figures" / "examples" / DRAWN[name]
        yield RunExample("gallery", path.parent.name, path.read_text(encoding="utf-8"))
    for function in _returning(name.rpartition(".")[2]):
        yield RunExample("name", function, _examples_of_docstring(function))
    use = re.compile(rf"\b(?:imo|immunoode)\.{re.escape(name)}\b")
    for path in sorted((DOCS / "figures" / "examples").glob("*/*.py")):
        if use.search(code := path.read_text(encoding="utf-8")):
            yield RunExample("gallery", path.parent.name, code)
    for path in run_pages():
        for block in _blocks(path):
            if use.search(block):
                yield RunExample("page", path.stem, block)


def _returning(cls: str) -> list[str]:
    """Return the functions with an example that return a class."""
    functions = {name: value for name, value in PUBLIC.items() if inspect.isfunction(value) and has_own(name)}
    return [name for name, value in functions.items() if cls in _returned(value)]


def _returned(function: Callable[..., object]) -> list[str]:
    """Return the names of the classes that a function returns, by its annotation "Synergy | GrowthSynergy"."""
    return re.findall(r"\w+", str(inspect.signature(function).return_annotation))


def _examples_of_docstring(name: str) -> str:
    parsed = doctest.DocTestParser().get_examples(inspect.getdoc(PUBLIC[name]) or "")
    return "".join(_as_typed(example.source) + example.want for example in parsed)


def _as_typed(source: str) -> str:
    first, *rest = source.splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in rest)]) + "\n"


@cache
def run_pages() -> tuple[Path, ...]:
    """Return the pages whose blocks tests/test_pages.py runs, as that file names them."""
    text = (DOCS.parent / "tests" / "test_pages.py").read_text(encoding="utf-8")
    return tuple(DOCS / name for name in re.findall(r'"(\w+\.md)"', text) if (DOCS / name).exists())


@cache
def _blocks(path: Path) -> tuple[str, ...]:
    return tuple(re.findall(r"```python\n(.*?)\s*```", path.read_text(encoding="utf-8"), re.DOTALL))
