"""pydiffsol (diffsol in Rust, equations compiled by LLVM); one call for each span between doses."""

from __future__ import annotations

import numpy as np
import pydiffsol
from tools.problem import Problem
from tools.text import assignments

from peers import Entry

METHODS = ("tsit45", "bdf", "esdirk34")


def entries(problem: Problem, methods: tuple[str, ...] = METHODS) -> list[Entry]:
    """Return one entry for each method."""
    return [_entry(problem, method) for method in methods]


def _entry(problem: Problem, method: str) -> Entry:
    ode = pydiffsol.Ode(_code(problem), matrix_type=pydiffsol.nalgebra_dense, ode_solver=getattr(pydiffsol, method))
    ode.rtol, ode.atol = problem.rtol, problem.atol
    values = np.concatenate([problem.initial, problem.values])
    n = problem.initial.size

    def span(y: np.ndarray, grid: np.ndarray) -> np.ndarray:
        values[:n] = y
        return np.asarray(ode.solve_dense(values, grid).ys)

    return Entry(f"pydiffsol {method}", lambda: problem.over_intervals(span))


def _code(problem: Problem) -> str:
    """The problem in DiffSL; initial states are inputs."""
    steps, rates = assignments(problem, "y{}", "p{}", "x{}")
    inputs = [f"i{i} = 0.0" for i in range(len(problem.states))]
    inputs += [f"p{i} = {value!r}" for i, value in enumerate(problem.values.tolist())]
    blocks = ["in_i { " + ", ".join(inputs) + " }", "u_i { " + ", ".join(f"y{i} = i{i}" for i in range(len(rates))) + " }"]
    blocks += [f"{name}_i {{ {text} }}" if False else f"{name} {{ {text} }}" for name, text in steps]
    return "\n".join([*blocks, "F_i { " + ",\n".join(rates) + " }"])
