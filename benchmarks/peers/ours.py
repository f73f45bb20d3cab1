"""immunoode itself, through `make_simulator` and `Simulator.run`: one or many patients per call; one thread."""

from __future__ import annotations

import numpy as np
from tools.problem import Problem

from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from peers import Entry

MANY = 100


def simulator(problem: Problem, patients: int = 1, method: str = "auto") -> Simulator:
    """Return a simulator of some patients with the problem's schedule."""
    inputs = {name: target.unit for name, target in problem.equations.inputs.items()}
    schedule = problem.regimen.schedule(inputs, dict(zip(problem.parameters, problem.values, strict=True)))
    return make_simulator(
        problem.model,
        [schedule] * patients,
        problem.times,
        problem.states,
        solver=SolverOptions(method=method, rtol=problem.rtol, atol=problem.atol),
    )


def entries(problem: Problem, method: str = "auto") -> list[Entry]:
    """Return both ways to call."""
    one, many = simulator(problem, 1, method), simulator(problem, MANY, method)
    values = problem.values[None, :]

    def run_one() -> np.ndarray:
        return one.run(values, threads=1).values[0]

    def run_many() -> np.ndarray:
        return many.run(values, threads=1).values[-1]

    suffix = "" if method == "auto" else f", {method} only"
    return [
        Entry(f"immunoode, {MANY} patients per call{suffix}", run_many, patients=MANY),
        Entry(f"immunoode, 1 patient per call{suffix}", run_one),
    ]
