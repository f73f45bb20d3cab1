"""Public names that are imported on first use. A package's stub says which names it hands out and which module defines each.

The stub is what editors and type checkers read, so that a name is stated once (as by `lazy_loader.attach_stub`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

LINE = re.compile(r"^from (\S+) import (\w+) as \2$", re.MULTILINE)


def stated_names(file: str) -> dict[str, str]:
    """Return the module that defines each name of the stub of a source file; '.' for a module of the package itself."""
    text = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
    return {name: home for home, name in LINE.findall(text)}


def attach_stub(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    file : str
        Its `__file__`; the stub is in the same folder and has one line `from module import name as name` per name.
    """
    homes = stated_names(file)

    def value_of(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        value = import_module(f"{package}.{name}") if home == "." else getattr(import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    return value_of, lambda: sorted(homes), sorted(homes)
