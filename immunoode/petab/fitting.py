"""Fits of PEtab problems by least squares or a quasi-Newton method with gradients, from one or several starts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, ImmunoodeError, Problem, nearest
from immunoode.notebook import shown
from immunoode.number_checks import is_whole
from immunoode.petab.dual_numbers import FloatArray, dense_slopes
from immunoode.petab.priors import to_scale
from immunoode.petab.problem import PetabProblem

if TYPE_CHECKING:
    import pandas as pd
    from lmfit.minimizer import MinimizerResult

METHODS = ("least_squares", "lbfgsb")
LIFT = 50.0
"""Offset of the logarithm of each noise that makes its square root real, as a residual."""


@dataclass(frozen=True, eq=False)
@shown
class PetabFit:
    """Result of a fit.

    Attributes
    ----------
    values : dict
        All parameters on the linear scale, with the estimates.
    objective : float
        Objective at the estimates.
    success : bool
        Whether the best start converged.
    message : str
    starts : DataFrame
        One row per start, best first: objective, success, message, estimated parameters (linear).
    lmfit : MinimizerResult
        Result of lmfit for the best start; its parameters are on their scales.
    """

    values: dict[str, float]
    objective: float
    success: bool
    message: str
    starts: pd.DataFrame
    lmfit: MinimizerResult

    def to_frame(self) -> pd.DataFrame:
        """Return one row per parameter (index): value on the linear scale, and whether it was fixed."""
        import pandas as pd

        names = pd.Index(list(self.values), name="parameter")
        fixed = [name not in self.lmfit.params for name in names]
        return pd.DataFrame({"value": list(self.values.values()), "fixed": fixed}, index=names)

    def report(self) -> str:
        """Return how the fit ended, the parameters, and the objectives of all starts as text."""
        starts = self.starts[["objective", "success", "message"]].to_string(index=False, max_rows=20, max_colwidth=60)
        lines = [str(self), self.message, "", self.to_frame().to_string(float_format="{:.6g}".format), "", "Starts:", starts]
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Draw the difference of the objective of each start from the best; see `immunoode.plot.petab_starts`. Returns Axes."""
        from immunoode.plot.petab_starts import petab_starts

        return petab_starts(self, **options)

    def __str__(self) -> str:
        state = "converged" if self.success else "NOT converged"
        varied = sum(~self.to_frame()["fixed"])
        return f"PEtab fit: {state}, objective {self.objective:.6g}, {varied} parameters estimated, {len(self.starts)} starts"


def fit_petab(
    problem: PetabProblem,
    values: Mapping[str, float] | None = None,
    *,
    starts: int = 1,
    method: str = "",
    max_evaluations: int | None = None,
    seed: int = 0,
) -> PetabFit:
    """Minimise a problem's objective over its estimated parameters, on their scales and within their bounds.

    Parameters
    ----------
    problem : PetabProblem
    values : mapping, optional
        Starting values of the first start on the linear scale; by default nominal, or the middle of the bounds.
    starts : int
        Number of starts; others begin at points drawn from the initialization priors, by default uniformly within the bounds on
        the scale.
    method : {"least_squares", "lbfgsb"}
        By default least squares if all errors are normal.
    max_evaluations : int, optional
        Limit for one start.
    seed : int
        Seed of the starting points.

    Returns
    -------
    PetabFit

    Raises
    ------
    FitError
        If nothing is estimated, an option is unknown, or no start can be simulated, with the reason.
    """
    import pandas as pd

    if not problem.varied:
        raise FitError(Problem(problem.title, "estimates no parameter", "estimate = 1 in the parameter table"))
    if not is_whole(starts, 1):
        raise FitError(Problem("starts", f"is {starts!r}", "a whole number from 1"))
    normal = all(o.distribution == "normal" for p in problem.parts for o in p.observables.values())
    method = method or ("least_squares" if normal else "lbfgsb")
    if method not in METHODS or (method == "least_squares" and not normal):
        what = f"is {method!r}" if method not in METHODS else "is least_squares, but there are Laplace errors"
        raise FitError(Problem("method", what, nearest(method, METHODS) if method not in METHODS else "lbfgsb"))
    points = _starting_points(problem, values, starts, seed)
    fixed = {p.name: (values or {}).get(p.name, p.nominal) for p in problem.estimated if not p.estimate}
    rows, found = [], []
    for point in points:
        one = _Start(problem, fixed, method)
        result, why = one.run(point, max_evaluations)
        best = fixed | (problem.unscaled(np.array([p.value for p in result.params.values()])) if result is not None else {})
        cost = one.objective(best) if result is not None else math.inf
        found.append((cost, result, best))
        ended = {
            "objective": cost,
            "success": bool(getattr(result, "success", False)),
            "message": why or str(getattr(result, "message", "")),
        }
        rows.append(ended | {p.name: best.get(p.name, math.nan) for p in problem.varied})
    if not any(math.isfinite(cost) for cost, *_ in found):
        raise FitError(
            Problem(problem.title, f"no start can be fitted; the first one failed: {rows[0]['message']}", "other values")
        )
    k = int(np.argmin([cost for cost, *_ in found]))
    cost, result, best = found[k]
    table = pd.DataFrame(rows).sort_values("objective", ignore_index=True)
    return PetabFit(best, cost, bool(rows[k]["success"]), str(rows[k]["message"]), table, result)


def _starting_points(problem: PetabProblem, values: Mapping[str, float] | None, count: int, seed: int) -> list[FloatArray]:
    """Return the starting points on the scales."""
    from scipy.stats import qmc

    low, high = (np.array([_edge(getattr(p, side), p.scale) for p in problem.varied]) for side in ("lower", "upper"))
    given = problem.nominal() | dict(values or {})
    first = np.array(
        [
            to_scale(given[p.name], p.scale) if math.isfinite(given[p.name]) else _middle(a, b)
            for p, a, b in zip(problem.varied, low, high, strict=True)
        ]
    )
    shares = qmc.LatinHypercube(len(low), seed=seed).random(count - 1)
    every = [list(zip(problem.varied, row, low, high, first, strict=True)) for row in shares]
    drawn = [np.array([_drawn(p, share, edges) for p, share, *edges in one]) for one in every]
    return [np.clip(place, low, high) for place in (first, *drawn)]


def _middle(low: float, high: float) -> float:
    """Return a value between bounds, of which either may be infinite."""
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    return low + 1 if math.isfinite(low) else high - 1 if math.isfinite(high) else 0.0


def _edge(value: float, scale: str) -> float:
    """Return a bound on the scale, with a very small number instead of zero for logarithms."""
    return to_scale(value, scale) if value > 0 or scale == "lin" else to_scale(1e-300, scale)


def _drawn(parameter: Any, share: float, edges: list[float]) -> float:
    low, high, first = edges
    if parameter.start is not None:
        return to_scale(parameter.start.quantile(share), parameter.scale)
    if math.isfinite(low) and math.isfinite(high):
        return low + share * (high - low)
    return first + (share - 0.5) * 6 * max(abs(first), 1.0)


class _Start:
    """One start: residuals or objective with slopes on the scales; failed simulations count as infinitely bad."""

    def __init__(self, problem: PetabProblem, fixed: Mapping[str, float], method: str) -> None:
        self.problem, self.fixed, self.method = problem, fixed, method
        self.why = ""

    def run(self, place: FloatArray, limit: int | None) -> tuple[MinimizerResult | None, str]:
        """Return the result of lmfit, or None and the reason."""
        import lmfit

        start = lmfit.Parameters()
        for p, value in zip(self.problem.varied, place, strict=True):
            start.add(p.name, value=value, min=_edge(p.lower, p.scale), max=_edge(p.upper, p.scale))
        try:
            self._evaluate(place)
        except ImmunoodeError as error:
            return None, str(error)
        least = self.method == "least_squares"
        minimizer = lmfit.Minimizer(self.residuals if least else self.cost, start, max_nfev=limit, nan_policy="propagate")
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                if least:
                    options = {"jac": self.jacobian, "x_scale": "jac", "ftol": 1e-10, "xtol": 1e-10}
                    result = minimizer.minimize(method="least_squares", **options)
                else:
                    result = minimizer.minimize(method="lbfgsb", jac=self.slope, options={"maxiter": 10_000})
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            return None, self.why or str(error)
        return result, ""

    def objective(self, values: Mapping[str, float]) -> float:
        try:
            return self.problem.objective(values)
        except ImmunoodeError:
            return math.inf

    def _x(self, parameters: Any) -> FloatArray:
        return np.array([float(p.value) for p in parameters.values()])

    def cost(self, parameters: Any) -> float:
        found = self.objective({**self.fixed, **self.problem.unscaled(self._x(parameters))})
        if math.isfinite(found):
            self.worst = max(self.worst, found)
            return found
        return self.worst + max(1.0, abs(self.worst))  # worse than all others, but finite, for the line search

    def slope(self, parameters: Any) -> FloatArray:
        values = {**self.fixed, **self.problem.unscaled(self._x(parameters))}
        try:
            return np.nan_to_num(self.problem.gradient(values).to_numpy() * self.problem.stretch(values))
        except ImmunoodeError:
            return np.zeros(len(self.problem.varied))

    def residuals(self, parameters: Any) -> FloatArray:
        try:
            return self._evaluate(self._x(parameters))[0]
        except ImmunoodeError as error:
            self.why = str(error)
            return np.full(self.count, np.nan)

    def jacobian(self, parameters: Any) -> FloatArray:
        return self._evaluate(self._x(parameters), True)[1]

    count = 0
    worst = -math.inf

    def _evaluate(self, x: FloatArray, slopes: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return residuals with a sum of squares of twice the objective plus a constant, and their slopes on the scales."""
        problem = self.problem
        values = {**self.fixed, **problem.unscaled(x)}
        found, predicted, noise = problem.evaluated(values, slopes)
        level = np.sqrt(2 * (np.log(noise.value) + LIFT))
        priors = [p for p in problem.varied if p.prior is not None]
        most = {p.name: p.prior.log_density(values[p.name]) for p in priors if p.prior is not None}
        rest = np.sqrt(np.maximum(2 * (LIFT - np.array([most[p.name] for p in priors])), 0)) if priors else np.empty(0)
        every = np.concatenate([found.residual, level, rest])
        self.count = every.size
        if not slopes:
            return every, np.empty(0)
        m = len(problem.varied)
        by_noise = dense_slopes(noise, m)
        # d residual = -(rate of the transformed prediction / noise) d prediction - residual / noise d noise
        first = -found.per_prediction[:, None] * dense_slopes(predicted, m) - (found.residual / noise.value)[:, None] * by_noise
        second = by_noise / (noise.value * level)[:, None]
        third = np.zeros((len(priors), m))
        for k, p in enumerate(priors):
            assert p.prior is not None
            third[k, problem.varied.index(p)] = -p.prior.slope(values[p.name]) / max(rest[k], 1e-30)
        return every, np.vstack([first, second, third]) * problem.stretch(values)
