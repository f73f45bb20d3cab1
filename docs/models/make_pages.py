"""Write a page for each shipped model from its file, with its figure. Run: python docs/models/make_pages.py (or make pages)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import immunoode as imo
from immunoode.model.diagram import diagram
from immunoode.model.latex import definitions, dose_effects, state_equations
from immunoode.model.library import model_names
from immunoode.model.paths import models_folder
from immunoode.model.references import REFERENCES, entries_of

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import verification  # noqa: E402 it stands beside this file

HEAD = "<!-- Written by docs/models/make_pages.py from models/{name}.toml; change the file, not the page. -->"


def page(name: str) -> str:
    """Return the page of a model."""
    model = imo.load_model(name)
    parts = [HEAD.format(name=name), f"# {model.title or name}", f"`{name}` ({model.kind})", *_description(model)]
    parts += [f"![Compartments and flows](figures/{name}.svg)"]
    parts += [_list("Equations", [f"$$ {line} $$" for line in state_equations(model).values()])]
    parts += [_list("At a dose", [f"$$ {line} $$" for line in dose_effects(model)])]
    parts += [_list("Definitions", [f"$$ {line} $$" for line in definitions(model).values()])]
    states = [(f"`{n}`", c.unit, f"`{c.initial}`", ", ".join(c.roles), c.title) for n, c in model.compartments.items()]
    parts += [_table("Compartments", ("name", "unit", "initial", "roles", "meaning"), states)]
    inputs = [(f"`{n}`", i.unit, f"`{i.into}`", i.title) for n, i in model.inputs.items()]
    parts += [_table("Inputs", ("name", "unit", "into", "meaning"), inputs)]
    resistances = [(f"`{r.of}`", f"`{r.against}`", f"`{r.share}`", r.title) for r in model.resistances.values()]
    parts += [_table("Resistances", ("of", "against", "share", "meaning"), resistances)]
    parts += [_table("Parameters", ("name", "value", "unit", "bounds", "meaning", "source"), _parameters(model))]
    variants = [(f"`{n}`", ", ".join(f"{k} = {p.value:g}" for k, p in values.items())) for n, values in model.variants.items()]
    parts += [_table("Variants", ("name", "values"), variants)]
    parts += [_table("Reference patients", ("name", "of", "values", "source"), _patients(model))]
    checks = [(c.against, f"{c.tolerance:g}" if c.tolerance else "", f"`{c.test}`" if c.test else "") for c in model.checks]
    parts += [_table("Checked against", ("what", "relative tolerance", "by"), checks)]
    if verification.of(name):
        parts += [f"![Our curves on those of the same equations, integrated by SciPy](figures/{name}.png)"]
    parts += [_list("References", _references(name))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _description(model: imo.Model) -> list[str]:
    needs = [n for n, need in model.needs.items() if need.value is None]
    text = [" ".join(p.split()) for p in model.description.split("\n\n") if p.strip()]
    return text + ([f"It needs from another model: {', '.join(f'`{n}`' for n in needs)}."] if needs else [])


def _list(title: str, lines: list[str]) -> str:
    return "\n\n".join([f"## {title}", *lines]) if lines else ""


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = ["| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in row) + " |" for row in (head, *rows)]
    return "\n".join([f"## {title}", "", lines[0], "|" + "---|" * len(head), *lines[1:]])


def _parameters(model: imo.Model) -> list[tuple[str, ...]]:
    rows = []
    for name, p in model.constants.items():
        bounds = f"{p.bounds[0]:g} to {p.bounds[1]:g}" if p.bounds else ""
        meaning = p.title + (" (of the patient)" if name in model.covariates else "")
        rows.append((f"`{name}`", f"{p.value:g}", p.unit, bounds, meaning, p.source))
    return rows


def _patients(model: imo.Model) -> list[tuple[str, ...]]:
    rows = model.reference_patients.items()
    return [(f"`{n}`", p.title, ", ".join(f"{k} = {v:g}" for k, v in p.covariates.items()), p.source) for n, p in rows]


def _references(name: str) -> list[str]:
    """Return what the model cites, a line each, with its DOI."""
    found = []
    for key, entry in entries_of(models_folder() / REFERENCES).items():
        if f"{{{key}," not in imo.cite(name):
            continue
        fields = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", entry, re.MULTILINE))
        who = fields.get("author", key).replace("{", "").replace("}", "").replace(" and others", " et al.")
        place = " ".join(
            filter(None, [fields.get("journal"), fields.get("volume"), fields.get("pages", "").replace("--", "-")])
        )
        doi = f"[doi {fields['doi']}](https://doi.org/{fields['doi']})" if "doi" in fields else ""
        found.append("- " + ". ".join(filter(None, [f"{who} ({fields.get('year', '')})", fields.get("title"), place, doi])))
    return ["\n".join(found)] if found else []


KINDS = {
    "base": "A tumour with its T cells, on which therapies act",
    "therapy": "Immunotherapies",
    "term": "Chemotherapy, radiotherapy, and what they do beside the tumour",
    "interaction": "Interactions, each of two therapies",
    "published": "Published models",
}
INDEX = """# Models

Every model file has a page: its equations, parameters with their sources, how it was checked, and its curves on those of the
same equations written out a second time and integrated by SciPy (`docs/models/papers`, one function per paper). What a file
states of its checks, `immunoode.list_models()` lists, and `immunoode.cite(name)` gives its references as BibTeX."""
NOTES = """## What attaches to a published model

Chemotherapy and radiotherapy act on every compartment with the role `tumour`, as in
`immunoode.combine("kuznetsov1994", "radiotherapy")`. An antibody against PD-1 or PD-L1 needs a model that offers
`checkpoint_brake`; without one, simulating the combination is an error that names the models that do. Models of a size, or of
kinetics alone, have no tumour cells to lose: combined with chemotherapy or radiotherapy they simulate, and warn that nothing of
theirs is killed.

| model | chemotherapy and radiotherapy | checkpoint blockade |
|---|---|---|
"""


def index() -> str:
    """Return the page that lists the others, by kind, and what attaches to published models."""
    models = {n: imo.load_model(n) for n in model_names()}
    parts = [HEAD.format(name="*"), INDEX]
    for kind, title in KINDS.items():
        rows = [(f"[{n}]({n}.md)", m.title) for n, m in models.items() if m.kind == kind]
        parts += [_table(title, ("model", "what it is"), rows)]
    lines = []
    for n, m in models.items():
        if m.kind == "published":
            tumours = ", ".join(f"`{c}`" for c, part in m.compartments.items() if "tumour" in part.roles)
            brake = "yes" if "checkpoint_brake" in m.modifiables else "no brake in its equations"
            acts = f"on {tumours}" if tumours else "no tumour cells in it"
            lines.append(f"| [{n}]({n}.md) | {acts} | {brake} |")
    return "\n\n".join(parts) + "\n\n" + NOTES + "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return every page and diagram by its file's name."""
    texts = {f"{name}.md": page(name) for name in model_names()}
    diagrams = {f"figures/{name}.svg": diagram(imo.load_model(name)) + "\n" for name in model_names()}
    return {"README.md": index(), **texts, **diagrams}


if __name__ == "__main__":
    for model in model_names():
        verification.write(model)
    for file, text in pages().items():
        (HERE / file).write_text(text, encoding="utf-8")
