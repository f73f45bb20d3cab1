"""Meanings of a name among the models: a model, a variant, or a part of models (parameter, state, output, input)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from immunoode.descriptions.description import Meaning
from immunoode.model.display import html, parameter_rows, summary
from immunoode.model.library import list_models, load_model, shipped_documents
from immunoode.model.model import Model

PARTS = {
    "covariates": "covariate",
    "parameters": "parameter",
    "compartments": "compartment (state)",
    "derived": "derived quantity (output)",
    "modifiables": "modifiable quantity",
    "inputs": "input of doses",
}
"""The tables of a model whose names are described, and what their parts are."""
_FACTS = ("species", "tumours", "therapies", "data", "variants", "needs", "checked", "references")


def of_models(name: str) -> Iterator[Meaning]:
    """Yield the meanings of a name among the shipped models."""
    documents = shipped_documents()
    if name in documents:
        yield _model(name)
    for model, document in documents.items():
        if name in document.get("variants", {}):
            yield _variant(model, name)
    for table, what in PARTS.items():
        rows = [_part(model, document[table][name]) for model, document in documents.items() if name in document.get(table, {})]
        if rows:
            yield _parts(f"{what} {name}", rows)


def names_of_parts() -> set[str]:
    """Return the names of all parts of the shipped models, and of their variants."""
    tables = ("variants", *PARTS)
    return {name for document in shipped_documents().values() for table in tables for name in document.get(table, {})}


def of_model(model: Model) -> Meaning:
    """Return the description of a model: its subject, its parts, parameters with sources."""
    import pandas as pd

    facts = [f"{key}: {value}" for key, value in _facts(model).items() if value]
    text = "\n".join([model.description.strip(), "", *facts, *summary(model).splitlines()[1:], ""]).lstrip("\n")
    head = ["parameter", "value", "unit", "bounds", "meaning", "source"]
    return Meaning(f"model {model.name}: {model.title}", text, pd.DataFrame(parameter_rows(model), columns=head), html(model))


def _facts(model: Model) -> Mapping[str, str]:
    listed = list_models()
    if model.file not in listed.index:
        return {}
    return {key: str(value) for key, value in listed.loc[model.file, list(_FACTS)].items()}


def _model(name: str) -> Meaning:
    section = of_model(load_model(name))
    return Meaning(section.title, f"{section.text}load it: immunoode.load_model({name!r})\n", section.table, section.page)


def _variant(file: str, variant: str) -> Meaning:
    import pandas as pd

    model = load_model(file, variant=variant)
    changed = shipped_documents()[file]["variants"][variant]
    rows = [row for row in parameter_rows(model) if row[0] in changed]
    text = f"of {file}: {model.title}\nload it: immunoode.load_model({file!r}, variant={variant!r})\n"
    table = pd.DataFrame(rows, columns=["parameter", "value", "unit", "bounds", "meaning", "source"])
    return Meaning(f"variant {variant}", text, table)


def _part(model: str, part: Mapping[str, Any]) -> dict[str, str]:
    value = part.get("value", part.get("expr", part.get("base", part.get("initial", part.get("into", "")))))
    bounds = " to ".join(f"{x:g}" for x in part.get("bounds", []))
    unit = str(part.get("unit", "1"))
    said = f"{value:g}" if isinstance(value, (int, float)) else str(value)
    return {
        "model": model,
        "value": said,
        "unit": unit,
        "bounds": bounds,
        "meaning": part.get("title", ""),
        "source": part.get("source", ""),
    }


def _parts(title: str, rows: list[dict[str, str]]) -> Meaning:
    import pandas as pd

    table = pd.DataFrame(rows)
    shown = [column for column in table.columns if (table[column] != "").any()]
    count = "1 model" if len(rows) == 1 else f"{len(rows)} models"
    return Meaning(f"{title}, in {count}", "", table[shown])
