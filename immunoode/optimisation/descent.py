"""Local optimisation from several starts by SciPy's SLSQP or trust-constr, in numbers scaled to their bounds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.evaluation import Evaluator, ObjectiveValues

METHODS = ("slsqp", "trust-constr")
_MOST_ITERATIONS = 300
FEASIBLE = 1e-6
"""Relative tolerance of limits."""


@dataclass(frozen=True)
class Descent:
    """The result from one start.

    Attributes
    ----------
    start, x : ndarray, shape (n,)
    objective : float
    violation : float
        The largest excess over a limit, relative to the limit.
    converged : bool
    message : str
    """

    start: FloatArray
    x: FloatArray
    objective: float
    violation: float
    converged: bool
    message: str

    @property
    def feasible(self) -> bool:
        """Whether all limits are satisfied."""
        return self.violation <= FEASIBLE


class ScaledProblem:
    """The problem in numbers scaled to 0 to 1, with an objective to be minimised and margins that must be at least zero.

    Parameters
    ----------
    evaluator : Evaluator
    low, high : ndarray, shape (n,)
    scale : float
        The scale of the objective.
    """

    def __init__(self, evaluator: Evaluator, low: FloatArray, high: FloatArray, scale: float = 1.0) -> None:
        self.evaluator, self.low, self.span, self.scale = evaluator, low, high - low, scale
        self._last: tuple[bytes, ObjectiveValues] = b"", ObjectiveValues(np.nan, ())

    def numbers(self, z: FloatArray) -> FloatArray:
        """Return the numbers from scaled ones."""
        found: FloatArray = self.low + self.span * np.clip(z, 0.0, 1.0)
        return found

    def at(self, z: FloatArray) -> ObjectiveValues:
        """Return the values at scaled numbers, with gradients by the unscaled numbers; the last result is cached."""
        key = np.ascontiguousarray(z).tobytes()
        if self._last[0] != key:
            self._last = key, self.evaluator(self.numbers(z), gradients=True)
        return self._last[1]

    def _limits_at(self, z: FloatArray) -> ObjectiveValues:
        """Return the values of limits, without a simulation if they do not need one."""
        if self._last[0] != np.ascontiguousarray(z).tobytes() and self.evaluator.limits_need_no_simulation:
            return self.evaluator.limits_of_schedule(self.numbers(z))
        return self.at(z)

    def objective(self, z: FloatArray) -> float:
        """Return the scaled objective."""
        return self.evaluator.objective.sign * self.at(z).objective / self.scale

    def gradient(self, z: FloatArray) -> FloatArray:
        """Return its gradient (n,)."""
        found = self.at(z).gradient
        assert found is not None
        return self.evaluator.objective.sign * found * self.span / self.scale

    def margins(self, z: FloatArray) -> FloatArray:
        """Return the margin of each limit, relative to the limit; negative if it is violated."""
        return margins(self.evaluator, self._limits_at(z))

    def margin_gradients(self, z: FloatArray) -> FloatArray:
        """Return their gradients, shape (limits, n)."""
        by = self._limits_at(z).limit_gradients
        assert by is not None
        parts = [one.sign * g * self.span / one.scale for one, g in zip(self.evaluator.limits, by, strict=True)]
        return np.concatenate(parts) if parts else np.zeros((0, z.size))


def margins(evaluator: Evaluator, found: ObjectiveValues) -> FloatArray:
    """Return the margin of each limit, relative to the limit; negative if it is violated."""
    pairs = zip(evaluator.limits, found.limits, strict=True)
    parts = [one.sign * (values - one.limit) / one.scale for one, values in pairs]
    return np.concatenate(parts) if parts else np.zeros(0)


def violation(evaluator: Evaluator, found: ObjectiveValues) -> float:
    """Return the largest excess over a limit, relative to the limit; 0 if all are satisfied."""
    return float(np.maximum(-margins(evaluator, found), 0.0).max(initial=0.0))


def descend(problem: ScaledProblem, starts: Sequence[FloatArray], method: str, tolerance: float) -> list[Descent]:
    """Optimise from each of several scaled starts (n,); best first, and those that satisfy all limits before the others.

    Raises
    ------
    SolveError
        If the method is not known.
    """
    if method not in METHODS:
        raise SolveError(Problem(f"method {method!r}", "is not known", " or ".join(METHODS)))
    found = [_descent(problem, z, method, tolerance) for z in starts]
    sign = problem.evaluator.objective.sign
    return sorted(found, key=lambda d: (max(d.violation, FEASIBLE), sign * d.objective))


def _descent(problem: ScaledProblem, z: FloatArray, method: str, tolerance: float) -> Descent:
    from scipy.optimize import minimize

    has_limits = bool(problem.margins(z).size)
    how: dict[str, Any] = {"bounds": [(0.0, 1.0)] * z.size, "jac": problem.gradient}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of trust-constr about its quasi-Newton updates
        if method == "slsqp":
            limits = {"type": "ineq", "fun": problem.margins, "jac": problem.margin_gradients}
            options = {"ftol": tolerance, "maxiter": _MOST_ITERATIONS}
            made = minimize(
                problem.objective, z, method="SLSQP", constraints=[limits] if has_limits else (), options=options, **how
            )
        else:
            made = minimize(
                problem.objective,
                z,
                method="trust-constr",
                constraints=_nonlinear(problem) if has_limits else (),
                options={"gtol": tolerance**0.5 / 10, "maxiter": _MOST_ITERATIONS * 3},
                **how,
            )
    x = problem.numbers(made.x)
    last = problem.at(np.clip(made.x, 0.0, 1.0))
    return Descent(
        problem.numbers(z), x, last.objective, violation(problem.evaluator, last), bool(made.success), str(made.message)
    )


def _nonlinear(problem: ScaledProblem) -> Any:
    from scipy.optimize import BFGS, NonlinearConstraint

    return NonlinearConstraint(problem.margins, 0.0, np.inf, jac=problem.margin_gradients, hess=BFGS())
