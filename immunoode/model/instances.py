"""Names of a model's parts in a combination: those of therapies, terms and interactions carry the instance's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from immunoode.model.components import BARE_KINDS, COMBINED, INPUT_BY_INSTANCE, Member
from immunoode.model.expressions import substitute_names
from immunoode.model.model import Model
from immunoode.model.schema import TABLES, VALUES


def with_instance_names(model: Model) -> Model:
    """Return a model with its names in a combination; a combined model is returned unchanged."""
    if model.kind == COMBINED:
        return model
    instance = model.instance or model.name
    model = replace(model, name=instance)
    names = (
        {}
        if model.kind in BARE_KINDS
        else {n: f"{instance}_{n}" for table in VALUES for n in getattr(model, table) if table != "covariates"}
    )
    inputs = {n: _input_name(model, n) for n in model.inputs}
    tables: dict[str, Any] = {table: _renamed_table(model, table, names, inputs) for table in TABLES}
    needs = {name: replace(need, owner=instance) for name, need in model.needs.items()}
    member = Member(model.kind, model.file, model.variant, model.title)
    return Model(
        name=instance,
        kind=COMBINED,
        title=model.title,
        description=model.description,
        references=model.references,
        about=replace(model.about, measured=tuple(names.get(n, n) for n in model.about.measured)),
        members={instance: member},
        needs=needs,
        reference_patients=model.reference_patients,
        **tables,
    )


def _input_name(model: Model, name: str) -> str:
    if model.kind in BARE_KINDS:
        return name
    return model.name if name == INPUT_BY_INSTANCE else f"{model.name}_{name}"


def _renamed_table(model: Model, table: str, names: Mapping[str, str], inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return one table of a model with its names in a combination."""

    def key(name: str) -> str:
        if table == "inputs":
            return inputs[name]
        bare = model.kind in BARE_KINDS or table == "covariates"
        return name if bare else f"{model.name}_{name}"

    return {key(name): _renamed_part(part, table, names, inputs, model.name) for name, part in getattr(model, table).items()}


def _renamed_part(part: Any, table: str, names: Mapping[str, str], inputs: Mapping[str, str], owner: str) -> Any:
    spec = TABLES[table]
    changes: dict[str, Any] = {"owner": owner}
    for field in spec.expressions:
        text = getattr(part, field)
        if isinstance(text, str) and text:
            changes[field] = substitute_names(text, names, inputs)
    for field in spec.references:
        name = getattr(part, field)
        changes[field] = inputs.get(name, name) if field == "on" else names.get(name, name)
    return replace(part, **changes)
