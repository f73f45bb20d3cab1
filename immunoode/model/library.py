"""The shipped models: loading by name, and a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.catalogue.entries import Entry, Filter, advice
from immunoode.catalogue.search import found
from immunoode.errors import ModelError, Problem
from immunoode.model.components import BARE_KINDS, Need
from immunoode.model.instances import with_instance_names
from immunoode.model.model import Model
from immunoode.model.paths import models_folder, shipped_names
from immunoode.model.read import choose_variant, read_model
from immunoode.model.references import REFERENCES, entries_of
from immunoode.model.schema import VALUES
from immunoode.model.toml_document import toml_document
from immunoode.terms import read

if TYPE_CHECKING:
    import pandas as pd


def model_names() -> list[str]:
    """Return the names of the shipped models."""
    return shipped_names(models_folder())


def load_model(name: str, variant: str | None = None, instance: str | None = None) -> Model:
    """Load a shipped model.

    Parameters
    ----------
    name : str
        One of `list_models()`; `list_models("mouse radiotherapy")` searches them.
    variant : str, optional
        A named parameter set of the model, for example "pembrolizumab" of "pd1_inhibitor"; it names the instance of a therapy.
    instance : str, optional
        Another name of the instance in a combination, for example for two instances of one variant.

    Raises
    ------
    ModelError
        If there is no such model or variant.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_model("pd1_inhibitor", variant="nivolumab").name
    'nivolumab'
    """
    for argument in (name, variant, instance):
        if not isinstance(argument, (str, NoneType)) or name is None:
            raise ModelError(Problem(f"model {name!r:.60}", f"{argument!r:.60} is not a name", "text: 'tumour_immune'"))
    if instance == "":
        raise ModelError(Problem(f"model {name!r:.60}", "the name of the instance is empty", "a name, or None"))
    return _chosen(name, variant, instance)


@lru_cache(maxsize=256)
def _chosen(name: str, variant: str | None, instance: str | None) -> Model:
    """Return the same object for the same arguments, so that its equations are derived once."""
    return choose_variant(_loaded(name), variant, instance)


@lru_cache(maxsize=256)
def _loaded(name: str) -> Model:
    if not isinstance(name, str) or name not in model_names():
        raise ModelError(Problem(f"model {name!r}", "is not a shipped model", _advice(str(name))))
    return read_model(models_folder() / f"{name}.toml")


def _advice(name: str) -> str:
    model, _, variant = name.partition(":")  # as cohort files and `simulate(models=...)` of a cohort state a variant
    if variant and model in model_names():
        return f"a variant is an argument of its own: load_model({model!r}, variant={variant!r})"
    said = _said(name)
    for entry in _entries():
        for variant in entry.columns["variants"].split(", "):
            if variant and variant in said:
                what = "it" if variant == name else repr(variant)
                return f"{what} is a variant: load_model({entry.name!r}, variant={variant!r})"
    return advice(_entries(), name, "immunoode.list_models(words)")


def _said(name: str) -> tuple[str, ...]:
    """Return a name, and the terms that it is a synonym of: pembrolizumab of "Keytruda"."""
    terms = read(name).terms
    return (name, *(terms[0] if len(terms) == 1 else ()))


def models_offering(needs: Mapping[str, Need]) -> list[str]:
    """Return the shipped base and published models that offer all needs in suitable units; base models come first."""
    loaded = sorted((_loaded(n) for n in model_names()), key=lambda m: m.kind != "base")
    return [m.file for m in loaded if m.kind in BARE_KINDS and all(_offers(m, *need) for need in needs.items())]


def _offers(model: Model, name: str, need: Need) -> bool:
    part = next((getattr(model, t)[name] for t in VALUES if name in getattr(model, t)), None)
    return part is not None and (not need.unit or units.dimension(part.unit) == units.dimension(need.unit))


@lru_cache(maxsize=1)
def models_by_therapy() -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of shipped model and variant ("" for none) that take doses of each therapy."""
    found: dict[str, list[tuple[str, str]]] = {}
    for model in map(_loaded, model_names()):
        if model.kind not in BARE_KINDS:
            for variant in ("", *model.variants):
                for therapy in with_instance_names(choose_variant(model, variant or None)).inputs:
                    found.setdefault(therapy, []).append((model.file, variant))
    return found


def models_taking(therapy: str) -> str:
    """Return the shipped models that take doses of a therapy as text: "pd1_inhibitor (nivolumab, ...)"; "" for none."""
    variants: dict[str, list[str]] = {}
    for file, variant in models_by_therapy().get(therapy, []):
        variants.setdefault(file, [])
        variants[file] += [variant] if variant else []
    return " or ".join(f"{file} ({', '.join(own)})" if own else file for file, own in variants.items())


def list_models(
    search: str = "", *, kind: str = "", therapy: str = "", species: str = "", tumour: str = "", data: str = ""
) -> pd.DataFrame:
    """Return a table of the shipped models, of all or of those that match a search.

    Parameters
    ----------
    search : str
        Words that are searched in names, titles, descriptions and references, with their synonyms: "RT" is radiotherapy, and
        "anti-PD-1" also finds pembrolizumab. A model must match all of them; the best match comes first.
    kind : str
        "base", "published", "therapy", "term" or "interaction".
    therapy, species, tumour : str
        The therapy, species or tumour of the model: "radiotherapy", "mouse", "melanoma".
    data : str
        What must have been measured to compare the model with: "tumour volume", "sum of diameters", "concentration".

    Returns
    -------
    pandas.DataFrame
        One row per model, indexed by name, with columns kind, title, species, tumours, therapies, variants, inputs, needs, data
        (the outputs that data can be compared with, and their units), states and parameters (their numbers), checked (the
        comparison that verified the model), tests, references.

    Raises
    ------
    DataError
        If an argument is not text.

    Warns
    -----
    UserWarning
        If no model matches: which words could be left out.

    See Also
    --------
    load_model
    describe : all of one model, parameter or other name.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_models("mouse RT", kind="published")["title"].to_dict()["kosinsky2018"]
    'Kosinsky 2018: radiation and antibody against PD-L1 in CT26 mice'
    >>> imo.list_models(species="mouse", data="tumour volume").loc["kosinsky2018", "data"]
    'tumour_volume (mm^3)'
    """
    filters = {
        "kind": Filter(kind, ("kind",)),
        "therapy": Filter(therapy, ("therapies", "variants", "inputs")),
        "species": Filter(species, ("species",)),
        "tumour": Filter(tumour, ("tumours", "variants")),
        "data": Filter(data, ("data",)),
    }
    return found(_entries(), search, filters)


@lru_cache(maxsize=1)
def shipped_documents() -> dict[str, dict[str, Any]]:
    """Return the shipped model files by name without checks; checking all of them takes seconds, and the tests do it."""
    return {name: toml_document(models_folder() / f"{name}.toml") for name in model_names()}


@lru_cache(maxsize=1)
def _entries() -> tuple[Entry, ...]:
    bibliography = entries_of(models_folder() / REFERENCES)
    return tuple(_entry(name, document, bibliography) for name, document in shipped_documents().items())


def _entry(name: str, document: Mapping[str, Any], bibliography: Mapping[str, str]) -> Entry:
    about, references = document.get("about", {}), document.get("references", [])
    cited = (bibliography.get(key, "") for key in references)
    return Entry(name, _row(document, about), " ".join((*about.get("keywords", []), document["description"], *cited)))


def _row(document: Mapping[str, Any], about: Mapping[str, list[str]]) -> dict[str, str | int]:
    checks = document.get("checks", [])
    return {
        "kind": document["kind"],
        "title": document["title"],
        **{key: ", ".join(about.get(key, [])) for key in ("species", "tumours", "therapies")},
        **{key: ", ".join(document.get(key, [])) for key in ("variants", "inputs", "needs")},
        "data": ", ".join(f"{output} ({_unit(document, output)})" for output in about.get("measured", [])),
        "states": len(document.get("compartments", [])),
        "parameters": len(document.get("covariates", [])) + len(document.get("parameters", [])),
        "checked": "; ".join(f"{c['against']} ({c['tolerance']:g})" if "tolerance" in c else c["against"] for c in checks),
        "tests": ", ".join(dict.fromkeys(c["test"] for c in checks if "test" in c)),
        "references": ", ".join(document.get("references", [])),
    }


def species_of(names: Iterable[str]) -> list[str]:
    """Return whom the shipped base and published models among names describe."""
    rows = {entry.name: entry.columns for entry in _entries()}
    found = [rows[name]["species"] for name in names if name in rows and rows[name]["kind"] in BARE_KINDS]
    return list(dict.fromkeys(species for text in found for species in text.split(", ") if species))


def _unit(document: Mapping[str, Any], output: str) -> str:
    parts = {**document.get("compartments", {}), **document.get("derived", {})}
    return str(parts[output].get("unit", "1"))
