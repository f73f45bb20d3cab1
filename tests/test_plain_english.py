"""Phrases that a reader stumbles over do not come back; docs/style.md says how the project writes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
_RATE = (
    "row|line|subject|patient|visit|arm|drug|lane|day|week|cycle|parameter|lesion|occasion|dose|function|file|page|model|state"
    "|cell|input|output|event|step|term|therapy|paper|trial|column|group|panel|cohort|target|level|call|purpose|block|covariate"
)


class Phrase(NamedTuple):
    """A pattern that is not written, and what to write instead."""

    pattern: str
    instead: str


PHRASES = (
    Phrase(rf"\b(?:one|two|three) (?:[a-z-]+ )?an? (?:{_RATE})\b(?!-)", "per: 'one row per patient'"),
    Phrase(r"\b(?:ms|milliseconds|seconds|minutes|hours) an? (?:patient|subject|call|row|fit|run|draw|step)\b", "per"),
    Phrase(r"\b(?:rows?|lines?|columns?|patients|subjects|functions?) an? (?:patient|subject|call|lane|paper)\b", "per"),
    Phrase(r"\ba (?:row|line|column|page|panel|number|name) a [a-z]", "one ... per"),
    Phrase(r"\b(?:was|were|is|are) told (?:neither|either|both|no|which)", "needs; has: 'needs either until or times'"),
    Phrase(r"\bunless (?:it is )?told\b", "by default"),
    Phrase(r"\btold apart\b|\btells? (?:\w+ ){0,3}apart\b", "distinguish"),
    Phrase(r"\bas a present\b", "say what happens"),
    Phrase(r"\bha(?:s|ve) not (?:an?|the|these|this|such|any|one)\b|\bhas not[,.;]", "does not have"),
    Phrase(r"(?<!here )\b(?:is|are|was) no (?:number|model|name|output|event|dose|day|linear|mapping|table)\b", "is not a"),
    Phrase(r"\bwhich there (?:is|are) not\b|\bnames? that there (?:is|are) not\b", "does not exist; unknown"),
    Phrase(r"\b(?:level|size|error|delay|kind|value|either|one|it) (?:is|are) none\b", "is invalid; is not one"),
    Phrase(r"\babreast\b(?!\.md)", "in lanes; at a time"),
    Phrase(r"\b(?:one|1) less (?:an?|the|its|their|those)\b|\bless (?:that of|those of|constants|growth)\b", "minus"),
    Phrase(r"\btruth values?\b", "Boolean"),
    Phrase(r"\bcostliest\b|\bdearest\b", "with the largest cost; most expensive"),
    Phrase(r"\blopsided\b", "asymmetric"),
    Phrase(r"\bfor want of\b", "for lack of; without"),
    Phrase(r"\bat hand\b", "available"),
    Phrase(r"\bmend(?:s|ed)? the\b", "correct"),
    Phrase(r"\bwhole or not at all\b", "completely or not at all"),
    Phrase(r"\bnear to equal\b", "close to equal"),
    Phrase(r"\bgo(?:es|ne)? on (?:from|with)\b", "continue"),
    Phrase(r"\bAs of (?:`|the class\b)", "As for"),
    Phrase(r"\beverything that is found is reported\b", "all problems are reported"),
    Phrase(r"\bthat many or\b", "this number or"),
    Phrase(r"\bwhat (?:sensitivities|derivatives)(?: of the outputs)? are by\b|\bthat derivatives are by\b", "with respect to"),
    Phrase(r"\bwhat to beware of\b", "remarks; warnings"),
    Phrase(r"\bevery constant included\b", "including all constants"),
    Phrase(r"\bdo not do\b", "are too small; are not enough"),
    Phrase(r"\b(?:at most|about|within|Return|after|of) so many\b", "this number of"),
    Phrase(r"\bso many (?:subjects|draws|rows|units)\b", "this number of"),
    Phrase(r"\bhow it is settled\b|\bthe habit\)", "say which convention is used"),
    Phrase(r"\bsaid of no\b|\bis said of\b", "is given without"),
    Phrase(r"\bWhere (?:not|none)[ ,]", "If not"),
    Phrase(r"\bheld down by\b|\bstability holds down\b", "limited by"),
    Phrase(r"\bWhat it costs\b|\bThink again\b", "Consequences; We would think again"),
    Phrase(r"\bthe likelier\b", "the more likely"),
    Phrase(r"\btriggers look at\b|\blook at triggers\b", "watch; evaluate"),
    Phrase(r"\bderivatives? by (?:states?|time|the (?:states|parameters?))\b", "with respect to"),
    Phrase(r"\b(?:made|looked at|calibrated) anew\b", "again; repeat"),
    Phrase(r"\bwhoever else\b|\bwithout a word\b", "do not depend on other ...; without a message"),
    Phrase(r"\bwhose place all panels take\b", "whose area all panels share"),
    Phrase(r"\bbeside (?:R|trials|an empirical|their product)\b", "compared with"),
    Phrase(r"\bwithout wanting\b|\bas wanted\b|\bthat are wanted\b", "requested; needed"),
)
FORBIDDEN = tuple((re.compile(p.pattern), p.instead) for p in PHRASES)
ANY = re.compile("|".join(f"(?:{p.pattern})" for p in PHRASES))


MADE = frozenset({"_build", "api", "gallery"})
"""Folders of docs, beside notebooks, that are not in the repository."""


class Text(NamedTuple):
    """A text that users read, and where it is."""

    place: str
    text: str


def _strings(path: Path) -> Text:
    """Return all strings of a module, docstrings among them, as one text."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str) and " " in n.value]
    return Text(str(path.relative_to(ROOT)), "\n|\n".join(found))


def _notebook(path: Path) -> Iterator[Text]:
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "markdown":
            yield Text(f"{path.relative_to(ROOT)}, cell {number}", "".join(cell["source"]))


def _page(path: Path, until: str = "") -> Iterator[Text]:
    text = path.read_text(encoding="utf-8")
    yield Text(str(path.relative_to(ROOT)), text.split(until)[0] if until else text)


def _made_for_the_site(path: Path) -> bool:
    """Whether the site's build writes a file, from texts that are here."""
    return not MADE.isdisjoint(path.relative_to(ROOT).parts)


def texts() -> Iterator[Text]:
    for folder in ("immunoode", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield _strings(path)
    for folder, ending in (("models", "*.toml"), ("populations", "*.toml"), ("docs", "*.md")):
        for path in sorted((ROOT / folder).rglob(ending)):
            if path != ROOT / "docs" / "style.md" and not _made_for_the_site(path):
                yield from _page(path)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield from _notebook(path)
    for name in ("README.md", "CONTRIBUTING.md"):
        yield from _page(ROOT / name)
    yield from _page(ROOT / "CHANGELOG.md", until="\n## 0.")


def found(text: Text) -> list[str]:
    """Return the forbidden phrases in a text, with what to write instead."""
    plain = re.sub(r"\s+", " ", text.text)
    if not ANY.search(plain):
        return []
    return [f"{text.place}: {m.group()!r}; write: {instead}" for form, instead in FORBIDDEN for m in form.finditer(plain)]


def test_no_phrase_that_a_reader_stumbles_over() -> None:
    assert [line for text in texts() for line in found(text)] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "was told neither until nor times",
        "one row a patient",
        "milliseconds a patient-year",
        "a line a subject",
        "one lesion a row",
        "which this machine has not, so it is not beside it",
        "responders get no time as a present",
        "two parameters cannot be told apart",
    ],
)
def test_the_listed_sentences_are_found(sentence: str) -> None:
    assert found(Text("", sentence))
