"""The thresholds of RECIST 1.1 and iRECIST, each with its clause; they are stated nowhere else in the code."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number, is_whole
from immunoode.trial.response.codes import IRECIST_NAMES, RECIST_NAMES

TOLERANCE = 1e-9
"""Relative tolerance of the thresholds, so that 100 to 70 mm is a decrease of 30 % despite rounding errors."""


@dataclass(frozen=True)
class RecistRules:
    """The thresholds of RECIST 1.1 (Eisenhauer et al. 2009, Eur J Cancer 45:228; sections and tables are its own).

    Attributes
    ----------
    partial_response : float
        PR: the sum is at least this fraction below baseline (4.3.1: 30 %).
    progression : float
        PD: the sum is at least this fraction above the smallest sum on study, baseline included (4.3.1: 20 %).
    progression_mm : float
        PD: and at least this much above it, in mm (4.3.1: 5 mm). It decides alone if the smallest sum is 0.
    node_mm : float
        A lymph node with a smaller short axis is not pathological, in mm (4.3.1, 4.3.3: 10 mm).
    too_small_mm : float
        Value of a lesion that is present but too small to measure, in mm (4.3.2: 5 mm).
    measurable_mm, measurable_node_mm : float
        Below this diameter (node: short axis) a lesion is not a target (3.1.1: 10 mm; 15 mm); such targets are listed.
    baseline : "last" or "first"
        "last": the last measurement of each target lesion up to `baseline_until`. "first": the first assessment, on any day.
    baseline_until : float
        Last day of the baseline period (3.2.1: before treatment starts: day 0).
    visit_days : float
        Assessments without a visit name within this many days are one visit, dated by its first day, if nothing was assessed
        twice (the scans of one visit are often taken on several days). 0: each day is a visit.
    named_visit_days : float
        Assessments with the same visit name are one visit within this many days of its first day.
    confirmation_days : float
        Smallest number of days from a response to the assessment that confirms it (4.6.1: 4 weeks).
    not_evaluable_between : int
        Accepted number of NE between the two (4.4.3: PR, NE, PR is a confirmed PR; max_nr_ne of admiralonco).
    stable_between : int
        Accepted number of SD between two PR (appendix III: 32 %, 28 %, 33 % below baseline; accept_sd of admiralonco is 1).
    stable_days : float
        SD counts as best response from this day on (4.6.1: in general at least 6 weeks; ref_start_window of admiralonco).
    partial_response_continues : "never", "once assigned" or "once confirmed"
        Whether targets that no longer reach PR but are not PD remain PR (recist.eortc.org, "Managing PR when TP measurements
        change slightly"). "never": each assessment is compared with baseline, as in table 3 and in most programs.
    reappearance_is_progression : bool
        After CR any disease is PD, even if it would be PR by its size (table 3, footnote).
    """

    partial_response: float = 0.30
    progression: float = 0.20
    progression_mm: float = 5.0
    node_mm: float = 10.0
    too_small_mm: float = 5.0
    measurable_mm: float = 10.0
    measurable_node_mm: float = 15.0
    baseline: Literal["last", "first"] = "last"
    baseline_until: float = 0.0
    visit_days: float = 14.0
    named_visit_days: float = 28.0
    confirmation_days: float = 28.0
    not_evaluable_between: int = 1
    stable_between: int = 0
    stable_days: float = 42.0
    partial_response_continues: Literal["never", "once assigned", "once confirmed"] = "never"
    reappearance_is_progression: bool = True

    def __post_init__(self) -> None:
        _check(
            self,
            {"baseline": ("last", "first"), "partial_response_continues": ("never", "once assigned", "once confirmed")},
            free=("baseline_until",),
        )


@dataclass(frozen=True)
class IrecistRules:
    """The thresholds of iRECIST (Seymour et al. 2017, Lancet Oncol 18:e143), in addition to those of RECIST 1.1.

    Attributes
    ----------
    recist : RecistRules
        The thresholds that iRECIST adopts: of iCR, iPR, iSD and iUPD.
    confirm_from_days : float
        Smallest number of days from the first iUPD to an assessment that can confirm it (4 weeks; recist.eortc.org: earlier
        scans do not define iCPD).
    confirm_until_days : float
        Largest number of days from the last iUPD to an assessment that can confirm it (8 weeks), if `late_confirmation` is
        False.
    late_confirmation : bool
        Whether a later assessment still confirms. 4 to 8 weeks are recommended, and the guideline does not mention later
        scans; if they do not confirm, a new iUPD begins.
    early_new_lesion_confirms : bool
        Whether a further new lesion confirms before `confirm_from_days` (recist.eortc.org: only on scans for new symptoms).
    further_mm : float
        Further increase of the sum of the targets, or of the new targets, that confirms, in mm (5 mm), measured from the
        smallest sum since the iUPD (recist.eortc.org: sequential increases are additive).
    new_targets, new_targets_organ : int
        Largest number of new target lesions, in all and per organ (5; 2), of those that are measurable when first seen.
    new_lesions_block : "unless targets improve", "always" or "never"
        Whether unchanged new lesions keep the response at iUPD. By default they do unless the response of the targets is better
        than at the iUPD (recist.eortc.org, scenarios B and F).
    unconfirmed_is_progression : bool
        Whether an iUPD that only iUPD and NE follow dates the progression (statistical considerations).

    Examples
    --------
    >>> import immunoode as imo
    >>> imo.trial.IrecistRules(confirm_until_days=70.0).recist.partial_response
    0.3
    """

    recist: RecistRules = field(default_factory=RecistRules)
    confirm_from_days: float = 28.0
    confirm_until_days: float = 56.0
    late_confirmation: bool = True
    early_new_lesion_confirms: bool = False
    further_mm: float = 5.0
    new_targets: int = 5
    new_targets_organ: int = 2
    new_lesions_block: Literal["unless targets improve", "always", "never"] = "unless targets improve"
    unconfirmed_is_progression: bool = True

    def __post_init__(self) -> None:
        _check(self, {"new_lesions_block": ("unless targets improve", "always", "never")})


Rules = RecistRules | IrecistRules


def recist_rules(rules: Rules) -> RecistRules:
    """Return the thresholds of RECIST 1.1, also as part of iRECIST."""
    return rules.recist if isinstance(rules, IrecistRules) else rules


def response_names(rules: Rules) -> tuple[str, ...]:
    """Return the names of responses by their code."""
    return IRECIST_NAMES if isinstance(rules, IrecistRules) else RECIST_NAMES


def _check(rules: Any, choices: dict[str, tuple[str, ...]], free: tuple[str, ...] = ()) -> None:
    """Raise with all invalid fields of a set of rules; `free` fields may be negative."""
    where = type(rules).__name__
    problems = []
    for item in fields(rules):
        value = getattr(rules, item.name)
        wrong = _wrong(item.default, value, choices.get(item.name), item.name in free)
        if wrong:
            problems.append(Problem(f"{where}.{item.name}", f"is {value!r}", wrong))
    DataError.raise_if(problems)


def _wrong(default: object, value: object, choice: tuple[str, ...] | None, negative: bool) -> str:
    """Return what would be valid, or "" if the value is valid."""
    if choice is not None:
        return "" if value in choice else "one of " + ", ".join(repr(c) for c in choice)
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if not isinstance(default, (int, float)):
        return "" if isinstance(value, RecistRules) else "a RecistRules"
    if not is_number(value):
        return "a number"
    if isinstance(default, int) and not is_whole(value):
        return "a whole number"
    return "a number of at least 0" if value < 0 and not negative else ""
