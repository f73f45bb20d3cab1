"""Numbers restricted to a calendar: local search around the continuous optimum."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from immunoode.optimisation.descent import FEASIBLE, violation
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.evaluation import Evaluator, ObjectiveValues

_MOST_CORNERS = 256
_MOST_ROUNDS = 50


def on_calendar(x: FloatArray, evaluator: Evaluator, low: FloatArray, high: FloatArray, steps: FloatArray) -> FloatArray:
    """Return the best numbers on the calendar near x (n,): first among roundings, then among single steps and exchanges.

    Parameters
    ----------
    steps : ndarray, shape (n,)
        0 for a number without a calendar, which keeps its value.
    """
    placed = np.flatnonzero(steps).astype(np.int64)
    best, value = _best(evaluator, _roundings(x, low, high, steps, placed))
    for _ in range(_MOST_ROUNDS):
        other, found = _best(evaluator, _neighbours(best, low, high, steps, placed))
        if not found < value:
            break
        best, value = other, found
    return best


def _best(evaluator: Evaluator, many: FloatArray) -> tuple[FloatArray, tuple[float, float]]:
    """Return the best of many sets of numbers, with its rank: the violation of limits, then the objective."""
    ranks = [_rank(evaluator, one) for one in evaluator.several(many)]
    k = min(range(len(ranks)), key=ranks.__getitem__)
    return many[k], ranks[k]


def _rank(evaluator: Evaluator, found: ObjectiveValues) -> tuple[float, float]:
    broken = violation(evaluator, found)
    return (broken if broken > FEASIBLE else 0.0), evaluator.objective.sign * found.objective


def _roundings(x: FloatArray, low: FloatArray, high: FloatArray, steps: FloatArray, placed: NDArray[np.int64]) -> FloatArray:
    """Return the corners of the calendar cell that contains x, or the nearest corner if there are too many."""
    cell = (x[placed] - low[placed]) / steps[placed]
    near = np.round(cell)
    if 2 ** len(placed) <= _MOST_CORNERS:
        floor = np.where(np.abs(cell - near) < 1e-9, near, np.floor(cell))
        moves = np.array(list(product((0, 1), repeat=len(placed))))
        cells = floor + moves
    else:
        cells = np.minimum(near, np.floor((high[placed] - low[placed]) / steps[placed] + 1e-9))[None]
    return _kept(np.tile(x, (len(cells), 1)), cells, low, high, steps, placed)


def _neighbours(x: FloatArray, low: FloatArray, high: FloatArray, steps: FloatArray, placed: NDArray[np.int64]) -> FloatArray:
    """Return neighbours: one number changed by a step, or one increased and another decreased by a step."""
    n = len(placed)
    cell, unit = np.round((x[placed] - low[placed]) / steps[placed]), np.eye(n)
    single = [s * unit[i] for i in range(n) for s in (1, -1)]
    double = [unit[i] - unit[j] for i in range(n) for j in range(n) if i != j]
    cells = cell + np.array(single + double)
    return _kept(np.tile(x, (len(cells), 1)), cells, low, high, steps, placed)


def _kept(
    many: FloatArray, cells: FloatArray, low: FloatArray, high: FloatArray, steps: FloatArray, placed: NDArray[np.int64]
) -> FloatArray:
    """Return sets of numbers at cells of the calendar, those within bounds."""
    many[:, placed] = low[placed] + cells * steps[placed]
    inside = ((many >= low - 1e-9) & (many <= high + 1e-9)).all(axis=1)
    kept = many[inside] if inside.any() else np.clip(many, low, high)
    return np.asarray(np.unique(kept, axis=0))
