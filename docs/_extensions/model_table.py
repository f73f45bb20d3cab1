"""The directive `model-table`: all shipped models in one table, which model_table.js filters in the browser."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import immunoode as imo

FILTERS = {"therapies": "therapy", "species": "species", "data": "data it needs", "kind": "kind"}
"""The columns that a list of choices filters, with the words shown."""
HEAD = ("model", "species", "therapies", "data it needs", "states", "parameters", "checked against")


def choices(text: str) -> list[str]:
    """Return the entries of a cell without their units: "tumour_volume (mm^3), tumour (1)" gives two names in words."""
    return [re.sub(r" \(.*\)$", "", part).replace("_", " ") for part in text.split(", ") if part]


def _select(column: str, label: str, values: set[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in sorted(values, key=str.lower))
    return f'<label>{label} <select data-column="{column}"><option value="">any</option>{options}</select></label>'


def _checks(text: str) -> str:
    checks = [escape(part) for part in text.split("; ") if part]
    items = "".join(f"<li>{part}</li>" for part in checks)
    return f"<details><summary>{len(checks)}</summary><ul>{items}</ul></details>" if checks else "not checked"


def _row(name: str, model: Any) -> str:
    data = ", ".join(model.data.replace("_", " ").split(", "))
    first = f'<a href="models/{name}.html">{name}</a><br>{escape(model.title)}'
    cells = (first, escape(model.species), escape(model.therapies), escape(data), model.states, model.parameters)
    marks = "".join(f' data-{column}="{escape("|".join(choices(getattr(model, column))))}"' for column in FILTERS)
    return f"<tr{marks}>" + "".join(f"<td>{cell}</td>" for cell in (*cells, _checks(model.checked))) + "</tr>"


def table() -> str:
    """Return the filters and the table as HTML."""
    models = imo.list_models()
    selects = [_select(c, label, {v for text in models[c] for v in choices(text)}) for c, label in FILTERS.items()]
    head = "".join(f"<th>{word}</th>" for word in HEAD)
    rows = "\n".join(_row(name, model) for name, model in models.iterrows())
    return f"""<div class="model-table"><form class="model-filters">
<label>words <input type="search" placeholder="melanoma, PD-L1, antigen"></label> {" ".join(selects)}
<output aria-live="polite"></output></form>
<div class="pst-scrollable-table-container"><table class="table"><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div></div>"""


class ModelTable(SphinxDirective):
    """Puts the table where the directive stands."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", table(), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive and its script."""
    app.add_directive("model-table", ModelTable)
    app.add_js_file("model_table.js", loading_method="defer")
    app.add_js_file("long_names.js", loading_method="defer")
    return {"parallel_read_safe": True}
