"""Suggestions for unknown names: the single place that handles these, by spelling and by the terms of the field."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from immunoode.terms import british, broader, named_in, narrower, read, runs

SUGGESTED = 3
"""At most this many names are suggested."""
_LISTED = 12


class SpellingWarning(UserWarning):
    """A name in American spelling, which was taken as the name of the package in British spelling.

    Examples
    --------
    >>> import warnings
    >>> import immunoode as imo
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", imo.errors.SpellingWarning)  # American spelling is taken silently here
    ...     model = imo.load_model("tumour_immune")
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion: the known names that may be meant, or a list of all of them.

    Examples
    --------
    >>> nearest("clearence", ["clearance", "volume"])
    "did you mean 'clearance'?"
    >>> nearest("Keytruda", ["nivolumab", "pembrolizumab", "radiotherapy"])
    "did you mean 'pembrolizumab'?"
    """
    names = sorted(set(known))
    close = meant(str(name), names)
    if close:
        return "did you mean " + either(close) + "?"
    if not names:
        return "there are none here"
    shown = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    return f"known: {shown}"


def either(names: Sequence[str]) -> str:
    """Return names in quotes, joined by "or"."""
    return " or ".join(repr(name) for name in names)


def meant(name: str, names: Sequence[str]) -> list[str]:
    """Return the known names that a name may mean, the likeliest first; none if nothing resembles it.

    The same words in another spelling come first, then similar letters, then names with the same meaning, at last names that
    contain its words.
    """
    if not name.strip():
        return []
    same = [n for n in names if "".join(runs(n)) == "".join(runs(name))]
    if same:
        return same[:SUGGESTED]
    alike = difflib.get_close_matches(name, names, n=SUGGESTED, cutoff=0.6)
    if not alike:
        alike = _alike_without_case(name, names)
    return list(dict.fromkeys([*alike, *by_meaning(name, names), *([] if alike else _containing(name, names))]))[:SUGGESTED]


def _alike_without_case(name: str, names: Sequence[str]) -> list[str]:
    plain = {british(n): n for n in reversed(names)}
    return [plain[n] for n in difflib.get_close_matches(british(name), list(plain), n=SUGGESTED, cutoff=0.6)]


def by_meaning(name: str, names: Sequence[str]) -> list[str]:
    """Return the names with the meaning of a name: all its terms or kinds of them, otherwise the class that they belong to.

    Examples
    --------
    >>> by_meaning("anti-PD-1", ["chemotherapy", "nivolumab", "pd1_inhibitor"])
    ['pd1_inhibitor', 'nivolumab']
    """
    said = read(name).terms
    if not said:
        return []
    wanted = [frozenset().union(*map(narrower, phrase)) for phrase in said]
    found = [n for n in names if all(kinds & named_in(n) for kinds in wanted)]
    if found:
        exact = {term for phrase in said for term in phrase}
        return sorted(found, key=lambda n: (not exact & named_in(n), len(runs(n)), len(n)))
    classes = broader(term for phrase in said for term in phrase)
    return [n for n in names if classes & named_in(n)]


def _containing(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that have every word of a name, the shortest first."""
    words = runs(name)
    return sorted((n for n in names if words and all(any(r.startswith(w) for r in runs(n)) for w in words)), key=len)


def as_known(name: Any, known: Iterable[str], what: str) -> Any:
    """Return the known name that a name states: itself, or the same in British spelling, with a warning that says so.

    Names that are neither are returned unchanged; the caller refuses them.

    Parameters
    ----------
    what : str
        The kind of object, for the warning: "output".

    Warns
    -----
    SpellingWarning
        If the name is in American spelling.

    Examples
    --------
    >>> as_known("volume", ["volume", "weight"], "output")
    'volume'
    """
    names = set(known)
    if not isinstance(name, str) or name in names or (spelt := british(name)) not in names:
        return name
    warnings.warn(f"{what} {name!r} was taken as {spelt!r}", SpellingWarning, stacklevel=4)
    return spelt


def with_known_names(given: Mapping[str, Any], known: Iterable[str], what: str) -> dict[str, Any]:
    """Return a mapping under the known names; if both spellings are given, the American one is kept and refused later.

    Warns
    -----
    SpellingWarning
        If a name is in American spelling.
    """
    names = set(known)
    return {name if british(name) in given else as_known(name, names, what): value for name, value in given.items()}
