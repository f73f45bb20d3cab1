"""The bibliography: its keys, and the key in the source of a parameter."""

from __future__ import annotations

import re
from pathlib import Path

from immunoode.model.paths import models_folder

REFERENCES = "references.bib"
ESTIMATE = "estimate:"
_ENTRY = re.compile(r"@\w+\s*\{\s*([^,\s]+)\s*,")
_KEY = re.compile(r"[A-Za-z][A-Za-z_\-]*\d{4}\w*")

_FINDABLE = re.compile(r"\b10\.\d{4,9}/\S+|https?://\S+|\bPMID:?\s*\d+|\bPMC\d+")
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")


def keys_of(path: Path) -> frozenset[str]:
    """Return the keys of a BibTeX file; none if it does not exist."""
    return frozenset(_ENTRY.findall(path.read_text(encoding="utf-8"))) if path.is_file() else frozenset()


def keys_for(path: Path) -> frozenset[str]:
    """Return the keys that a model file may cite: those of the bibliography in its folder and of the shipped one."""
    return keys_of(path.parent / REFERENCES) | keys_of(models_folder() / REFERENCES)


def key_at_start(source: str) -> str:
    """Return the bibliography key at the start of a source, or ""."""
    match = _KEY.match(source)
    return match[0] if match else ""


def cited_in_full(source: str) -> bool:
    """Return whether a source can be found without a bibliography: by a DOI, an address, or words with a year."""
    return bool(_FINDABLE.search(source)) or (len(source.split()) >= 4 and bool(_YEAR.search(source)))


def entries_of(path: Path) -> dict[str, str]:
    """Return the unchanged entries of a BibTeX file by key."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    starts = [m.start() for m in _ENTRY.finditer(text)]
    parts = [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    return {_ENTRY.match(part)[1]: part[: part.rindex("}") + 1] for part in parts}  # type: ignore[index]
