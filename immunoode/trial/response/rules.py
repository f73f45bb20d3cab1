"""The numbers of RECIST 1.1 and iRECIST, each with where it stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from immunoode.errors import DataError, Problem

CR, PR, SD, PD, NE = "CR", "PR", "SD", "PD", "NE"
NON = "non-CR/non-PD"
RESPONSES = (CR, PR, SD, NON, PD, NE)
"""From best to worst."""
ICR, IPR, ISD, IUPD, ICPD = "iCR", "iPR", "iSD", "iUPD", "iCPD"
INON = "non-iCR/non-iUPD"
IRESPONSES = (ICR, IPR, ISD, INON, IUPD, ICPD, NE)
TOLERANCE = 1e-9
"""Relative: a sum of decimal numbers that is on a threshold counts as on it."""


@dataclass(frozen=True)
class RecistRules:
    """Thresholds of RECIST 1.1 (Eisenhauer et al. 2009, Eur J Cancer 45:228-247) and what it leaves to the protocol.

    Attributes
    ----------
    partial_response : float
        Fraction by which the sum is to fall below baseline (4.3.1: at least 30 %).
    progression : float
        Fraction by which it is to rise above the smallest sum so far, baseline included (4.3.1: at least 20 %).
    progression_mm : float
        And by how much at least (4.3.1: 5 mm).
    node_mm : float
        Short axis below which a lymph node is normal (4.3.1, 4.3.3: less than 10 mm).
    too_small_mm : float
        Diameter that stands for "too small to measure" (4.3.2: 5 mm).
    confirmation_days : float
        Least time between a response and its confirmation (4.4.3, 4.6: no less than 4 weeks).
    stable_days : float
        Least time from day 0 until stable disease counts as best response (4.4.3; set by the protocol, 6 to 8 weeks).
    most_not_evaluable : int
        Visits not evaluable that may lie between a response and its confirmation (set by the protocol).
    stable_between : bool
        Whether a partial response may be confirmed across a visit with stable disease (PR, SD, PR; the protocol says so).
    baseline : {"last", "first"}
        Which visit is the baseline: the last at or before day 0, or the first of all.
    reappearance : bool
        Whether a lesion that comes back after complete response is progression (appendix II: it is).
    subset_progression : bool
        Whether the measured lesions alone can show progression where others are missing (4.4.2: most likely so).
    """

    partial_response: float = 0.30
    progression: float = 0.20
    progression_mm: float = 5.0
    node_mm: float = 10.0
    too_small_mm: float = 5.0
    confirmation_days: float = 28.0
    stable_days: float = 42.0
    most_not_evaluable: int = 1
    stable_between: bool = True
    baseline: Literal["last", "first"] = "last"
    reappearance: bool = True
    subset_progression: bool = True

    def __post_init__(self) -> None:
        _checked(self)
        if self.baseline not in ("last", "first"):
            raise DataError(Problem("baseline", f"is {self.baseline!r}", "'last' (at or before day 0) or 'first'"))


@dataclass(frozen=True)
class IrecistRules(RecistRules):
    """Thresholds of iRECIST (Seymour et al. 2017, Lancet Oncol 18:e143-e152), beside those of RECIST 1.1.

    Attributes
    ----------
    confirm_from, confirm_until : float
        Days after an unconfirmed progression at which the next assessment can confirm it (4 to 8 weeks); infinite for no end.
    further_mm : float
        Least further increase of the sum of targets, or of new lesions measured, that confirms (5 mm).
    """

    confirm_from: float = 28.0
    confirm_until: float = 56.0
    further_mm: float = 5.0


def _checked(rules: RecistRules) -> None:
    problems = [
        Problem(f.name, f"is {value!r}", "a number, not negative")
        for f in fields(rules)
        if f.name != "baseline" and (not isinstance(value := getattr(rules, f.name), (int, float)) or not value >= 0)
    ]
    problems += (
        []
        if problems or rules.partial_response <= 1
        else [Problem("partial_response", "is above 1", "a fraction: 0.3")]
    )
    problems += (
        []
        if problems or math.isfinite(rules.progression)
        else [Problem("progression", "is infinite", "a fraction: 0.2")]
    )
    if problems:
        raise DataError(problems)
