"""Equations of closed models; those of equal structure are derived once."""

from __future__ import annotations

import hashlib
import warnings
from collections import OrderedDict
from dataclasses import fields, replace
from typing import Any

from immunoode.errors import ModelError, callers_level
from immunoode.model.check import check
from immunoode.model.equation_builder import EquationBuilder
from immunoode.model.equations import Equations
from immunoode.model.model import Model
from immunoode.model.roles import warnings_without_tumour
from immunoode.model.schema import TABLES
from immunoode.model.terms_without_drug import warnings_without_drug

_CACHE: OrderedDict[str, Equations] = OrderedDict()
_KEPT = 256


def equations_of(model: Model, key: str) -> Equations:
    """Return the equations of a closed model with the structure `key`; equations of equal structure are derived once.

    Prefer `immunoode.model.closed_model.resolve(model).equations`, which caches them.

    Warns
    -----
    UserWarning
        If a therapy acts on tumours and the model has none, or no drug acts on a term that takes concentrations of drugs; once
        per model.

    Raises
    ------
    ModelError
        If the parts of the model are inconsistent.
    """
    if key not in _CACHE:
        problems = check(model, values=False)
        ModelError.raise_if(problems)
        _CACHE[key] = EquationBuilder(model, key).build()
        for text in (*warnings_without_tumour(model), *warnings_without_drug(model)):
            warnings.warn(text, stacklevel=callers_level())
        while len(_CACHE) > _KEPT:
            _CACHE.popitem(last=False)
    return replace(_CACHE[key], values=tuple(p.value for p in model.constants.values()))


def structure_key(model: Model) -> str:
    """Return a hash of a closed model without the values of its parameters, and without titles and symbols."""
    constants = [(name, p.unit) for name, p in model.constants.items()]
    needs = [(name, n.value) for name, n in model.needs.items()]
    equations = [table for table in TABLES if table not in ("covariates", "parameters")]
    tables = [{name: _without_texts(part) for name, part in getattr(model, table).items()} for table in equations]
    return hashlib.sha256(repr((constants, needs, tables)).encode()).hexdigest()


def _without_texts(part: Any) -> tuple[Any, ...]:
    return tuple(getattr(part, one.name) for one in fields(part) if one.name not in ("title", "symbol"))
