"""The public names of the package: the module that defines each, and the first sentences of its description."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from immunoode.lazy_names import stated_names

PACKAGE = Path(__file__).resolve().parents[1]


def public_names() -> dict[str, str]:
    """Return the module of each public name, which has its namespace before it unless it is at the top."""
    top = stated_names(str(PACKAGE / "__init__.py"))
    found = {name: home for name, home in top.items() if home != "."}
    for place in (name for name, home in top.items() if home == "."):
        file = PACKAGE / f"{place}.py" if (PACKAGE / f"{place}.py").exists() else PACKAGE / place / "__init__.py"
        found |= (
            {f"{place}.{name}": home for name, home in stated_names(str(file)).items() if home != "."}
            if _has_stub(file)
            else {}
        )
    return found


def _has_stub(file: Path) -> bool:
    return file.with_suffix(".pyi").exists()


@cache
def summaries() -> dict[str, str]:
    """Return the first paragraph of the docstring of each public name, read from the files because imports take seconds."""
    names, read = public_names(), dict[str, dict[str, str]]()
    for home in set(names.values()):
        parts = home.split(".")[1:]
        file = PACKAGE.joinpath(*parts)
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        read[home] = _first_paragraphs(file.read_text(encoding="utf-8"))
    return {name: read[home].get(name.rpartition(".")[2], "") for name, home in names.items()}


def _first_paragraphs(source: str) -> dict[str, str]:
    documented = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return {node.name: " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split()) for node in documented}
