"""libRoadRunner (equations compiled by LLVM, CVODE); the problem as SBML, doses as its events."""

from __future__ import annotations

import antimony
import numpy as np
import roadrunner
from tools.problem import Problem
from tools.text import assignments

from peers import Entry


def entries(problem: Problem) -> list[Entry]:
    """Return CVODE with its default method, BDF."""
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
    runner = roadrunner.RoadRunner(_sbml(problem))
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = problem.rtol, problem.atol
    runner.integrator.maximum_num_steps = 1_000_000
    runner.timeCourseSelections = [f"y{i}" for i in range(len(problem.states))]
    times = problem.times.tolist()

    def run() -> np.ndarray:
        runner.resetToOrigin()
        return np.asarray(runner.simulate(times=times))

    return [Entry("libRoadRunner, CVODE", run)]


def _sbml(problem: Problem) -> str:
    """The problem in SBML, by way of Antimony. A dose at the start is part of the initial values."""
    steps, rates = assignments(problem, "y{}", "p{}", "x{}", power="(({})^({}))")
    initial = problem.initial.copy()
    for d in problem.intervals[0][2]:
        initial[problem.dose_states[d]] = initial[problem.dose_states[d]] * problem.factors[d] + problem.amounts[d]
    lines = [f"p{i} = {value!r}; const p{i}" for i, value in enumerate(problem.values.tolist())]
    lines += [f"{name} := {text}" for name, text in steps]
    lines += [f"y{i} = {value!r}; y{i}' = {rate}" for i, (value, rate) in enumerate(zip(initial.tolist(), rates, strict=True))]
    doses = zip(problem.dose_times, problem.dose_states, problem.amounts, problem.factors, strict=True)
    for time, state, amount, factor in doses:
        if time > problem.times[0]:
            lines.append(f"at (time >= {float(time)!r}): y{state} = y{state} * {float(factor)!r} + {float(amount)!r}")
    if antimony.loadAntimonyString("model problem()\n" + "\n".join(lines) + "\nend") < 0:
        raise ValueError(antimony.getLastError())
    return antimony.getSBMLString("problem")
