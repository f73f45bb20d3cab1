"""Checks of the arguments that all comparisons of combinations share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from immunoode.errors import Problem
from immunoode.number_checks import confidence_problems, is_finite, is_whole


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
    if correlation is not None and not (is_finite(correlation) and -1 <= correlation <= 1):
        problems.append(Problem("correlation", f"is {correlation!r}", "Spearman's correlation, from -1 to 1"))
    if error is not None and not (is_finite(error) and 0 <= error < 1):
        problems.append(Problem("correlation_error", f"is {error!r}", "a standard deviation of zero or more, below 1: 0.1"))
    return problems


def action_problems(
    arms: Mapping[str, Any], confidence: Any, draws: Any, seed: Any, correlation: Any, error: Any
) -> list[Problem]:
    """Return what is wrong with the arguments that predictions of independent action share."""
    problems = confidence_problems(confidence) + sampling_problems(draws, seed)
    return problems + correlation_problems(correlation, error) + repeated(arms.items())


def repeated(named: Iterable[tuple[str, Any]]) -> list[Problem]:
    """Return which of several arms are the same, except those that are numbers or are not given."""
    problems, known = list[Problem](), list[tuple[str, Any]]()
    for where, arm in named:
        if arm is None or is_finite(arm):
            continue
        same = next((name for name, other in known if other is arm or (isinstance(arm, str) and other == arm)), None)
        if same is not None:
            which = repr(arm) if isinstance(arm, str) else "it"
            problems.append(
                Problem(where, f"is the same arm as {same}: {which}", "separate arms for each drug alone and for both")
            )
        known.append((where, arm))
    return problems
