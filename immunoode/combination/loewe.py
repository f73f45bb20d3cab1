"""Loewe additivity of two regimens: the multiples of each regimen alone that have the effect of both.

A dose is a multiple of a whole regimen, so that it is defined for any schedule. If no multiple of a drug reaches the effect,
its term is 0, as in the generalised Loewe model for drugs with different maxima.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.combination.loewe_draws import loewe_draws
from immunoode.combination.simulated_arms import SimulatedPair

if TYPE_CHECKING:
    import pandas as pd

Burden = Callable[[float], float]
LOEWE_COLUMNS = ("time", "index", "index_lower", "index_upper", "expected", "first_multiple", "second_multiple")


@dataclass(frozen=True)
class LoewePoint:
    """Multiples of each drug alone with the effect of both (infinite if there is none), and the burden expected by Loewe."""

    first: float
    second: float
    expected: float

    @property
    def index(self) -> float:
        """The sum of the terms: below 1 is synergy; infinite if both drugs together have no effect."""
        parts = (self.first, self.second)
        return sum(1.0 / part if part > 0 else float("inf") for part in parts)


@dataclass(frozen=True)
class LoeweTable:
    """Loewe additivity at several times: rows with `LOEWE_COLUMNS`, and expected burdens, shape (1 + draws, times)."""

    rows: pd.DataFrame
    burdens: np.ndarray


@dataclass(frozen=True)
class LoeweRequest:
    """Loewe additivity on given days, for draws of parameters (or none), with the largest multiple and the confidence level."""

    days: Sequence[float]
    draws: pd.DataFrame | None
    largest: float
    confidence: float


def loewe_table(pair: SimulatedPair, both: np.ndarray, wanted: LoeweRequest) -> LoeweTable:
    """Return Loewe additivity of a pair; `both` is the burden of both drugs, shape (1 + draws, times)."""
    import pandas as pd

    rows, burdens = [], []
    for day in wanted.days:
        k = int(np.searchsorted(pair.days, day))
        point = loewe_point(_alone(pair, k, first=True), _alone(pair, k, first=False), both[0, k], wanted.largest)
        lower, upper, expected = _limits(pair, both, k, wanted)
        values = (day, point.index, lower, upper, point.expected, point.first, point.second)
        rows.append(dict(zip(LOEWE_COLUMNS, values, strict=True)))
        burdens.append(np.append(point.expected, expected))
    table = pd.DataFrame(rows, columns=list(LOEWE_COLUMNS))
    return LoeweTable(table, np.array(burdens).T if burdens else np.zeros((1, 0)))


def _limits(pair: SimulatedPair, both: np.ndarray, time: int, wanted: LoeweRequest) -> tuple[float, float, np.ndarray]:
    """Return the limits of the index and the expected burdens of the draws; NaN and empty without draws."""
    if wanted.draws is None or wanted.draws.empty:
        return float("nan"), float("nan"), np.zeros(0)
    found = loewe_draws(pair, wanted.draws, both[1 : 1 + len(wanted.draws), time], time, wanted.largest)
    tails = [0.5 - wanted.confidence / 2, 0.5 + wanted.confidence / 2]
    lower, upper = np.quantile(found.index, tails, method="inverted_cdf")
    return float(lower), float(upper), found.expected


def _alone(pair: SimulatedPair, time: int, *, first: bool) -> Burden:
    """Return the burden at one of the times under multiples of one regimen."""
    return lambda m: float((pair.burden(m, 0.0) if first else pair.burden(0.0, m))[time])


def loewe_point(first: Burden, second: Burden, both: float, largest: float) -> LoewePoint:
    """Return Loewe additivity from functions that give the burden under a multiple of each drug alone."""
    return LoewePoint(
        equivalent_multiple(first, both, largest), equivalent_multiple(second, both, largest), _expected(first, second, largest)
    )


def equivalent_multiple(burden: Burden, target: float, largest: float) -> float:
    """Return the multiple whose burden is the target; infinite if none up to the largest one has so low a burden.

    The search goes up or down by factors of two from 1, and ends in the first interval that contains the target.
    """
    from scipy.optimize import brentq

    low = high = 1.0
    if burden(1.0) > target:
        while burden(high) > target:
            low, high = high, 2 * high
            if low >= largest:
                return float("inf")
    else:
        while burden(low) <= target:
            high, low = low, low / 2
            if low < 1e-9:
                return 0.0
    if burden(high) == target:
        return high
    return float(np.exp(brentq(lambda x: burden(float(np.exp(x))) - target, np.log(low), np.log(high), xtol=1e-14, rtol=1e-14)))


def _expected(first: Burden, second: Burden, largest: float) -> float:
    """Return the burden at the share of the first drug for which both drugs alone, at the corresponding doses, have the same
    burden.
    """
    from scipy.optimize import brentq

    least = 1.0 / largest

    def off(share: float) -> float:
        return first(1.0 / share) - second(1.0 / (1.0 - share))

    if off(least) >= 0:  # the first drug at its maximum has less effect than the second alone
        return second(1.0)
    if off(1.0 - least) <= 0:
        return first(1.0)
    share = float(brentq(off, least, 1.0 - least, xtol=1e-13))
    return first(1.0 / share)
