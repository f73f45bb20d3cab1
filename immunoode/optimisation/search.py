"""Global search without gradients by SciPy's differential evolution, for thresholds of triggers and calendars of many
numbers."""

from __future__ import annotations

import warnings

import numpy as np

from immunoode.optimisation.descent import Descent, margins, violation
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.evaluation import Evaluator

_POPULATION = 15
_PENALTY = 1e3


def search(
    evaluator: Evaluator,
    low: FloatArray,
    high: FloatArray,
    steps: FloatArray,
    begin: FloatArray,
    *,
    seed: int,
    generations: int,
) -> Descent:
    """Return the best numbers (n,) after several generations of candidates; each generation is simulated at once.

    Limits enter as penalties that exceed the range of the objective over the first candidates.
    """
    from scipy.optimize import differential_evolution

    sign = evaluator.objective.sign
    units = np.where(steps > 0, steps, high - low)
    cells = np.floor((high - low) / units + 1e-9)
    scale = _spread(evaluator, low, high, seed)

    def cost(z: FloatArray) -> FloatArray:
        found = evaluator.several(low + z.T * units)
        broken = np.array([np.maximum(-margins(evaluator, e), 0.0).sum() for e in found])
        return sign * np.array([e.objective for e in found]) / scale + _PENALTY * broken

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = differential_evolution(
            cost,
            [(0.0, max(c, 1e-12)) for c in cells],
            integrality=steps > 0,
            x0=np.clip((begin - low) / units, 0.0, cells),
            popsize=_POPULATION,
            maxiter=generations,
            seed=seed,
            vectorized=True,
            updating="deferred",
            polish=False,
            tol=1e-6,
        )
    x = low + made.x * units
    last = evaluator(x)
    return Descent(begin, x, last.objective, violation(evaluator, last), bool(made.success), str(made.message))


def _spread(evaluator: Evaluator, low: FloatArray, high: FloatArray, seed: int) -> float:
    from scipy.stats import qmc

    drawn = low + (high - low) * qmc.Sobol(low.size, seed=seed).random_base2(3)
    return float(np.ptp([e.objective for e in evaluator.several(drawn)])) or 1.0
