"""Flatness of the optimum: the loss of other schedules with the same active limits, and the range of each number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.errors import SolveError
from immunoode.optimisation.descent import FEASIBLE, ScaledProblem, violation
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.optimality import ActiveLimit

_DRAWN, _ALONG = 32, 101
_EQUAL = 1e-5
"""Objectives count as equal if they differ by less than this fraction of their range over the bounds."""
_LOSS = 0.01


@dataclass(frozen=True)
class Flatness:
    """How sensitive the objective is to the choices.

    Attributes
    ----------
    drawn : int
        The number of random schedules that meet the same active limits (apart from bounds).
    spread : float
        The largest difference of the objective among them, as a fraction of its range over the bounds.
    within : dict of str to tuple
        For each number, the range within which it can be moved alone, such that limits are satisfied and the loss is less
        than 1 % of the range of the objective over the bounds.
    """

    drawn: int
    spread: float
    within: dict[str, tuple[float, float]]

    @property
    def is_flat(self) -> bool:
        """Whether all schedules that meet the same active limits are equivalent."""
        return self.drawn > 1 and self.spread < _EQUAL


def flatness(
    problem: ScaledProblem, z: FloatArray, active: tuple[ActiveLimit, ...], labels: tuple[str, ...], seed: int
) -> Flatness:
    """Return the flatness at scaled numbers (n,)."""
    from scipy.stats import qmc

    drawn = qmc.Sobol(z.size, seed=seed).random_base2(int(np.log2(_DRAWN)))
    anywhere = np.array([e.objective for e in problem.evaluator.several(problem.low + problem.span * drawn)])
    rows = [a.row for a in active if not a.is_bound]
    on_limits = drawn if not problem.evaluator.limits else _projected(problem, drawn, rows) if len(rows) < z.size else []
    scaled = [problem.numbers(np.asarray(one)) for one in on_limits]
    values = np.array([e.objective for e in problem.evaluator.several(np.array(scaled))]) if scaled else np.zeros(0)
    best = problem.at(z).objective
    span = float(np.ptp(np.append(anywhere, best))) or 1.0
    spread = float(np.ptp(np.append(values, best))) / span if len(values) else 1.0
    return Flatness(len(values), spread, _within(problem, z, labels, best, span))


def _projected(problem: ScaledProblem, drawn: FloatArray, rows: list[int]) -> list[FloatArray]:
    """Return the points closest to those drawn that meet the active limits and satisfy the others."""
    found = []
    for target in drawn:
        z = _nearest(problem, target, rows)
        if z is not None:
            found.append(z)
    return found


def _nearest(problem: ScaledProblem, target: FloatArray, rows: list[int]) -> FloatArray | None:
    from scipy.optimize import minimize

    limits = [{"type": "ineq", "fun": problem.margins, "jac": problem.margin_gradients}]
    if rows:
        limits += [
            {"type": "eq", "fun": lambda z: problem.margins(z)[rows], "jac": lambda z: problem.margin_gradients(z)[rows]}
        ]
    try:
        made = minimize(
            lambda z: float(((z - target) ** 2).sum()),
            target,
            jac=lambda z: 2 * (z - target),
            bounds=[(0.0, 1.0)] * target.size,
            constraints=limits,
            method="SLSQP",
            options={"maxiter": 50},
        )
    except SolveError:
        return None
    z: FloatArray = np.clip(made.x, 0.0, 1.0)
    met = problem.margins(z)
    return z if met.min(initial=0.0) >= -FEASIBLE and np.abs(met[rows]).max(initial=0.0) <= FEASIBLE else None


def _within(
    problem: ScaledProblem, z: FloatArray, labels: tuple[str, ...], best: float, span: float
) -> dict[str, tuple[float, float]]:
    evaluator, places = problem.evaluator, np.linspace(0, 1, _ALONG)
    many = np.tile(z, (z.size * _ALONG, 1))
    for i in range(z.size):
        many[i * _ALONG : (i + 1) * _ALONG, i] = places
    found = evaluator.several(problem.low + problem.span * many)
    lost = np.array([evaluator.objective.sign * (e.objective - best) / span for e in found])
    kept = np.array([violation(evaluator, e) <= FEASIBLE for e in found]) & (lost <= _LOSS)
    return {
        label: _range(problem.low[i] + problem.span[i] * np.append(places[kept[i * _ALONG : (i + 1) * _ALONG]], z[i]))
        for i, label in enumerate(labels)
    }


def _range(values: FloatArray) -> tuple[float, float]:
    return float(values.min()), float(values.max())
