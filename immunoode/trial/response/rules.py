"""The numbers of RECIST 1.1 and iRECIST, each with the clause it is from; nothing in the code repeats one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from immunoode.errors import DataError, Problem

TOLERANCE = 1e-9
"""Relative slack of the thresholds, so that 100 to 70 mm is 30 % whatever the last bit of the numbers says."""


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
        PD: and at least this much above it, in mm (4.3.1: 5 mm). Alone it decides where the smallest sum is 0.
    node_mm : float
        A node with a shorter short axis is not pathological, in mm (4.3.1, 4.3.3: 10 mm).
    too_small_mm : float
        Stands for a lesion that is there and too small to measure, in mm (4.3.2: 5 mm).
    measurable_mm, measurable_node_mm : float
        Below this diameter (node: short axis) a lesion is no target (3.1.1: 10 mm; 15 mm); at baseline it is told.
    baseline : "last" or "first"
        "last": each target lesion's last measurement up to `baseline_until`. "first": the first assessment, whatever its day.
    baseline_until : float
        Last day that is still baseline (3.2.1: before treatment starts: day 0).
    visit_days : float
        Assessments without the name of a visit, within this many days of the visit's first, are one visit if nothing was
        assessed twice (scans of one visit are often taken on several days; its day is the first). 0: each day is a visit.
    named_visit_days : float
        Assessments under one name of a visit are one visit within this many days of its first.
    confirmation_days : float
        Days from a response to the assessment that confirms it, at least (4.6.1: 4 weeks).
    not_evaluable_between : int
        Not evaluable assessments accepted between the two (4.4.3: PR, NE, PR is a confirmed PR; admiralonco: max_nr_ne).
    stable_between : int
        Stable assessments accepted between two PR (appendix III: 32 %, 28 %, 33 % below baseline; admiralonco: accept_sd, 1).
    stable_days : float
        SD counts as best response from this day on (4.6.1: in general not less than 6 weeks; admiralonco: ref_start_window).
    partial_response_continues : "never", "once assigned" or "once confirmed"
        Whether targets that no longer reach PR and are not PD stay PR (recist.eortc.org, "Managing PR when TP measurements
        change slightly"). "never": each assessment is compared with baseline, as in table 3 and most programs.
    reappearance_is_progression : bool
        After CR any disease seen is PD, also where it would be PR by its size (table 3, footnote).
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
    """The thresholds of iRECIST (Seymour et al. 2017, Lancet Oncol 18:e143), over those of RECIST 1.1.

    Attributes
    ----------
    recist : RecistRules
        Everything that iRECIST takes over: iCR, iPR, iSD, and what makes an iUPD.
    confirm_from_days : float
        Days from the first iUPD to an assessment that can confirm it, at least (4 weeks; recist.eortc.org: earlier scans
        do not define iCPD).
    confirm_until_days : float
        Days from the last iUPD to an assessment that can confirm it, at most (8 weeks), if `late_confirmation` is False.
    late_confirmation : bool
        Whether a later assessment still confirms. 4 to 8 weeks are recommended, and nothing is said of later scans; where
        they do not confirm, the iUPD starts afresh.
    early_new_lesion_confirms : bool
        Whether a further new lesion confirms before `confirm_from_days` (recist.eortc.org: only on scans for new symptoms).
    further_mm : float
        Further increase of the targets' sum, or of the new target lesions' sum, that confirms, in mm (5 mm); from the
        smallest sum since the iUPD (recist.eortc.org: sequential increases are additive).
    new_targets, new_targets_organ : int
        New target lesions at most, in all and in one organ (5; 2), of those that are measurable when first seen.
    new_lesions_block : "unless targets improve", "always" or "never"
        Whether new lesions that stay as they are keep the assessment at iUPD. By default not where the targets' response is
        better than at the iUPD (recist.eortc.org, scenarios B and F).
    unconfirmed_is_progression : bool
        Whether an iUPD after which nothing but iUPD and NE follows dates the progression (statistical considerations).
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


def _check(rules: Any, choices: dict[str, tuple[str, ...]], free: tuple[str, ...] = ()) -> None:
    """Raise with everything that is wrong with a set of rules; `free` numbers may be negative."""
    where = type(rules).__name__
    problems = []
    for item in fields(rules):
        value = getattr(rules, item.name)
        wrong = _wrong(item.default, value, choices.get(item.name), item.name in free)
        if wrong:
            problems.append(Problem(f"{where}.{item.name}", f"is {value!r}", wrong))
    if problems:
        raise DataError(problems)


def _wrong(default: object, value: object, choice: tuple[str, ...] | None, negative: bool) -> str:
    """Return what would be right, or ''."""
    if choice is not None:
        return "" if value in choice else "one of " + ", ".join(repr(c) for c in choice)
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "True or False"
    if not isinstance(default, (int, float)):
        return "" if isinstance(value, RecistRules) else "a RecistRules"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return "a number"
    if isinstance(default, int) and not isinstance(value, int):
        return "a whole number"
    return "a number of at least 0" if value < 0 and not negative else ""
