"""Multistart: fits from several starting points, to see whether they lead to the same minimum."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, renamed
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.log_parameters import LOG
from immunoode.fitting.minimise import Outcome, minimise
from immunoode.fitting.observations import FloatArray
from immunoode.fitting.threads import one_thread
from immunoode.fitting.uncertainty.progress import STOPPED, bar_over, in_order, processors
from immunoode.number_checks import is_whole

if TYPE_CHECKING:
    from lmfit import Parameters
    from matplotlib.axes import Axes
    from pandas import DataFrame

REACH = 3.0
"""Half width of the Sobol sequence, in logarithms or in units of a parameter's scale."""
SAME = 0.1
"""Minima with a smaller difference of -2 log L count as the same."""


@dataclass(frozen=True)
class MultiStartResult:
    """Fits from several starting points: outcome, problem and -2 log L (with priors) of each; NaN if it failed."""

    outcomes: tuple[Outcome | None, ...]
    objectives: tuple[LeastSquares, ...]
    costs: FloatArray
    failed: tuple[str, ...] = ()

    @property
    def best(self) -> int:
        """Index of the best fit."""
        return int(np.nanargmin(self.costs))

    def __len__(self) -> int:
        return len(self.costs)

    @property
    def outcome(self) -> Outcome:
        """Outcome of the best fit."""
        found = self.outcomes[self.best]
        assert found is not None  # the one with the lowest cost has not failed
        return found

    @property
    def stopped(self) -> int:
        """Number of fits that Ctrl-C stopped."""
        return self.failed.count(STOPPED) + sum(o is not None and o.stopped for o in self.outcomes)

    @property
    def agreeing(self) -> int:
        """Number of fits that ended at the best minimum."""
        return int(np.sum(self.costs < self.costs[self.best] + SAME))

    def to_frame(self) -> DataFrame:
        """Return one row per start, best first: the difference in -2 log L to the best, whether it converged, and the
        estimates.
        """
        import pandas as pd

        rows = []
        for i in np.argsort(np.where(np.isfinite(self.costs), self.costs, np.inf)):
            outcome = self.outcomes[i]
            every = {} if outcome is None else outcome.result.params
            found = {n: p.value for n, p in every.items() if not n.startswith(LOG)}
            rows.append(
                {
                    "start": int(i),
                    "rise": float(self.costs[i] - self.costs[self.best]),
                    "converged": bool(outcome is not None and outcome.result.success),
                    **found,
                }
            )
        return pd.DataFrame(rows)

    table = renamed("table", "to_frame")

    def plot(self, **how: Any) -> Axes:
        """Draw the waterfall of minima; see `immunoode.plot.uncertainty.plot_starts`."""
        from immunoode.plot.uncertainty import plot_starts

        return plot_starts(self, **how)


def multistart(
    least_squares: LeastSquares, count: int, method: str, max_evaluations: int | None, progress: bool | None
) -> MultiStartResult:
    """Fit from `count` starting points; the first is the usual one.

    Raises
    ------
    FitError
        If `count` is not a whole number above zero, or no fit succeeds.
    KeyboardInterrupt
        If Ctrl-C is pressed before any fit has begun.
    """
    if not is_whole(count, 1):
        raise FitError(Problem("starts", f"is {count!r}", "a whole number from 1"))
    if count == 1:
        outcome = minimise(least_squares, method, max_evaluations=max_evaluations, progress=progress)
        return MultiStartResult((outcome,), (least_squares,), np.array([least_squares.cost(outcome.result.params)]))
    places = _places(least_squares.parameters(), count)
    targets = [replace(least_squares, predict=least_squares.predict.single_threaded()) for _ in range(count)]

    def one(i: int) -> tuple[Outcome | None, float, str]:
        if asked.is_set():
            return None, float("nan"), STOPPED
        try:
            parameters = targets[i].parameterisation.set_varied(targets[i].parameters(), list(places[i]), places[i].values())
            outcome = minimise(
                targets[i], method, max_evaluations=max_evaluations, progress=False, parameters=parameters, stop=asked.is_set
            )
            return outcome, targets[i].cost(outcome.result.params), ""
        except FitError as error:
            return None, float("nan"), str(error)

    with (
        one_thread(),
        interruptible() as asked,
        ThreadPoolExecutor(processors()) as pool,
        bar_over(count, "starts", progress) as bar,
    ):
        done = in_order([pool.submit(one, i) for i in range(count)], asked, bar)
    costs = np.array([d[1] for d in done])
    if not np.isfinite(costs).any() and all(d[2] == STOPPED for d in done):
        raise KeyboardInterrupt
    if not np.isfinite(costs).any():
        raise FitError(
            Problem("starts", f"no fit succeeds; the first failed because: {done[0][2]}", "other initial values or bounds")
        )
    return MultiStartResult(tuple(d[0] for d in done), tuple(targets), costs, tuple(d[2] for d in done if d[2]))


def _places(parameters: Parameters, count: int) -> list[dict[str, float]]:
    """Return the starting points: the usual values, then a Sobol sequence around them within the bounds."""
    from scipy.stats import qmc

    varied = [p for p in parameters.values() if p.vary]
    low, high = (np.array([_edge(p, side) for p in varied]) for side in (-1, 1))
    sobol = qmc.Sobol(len(varied), seed=0).random_base2(int(np.ceil(np.log2(max(count, 2)))))
    spread = low + sobol * (high - low)
    first = [p.value for p in varied]
    return [{p.name: float(v) for p, v in zip(varied, row, strict=True)} for row in [first, *spread[: count - 1]]]


def _edge(parameter: Any, side: int) -> float:
    reach = REACH if parameter.name.startswith(LOG) else REACH * max(abs(parameter.value), 0.3)
    at = parameter.value + side * reach
    return float(max(at, parameter.min) if side < 0 else min(at, parameter.max))
