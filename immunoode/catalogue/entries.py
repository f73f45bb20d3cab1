"""What ships with the package, as entries that words of the field match: models, regimens, populations, data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from immunoode.suggestions import SUGGESTED, either, meant, nearest
from immunoode.terms import named_in, narrower, read, runs

IGNORED = frozenset(
    "a all an and any are by do does for from have has how i in is list me model models of on or population regimen regimens "
    "show that the there therapy to treatment under using what which with".split()
)
"""Words of a search that say nothing."""
TITLE, NAMED, MENTIONED = 4, 2, 1
"""Scores of a match in the name or title, in the columns, and in the description."""


@dataclass(frozen=True)
class Entry:
    """One thing that ships.

    Attributes
    ----------
    name : str
    columns : mapping of str to object
        Its row of the list; texts of several things are joined by ", ".
    mentions : str
        Further text that is searched: a description, authors and titles of references.
    """

    name: str
    columns: Mapping[str, Any]
    mentions: str = ""
    places: tuple[tuple[int, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        title = f"{self.name} ; {self.columns.get('title', '')}"
        listed = " ; ".join(str(v) for k, v in self.columns.items() if isinstance(v, str) and k not in (*UNSEARCHED, "models"))
        object.__setattr__(self, "places", ((TITLE, title), (NAMED, listed), (MENTIONED, self.mentions)))


UNSEARCHED = ("checked", "tests")
"""Columns that neither a search nor the printed list has."""


@dataclass(frozen=True)
class Wanted:
    """One word or term of a search: the terms that it may mean with all narrower ones, or a plain word."""

    said: str
    kinds: frozenset[str] = frozenset()

    def is_in(self, text: str) -> bool:
        """Return whether a text names it; a plain word may be the beginning of one of the text's words."""
        if self.kinds:
            return bool(self.kinds & named_in(text))
        return any(run.startswith(self.said) for run in runs(text))

    def score(self, entry: Entry) -> int:
        """Return how well an entry matches, 0 if it does not."""
        return max((weight for weight, text in entry.places if self.is_in(text)), default=0)


def wanted(search: str) -> list[Wanted]:
    """Return the words and terms of a search, without those that say nothing.

    Examples
    --------
    >>> [one.said for one in wanted("RT in mice, Gompertzian")]
    ['radiotherapy', 'mouse', 'Gompertz growth']
    """
    said = read(search)
    named = [Wanted(" or ".join(names), frozenset().union(*map(narrower, names))) for names in said.terms]
    return [*named, *(Wanted(word) for word in said.words if word not in IGNORED)]


@dataclass(frozen=True)
class Filter:
    """Words that an entry must have in certain columns."""

    text: str
    columns: tuple[str, ...]

    def passes(self, entry: Entry) -> bool:
        """Return whether an entry has all of the words."""
        place = " ; ".join(str(entry.columns[column]) for column in self.columns)
        return all(word.is_in(place) for word in wanted(self.text))


def meant_by(entries: Iterable[Entry], name: str, most: int = SUGGESTED) -> list[str]:
    """Return the names of the entries that match a name as a search, the best first; none if nothing does."""
    words = wanted(name)
    ranked = sorted((-sum(scores), e.name) for e in entries if words and all(scores := [w.score(e) for w in words]))
    return [found_name for _, found_name in ranked[:most]]


def advice(entries: Iterable[Entry], name: str, listing: str) -> str:
    """Return suggestions for an unknown name of an entry: similar names, otherwise what its words are found in."""
    entries = list(entries)
    close = list(dict.fromkeys([*meant(name, sorted(e.name for e in entries)), *meant_by(entries, name)]))[:SUGGESTED]
    return f"did you mean {either(close)}?" if close else f"{nearest(name, [e.name for e in entries])}; {listing} searches them"
