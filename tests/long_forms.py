"""Tests of many cases whose long form is slow: a few stand for all in the default suite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def short(cases: Iterable[str], kept: Iterable[str]) -> list[Any]:
    """Return cases as parameters of a test, slow but for those that are kept.

    Examples
    --------
    >>> [case if isinstance(case, str) else case.marks[0].name for case in short(["a", "b"], ["a"])]
    ['a', 'slow']
    """
    chosen, given = set(kept), list(cases)
    assert chosen & set(given), "no case is left in the default suite"
    return [case if case in chosen else pytest.param(case, marks=pytest.mark.slow) for case in given]


def without(cases: Iterable[str], large: Iterable[str]) -> list[Any]:
    """Return cases as parameters of a test, of which the large ones are slow."""
    given = list(cases)
    return short(given, set(given) - set(large))


def spread_rows(rows: Iterable[tuple[Any, ...]], count: int) -> list[Any]:
    """Return rows as values of several parameters of a test, slow but for some that lie evenly from the first to the last.

    Examples
    --------
    >>> [row.marks[0].name if hasattr(row, "marks") else row for row in spread_rows([("a", 1), ("b", 2), ("c", 3)], 2)]
    [('a', 1), 'slow', ('c', 3)]
    """
    given = list(rows)
    kept = _even(len(given), count)
    return [row if k in kept else pytest.param(*row, marks=pytest.mark.slow) for k, row in enumerate(given)]


def spread(cases: Iterable[Any], count: int) -> list[Any]:
    """Return cases as parameters of a test, slow but for some that lie evenly from the first to the last.

    Examples
    --------
    >>> [case if isinstance(case, str) else case.marks[0].name for case in spread("abcde", 3)]
    ['a', 'slow', 'c', 'slow', 'e']
    """
    given = list(cases)
    kept = _even(len(given), count)
    return [case if k in kept else pytest.param(case, marks=pytest.mark.slow) for k, case in enumerate(given)]


def _even(size: int, count: int) -> set[int]:
    """Return places that lie evenly from the first to the last."""
    return {round(k * (size - 1) / max(1, count - 1)) for k in range(count)}
