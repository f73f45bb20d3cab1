"""SciPy's solve_ivp (LSODA), its right-hand side compiled by Numba; one call for each span between doses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp
from tools.problem import Problem
from tools.text import assignments

from peers import Entry


def entries(problem: Problem) -> list[Entry]:
    """Return solve_ivp with LSODA."""
    return [Entry("SciPy solve_ivp, LSODA", solver(problem, "LSODA"), note="right-hand side compiled by Numba")]


def solver(problem: Problem, method: str) -> Callable[[], np.ndarray]:
    """Return a function that solves the problem by a method of solve_ivp."""
    rates, values = right_hand_side(problem), problem.values

    def span(y: np.ndarray, grid: np.ndarray) -> np.ndarray:
        found = solve_ivp(rates, (0.0, grid[-1]), y, method, grid, args=(values,), rtol=problem.rtol, atol=problem.atol)
        return found.y

    return lambda: problem.over_intervals(span)


def right_hand_side(problem: Problem) -> Callable[..., np.ndarray]:
    """Return the rates as a function that Numba compiled."""
    import numba

    steps, rates = assignments(problem, "y[{}]", "p[{}]", "x{}", power="({} ** {})")
    lines = ["def rates(t, y, p):", "    d = np.empty(y.size)"]
    lines += [f"    {name} = {text}" for name, text in steps]
    lines += [f"    d[{i}] = {text}" for i, text in enumerate(rates)]
    scope = {"np": np}
    exec("\n".join([*lines, "    return d"]), scope)
    return numba.njit(error_model="numpy")(scope["rates"])
