"""Loewe additivity for draws of the parameters: bisection of the multiples of all draws at once.

Each step simulates every draw with its own regimens, so that about fifty calls suffice for any number of draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.combination.four_arms import FloatArray
from immunoode.combination.simulated_arms import SimulatedPair

if TYPE_CHECKING:
    import pandas as pd

STEPS = 26
"""Halvings of the logarithm of the multiple, or of the share: limits are known to six digits."""
LEAST = 1e-3
"""The smallest multiple in the search."""
BurdenOfDraws = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class LoeweDraws:
    """For each draw, the index and the burden expected by Loewe, shape (draws,)."""

    index: FloatArray
    expected: FloatArray


def loewe_draws(pair: SimulatedPair, table: pd.DataFrame, both: FloatArray, time: int, largest: float) -> LoeweDraws:
    """Return Loewe additivity of draws at one of the times; `both` is the burden of both drugs, shape (draws,)."""
    none = np.zeros(len(table))

    def first(m: FloatArray) -> FloatArray:
        return pair.of_multiples(m, none, table)[:, time]

    def second(m: FloatArray) -> FloatArray:
        return pair.of_multiples(none, m, table)[:, time]

    index = 1.0 / _multiples(first, both, largest) + 1.0 / _multiples(second, both, largest)
    return LoeweDraws(index, _expected(first, second, len(table), largest))


def _multiples(burden: BurdenOfDraws, target: FloatArray, largest: float) -> FloatArray:
    """Return the multiples whose burdens are the targets; infinite if the largest multiple does not reach them."""
    low, high = np.full(len(target), np.log(LEAST)), np.full(len(target), np.log(largest))
    reached = burden(np.exp(high)) <= target
    for _ in range(STEPS):
        middle = (low + high) / 2
        above = burden(np.exp(middle)) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(reached, np.exp((low + high) / 2), np.inf)


def _expected(first: BurdenOfDraws, second: BurdenOfDraws, count: int, largest: float) -> FloatArray:
    """Return the burden at the share of the first drug for which both alone, at the corresponding doses, have the same burden.

    If one drug at its maximum has less effect than the other alone, the share moves to its limit, which leaves only the other
    drug.
    """
    low, high = np.full(count, 1.0 / largest), np.full(count, 1.0 - 1.0 / largest)
    for _ in range(STEPS):
        share = (low + high) / 2
        below = first(1.0 / share) < second(1.0 / (1.0 - share))
        low, high = np.where(below, share, low), np.where(below, high, share)
    share = (low + high) / 2
    return np.where(share < 0.5, second(1.0 / (1.0 - share)), first(1.0 / share))
