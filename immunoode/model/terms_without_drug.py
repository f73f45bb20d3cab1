"""Terms that take concentrations of drugs, in a model whose drugs are others."""

from __future__ import annotations

from immunoode.model.components import ModelTables
from immunoode.model.expressions import names_in
from immunoode.model.schema import expressions_of

CONCENTRATION = "_concentration"


def warnings_without_drug(model: ModelTables) -> list[str]:
    """Return a warning for each term that takes concentrations of drugs, if no drug of the model offers one or adds to it."""
    missing: dict[str, list[str]] = {}
    for name, need in model.needs.items():
        if name.endswith(CONCENTRATION) and need.owner in model.members and model.members[need.owner].kind == "term":
            missing.setdefault(need.owner, []).append(name)
    if not (missing and model.inputs):
        return []
    reached = _reached(model)
    return [
        f"no drug of this model acts on {owner}, which takes {' and '.join(names)}: it stays as it is without drugs"
        for owner, names in missing.items()
        if owner not in reached
    ]


def _reached(model: ModelTables) -> set[str]:
    """Return the models that take a concentration of another one, or whose quantities another one changes."""
    found = set()
    for *_, text, part in expressions_of(model):
        concentrations = [n for n in names_in(text) if n.endswith(CONCENTRATION) and n not in model.needs]
        tables = (model.compartments, model.modifiables, model.derived)
        if any(table[n].owner != part.owner for n in concentrations for table in tables if n in table):
            found.add(part.owner)
    for modifier in model.modifiers.values():
        changed = model.modifiables.get(modifier.of)
        if changed is not None and changed.owner != modifier.owner:
            found.add(changed.owner)
    return found
