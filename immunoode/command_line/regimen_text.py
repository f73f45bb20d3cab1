"""Regimens as texts: "pembrolizumab 200 mg every 3 weeks x 17 over 30 min + radiotherapy 2 Gy every 1 day x 30 on weekdays"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from immunoode.command_line.parser import CommandError
from immunoode.errors import Problem, RegimenError
from immunoode.unit_words import TIME_UNITS

if TYPE_CHECKING:
    from immunoode.regimen.regimen import Regimen

UNTREATED = ("untreated", "none")
EXAMPLE = "'pembrolizumab 200 mg every 3 weeks x 17 over 30 min'"
_WORDS = {
    "every": "every",
    "over": "over",
    "from": "start",
    "at": "start",
    "loading": "loading",
    "rate": "rate",
    "days": "days",
}
"""What follows each of these words, as an argument of `Regimen.dose`."""
_COUNT = re.compile(r"(?:^|(?<=\s))(?:[x×]\s*(\d+)|(\d+)\s*(?:times|doses|cycles|fractions))(?=\s|$)", re.IGNORECASE)
_PLUS = re.compile(r"\s\+\s")
_DAYS = r"(?<!\d)\s+(?:on\s+)?(days?)\s+(?=\d)"
_PARTS = re.compile(rf"\s+({'|'.join(set(_WORDS) - {'days'})})\s+|{_DAYS}", re.IGNORECASE)
"""Words at which a text is split; "21 days" is a time, "days 1, 8" are those of a cycle."""
_SHORT, _ALIKE = 3, 0.75
"""Length up to which words are not corrected, and the minimum similarity of a misspelt word."""
_WEEKDAYS = re.compile(r"\s(?:on\s+)?weekdays(?=\s|$)", re.IGNORECASE)
_STEADY = re.compile(r"\sat\s+steady\s+state(?=\s|$)", re.IGNORECASE)


def regimen_of_text(text: str) -> Regimen | None:
    """Return the regimen of a text: names of the library and doses, joined by " + "; None for "untreated".

    Raises
    ------
    RegimenError, CommandError
        If a part of the text is not recognised.

    Examples
    --------
    >>> both = regimen_of_text("pembrolizumab 200 mg every 3 weeks x 17 + radiotherapy 2 Gy every 1 day x 30 on weekdays")
    >>> both.therapies
    ('pembrolizumab', 'radiotherapy')
    >>> print(regimen_of_text("untreated"))
    None
    """
    if text.strip().lower() in UNTREATED:
        return None
    return joined([_one(part.strip()) for part in _PLUS.split(text)])


def joined(regimens: Sequence[Regimen]) -> Regimen | None:
    """Return the sum of regimens, None of none."""
    whole: Any = None
    for one in regimens:
        whole = one if whole is None else whole + one
    return whole  # type: ignore[no-any-return]


def _one(text: str) -> Regimen:
    from immunoode.regimen.library import load_regimen

    return load_regimen(text) if len(text.split()) == 1 else dose_of_text(text)


def dose_of_text(text: str) -> Regimen:
    """Return the doses of one therapy.

    Parameters
    ----------
    text : str
        The therapy and its amount, and as needed: every INTERVAL, x COUNT, over DURATION, from TIME (of the first dose), on
        weekdays, days 1, 8 (of a cycle), loading AMOUNT, rate RATE, at steady state.

    Raises
    ------
    RegimenError, CommandError
        With what is wrong.

    Examples
    --------
    >>> regimen = dose_of_text("gemcitabine 1000 mg/m2 every 3 weeks x 4 days 1, 8 over 30 min from 1 week")
    >>> regimen.to_frame()["time_day"].tolist()
    [7.0, 14.0, 28.0, 35.0, 49.0, 56.0, 70.0, 77.0]
    """
    from immunoode.regimen.regimen import Regimen

    rest, flags = _flags(f"{' '.join(text.split())} ")
    rest, count = _count(rest, text)
    therapy, _, remaining = rest.strip().partition(" ")
    amount, *parts = [part for part in _PARTS.split(f" {remaining} ") if part is not None]
    if not amount.strip():
        raise CommandError(Problem(f"dose {text!r}", "states no amount", EXAMPLE))
    _check_words([amount, *parts[1::2]], text)
    stated = _stated(parts, text)
    if "every" in stated and count is None and not flags.get("steady_state"):
        raise CommandError(Problem(f"dose {text!r}", "has an interval and no number of doses", f"x and a number: {EXAMPLE}"))
    try:
        return Regimen().dose(therapy, amount.strip(), count=count, **stated, **flags)
    except RegimenError as error:
        raise RegimenError(_in_words(p) for p in error.problems) from None


def _flags(text: str) -> tuple[str, dict[str, Any]]:
    found = {"weekdays": _WEEKDAYS, "steady_state": _STEADY}
    flags: dict[str, Any] = {name: True for name, pattern in found.items() if pattern.search(text)}
    return _STEADY.sub("", _WEEKDAYS.sub("", text)), flags


def _count(rest: str, text: str) -> tuple[str, int | None]:
    counts = [int(a or b) for a, b in _COUNT.findall(rest)]
    if len(counts) > 1:
        raise CommandError(Problem(f"dose {text!r}", "states two numbers of doses", EXAMPLE))
    return _COUNT.sub("", rest), counts[0] if counts else None


def _stated(parts: Sequence[str], text: str) -> dict[str, Any]:
    """Return the arguments of `Regimen.dose` from words and what follows each."""
    stated: dict[str, Any] = {}
    for word, value in zip(parts[::2], parts[1::2], strict=True):
        name = "days" if word.lower() == "day" else _WORDS[word.lower()]
        if name in stated:
            raise CommandError(Problem(f"dose {text!r}", f"states {word.lower()!r} twice", EXAMPLE))
        stated[name] = _cycle_days(value, text) if name == "days" else value.strip()
    return stated


def _check_words(values: Sequence[str], text: str) -> None:
    """Refuse words that are nearly those of a dose, such as "evry".

    Raises
    ------
    CommandError
    """
    known = [word for word in (*_WORDS, "weekdays") if len(word) > _SHORT]
    words = [word for value in values for word in re.findall(r"[A-Za-z]+", value) if word.lower() not in TIME_UNITS]
    close = {word: difflib.get_close_matches(word.lower(), known, n=1, cutoff=_ALIKE) for word in words}
    problems = [
        Problem(f"dose {text!r}", f"{word!r} is not understood", f"did you mean {c[0]!r}?") for word, c in close.items() if c
    ]
    CommandError.raise_if(problems)


def _cycle_days(value: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(day) for day in re.split(r"[\s,]+(?:and\s+)?", value.strip()))
    except ValueError:
        raise CommandError(Problem(f"dose {text!r}: days {value.strip()!r}", "are not numbers", "days 1, 8")) from None


def _in_words(problem: Problem) -> Problem:
    """Return a problem in terms of the text instead of Python arguments."""
    where = re.sub(r"\bstart=", "from ", re.sub(r"\b(every|over|days|count)=", r"\1 ", problem.where)).replace("'", "")
    return Problem(where, problem.what, problem.right)
