"""Checks of the arguments of `global_sensitivity`."""

from __future__ import annotations

from typing import Any

from immunoode.errors import Problem, SolveError, nearest
from immunoode.number_checks import confidence_problems, is_number, is_whole
from immunoode.optimisation.arguments import solver_problems

SIZES = {"sobol": 1024, "morris": 50, "pawn": 2048, "regional": 2048, "shapley": 1024, "tornado": 1}
"""The methods, and the size of the design of each by default."""
_LEAST = {"sobol": 2, "morris": 2, "pawn": 20, "regional": 2, "shapley": 2, "tornado": 1}
_POWERS = ("sobol", "shapley")


def check_arguments(
    method: Any, *, n: Any, most: Any, tolerance: Any, confidence: Any, quantiles: Any, seed: Any, others: dict[str, Any]
) -> None:
    """Refuse wrong arguments, all of them at once.

    Parameters
    ----------
    others : dict
        The arguments of the simulation, and `measure`.

    Raises
    ------
    SolveError
        If one of them is wrong.
    """
    if not (isinstance(method, str) and method in SIZES):
        raise SolveError(Problem(f"method {method!r:.60}", "is not known", nearest(str(method), SIZES)))
    problems = _of_size(method, n, most) + _of_simulation(**others) + solver_problems(others["solver"])
    if tolerance is not None and method != "sobol":
        problems.append(Problem("tolerance", f"does not apply to the method {method!r}", "method='sobol'"))
    if tolerance is not None and not (is_number(tolerance) and tolerance > 0):
        problems.append(
            Problem("tolerance", f"is {tolerance!r:.60}", "a positive half-width of intervals, such as 0.02; or None")
        )
    problems += confidence_problems(confidence)
    if not is_whole(seed, 0):
        problems.append(Problem("seed", f"is {seed!r:.60}", "a whole number from 0"))
    if not _is_range(quantiles):
        right = "two probabilities between 0 and 1, the lower one first, such as (0.05, 0.95)"
        problems.append(Problem("quantiles", f"are {quantiles!r:.60}", right))
    SolveError.raise_if(problems)


def _of_size(method: str, n: Any, most: Any) -> list[Problem]:
    problems, least = [], _LEAST[method]
    if n is not None and not is_whole(n, least):
        problems.append(Problem("n", f"is {n!r:.60}", f"a whole number from {least} for the method {method!r}"))
    elif n is not None and method in _POWERS and n & (n - 1):
        problems.append(Problem("n", f"is {n}", "a power of two"))
    if not is_whole(most, 1):
        problems.append(Problem("most", f"is {most!r:.60}", "a whole number: the size of the largest design"))
    return problems


def _is_range(quantiles: Any) -> bool:
    if not isinstance(quantiles, (tuple, list)) or len(quantiles) != 2 or not all(map(is_number, quantiles)):
        return False
    return bool(0 < quantiles[0] < quantiles[1] < 1)


def _of_simulation(measure: Any, model: Any, **simulation: Any) -> list[Problem]:
    """Return the simulation arguments that are given although nothing is simulated."""
    if model is not None and not callable(measure):
        return []
    reason = "no model" if model is None else "a function"
    given = [name for name, value in simulation.items() if value is not None]
    right = "a model and endpoints; a function of parameters does its own simulations"
    return [Problem(name, f"is given for {reason}", right) for name in given]
