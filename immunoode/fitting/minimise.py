"""Rounds of lmfit: least squares, then the error scales, until both have converged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.interrupt import interruptible
from immunoode.fitting.least_squares import LeastSquares
from immunoode.fitting.termination import gauss_newton_covariance, set_standard_errors
from immunoode.fitting.threads import one_thread

if TYPE_CHECKING:
    from lmfit import Minimizer, Parameters
    from lmfit.minimizer import MinimizerResult

METHODS = ("leastsq", "least_squares")
ROUNDS = 12
TIGHT = {"ftol": 1e-14, "xtol": 1e-12, "gtol": 1e-12}
"""Tolerances of a round: near the optimum, a step still improves the parameters by digits that do not change the sum of
squares."""
SETTLED = 1e-3
"""Relative change of the error scales below which another round would not change the report."""


@dataclass(frozen=True)
class Outcome:
    """How a fit ended: lmfit's result, the number of rounds, whether the error scales converged, and whether Ctrl-C stopped
    it.
    """

    result: MinimizerResult
    rounds: int
    settled: bool
    stopped: bool = False


def minimise(
    least_squares: LeastSquares,
    method: str = "least_squares",
    *,
    max_evaluations: int | None = None,
    progress: bool | None = None,
    parameters: Parameters | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Fit from `parameters`, by default the starting values, until convergence or until `stop` returns True.

    Ctrl-C ends the fit; the outcome then has the best values so far and is marked as stopped.

    Raises
    ------
    FitError
        If the method is not known, there are fewer observations than parameters, or nothing can be simulated.
    """
    if max_evaluations is not None and max_evaluations < 1:
        raise FitError(Problem("max_evaluations", f"is {max_evaluations!r}", "a whole number from 1, or None"))
    if method not in METHODS:
        raise FitError(Problem("method", f"{method!r} is not known", nearest(method, METHODS)))
    parameters = least_squares.parameters() if parameters is None else parameters
    varied = sum(1 for p in parameters.values() if p.vary)
    if len(least_squares.observations) + len(least_squares.priors) < varied:
        what = f"{len(least_squares.observations)} observations cannot determine {varied} parameters"
        raise FitError(Problem("vary", what, "fit fewer parameters, or share them between subjects"))
    least_squares(parameters)
    least_squares.update_scales(parameters)
    with one_thread(), _bar(progress) as bar, interruptible() as asked:
        return _rounds(least_squares, parameters, method, max_evaluations, bar, lambda: asked.is_set() or stop())


def _rounds(
    least_squares: LeastSquares, parameters: Parameters, method: str, limit: int | None, bar: Any, stop: Callable[[], bool]
) -> Outcome:
    rounds, change, stopped = 0, np.inf, False
    while rounds < ROUNDS and not stopped:
        rounds += 1
        best = _Best()
        minimizer = _minimizer(least_squares, parameters, limit, bar, best, stop)
        try:
            with np.errstate(invalid="ignore", over="ignore"):  # variances below zero by rounding: the report names them
                result = minimizer.minimize(method=method, **TIGHT)
            stopped = bool(result.aborted and stop())
        except KeyboardInterrupt:
            stopped = True
        if stopped:
            result = _interrupted(least_squares, parameters, method, best)
        result.call_kws = {n: v for n, v in result.call_kws.items() if not callable(v)}  # functions cannot be pickled
        change = least_squares.update_scales(result.params)
        parameters = result.params
        if change < SETTLED or result.aborted:
            break
    if not result.aborted and result.nvarys:
        set_standard_errors(result, gauss_newton_covariance(*least_squares.residuals_and_jacobian(result.params), result.nfree))
    return Outcome(result, rounds, bool(change < SETTLED), stopped)


def refit(least_squares: LeastSquares, parameters: Parameters) -> bool:
    """Fit again from values near the optimum; `parameters` hold the result. Return whether the fit converged.

    For profiles and bootstraps, which do this thousands of times, there are no messages, no covariance and fewer rounds.
    """
    varied = [n for n, p in parameters.items() if p.vary]
    least_squares(parameters)
    for _ in range(ROUNDS):
        ok = _least_squares(least_squares, parameters, varied) if varied else True
        if least_squares.update_scales(parameters) < SETTLED or least_squares.scale_is_separable:
            break
    return ok


def _least_squares(problem: LeastSquares, parameters: Parameters, varied: list[str]) -> bool:
    """Minimise by SciPy's trust region, without lmfit's copies of parameters."""
    from scipy.optimize import least_squares

    low = np.array([parameters[n].min for n in varied])
    high = np.array([parameters[n].max for n in varied])
    inside = np.clip([parameters[n].value for n in varied], low, high)
    parameterisation = problem.parameterisation

    def residuals(x: Any) -> Any:
        return problem(parameterisation.set_varied(parameters, varied, x))

    def jacobian(x: Any) -> Any:
        return problem.jacobian(parameterisation.set_varied(parameters, varied, x))

    found = least_squares(residuals, inside, jacobian, bounds=(low, high), xtol=1e-7, ftol=1e-9, gtol=1e-9, x_scale="jac")
    parameterisation.set_varied(parameters, varied, found.x)
    return bool(found.success)


@dataclass
class _Best:
    """The best values of a round so far, by name, and their sum of squares."""

    squares: float = np.inf
    values: dict[str, float] = field(default_factory=dict)
    evaluations: int = 0


def _interrupted(least_squares: LeastSquares, parameters: Parameters, method: str, best: _Best) -> MinimizerResult:
    """Return lmfit's result at the best values so far, as aborted."""
    from lmfit import Minimizer

    for name, value in best.values.items():
        parameters[name].value = value
    found = Minimizer(least_squares, parameters, iter_cb=lambda *_, **__: True).minimize(method=method)
    found.message = f"stopped by the user after {best.evaluations} evaluations; these are the best values so far"
    return found


def _minimizer(
    least_squares: LeastSquares, parameters: Parameters, limit: int | None, bar: Any, best: _Best, stop: Callable[[], bool]
) -> Minimizer:
    from lmfit import Minimizer

    def tick(current: Parameters, evaluation: int, residual: Any, *args: Any, **kws: Any) -> bool:
        if evaluation > 0:
            squares = float(np.sum(np.square(residual)))
            best.evaluations = evaluation
            if squares < best.squares:
                best.squares, best.values = squares, {n: float(p.value) for n, p in current.items() if p.vary}
            bar.update()
            bar.set_postfix_str(f"sum of squares {squares:.6g}", refresh=False)
        return stop()

    return Minimizer(least_squares, parameters, iter_cb=tick, max_nfev=limit, nan_policy="raise", Dfun=least_squares.jacobian)


def _bar(progress: bool | None) -> Any:
    """Return a progress bar; by default it shows once a fit takes longer than two seconds."""
    from tqdm.auto import tqdm

    return tqdm(desc="fit", unit=" evaluations", disable=progress is False, delay=0 if progress else 2, leave=False)
