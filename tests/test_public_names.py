"""The public names: all there, all documented, all typed; and importing the package stays light."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import immunoode as imo
from immunoode.former_names import FORMER, IN_NAMESPACES
from immunoode.lazy_names import stated_names

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
PLACES = {"": imo, **{name: getattr(imo, name) for name in imo.NAMESPACES}}
PUBLIC = {
    f"{place}.{name}".lstrip("."): getattr(module, name)
    for place, module in PLACES.items()
    for name in module.__all__
    if name != "__version__"
}
"""Every public name, with the namespace that it is in, and what it is."""
ROOT = Path(imo.__file__).resolve().parents[1]


def _methods(cls: type) -> Iterator[tuple[str, object]]:
    """Yield the public functions and properties that a class of this package defines itself."""
    for name, member in vars(cls).items():
        inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(inner):
            yield name, inner


def _functions() -> Iterator[tuple[str, object]]:
    """Yield every public function, and every method of a public class, with its name."""
    for name, value in PUBLIC.items():
        if inspect.isclass(value):
            yield from ((f"{name}.{method}", function) for method, function in _methods(value))
        else:
            yield name, value


def test_documented() -> None:
    texts = {name: (value.__doc__ or "").strip() for name, value in PUBLIC.items()}
    texts |= {name: (function.__doc__ or "").strip() for name, function in _functions()}
    assert len(texts) > 500
    # a dataclass without a docstring gets its signature for one
    assert [name for name, text in texts.items() if not text or text.startswith(f"{name.split('.')[-1]}(")] == []


def test_typed() -> None:
    found = [(name, inspect.signature(function)) for name, function in _functions()]  # type: ignore[arg-type]
    given = [(f"{name}({p.name})", p) for name, s in found for p in s.parameters.values() if p.name not in ("self", "cls")]
    assert len(given) > 1000
    assert [name for name, parameter in given if parameter.annotation is parameter.empty] == []
    assert [name for name, signature in found if signature.return_annotation is signature.empty] == []


def test_parameters_are_in_the_docstring() -> None:
    """A public function that documents parameters documents all of them, under the names they have."""
    missing = []
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            text = inspect.getdoc(value) or ""
            parameters = [p for p in inspect.signature(value).parameters if not p.startswith("_")]
            missing += [f"{name}({p})" for p in parameters if p not in text]
    assert missing == []


@pytest.mark.parametrize("place", PLACES)
def test_names_are_listed(place: str) -> None:
    module = PLACES[place]
    assert set(module.__all__) <= set(dir(module))
    assert len(set(module.__all__)) == len(module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        module.simulat  # noqa: B018


def test_the_top_is_short() -> None:
    assert len(imo.__all__) <= 51
    assert set(imo.NAMESPACES) <= set(dir(imo))


def test_a_name_is_in_one_place() -> None:
    """An object has one public place, and the names of two places differ, but for the figure of an estimate."""
    shared = Counter(name.split(".")[-1] for name in PUBLIC)
    assert [name for name, count in shared.items() if count > 1] == ["kaplan_meier"]
    assert len({id(value) for value in PUBLIC.values()}) == len(PUBLIC)


@pytest.mark.parametrize("stub", sorted(Path(imo.__file__).parent.rglob("*.pyi")), ids=str)
def test_the_stub_is_read_as_python_reads_it(stub: Path) -> None:
    """What the stub states to editors and type checkers is what the package hands out."""
    imports = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    stated = {alias.asname: node.module or "." for node in imports for alias in node.names}
    assert stated == stated_names(str(stub.with_suffix(".py")))


@pytest.mark.parametrize("place", [place for place in PLACES if place])
def test_no_module_has_the_name_of_what_its_namespace_hands_out(place: str) -> None:
    """Importing a module binds its name in its package, in the place of a function that has the same name."""
    modules = {found.name for found in pkgutil.iter_modules(getattr(PLACES[place], "__path__", []))}
    assert modules.isdisjoint(PLACES[place].__all__)


@pytest.mark.parametrize("name", FORMER)
def test_a_former_name_works_and_says_where_it_is_now(name: str) -> None:
    with pytest.warns(FutureWarning, match=rf"immunoode\.{name} is immunoode\.{re.escape(FORMER[name])} now"):
        assert getattr(imo, name) is PUBLIC[FORMER[name]]
    assert name not in dir(imo)


def test_nothing_uses_a_former_name() -> None:
    used = re.compile(rf"\b(?:imo|immunoode)\.(?:{'|'.join(FORMER)})\b")
    files = [
        path for folder in ("docs", "notebooks", "immunoode", "tests", "benchmarks") for path in (ROOT / folder).rglob("*")
    ]
    pages = [path for path in [*ROOT.glob("*.md"), *files] if path.suffix in (".py", ".md", ".ipynb", ".toml")]
    left = [f"{path.relative_to(ROOT)}: {found}" for path in pages for found in used.findall(path.read_text(encoding="utf-8"))]
    assert len(pages) > 100
    assert [line for line in left if not line.startswith(("CHANGELOG", "docs/former_names.md"))] == []


@pytest.mark.slow
def test_the_folder_fit_does_not_hide_the_function() -> None:
    code = "import immunoode.fitting.result, immunoode as imo; print(imo.fit.__name__, callable(imo.fit))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fit", "True"]


def test_import_is_light() -> None:
    code = f"import sys, immunoode; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


AT_THE_TOP = re.compile(r"^(class|def) ([A-Za-z]\w*)[(:\[]", re.M)


def _defined(kind: str) -> dict[str, list[str]]:
    """Return the modules that define each public class or function at their top."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(Path(imo.__file__).parent.rglob("*.py")):
        for sort, name in AT_THE_TOP.findall(path.read_text(encoding="utf-8")):
            if sort == kind:
                found[name].append(path.relative_to(ROOT).as_posix())
    assert len(found) > 100
    return found


def test_no_two_classes_have_one_name() -> None:
    twice = {name: modules for name, modules in _defined("class").items() if len(modules) > 1}
    assert twice == {}, "a class needs a name that no other class of the package has"


def test_no_other_function_has_the_name_of_a_public_one() -> None:
    public = {name.split(".")[-1] for name, value in PUBLIC.items() if inspect.isfunction(value)} - {"kaplan_meier"}
    twice = {name: modules for name, modules in _defined("def").items() if name in public and len(modules) > 1}
    assert twice == {}


@pytest.mark.parametrize(("name", "now"), IN_NAMESPACES.items())
def test_former_names_of_namespaces_work_with_a_warning(name: str, now: str) -> None:
    place, _, own = name.rpartition(".")
    with pytest.warns(FutureWarning, match=rf"immunoode\.{name} is immunoode\.{re.escape(now)} now"):
        assert getattr(getattr(imo, place), own) is PUBLIC[now]
