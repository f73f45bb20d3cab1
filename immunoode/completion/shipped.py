"""Names of what ships, read from files without the numerical libraries: the first Tab must not wait for their import."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from immunoode.lazy_names import stated_names
from immunoode.model.paths import models_folder, shipped_folder, shipped_names

_PACKAGE = Path(__file__).resolve().parents[1]
_PARTS = ("covariates", "parameters", "compartments", "derived", "modifiables", "inputs")
"""The tables of a model file whose names `describe` knows."""


def models() -> list[str]:
    """Return the names of the shipped models."""
    return shipped_names(models_folder())


def variants(model: str = "") -> list[str]:
    """Return the variants of a shipped model, or of all of them."""
    return sorted({name for file in _files_of(model) for name in _document(file).get("variants", {})})


def _files_of(model: str) -> list[str]:
    return [name for name in models() if model in ("", name)]


def therapies() -> list[str]:
    """Return the names under which the shipped models take doses."""
    return sorted({name for file, document in _documents().items() for name in _inputs(file, document)})


def _inputs(file: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the inputs of a model file; those of therapies carry the name of an instance, as `instances` explains."""
    for name in document.get("inputs", {}):
        if document["kind"] in ("base", "published"):
            yield name
            continue
        named = {variant: values.get("instance", variant) for variant, values in document.get("variants", {}).items()}
        for instance in (document.get("instance", file), *named.values()):
            yield instance if name == "dose" else f"{instance}_{name}"


def regimens() -> list[str]:
    """Return the names of the shipped regimens."""
    return sorted(tomllib.loads((_PACKAGE / "regimen" / "standard_of_care.toml").read_text(encoding="utf-8")))


def cohorts() -> list[str]:
    """Return the names of the shipped calibrated cohorts."""
    return shipped_names(shipped_folder("populations") / "cohorts")


def distributions() -> list[str]:
    """Return the names of the shipped distributions of parameters."""
    return shipped_names(shipped_folder("populations"))


def datasets() -> list[str]:
    """Return the names of the shipped data sets."""
    from immunoode.trial.shipped_datasets import DATASETS

    return sorted(DATASETS)


def all_names() -> list[str]:
    """Return the names that `describe` knows: what ships first, then parts of models, then public names."""
    shipped = sorted({*models(), *variants(), *regimens(), *cohorts(), *distributions(), *datasets()})
    parts = sorted({name for document in _documents().values() for table in _PARTS for name in document.get(table, {})})
    public = sorted(name for name, home in stated_names(str(_PACKAGE / "__init__.py")).items() if home != ".")
    return list(dict.fromkeys([*shipped, *parts, *public]))


def _documents() -> dict[str, dict[str, Any]]:
    return {name: _document(name) for name in models()}


@cache
def _document(name: str) -> dict[str, Any]:
    return tomllib.loads((models_folder() / f"{name}.toml").read_text(encoding="utf-8"))
