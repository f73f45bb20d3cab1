"""Solution of a problem: starts, descent and calendar, once per combination of options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.optimisation.calendars import on_calendar
from immunoode.optimisation.descent import Descent, ScaledProblem, descend, violation
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.evaluation import Evaluator, ObjectiveValues
from immunoode.optimisation.flatness import Flatness, flatness
from immunoode.optimisation.optimality import Optimality, optimality
from immunoode.optimisation.problem import ScheduleProblem
from immunoode.optimisation.report import words
from immunoode.optimisation.result import CalendarLoss, OptimalSchedule
from immunoode.optimisation.search import search
from immunoode.optimisation.simulations import SmoothSimulations

_MOST_FOR_FLATNESS = 30
_FEW = 1_000
"""The number of patients of a large cohort with whom starts are tried; the whole cohort is used from the best result on."""


@dataclass(frozen=True)
class _Settings:
    """Settings of the search, with the fields of `optimise`."""

    starts: int
    method: str
    tolerance: float
    generations: int
    seed: int
    flat: bool | None


def solve(problem: ScheduleProblem, **how: Any) -> OptimalSchedule:
    """Return the optimum over all combinations of options; the others are its alternatives.

    Raises
    ------
    SolveError
        If no combination can be simulated.
    """
    settings, failed = _Settings(**how), list[Problem]()
    found, left_out = list[OptimalSchedule](), list[str]()
    for options in problem.combinations():
        try:
            found.append(_solve_one(problem, options, settings))
        except SolveError as error:
            if len(problem.combinations()) == 1:
                raise
            failed += error.problems
            left_out.append(f"{words(options)}: {error}")
    if not found:
        raise SolveError(failed)
    sign = problem.aim.sign
    found.sort(key=lambda one: (not one.feasible, sign * one.objective))
    total = sum(one.evaluations for one in found)
    units = problem.units
    others = tuple(replace(one, units=units) for one in found[1:])
    return replace(found[0], alternatives=others, evaluations=total, left_out=tuple(left_out), units=units)


def _solve_one(problem: ScheduleProblem, options: Mapping[str, Any], how: _Settings) -> OptimalSchedule:
    """Return the optimum for one combination of options."""
    evaluator, begin = problem.evaluator(options), problem.choices.begin
    if not begin.size:
        return _result(problem, options, evaluator, begin, _Found(evaluator(begin)))
    if isinstance(evaluator.simulations, SmoothSimulations):
        found, x = _by_descent(problem, options, evaluator, how)
    else:
        c = problem.choices
        made = search(evaluator, c.low, c.high, c.steps, begin, seed=how.seed, generations=how.generations)
        found, x = _Found(evaluator(begin), (made,), scale=abs(made.objective - evaluator(begin).objective)), made.x
    return _result(problem, options, evaluator, x, found)


@dataclass(frozen=True)
class _Found:
    """The results of a search other than the numbers."""

    start: ObjectiveValues
    descents: tuple[Descent, ...] = ()
    scale: float = 0.0
    optimality: Optimality | None = None
    flatness: Flatness | None = None
    continuous: Descent | None = None


def _by_descent(
    problem: ScheduleProblem, options: Mapping[str, Any], evaluator: Evaluator, how: _Settings
) -> tuple[_Found, FloatArray]:
    c = problem.choices
    starts = _starts(c.low, c.high, c.begin, how)
    few = problem if len(problem.patients) <= _FEW else problem.of_some_patients(_FEW)
    first = evaluator if few is problem else few.evaluator(options)
    values = [e.objective for e in first.several(c.low + (c.high - c.low) * starts)]
    scale = _scale(first, c.low, c.high, values)
    descents = descend(ScaledProblem(first, c.low, c.high, scale), list(starts[: how.starts]), how.method, how.tolerance)
    scaled = ScaledProblem(evaluator, c.low, c.high, scale)
    if few is not problem:  # all patients, from the result for some of them
        near = (descents[0].x - c.low) / (c.high - c.low)
        best = descend(scaled, [near], how.method, how.tolerance)[0]
        evaluator.count += first.count
    else:
        best = descents[0]
    x, placed = best.x, bool(c.steps.any())
    z = (x - c.low) / (c.high - c.low)
    last = scaled.at(z)
    names = tuple(str(one) for one, v in zip(evaluator.limits, last.limits, strict=True) for _ in v)
    conditions = optimality(scaled, z, c.labels, names)
    asked = not problem.is_cohort and x.size <= _MOST_FOR_FLATNESS if how.flat is None else how.flat
    flat = flatness(scaled, z, conditions.active, c.labels, how.seed) if asked and best.feasible else None
    if placed:
        x = on_calendar(x, evaluator, c.low, c.high, c.steps)
    found = _Found(evaluator(c.begin), tuple(descents), scale, conditions, flat, best if placed else None)
    return found, x


def _starts(low: FloatArray, high: FloatArray, begin: FloatArray, how: _Settings) -> FloatArray:
    """Return scaled starts (s, n): the given one, then a Sobol sequence; at least four, to measure the range of the
    objective.
    """
    from scipy.stats import qmc

    count = max(how.starts, 4)
    drawn = qmc.Sobol(low.size, seed=how.seed).random_base2(int(np.ceil(np.log2(count))))
    return np.concatenate([((begin - low) / (high - low))[None], drawn])[:count]


def _scale(evaluator: Evaluator, low: FloatArray, high: FloatArray, values: list[float]) -> float:
    """Return the range of the objective over starts and bounds."""
    corners = [e.objective for e in evaluator.several(np.array([low, high]))]
    found = float(np.ptp([*values, *corners]))
    return found if found > 0 else (abs(values[0]) or 1.0)


def _result(
    problem: ScheduleProblem, options: Mapping[str, Any], evaluator: Evaluator, x: FloatArray, found: _Found
) -> OptimalSchedule:
    last = evaluator(x)
    chosen = {**problem.choices.named(x), **options}
    nearest = tuple(
        float(v[np.argmin(one.sign * (v - one.limit))]) if v.size else float("nan")
        for one, v in zip(evaluator.limits, last.limits, strict=True)
    )
    descents = found.descents or (Descent(x, x, last.objective, violation(evaluator, last), True, "nothing to search"),)
    return OptimalSchedule(
        chosen,
        problem.regimen_of(chosen),
        last.objective,
        problem.aim,
        problem.limits,
        nearest,
        found.start.objective,
        found.scale or abs(last.objective),
        found.optimality,
        found.flatness,
        descents,
        _calendar_loss(problem, found.continuous, last.objective),
        (),
        evaluator.of_patients(x),
        evaluator.count,
        0.0,
    )


def _calendar_loss(problem: ScheduleProblem, continuous: Descent | None, objective: float) -> CalendarLoss | None:
    if continuous is None:
        return None
    loss = problem.aim.sign * (objective - continuous.objective)
    return CalendarLoss(problem.choices.named(continuous.x), continuous.objective, loss)
