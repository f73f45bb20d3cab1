"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import immunoode

PARTS = (
    "immunoode.trial",
    "immunoode.virtual",
    "immunoode.plot",
    "immunoode.interop",
    "immunoode.petab",
    "immunoode.analysis",
)
MODULES = [
    module.name
    for part in PARTS
    for module in pkgutil.walk_packages(importlib.import_module(part).__path__, part + ".")
    if not module.name.endswith("make_example")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [t for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples]
    assert len(found) >= 15 and immunoode.__version__
