"""The tables of a model file: the dataclass of each, and the names of its keys in TOML.

Reading, writing, renaming and combining iterate over these tables, so that a new kind of part is defined once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from immunoode.model.components import (
    Compartment,
    Derived,
    Flow,
    Input,
    ModelTables,
    Modifiable,
    Modifier,
    Parameter,
    Pulse,
    Resistance,
)


@dataclass(frozen=True)
class Table:
    """One table of a model file.

    `expressions` are the fields with expressions, `references` those with the name of a part of another table or a role,
    `keys` the fields with another name in TOML.
    """

    part: type
    required: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()

    def key(self, field: str) -> str:
        """Return the key of a field in TOML."""
        return dict(self.keys).get(field, field)


KNOWN_BEFORE_START = ("lag", "bioavailability", "rate", "duration")
"""Expressions of an input that are evaluated before the simulation, and therefore depend on parameters only."""
ENDS = (("source", "from"), ("target", "to"))
TABLES: dict[str, Table] = {
    "covariates": Table(Parameter, ("value",)),
    "parameters": Table(Parameter, ("value",)),
    "compartments": Table(Compartment, ("unit",), ("initial",)),
    "modifiables": Table(Modifiable, ("base",), ("base",)),
    "derived": Table(Derived, ("expr",), ("expr",), ("baseline",)),
    "flows": Table(Flow, (), ("rate", "per_capita", "gain"), ("source", "target", "producer"), ENDS),
    "modifiers": Table(Modifier, ("of",), ("factor", "add"), ("of",)),
    "inputs": Table(Input, ("into", "unit"), ("fraction", *KNOWN_BEFORE_START), ("into",)),
    "pulses": Table(Pulse, ("on", "source", "fraction"), ("fraction", "gain"), ("on", "source", "target"), ENDS),
    "resistances": Table(Resistance, ("of", "against", "share"), ("share",), ("of",)),
}
VALUES = ("covariates", "parameters", "compartments", "modifiables", "derived")
"""The tables whose names expressions may use; a name may be in one of them only."""


def expressions_of(model: ModelTables) -> Iterator[tuple[str, str, str, str, Any]]:
    """Yield (table, name, field, text, part) for every expression of a model."""
    for table, spec in TABLES.items():
        for name, part in getattr(model, table).items():
            for field in spec.expressions:
                text = getattr(part, field)
                if isinstance(text, str) and text:
                    yield table, name, field, text, part
