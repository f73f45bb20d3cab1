"""Rounds of lmfit: least squares, then the errors' scales, until both have settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fit.objective import Objective

if TYPE_CHECKING:
    from lmfit import Minimizer, Parameters
    from lmfit.minimizer import MinimizerResult

METHODS = ("leastsq", "least_squares")
ROUNDS = 12
SETTLED = 1e-3
"""Relative change of the errors' scales below which another round would change nothing that is reported."""


@dataclass(frozen=True)
class Outcome:
    """What a fit ended with: lmfit's result and minimizer, the rounds it took, whether the scales settled."""

    result: MinimizerResult
    minimizer: Minimizer
    rounds: int
    settled: bool


def minimise(
    objective: Objective,
    method: str = "least_squares",
    *,
    max_evaluations: int | None = None,
    progress: bool | None = None,
) -> Outcome:
    """Fit, from the values that the design starts from.

    Raises
    ------
    FitError
        If the method is not known, there are fewer observations than parameters, or nothing can be simulated.
    """
    if max_evaluations is not None and max_evaluations < 1:
        raise FitError(Problem("max_evaluations", f"is {max_evaluations!r}", "a whole number from 1, or None"))
    if method not in METHODS:
        raise FitError(Problem("method", f"{method!r} is not known", nearest(method, METHODS)))
    parameters = objective.parameters()
    varied = sum(1 for p in parameters.values() if p.vary)
    if len(objective.observations) < varied:
        what = f"{len(objective.observations)} observations cannot determine {varied} parameters"
        raise FitError(Problem("vary", what, "let fewer parameters vary, or share them between subjects"))
    objective(parameters)
    objective.settle(parameters)
    with _bar(progress) as bar:
        return _rounds(objective, parameters, method, max_evaluations, bar)


def _rounds(objective: Objective, parameters: Parameters, method: str, limit: int | None, bar: Any) -> Outcome:
    rounds, change = 0, np.inf
    while rounds < ROUNDS:
        rounds += 1
        minimizer = _minimizer(objective, parameters, limit, bar)
        with np.errstate(invalid="ignore"):  # variances below zero by rounding; the report says what has no standard error
            result = minimizer.minimize(method=method)
        change = objective.settle(result.params)
        parameters = result.params
        if change < SETTLED or result.aborted:
            break
    return Outcome(result, minimizer, rounds, bool(change < SETTLED))


def _minimizer(objective: Objective, parameters: Parameters, limit: int | None, bar: Any) -> Minimizer:
    from lmfit import Minimizer

    def tick(_: Parameters, evaluation: int, residual: Any, *args: Any, **kws: Any) -> None:
        if evaluation > 0:
            bar.update()
            bar.set_postfix_str(f"sum of squares {float(np.sum(np.square(residual))):.6g}", refresh=False)

    return Minimizer(objective, parameters, iter_cb=tick, max_nfev=limit, nan_policy="raise", Dfun=objective.jacobian)


def _bar(progress: bool | None) -> Any:
    """Return a progress bar; by default it shows once a fit takes longer than two seconds."""
    from tqdm.auto import tqdm

    return tqdm(desc="fit", unit=" evaluations", disable=progress is False, delay=0 if progress else 2, leave=False)
