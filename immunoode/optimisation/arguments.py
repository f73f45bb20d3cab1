"""Checks of the search arguments of `optimise`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from immunoode.errors import Problem, SolveError
from immunoode.number_checks import is_number, is_whole
from immunoode.optimisation.descent import METHODS
from immunoode.optimisation.limits import Limit
from immunoode.solve.options import SolverOptions


def check_search(minimise: Any, maximise: Any, how: dict[str, Any], solver: Any = None) -> None:
    """Refuse wrong search arguments, all of them at once.

    Raises
    ------
    SolveError
        If there is not exactly one aim, or a number or the method is invalid.
    """
    problems = []
    if (minimise is None) == (maximise is None):
        which = "both" if minimise is not None else "neither"
        problems.append(Problem("optimise", f"needs exactly one of minimise and maximise, but has {which}", "one of the two"))
    for name, least in (("starts", 1), ("generations", 1), ("seed", 0)):
        if not is_whole(how[name], least):
            problems.append(Problem(name, f"is {how[name]!r:.60}", f"a whole number from {least}"))
    if not (is_number(how["tolerance"]) and 0 < how["tolerance"] < 1):
        problems.append(Problem("tolerance", f"is {how['tolerance']!r:.60}", "a positive number below 1, such as 1e-10"))
    if how["method"] not in METHODS:
        problems.append(Problem(f"method {how['method']!r:.60}", "is not known", " or ".join(METHODS)))
    problems += solver_problems(solver)
    SolveError.raise_if(problems)


def solver_problems(solver: Any) -> list[Problem]:
    """Return the problems of the solver options."""
    if solver is None or isinstance(solver, SolverOptions):
        return []
    return [Problem("solver", f"is {solver!r:.60}", "immunoode.SolverOptions(...), or None")]


def limits_of(subject_to: Any) -> Sequence[Any]:
    """Return a sequence of limits, from one or several.

    Raises
    ------
    SolveError
        If it is neither.
    """
    if isinstance(subject_to, (str, Limit)):
        return (subject_to,)
    if not isinstance(subject_to, Sequence):
        right = "a list of limits, such as ['cumulative(docetaxel) <= 450']; () for none"
        raise SolveError(Problem("subject_to", f"is {subject_to!r:.60}", right))
    return subject_to
