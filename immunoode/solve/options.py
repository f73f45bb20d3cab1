"""`SolverOptions`: the settings of an integration as one record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest
from immunoode.number_checks import is_whole

ENGINES = ("compiled", "scipy")
METHODS = ("auto", "tsit5", "rodas5p")
"""Methods of the compiled engine, in the order of the codes in `immunoode.solve.integrator.records`."""


@dataclass(frozen=True)
class SolverOptions:
    """The settings of an integration.

    Attributes
    ----------
    engine : {"compiled", "scipy"}
        The engine that integrates; "scipy" is the reference.
    method : {"auto", "tsit5", "rodas5p"} or subclass of scipy.integrate.OdeSolver
        For the compiled engine: explicit and implicit steps as the system requires, or only one of them. For "scipy": the
        class of the method; "auto" is LSODA.
    rtol : float
        Relative tolerance.
    atol : float or sequence of float, optional
        Absolute tolerance, for all states or one per state. Default: by the scale of each state (see
        `immunoode.solve.problem.tolerances`).
    extinction : bool
        Whether cells become exactly zero below their compartment's threshold.
    max_steps : int
        A subject that needs more steps is stopped, with a status that says so.
    threads : int, optional
        Default: all available processors. The result does not depend on it.

    Raises
    ------
    SolveError
        If a value is not allowed.

    Examples
    --------
    >>> SolverOptions(rtol=1e-8, method="rodas5p").override(rtol=None, max_steps=1000)
    SolverOptions(engine='compiled', method='rodas5p', rtol=1e-08, atol=None, extinction=True, max_steps=1000, threads=None)
    """

    engine: str = "compiled"
    method: str | type = "auto"
    rtol: float = 1e-6
    atol: float | Sequence[float] | NDArray[np.float64] | None = None
    extinction: bool = True
    max_steps: int = 200_000
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise SolveError(Problem("engine", f"is {self.engine!r}", nearest(str(self.engine), ENGINES)))
        if isinstance(self.method, type):
            _check_step_method(self.method, self.engine)
        elif self.method not in METHODS:
            raise SolveError(Problem("method", f"is {self.method!r}", nearest(str(self.method), METHODS)))
        if not 1e-13 <= self.rtol <= 0.1:
            raise SolveError(Problem("rtol", f"is {self.rtol!r}", "a relative tolerance between 1e-13 and 0.1"))
        if self.threads is not None and not is_whole(self.threads, 1):
            raise SolveError(Problem("threads", f"is {self.threads!r}", "a whole number from 1, or None for all processors"))
        if self.atol is not None and np.ndim(self.atol) == 1:  # hashable, and not changed from outside
            object.__setattr__(self, "atol", tuple(np.asarray(self.atol, dtype=float).tolist()))

    def override(self, **given: Any) -> SolverOptions:
        """Return the options with other values; None keeps the present value."""
        stated = {name: value for name, value in given.items() if value is not None}
        return replace(self, **stated) if stated else self

    def only(self, *names: str) -> SolverOptions:
        """Return the options; raise a SolveError if any but the named ones differ from their defaults."""
        others = [f.name for f in fields(self) if f.name not in names and getattr(self, f.name) != f.default]
        if others:
            right = f"only {', '.join(names)}"
            raise SolveError([Problem(f"solver.{name}", "cannot be chosen here", right) for name in others])
        return self

    def absolute_tolerance(self, states: int) -> NDArray[np.float64] | None:
        """Return the stated absolute tolerance for a model with this many states.

        Raises
        ------
        SolveError
            If it is not positive, or its length is not the number of states.
        """
        if self.atol is None:
            return None
        given = np.asarray(self.atol, dtype=float)
        if given.shape not in ((), (states,)) or not np.isfinite(given).all() or not (given > 0).all():
            shown = f"an array of shape {given.shape}" if given.ndim else repr(self.atol)
            raise SolveError(Problem("atol", f"is {shown}", f"a positive number, or one per state ({states})"))
        return given


def _check_step_method(method: type, engine: str) -> None:
    """Raise a SolveError unless the class is a step method of SciPy and the engine takes one."""
    from scipy.integrate import OdeSolver

    if not issubclass(method, OdeSolver):
        raise SolveError(Problem("method", f"{method.__name__} is not a step method of SciPy", "a scipy.integrate.OdeSolver"))
    if engine != "scipy":
        raise SolveError(
            Problem("method", f"{method.__name__} is not a method of the {engine} engine", 'state engine="scipy" as well')
        )


def solver_options(solver: SolverOptions | None, default: SolverOptions, **given: Any) -> SolverOptions:
    """Return the options that a call states, as one record or by individual keywords; None keeps the default.

    Raises
    ------
    SolveError
        If it does both.
    """
    twice = [name for name, value in given.items() if value is not None] if solver is not None else []
    SolveError.raise_if(
        Problem(n, "is given together with solver=SolverOptions(...)", f"SolverOptions(..., {n}=...)") for n in twice
    )
    return (solver or default).override(**given)
