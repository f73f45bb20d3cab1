"""Treatments in the names of the arms of a trial: drugs by name, code or class, or the part that is unclear."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from immunoode.unit_words import plain

UNTREATED = "untreated"
_DRUGS = {
    "pembrolizumab": "pembrolizumab pembro keytruda mk-?3475 lambrolizumab",
    "nivolumab": "nivolumab nivo opdivo bms-?936558",
    "atezolizumab": "atezolizumab atezo tecentriq mpdl-?3280a",
    "durvalumab": "durvalumab durva imfinzi medi-?4736",
    "ipilimumab": "ipilimumab ipi yervoy",
    "docetaxel": "docetaxel taxotere",
    "paclitaxel": "paclitaxel taxol",
    "cisplatin": "cisplatin cddp cis",
    "carboplatin": "carboplatin carbo",
    "pemetrexed": "pemetrexed alimta",
    "gemcitabine": "gemcitabine gemzar gem",
    "radiotherapy": "radiotherapy radiation irradiation irradiated rt xrt ebrt sbrt sabr ir",
    UNTREATED: "untreated placebo vehicle control controls ctrl observation pbs saline isotype igg none bsc",
}
_CLASSES = {
    "pembrolizumab": r"(?:(?:anti|a|α)-?)?pd-?1(?:-?(?:inhibitors?|blockade|antibody|mab|ab))?",
    "atezolizumab": r"(?:(?:anti|a|α)-?)?pd-?l1(?:-?(?:inhibitors?|blockade|antibody|mab|ab))?",
    "ipilimumab": r"(?:(?:anti|a|α)-?)?ctla-?4(?:-?(?:inhibitors?|blockade|antibody|mab|ab))?",
}
"""Classes for which the demonstration takes one antibody, with a note."""
_FILLERS = frozenset(
    "and plus with then followed by arm group cohort treatment therapy monotherapy mono alone only single agent best "
    "supportive care no iv sc of every weeks week days day weekly daily fractions fraction x mg kg m2 ug gy q1w q2w q3w q4w "
    "q6w qd qw drug antibody inhibitor blockade standard dose low high".split()
)
_NEGATION = re.compile(r"\b(?:no|without|minus|not)\s+(?!treatment\b|therapy\b|drug\b)\w+")
_NO_TREATMENT = re.compile(r"\b(?:no|best supportive)\s+(?:treatment|therapy|drug|care)\b")
_LABEL = re.compile(r"\b(?:arm|group|cohort)\s+(?:[a-z]|\d+|[ivx]+)\b")
_AMOUNT = re.compile(r"(?<![a-z\d-])\d[\d.,]*\s*(?:(?:mg|ug|gy|g|kg|m2|x|%)(?![a-z]))?")
_COMBINED = frozenset("combo combination combined combi".split())
_OR = re.compile(r"\bor\b|\bvs\.?\b|\bversus\b")


@dataclass(frozen=True)
class Treatment:
    """The treatment in the name of an arm.

    Attributes
    ----------
    drugs : tuple of str
        In the order of `known`; empty for an untreated arm.
    notes : tuple of str
        How words were interpreted: "anti-pd-1 as pembrolizumab".
    unclear : str
        The part of the name that is not recognised, "" if all of it is.
    """

    drugs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unclear: str = ""


def treatment_of(name: str, known: Iterable[str]) -> Treatment:
    """Return the treatment in the name of an arm.

    Parameters
    ----------
    name : str
        As in the table: "anti-PD-1", "Pembro 200 mg q3w + RT", "vehicle".
    known : iterable of str
        The drugs with known doses.

    Examples
    --------
    >>> drugs = ("pembrolizumab", "radiotherapy", "docetaxel")
    >>> treatment_of("Pembro 200 mg q3w + RT", drugs).drugs
    ('pembrolizumab', 'radiotherapy')
    >>> treatment_of("combo", drugs).unclear
    'combo'
    """
    text, found, notes = _words(name), list[str](), list[str]()
    if _OR.search(text) or _NEGATION.search(text):
        return Treatment((), (), text.strip())
    if _NO_TREATMENT.search(text):
        found.append(UNTREATED)
    text = _LABEL.sub(" ", text)
    for drug, words in _DRUGS.items():
        text, hits = _without(text, "|".join(words.split()))
        found += [drug] if hits else []
    for drug, pattern in _CLASSES.items():
        text, hits = _without(text, pattern)
        if hits and drug not in found and not _named_of_class(drug, found):
            found.append(drug)
            notes.append(f"{hits[0]} as {drug}")
    several = _COMBINED if len([d for d in found if d != UNTREATED]) > 1 else frozenset[str]()
    left = [w for w in re.findall(r"[a-z\d-]+", _AMOUNT.sub(" ", text)) if w.strip("-") and w not in _FILLERS | several]
    if left or not found:
        return Treatment((), (), " ".join(left) or name.strip() or "(empty)")
    return Treatment(tuple(d for d in known if d in found), tuple(notes))


def advice(unclear: str, known: Iterable[str]) -> str:
    """Return advice on what to write instead of a part that is not recognised."""
    words = [word for drug, text in _DRUGS.items() for word in (drug, *text.split())]
    close = difflib.get_close_matches(unclear.lower(), words, n=1, cutoff=0.8)
    if close and len(unclear) > 4:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join((*known, UNTREATED))}"


def _words(name: str) -> str:
    return re.sub(r"[_+/,;&()\[\]:|]", " ", plain(name).replace("\u2010", "-").replace("\u2011", "-").replace("\u2013", "-"))


def _without(text: str, pattern: str) -> tuple[str, list[str]]:
    """Return a text without the words that match a pattern, and these words."""
    spaced = rf"(?<![a-z\d-])(?:{pattern.replace('-?', '[- ]?')})(?![a-z\d])"
    hits = [m[0] for m in re.finditer(spaced, text)]
    return re.sub(spaced, " ", text), hits


_OF_CLASS: Mapping[str, tuple[str, ...]] = {
    "pembrolizumab": ("pembrolizumab", "nivolumab"),
    "atezolizumab": ("atezolizumab", "durvalumab"),
    "ipilimumab": ("ipilimumab",),
}


def _named_of_class(drug: str, found: Iterable[str]) -> bool:
    """Return whether the name also states the antibody of a class: "anti-PD-1 (nivolumab)"."""
    return any(other in found for other in _OF_CLASS[drug])
