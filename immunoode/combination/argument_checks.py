"""Checks of the arguments that all comparisons of combinations share."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from immunoode.errors import Problem


def is_real(value: Any) -> bool:
    """Return whether a value is a finite number, and not a Boolean."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and bool(np.isfinite(float(value)))


def is_whole(value: Any, least: int) -> bool:
    """Return whether a value is an integer of at least `least`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def confidence_problems(confidence: Any) -> list[Problem]:
    """Return what is wrong with a confidence level."""
    right = "a number between 0 and 1: 0.95"
    return [] if is_real(confidence) and 0 < confidence < 1 else [Problem("confidence", f"is {confidence!r}", right)]


def sampling_problems(draws: Any, seed: Any) -> list[Problem]:
    """Return what is wrong with a number of draws and a seed."""
    problems = (
        []
        if is_whole(draws, 2)
        else [Problem("draws", f"is {draws!r}", "a whole number of at least 2, typically a few hundred")]
    )
    return problems + ([] if is_whole(seed, 0) else [Problem("seed", f"is {seed!r}", "a whole number of zero or more")])


def correlation_problems(correlation: Any, error: Any) -> list[Problem]:
    """Return what is wrong with a correlation and its standard deviation; None means not stated."""
    problems = []
    if correlation is not None and not (is_real(correlation) and -1 <= correlation <= 1):
        problems.append(Problem("correlation", f"is {correlation!r}", "Spearman's correlation, from -1 to 1"))
    if error is not None and not (is_real(error) and 0 <= error < 1):
        problems.append(Problem("correlation_error", f"is {error!r}", "a standard deviation of zero or more, below 1: 0.1"))
    return problems


def repeated(named: Iterable[tuple[str, Any]]) -> list[Problem]:
    """Return which of several arms are the same, except those that are numbers or are not given."""
    problems, known = list[Problem](), list[tuple[str, Any]]()
    for where, arm in named:
        if arm is None or is_real(arm):
            continue
        same = next((name for name, other in known if other is arm or (isinstance(arm, str) and other == arm)), None)
        if same is not None:
            which = repr(arm) if isinstance(arm, str) else "it"
            problems.append(
                Problem(where, f"is the same arm as {same}: {which}", "separate arms for each drug alone and for both")
            )
        known.append((where, arm))
    return problems
