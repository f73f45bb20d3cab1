"""The directive `model-references`: the bibliography of the models, with the models that cite each entry."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import immunoode as imo
from immunoode.model.paths import models_folder
from immunoode.model.references import REFERENCES, entries_of

FIELD = re.compile(r"^\s*(\w+)\s*=\s*[{\"](.*?)[}\"],?\s*$", re.MULTILINE)


def _text(entry: str) -> str:
    field = {key.lower(): re.sub(r"[{}\\]", "", value) for key, value in FIELD.findall(entry)}
    title = field.get("title", "").rstrip(".")
    return f"{field.get('author', '')} ({field.get('year', 'no year')}). {title}. {field.get('journal', '')}".rstrip(". ") + "."


def _citing_models() -> dict[str, list[str]]:
    found = defaultdict(list)
    for name, references in imo.list_models()["references"].items():
        for key in filter(None, references.split(", ")):
            found[key].append(name)
    return found


class ModelReferences(SphinxDirective):
    """Puts the list where the directive stands, in the order of the keys."""

    def run(self) -> list[nodes.Node]:
        models, listed = _citing_models(), nodes.bullet_list()
        for key, entry in sorted(entries_of(models_folder() / REFERENCES).items()):
            line = nodes.paragraph("", _text(entry) + " ")
            doi = re.search(r"doi\s*=\s*[{\"](?:https?://doi.org/)?(.*?)[}\"]", entry, re.IGNORECASE)
            if doi:
                line += nodes.reference("", f"doi:{doi[1]}", refuri=f"https://doi.org/{doi[1]}")
            for name in models.get(key, []):
                target = nodes.literal("", name)
                line += nodes.Text(" ")
                line += addnodes.pending_xref(
                    "", target, refdomain="std", reftype="doc", reftarget=f"/models/{name}", refexplicit=True
                )
            listed += nodes.list_item("", line)
        return [listed]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("model-references", ModelReferences)
    return {"parallel_read_safe": True}
