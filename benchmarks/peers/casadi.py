"""CasADi with CVODES, in its virtual machine; one call for each span between doses."""

from __future__ import annotations

import casadi
import numpy as np
from tools.problem import Problem
from tools.text import assignments

from peers import Entry


def entries(problem: Problem) -> list[Entry]:
    """Return CVODES; integrators are made once, one for each choice of output times."""
    made: dict[bytes, casadi.Function] = {}
    values = problem.values

    def span(y: np.ndarray, grid: np.ndarray) -> np.ndarray:
        key = grid.tobytes()
        if key not in made:
            made[key] = _integrator(problem, grid)
        found = np.asarray(made[key](x0=y, p=values)["xf"])
        return np.column_stack([y, found])

    return [Entry("CasADi CVODES", lambda: problem.over_intervals(span))]


def _integrator(problem: Problem, grid: np.ndarray) -> casadi.Function:
    y, p = casadi.SX.sym("y", len(problem.states)), casadi.SX.sym("p", len(problem.parameters))
    steps, rates = assignments(problem, "y[{}]", "p[{}]", "x{}", power="(({}) ** ({}))")
    scope = {"y": y, "p": p, "exp": casadi.exp, "log": casadi.log}
    for name, text in steps:
        scope[name] = eval(text, scope)
    ode = {"x": y, "p": p, "ode": casadi.vertcat(*(eval(text, scope) for text in rates))}
    options = {"reltol": problem.rtol, "abstol": problem.atol, "max_num_steps": 1_000_000}
    return casadi.integrator("solve", "cvodes", ode, 0.0, grid[1:].tolist(), options)
