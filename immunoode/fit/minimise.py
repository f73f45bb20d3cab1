"""Rounds of lmfit: least squares, then the errors' scales, until both have settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fit.blas import one_thread
from immunoode.fit.objective import Objective

if TYPE_CHECKING:
    from lmfit import Minimizer, Parameters
    from lmfit.minimizer import MinimizerResult

METHODS = ("leastsq", "least_squares")
ROUNDS = 12
TIGHT = {"ftol": 1e-14, "xtol": 1e-12, "gtol": 1e-12}
"""Where a round stops: near the end each step gains digits of the parameters that the sum of squares no longer shows."""
SETTLED = 1e-3
"""Relative change of the errors' scales below which another round would change nothing that is reported."""


@dataclass(frozen=True)
class Outcome:
    """What a fit ended with: lmfit's result, the rounds it took, whether the scales settled."""

    result: MinimizerResult
    rounds: int
    settled: bool


def minimise(
    objective: Objective,
    method: str = "least_squares",
    *,
    max_evaluations: int | None = None,
    progress: bool | None = None,
    parameters: Parameters | None = None,
) -> Outcome:
    """Fit, from `parameters`, by default the values that the design starts from.

    Raises
    ------
    FitError
        If the method is not known, there are fewer observations than parameters, or nothing can be simulated.
    """
    if max_evaluations is not None and max_evaluations < 1:
        raise FitError(Problem("max_evaluations", f"is {max_evaluations!r}", "a whole number from 1, or None"))
    if method not in METHODS:
        raise FitError(Problem("method", f"{method!r} is not known", nearest(method, METHODS)))
    parameters = objective.parameters() if parameters is None else parameters
    varied = sum(1 for p in parameters.values() if p.vary)
    if len(objective.observations) + len(objective.priors) < varied:
        what = f"{len(objective.observations)} observations cannot determine {varied} parameters"
        raise FitError(Problem("vary", what, "let fewer parameters vary, or share them between subjects"))
    objective(parameters)
    objective.settle(parameters)
    with one_thread(), _bar(progress) as bar:
        return _rounds(objective, parameters, method, max_evaluations, bar)


def _rounds(objective: Objective, parameters: Parameters, method: str, limit: int | None, bar: Any) -> Outcome:
    rounds, change = 0, np.inf
    while rounds < ROUNDS:
        rounds += 1
        minimizer = _minimizer(objective, parameters, limit, bar)
        with np.errstate(invalid="ignore", over="ignore"):  # variances below zero by rounding; the report says what has no standard error
            result = minimizer.minimize(method=method, **TIGHT)
        change = objective.settle(result.params)
        parameters = result.params
        if change < SETTLED or result.aborted:
            break
    return Outcome(result, rounds, bool(change < SETTLED))


def refit(objective: Objective, parameters: Parameters) -> bool:
    """Fit again from values near the best, which `parameters` then hold; return whether it converged.

    For profiles and bootstraps, which do this thousands of times: no messages, no covariance, fewer rounds.
    """
    varied = [n for n, p in parameters.items() if p.vary]
    objective(parameters)
    for _ in range(ROUNDS):
        ok = _least_squares(objective, parameters, varied) if varied else True
        if objective.settle(parameters) < SETTLED or objective.scale_alone:
            break
    return ok


def _least_squares(objective: Objective, parameters: Parameters, varied: list[str]) -> bool:
    """Minimise by SciPy's trust region, without lmfit's copies of parameters."""
    from scipy.optimize import least_squares

    low = np.array([parameters[n].min for n in varied])
    high = np.array([parameters[n].max for n in varied])
    inside = np.clip([parameters[n].value for n in varied], low, high)
    design = objective.design

    def residuals(x: Any) -> Any:
        return objective(design.moved(parameters, varied, x))

    def jacobian(x: Any) -> Any:
        return objective.jacobian(design.moved(parameters, varied, x))

    found = least_squares(residuals, inside, jacobian, bounds=(low, high), xtol=1e-7, ftol=1e-9, gtol=1e-9, x_scale="jac")
    design.moved(parameters, varied, found.x)
    return bool(found.success)


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
