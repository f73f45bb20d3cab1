"""Times in the label of a visit or the heading of a column: "Day -7", "week 2", "D14"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from immunoode import units
from immunoode.unit_words import find_time_unit, plain

_NUMBER = r"-?\d+(?:\.\d+)?"
_TIME = re.compile(rf"(?P<before>[^\W\d_]*)\.?(?P<gap>[\s_:=.]*)(?P<number>{_NUMBER})[\s_]*(?P<after>[^\W\d_]*)\.?", re.UNICODE)
_BEGINS_AS_TIME = re.compile(rf"(?P<before>[^\W\d_]*)\.?[\s_:=.]*(?P<number>{_NUMBER})(?!\d)(?P<rest>.*)", re.UNICODE | re.S)
_CYCLE = re.compile(r"c(?:ycle)?\s*\d+[\s_,]*d(?:ay)?\s*-?\d+", re.I)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"))
"""Hyphens, dashes and minus signs of word processors."""
_NO_UNIT = frozenset({"", "t", "x", "time"})
"""Prefixes of a number in the table's own unit of time; R writes x7 for a heading 7."""


@dataclass(frozen=True)
class VisitTime:
    """The day that a heading or label names.

    Attributes
    ----------
    day : float or None
        Days; None if the heading is not a time.
    doubt : str
        Why a heading that looks like a time cannot be interpreted; "" otherwise.
    """

    day: float | None = None
    doubt: str = ""


def visit_time(heading: object, time_unit: str) -> VisitTime:
    """Return the day that a heading names; a hyphen before the number is a minus.

    Parameters
    ----------
    heading : object
        The heading of a column, or the label of a visit.
    time_unit : str
        Unit of numbers without a unit.

    Examples
    --------
    >>> [visit_time(heading, "day").day for heading in ("Day 7", "week -1", "3", "Notes")]
    [7.0, -7.0, 3.0, None]
    >>> visit_time("Day 14 (measured twice)", "day").doubt
    "'Day 14 (measured twice)' begins with a time but continues with '(measured twice)'"
    """
    label = str(heading).strip().translate(_DASHES)
    match = _TIME.fullmatch(label)
    if match:
        return _of_words(label, match["before"], match["after"], float(match["number"]), time_unit)
    if _CYCLE.fullmatch(label):
        return VisitTime(doubt=f"{label!r} is a day of a cycle, and the length of the cycle is not stated")
    begins = _BEGINS_AS_TIME.fullmatch(label)
    if begins and (_unit(begins["before"]) or (not begins["before"] and _unit(begins["rest"].strip().split(" ")[0]))):
        return VisitTime(doubt=f"{label!r} begins with a time but continues with {begins['rest'].strip()!r}")
    return VisitTime()


def _unit(word: str) -> str:
    """Return the unit of time that a word next to a number stands for; only d, w and h as letters, as s1 and y2 are names."""
    return "" if len(word) == 1 and plain(word) not in ("d", "w", "h") else find_time_unit(word)


def _of_words(label: str, before: str, after: str, number: float, time_unit: str) -> VisitTime:
    first, last = plain(before), plain(after)
    named = [unit for word in (first, last) if (unit := _unit(word))]
    strange = [word for word in (first, last) if word and not _unit(word) and word not in _NO_UNIT]
    if strange:
        return VisitTime(doubt=f"{label!r}: {strange[0]!r} is not a unit of time") if named else VisitTime()
    if len(set(named)) > 1:
        return VisitTime(doubt=f"{label!r} names two units of time")
    return VisitTime(number * units.factor(named[0] if named else time_unit, "day"))
