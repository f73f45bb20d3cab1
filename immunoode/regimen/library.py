"""The library of regimens from clinical practice and published trials, each with its source."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.catalogue.entries import Entry, Filter, advice
from immunoode.catalogue.search import found
from immunoode.errors import Problem, RegimenError
from immunoode.model.library import models_taking
from immunoode.regimen.calendar import describe_rule
from immunoode.regimen.regimen import Regimen

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("standard_of_care.toml")


def load_regimen(name: str) -> Regimen:
    """Load a regimen of the library.

    Parameters
    ----------
    name : str
        One of `list_regimens()`.

    Raises
    ------
    RegimenError
        If there is no such regimen.

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.load_regimen("nivolumab_ipilimumab_lung").therapies
    ('nivolumab', 'ipilimumab')
    """
    if not isinstance(name, str) or name not in _library():
        raise RegimenError(
            Problem(
                f"regimen {name!r}", "is not in the library", advice(_entries(), str(name), "immunoode.list_regimens(words)")
            )
        )
    entry = _library()[name]
    regimen = Regimen(title=entry["title"])
    for dose in entry["doses"]:
        regimen = regimen.dose(**dose)
    return regimen


def list_regimens(search: str = "", *, kind: str = "", therapy: str = "", species: str = "", tumour: str = "") -> pd.DataFrame:
    """Return a table of the regimens of the library, of all or of those that match a search.

    Parameters
    ----------
    search : str
        Words that are searched in names, titles, indications, therapies and sources, with their synonyms, as in `list_models`.
    kind : str
        "single therapy" or "combination".
    therapy, species, tumour : str
        The therapy, species or tumour of the regimen: "Keytruda", "human", "melanoma".

    Returns
    -------
    pandas.DataFrame
        One row per regimen, indexed by name, with columns kind, title, species, indication, therapies, models (the shipped
        models and variants that take the doses of each therapy), doses (as text), source.

    Raises
    ------
    DataError
        If an argument is not text.

    Warns
    -----
    UserWarning
        If no regimen matches: which words could be left out.

    See Also
    --------
    load_regimen

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.list_regimens("SBRT Keytruda").index.tolist()
    ['stereotactic_then_pembrolizumab', 'stereotactic_with_pembrolizumab']
    """
    filters = {
        "kind": Filter(kind, ("kind",)),
        "therapy": Filter(therapy, ("therapies", "title")),
        "species": Filter(species, ("species",)),
        "tumour": Filter(tumour, ("indication",)),
    }
    return found(_entries(), search, filters)


@cache
def _entries() -> tuple[Entry, ...]:
    return tuple(Entry(name, _row(name)) for name in sorted(_library()))


def _row(name: str) -> dict[str, str]:
    entry, regimen = _library()[name], load_regimen(name)
    return {
        "kind": "single therapy" if len(regimen.therapies) == 1 else "combination",
        "title": entry["title"],
        "species": entry.get("species", "human"),
        "indication": entry["indication"],
        "therapies": ", ".join(regimen.therapies),
        "models": "; ".join(dict.fromkeys(models_taking(t) for t in regimen.therapies)),
        "doses": "; ".join(f"{d.therapy} {describe_rule(d)}" for d in regimen.doses),
        "source": entry["source"],
    }


@cache
def _library() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
