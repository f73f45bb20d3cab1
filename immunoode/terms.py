"""Terms of the field and their synonyms: the terms that a text names, in any spelling.

`synonyms.toml` has the words. Capitals, hyphens, blanks, underscores, a plural s and American spelling make no difference.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("synonyms.toml")
_AMERICAN = {
    "tumor": "tumour",
    "leukemi": "leukaemi",
    "hematolog": "haematolog",
    "anemia": "anaemia",
    "neutropaeni": "neutropeni",
    "esophag": "oesophag",
    "edema": "oedema",
    "estrogen": "oestrogen",
    "immunization": "immunisation",
    "sensitiz": "sensitis",
    "vascularization": "vascularisation",
    "randomiz": "randomis",
    "optimiz": "optimis",
    "metastasiz": "metastasis",
    "normaliz": "normalis",
    "fiber": "fibre",
    "liter": "litre",
    "center": "centre",
    "color": "colour",
    "behavior": "behaviour",
    "leukocyt": "leucocyt",
}
_AMERICAN_WORD = re.compile("|".join(sorted(_AMERICAN, key=len, reverse=True)))
_RUN = re.compile(r"[a-z]+|\d+|[^\W\da-z_]+")
_SHORT = 4
"""Letters; a plural s is taken off words that are longer than this alone."""


@dataclass(frozen=True)
class Term:
    """A term of the field.

    Attributes
    ----------
    name : str
        The name that this package gives it.
    same : tuple of str
        Words with the same meaning.
    broader : tuple of str
        The terms that it belongs to: that of a drug is the class of the drug.
    """

    name: str
    same: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """The name and the words with the same meaning."""
        return (self.name, *self.same)


def british(text: str) -> str:
    """Return a text in lower case and in the British spelling of the words that the field uses.

    Examples
    --------
    >>> british("Tumor_volume")
    'tumour_volume'
    """
    return _AMERICAN_WORD.sub(lambda found: _AMERICAN[found[0]], text.lower())


def runs(text: str) -> list[str]:
    """Return the words and numbers of a text, without plural s, as they are compared.

    Examples
    --------
    >>> runs("CAR-T cells"), runs("pdl1_high")
    (['car', 't', 'cell'], ['pdl', '1', 'high'])
    """
    return [_singular(run) for run in _RUN.findall(british(text))]


def _singular(word: str) -> str:
    return word[:-1] if len(word) >= _SHORT and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@cache
def terms() -> dict[str, Term]:
    """Return the terms by name."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Term(name, tuple(row.get("same", ())), tuple(row.get("is", ()))) for name, row in rows.items()}


@cache
def _phrases() -> dict[tuple[str, ...], list[str]]:
    """Return the terms of each phrase, as its words."""
    found: dict[tuple[str, ...], list[str]] = {}
    for term in terms().values():
        for phrase in term.phrases:
            for form in {
                tuple(runs(phrase)),
                tuple(runs(phrase.replace("-", "").replace(" ", "") if "-" in phrase else phrase)),
            }:
                names = found.setdefault(form, [])
                if term.name not in names:
                    names.append(term.name)
    return found


@cache
def _longest() -> int:
    return max(map(len, _phrases()))


@dataclass(frozen=True)
class Reading:
    """The terms that a text names, and its other words, each in their order.

    `terms` has one entry per phrase: the names of the terms that the phrase may mean.
    """

    terms: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]


def read(text: str) -> Reading:
    """Return the terms and the other words of a text; a longer phrase comes before a shorter one.

    Examples
    --------
    >>> read("anti-PD-1 in mice")
    Reading(terms=(('PD-1 inhibitor',), ('mouse',)), words=('in',))
    """
    left, known, others = runs(text), list[tuple[str, ...]](), list[str]()
    while left:
        size = next((n for n in range(min(_longest(), len(left)), 0, -1) if tuple(left[:n]) in _phrases()), 0)
        if size:
            known.append(tuple(_phrases()[tuple(left[:size])]))
        else:
            others.append(left[0])
        left = left[size or 1 :]
    return Reading(tuple(known), tuple(others))


@cache
def named_in(text: str) -> frozenset[str]:
    """Return every term that a text names, overlapping phrases included."""
    words, found = runs(text), set[str]()
    for start in range(len(words)):
        for end in range(start + 1, min(start + _longest(), len(words)) + 1):
            found.update(_phrases().get(tuple(words[start:end]), ()))
    return frozenset(found)


@cache
def narrower(name: str) -> frozenset[str]:
    """Return a term and all terms that belong to it: the drugs of a class.

    Examples
    --------
    >>> sorted(narrower("CTLA-4 inhibitor"))
    ['CTLA-4 inhibitor', 'clone_9d9', 'clone_9h10', 'ipilimumab']
    """
    below = (term.name for term in terms().values() if name in term.broader)
    return frozenset({name}).union(*map(narrower, below))


def broader(names: Iterable[str]) -> frozenset[str]:
    """Return the terms to which terms belong directly."""
    return frozenset(above for name in names for above in terms()[name].broader)
