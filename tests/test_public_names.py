"""The public names: all there, all documented, all typed; and importing the package stays light."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import immunoode as imo

HEAVY = (
    "arviz",
    "lmfit",
    "matplotlib",
    "numba",
    "openpyxl",
    "pandas",
    "pint",
    "pooch",
    "scipy",
    "symengine",
    "sympy",
    "tqdm",
    "xarray",
)
PUBLIC = [name for name in imo.__all__ if name != "__version__"]


def _methods(cls: type) -> Iterator[tuple[str, object]]:
    """Yield the public functions and properties that a class of this package defines itself."""
    for name, member in vars(cls).items():
        inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(inner):
            yield name, inner


@pytest.mark.parametrize("name", PUBLIC)
def test_documented(name: str) -> None:
    value = getattr(imo, name)
    assert (value.__doc__ or "").strip(), f"{name} has no docstring"
    # a dataclass without a docstring gets its signature for one
    assert not value.__doc__.startswith(f"{name}("), f"{name} has no docstring"
    if inspect.isclass(value):
        bare = [method for method, function in _methods(value) if not (function.__doc__ or "").strip()]
        assert bare == [], f"{name}: methods without a docstring"


@pytest.mark.parametrize("name", PUBLIC)
def test_typed(name: str) -> None:
    value = getattr(imo, name)
    functions = dict(_methods(value)) if inspect.isclass(value) else {name: value}
    for label, function in functions.items():
        signature = inspect.signature(function)  # type: ignore[arg-type]
        bare = [p.name for p in signature.parameters.values() if p.name != "self" and p.annotation is p.empty]
        assert bare == [], f"{name}.{label}: parameters without a type"
        assert signature.return_annotation is not signature.empty, f"{name}.{label}: no return type"


def test_parameters_are_in_the_docstring() -> None:
    """A public function that documents parameters documents all of them, under the names they have."""
    missing = []
    for name in PUBLIC:
        value = getattr(imo, name)
        if inspect.isfunction(value):
            text = inspect.getdoc(value) or ""
            parameters = [p for p in inspect.signature(value).parameters if not p.startswith("_")]
            missing += [f"{name}({p})" for p in parameters if p not in text]
    assert missing == []


def test_names_are_listed() -> None:
    assert set(imo.__all__) <= set(dir(imo))
    assert len(set(imo.__all__)) == len(imo.__all__)
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        imo.simulat  # noqa: B018


def test_editors_know_the_same_names() -> None:
    """The stub that editors and type checkers read says what the package hands out."""
    tree = ast.parse((Path(imo.__file__).parent / "__init__.pyi").read_text())
    stated = {(node.module, alias.asname) for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert stated == {(home, name) for home, names in imo._HOMES.items() for name in names}


@pytest.mark.slow
def test_the_folder_fit_does_not_hide_the_function() -> None:
    code = "import immunoode.fitting.result, immunoode as imo; print(imo.fit.__name__, callable(imo.fit))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fit", "True"]


def test_import_is_light() -> None:
    code = f"import sys, immunoode; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
