"""Accrual and allocation: when subjects enter a trial, and into which arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.virtual_trial.random_draws import RandomDraws

FloatArray = NDArray[np.float64]
MONTH = 30.4375
LEAST_BLOCK = 4
"""Smallest size of a block of the randomisation, in multiples of the sum of ratios."""


@dataclass(frozen=True)
class Accrual:
    """The times at which subjects enter a trial.

    Attributes
    ----------
    over : str or float, optional
        Entry days are uniformly distributed over this time ("12 months").
    per_month : float, optional
        Alternatively, subjects enter in a Poisson process with this rate, so that intervals are exponentially distributed. If
        neither is given, all enter on day 0.

    Raises
    ------
    DataError

    Examples
    --------
    >>> from immunoode.virtual_trial.random_draws import RandomDraws
    >>> Accrual(over="10 days").days(RandomDraws(1, range(3))).round(1).tolist()
    [0.5, 2.0, 6.6]
    """

    over: str | float | None = None
    per_month: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.over is not None and self.per_month is not None:
            problems.append(Problem("accrual", "has both over= and per_month=", "only one of them"))
        if self.per_month is not None and not 0 < self.per_month < np.inf:
            problems.append(Problem("per_month", f"is {self.per_month}", "a rate above zero"))
        if self.over is not None:
            problems += _time_problems(self.over)
        DataError.raise_if(problems)

    def days(self, draws: RandomDraws) -> FloatArray:
        """Return the day on which each subject enters, counted from the first day of accrual and increasing, shape (rows,)."""
        shape = len(draws.replicates), len(draws.patients)
        if self.over is not None:
            return np.sort(units.days(self.over) * draws.uniforms("accrual")[:, 0].reshape(shape), axis=1).ravel()
        if self.per_month is not None:
            gaps = draws.exponentials("accrual")[:, 0].reshape(shape) * MONTH / self.per_month
            return np.asarray(np.cumsum(gaps, axis=1).ravel())
        return np.zeros(len(draws))


def _time_problems(over: str | float) -> list[Problem]:
    try:
        days = units.days(over)
    except UnitError as error:
        return [Problem("over", str(error), "a time: '12 months', or a number of days")]
    return [] if days > 0 else [Problem("over", f"is {over!r}", "a time above zero")]


def allocate(ratios: Sequence[int], draws: RandomDraws) -> NDArray[np.int64]:
    """Return the index of the arm of each subject, randomised in permuted blocks, shape (rows,).

    Parameters
    ----------
    ratios : sequence of int
        The number of subjects of each arm per block; blocks of fewer than four subjects are doubled.
    draws : RandomDraws
    """
    pattern = np.repeat(np.arange(len(ratios)), ratios)
    while len(pattern) < LEAST_BLOCK:
        pattern = np.concatenate([pattern, pattern])
    subjects, replicates = len(draws.patients), len(draws.replicates)
    random = draws.uniforms("allocation")[:, 0].reshape(replicates, subjects)
    blocks = -(-subjects // len(pattern))
    padded = np.full((replicates, blocks * len(pattern)), 2.0)
    padded[:, :subjects] = random
    whole = padded.reshape(replicates, blocks, len(pattern))
    whole[:, -1, :] = _completed(whole[:, -1, :], draws)
    rank = whole.argsort(axis=2).argsort(axis=2)
    return np.asarray(pattern[rank].reshape(replicates, -1)[:, :subjects].ravel())


def _completed(last: FloatArray, draws: RandomDraws) -> FloatArray:
    """Return the last block with random numbers also for subjects beyond the size of the trial, so that its arms are random
    too.
    """
    extra = RandomDraws(draws.seed, range(last.shape[1]), draws.replicates).uniforms("allocation of the last block")[:, 0]
    return np.where(last > 1, extra.reshape(last.shape), last)
