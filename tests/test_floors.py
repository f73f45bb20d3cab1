"""The floors of the package: a file imports only from floors below its own, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "immunoode"
FLOORS = (
    ("version", "lazy_names", "terms"),
    ("suggestions",),
    ("errors",),
    ("former_names", "io", "number_checks", "optional"),
    ("unit_words", "atomic", "notebook"),
    ("units", "catalogue"),
    ("tables", "blocks"),
    ("model",),
    ("regimen",),
    ("interop",),
    ("solve",),
    ("trial",),
    ("fitting",),
    ("scenario", "petab", "analysis", "population"),
    ("virtual_population",),
    ("virtual_trial",),
    ("combination", "cohorts", "optimisation"),
    ("sensitivity_analysis",),
    ("plot",),
    ("report", "descriptions", "explorer"),
    ("arm_names",),
    ("demo", "completion"),
    ("command_line",),
    ("__main__",),
)
"""From the ground up; parts beside each other on one floor do not know each other."""
LEVEL = {part: level for level, parts in enumerate(FLOORS) for part in parts}
PLOT = "plot"
MAY_PLOT = "plot"
"""Methods whose names begin like this import the plot floor when they are called: `run.plot()` is worth the exception."""


@dataclass(frozen=True)
class Import:
    """One import from this package: in which file and line, inside which function ('' at the top)."""

    file: str
    line: int
    function: str
    target: str

    @property
    def source_part(self) -> str:
        """The part of the package that imports."""
        return self.file.removesuffix(".py").split("/")[0]

    @property
    def target_part(self) -> str:
        """The part of the package that is imported."""
        return self.target.split(".")[0]

    def __str__(self) -> str:
        return f"immunoode/{self.file}:{self.line} imports immunoode.{self.target}"


def _targets(node: ast.Import | ast.ImportFrom, file: str) -> Iterator[str]:
    """Yield what a statement imports from this package, without the leading `immunoode.` ('' is the package itself).

    Of `from immunoode.errors import FitError` that is "errors.FitError": a module, or a name in one.
    """
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif node.level:
        above = ("immunoode." + file).removesuffix(".py").split("/")[: -node.level]
        names = [".".join(filter(None, [*above, node.module or "", alias.name])) for alias in node.names]
    else:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    yield from (name.removeprefix("immunoode").lstrip(".") for name in names if name.split(".")[0] == "immunoode")


def imports_of(text: str, file: str) -> list[Import]:
    """Return every import of this package in a source text, those inside functions included."""
    found: list[Import] = []

    def walk(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.extend(Import(file, node.lineno, function, target) for target in _targets(node, file))
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        for child in _statements_in(node):
            walk(child, inside)

    walk(ast.parse(text), "")
    return found


def _statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly in another (and handlers and cases, which hold some): no import is in an expression."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        inner = getattr(node, name, ())
        yield from inner if isinstance(inner, list) else ()


@cache
def imports_in(path: Path) -> list[Import]:
    """Return every import of this package in one of its files."""
    return imports_of(path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix())


def breach(found: Import) -> str:
    """Return what is wrong with an import, or ''."""
    if found.source_part not in LEVEL:
        return f"immunoode/{found.file} is on no floor; add its part to FLOORS"
    if found.target_part not in LEVEL:
        return f"{found}: take names from the module that defines them, not from the package"
    if found.source_part == found.target_part or LEVEL[found.source_part] > LEVEL[found.target_part]:
        return ""
    if found.target_part == PLOT and found.function.lstrip("_").startswith(MAY_PLOT):
        return ""
    return f"{found}, which is not below it"


def _files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_every_file_imports_from_floors_below() -> None:
    found = [i for path in _files() for i in imports_in(path)]
    assert len(found) > 50
    assert [problem for i in found if (problem := breach(i))] == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model/read.py", "from immunoode.solve.simulate import simulate"),
        ("model/read.py", "def load():\n    from immunoode.regimen.schedule import Schedule"),
        ("fitting/fit.py", "import immunoode.scenario.compare"),
        ("solve/simulate.py", "from immunoode import load_model"),
        ("solve/simulate.py", "import immunoode as imo"),
        ("trial/table.py", "from ..plot import trial"),
        ("solve/simulate.py", "def advice():\n    from immunoode.plot.simulation import draw"),
        ("units.py", "from immunoode.model import parts"),
        ("units.py", "try:\n    pass\nexcept ImportError:\n    match 1:\n        case 1:\n            import immunoode.model"),
        ("units.py", "for i in ():\n    pass\nelse:\n    try:\n        pass\n    finally:\n        import immunoode.model"),
        ("elsewhere/thing.py", "from immunoode import units"),
    ],
)
def test_a_breach_is_seen(file: str, text: str) -> None:
    assert [breach(i) for i in imports_of(text, file)] != [""]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("fitting/fit.py", "from immunoode.solve.simulate import simulate"),
        ("fitting/fit.py", "from . import result"),
        ("model/read.py", "from immunoode import units"),
        ("solve/simulation.py", "class S:\n    def plot(self):\n        from immunoode.plot.simulation import draw"),
    ],
)
def test_what_is_allowed(file: str, text: str) -> None:
    assert [breach(i) for i in imports_of(text, file)] == [""]


def test_every_package_is_shipped() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    here = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(setup["options"]["packages"].split()) == here | {"immunoode.models", "immunoode.populations"}
    assert not [*(ROOT / "models").glob("*.py"), *(ROOT / "populations").glob("*.py")]
