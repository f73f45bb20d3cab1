"""No module imports itself by way of others: circles of imports are found, those inside functions and for types included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.test_floors import MAY_PLOT, PACKAGE, PLOT, imports_in

BLESSED: dict[str, str] = {
    "petab.fitting petab.problem": "`PetabProblem.fit()` is the facade of `fit_petab`, imported in the call"
}
"""Circles that may stay, each with the reason; modules are named without `immunoode.` and sorted, a space between."""


def module_of(path: Path) -> str:
    """Return the name of a module, without `immunoode.`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, known: Mapping[str, Path]) -> set[str]:
    """Return the modules of the package that one imports anywhere, except the plots that its plotting methods import."""
    found = set[str]()
    for one in imports_in(path):
        if not (one.target_part == PLOT and one.function.lstrip("_").startswith(MAY_PLOT)):
            found |= {one.target, one.target.rpartition(".")[0]}
    return (found & known.keys()) - {module_of(path)}


def circles(edges: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """Return the sets of modules of which each leads to every other (strongly connected components of two or more)."""
    reached = {start: _reachable(start, edges) for start in edges}
    groups = {frozenset(other for other in reached[start] if start in reached[other]) for start in edges}
    return {group for group in groups if len(group) > 1}


def _reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        new = edges[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def test_there_are_no_circles_of_imports_but_the_blessed_ones() -> None:
    known = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}
    assert len(known) > 100
    found = circles({name: imported(path, known) for name, path in known.items()})
    assert sorted(" ".join(sorted(circle)) for circle in found) == sorted(BLESSED)


def test_a_circle_is_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set[str]()}
    assert circles(edges) == {frozenset("abc")}
