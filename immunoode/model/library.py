"""The shipped models: loading by name, and a list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from immunoode import units
from immunoode.errors import ModelError, Problem, nearest
from immunoode.model.components import BARE_KINDS, Need
from immunoode.model.instances import with_instance_names
from immunoode.model.model import Model
from immunoode.model.paths import models_folder
from immunoode.model.read import choose_variant, read_model
from immunoode.model.schema import VALUES

if TYPE_CHECKING:
    import pandas as pd


def model_names() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(path.stem for path in models_folder().glob("*.toml"))


def load_model(name: str, variant: str | None = None, instance: str | None = None) -> Model:
    """Load a shipped model.

    Parameters
    ----------
    name : str
        One of `list_models()`.
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
    for other in model_names():
        if name in _loaded(other).variants:
            return f"it is a variant: load_model({other!r}, variant={name!r})"
    return nearest(name, model_names())


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


def list_models() -> pd.DataFrame:
    """Return a table of the shipped models with kind, title, variants, inputs, needs, verifications and their tests.

    Returns
    -------
    pandas.DataFrame
        One row per model, indexed by name.
    """
    import pandas as pd

    rows = [_row(_loaded(name)) for name in model_names()]
    return pd.DataFrame(rows).set_index("name") if rows else pd.DataFrame()


def _row(model: Model) -> dict[str, str]:
    needs = [name for name, need in model.needs.items() if need.value is None]
    return {
        "name": model.file,
        "kind": model.kind,
        "title": model.title,
        "variants": ", ".join(model.variants),
        "inputs": ", ".join(model.inputs),
        "needs": ", ".join(needs),
        "checked": "; ".join(f"{c.against} ({c.tolerance:g})" if c.tolerance else c.against for c in model.checks),
        "tests": ", ".join(dict.fromkeys(c.test for c in model.checks if c.test)),
    }
