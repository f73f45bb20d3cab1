"""Searching what ships with the package by words of the field: one way for models, regimens, populations and data."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from immunoode.catalogue.entries import Entry, Filter, Wanted, wanted
from immunoode.errors import DataError, Problem
from immunoode.terms import broader, terms

if TYPE_CHECKING:
    import pandas as pd


def found(entries: Iterable[Entry], search: str, filters: Mapping[str, Filter]) -> pd.DataFrame:
    """Return the entries that match every word of a search and every filter, the best match first.

    Parameters
    ----------
    entries : iterable of Entry
    search : str
        Words and terms; synonyms and other spellings count ("RT" is radiotherapy).
    filters : mapping of str to Filter
        By argument, words that must be in certain columns.

    Raises
    ------
    DataError
        If the search or a filter is not text, or has no letter and no digit.

    Warns
    -----
    UserWarning
        If nothing matches: which words could be left out.
    """
    import pandas as pd

    from immunoode.catalogue.table import Catalogue

    entries = list(entries)
    _check({"search": search} | {name: one.text for name, one in filters.items()})
    kept = [e for e in entries if all(one.passes(e) for one in filters.values())]
    words = wanted(search)
    scores = {e.name: [word.score(e) for word in words] for e in kept}
    matching = sorted((e for e in kept if all(scores[e.name])), key=lambda e: (-sum(scores[e.name]), e.name))
    if not matching and entries:
        warnings.warn(_nothing(search, kept, words, scores, filters), stacklevel=3)
    return Catalogue(
        pd.DataFrame(
            [e.columns for e in matching],
            index=pd.Index([e.name for e in matching], name="name", dtype=object),
            columns=list(entries[0].columns) if entries else None,
        )
    )


def _check(given: Mapping[str, Any]) -> None:
    problems = [
        Problem(name, f"is {text!r:.60}", "words: 'mouse', or '' for all")
        for name, text in given.items()
        if not isinstance(text, str) or (text.strip() and not any(map(str.isalnum, text)))
    ]
    DataError.raise_if(problems)


def _nothing(
    search: str, kept: list[Entry], words: list[Wanted], scores: Mapping[str, list[int]], filters: Mapping[str, Filter]
) -> str:
    """Return what to leave out of a search that nothing matches."""
    given = [f"{name}={one.text!r}" for name, one in filters.items() if one.text]
    if not kept or not words:
        return f"nothing matches {', '.join(given)}"
    counts = {}
    for i, word in enumerate(words):
        others = [all(s for j, s in enumerate(scores[e.name]) if j != i) for e in kept]
        if len(words) > 1 and any(others):
            counts[word.said] = sum(others)
    said = ", ".join([*(word.said for word in words), *given])
    advice = [f"without {name!r} there are {count}" for name, count in counts.items()] or _wider(kept, words)
    elsewhere = "" if given else f"immunoode.describe({search!r}) searches all that ships"
    return "; ".join(filter(None, [f"nothing matches {said}", *advice, elsewhere]))


def _wider(kept: list[Entry], words: list[Wanted]) -> list[str]:
    """Return how many entries match the class of the only term of a search: radiotherapy for stereotactic radiotherapy."""
    classes = sorted(broader(words[0].kinds & terms().keys())) if len(words) == 1 else []
    counts = {name: sum(wanted(name)[0].score(entry) > 0 for entry in kept) for name in classes}
    return [f"its class {name!r} has {count}" for name, count in counts.items() if count]
