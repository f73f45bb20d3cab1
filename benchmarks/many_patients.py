"""100,000 patient-years of the reference problem, every parameter log-normal: time of each part, threads, memory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tools.problem import reference_problem
from tools.results import show

from immunoode.solve.problem.make_simulator import make_simulator

PATIENTS = 100_000
VARIATION = 0.3
"""Coefficient of variation of every parameter."""
SEED = 20_000_101
TIMES = np.linspace(0.0, 365.0, 13)[1:]
TRIES = 3
"""Runs of all patients, if other work keeps the processors from the first."""
TURNS, PART = 6, 10_000
"""For the gain of a second thread: runs of one and of two threads in turns, and the patients of each."""
TEXT = f"""{PATIENTS:,} patients with the schedule of the reference problem, each of the 32 parameters log-normal with a
coefficient of variation of {VARIATION:.0%} (NumPy Generator, seed {SEED:,}); the tumour at twelve times. Relative tolerance
1e-6, absolute tolerances by the scale of each state (the default). Memory is the largest resident size of the whole process.
The gain of a second thread is from the best of {TURNS} runs of {PART:,} patients with one and with two threads, in turns; their
values are compared bit by bit. The run is repeated, {TRIES} times at most, where other work had a processor meanwhile;
processor time then falls short of twice the run's."""


def main() -> None:
    """Print the table."""
    problem = reference_problem()
    inputs = {name: target.unit for name, target in problem.equations.inputs.items()}
    rows: list[tuple[str, str]] = []

    def timed(what: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = work()
        rows.append((what, f"{time.perf_counter() - start:.2f} s"))
        return found

    sigma = np.sqrt(np.log1p(VARIATION**2))
    known = dict(zip(problem.parameters, problem.values, strict=True))
    schedule = problem.regimen.schedule(inputs, known)
    make_simulator(problem.model, [schedule], TIMES, ["T"]).run(problem.values, threads=1)  # kernels are compiled, or loaded
    noise = timed("values of the parameters", lambda: _noise(len(known)))
    values = problem.values * np.exp(sigma * noise - 0.5 * sigma**2)
    simulator = timed("prepare", lambda: make_simulator(problem.model, [schedule] * PATIENTS, TIMES, ["T"]))
    solution, wall, used = _run(simulator, values)
    rows.append(("run, two threads", f"{wall:.2f} s"))
    total = sum(float(seconds.split()[0]) for _, seconds in rows)
    rows.append(("processor time of the run", f"{used:.2f} s"))
    quantiles = np.quantile(solution.values[:, -1, 0], (0.05, 0.5, 0.95))
    gain, equal = _gain(problem.model, schedule, values[:PART])
    rows += [
        ("all of it", f"{total:.2f} s"),
        ("patients solved to the end", f"{solution.ok.sum():,} of {PATIENTS:,}"),
        ("steps of a patient, median", f"{np.median(solution.counts[:, 0]):.0f}"),
        ("tumour at one year: 5 %, median, 95 %", " / ".join(f"{q:.3g}" for q in quantiles)),
        ("largest memory", f"{_memory():.2f} GiB"),
        ("gain of a second thread", f"{gain:.2f} x"),
        ("values with one and two threads", "equal, bit by bit" if equal else "differ"),
    ]
    show("many_patients", "Many patients", TEXT, ("what", "measured"), rows)


def _noise(parameters: int) -> np.ndarray:
    return np.random.default_rng(SEED).standard_normal((PATIENTS, parameters))


def _run(simulator: Any, values: np.ndarray) -> tuple[Any, float, float]:
    """Return the solution, seconds and processor time of the best of some runs; the first that had two processors will do."""
    best = (None, np.inf, 0.0)
    for _ in range(TRIES):
        start, before = time.perf_counter(), time.process_time()
        solution = simulator.run(values, threads=2)
        wall, used = time.perf_counter() - start, time.process_time() - before
        best = min(best, (solution, wall, used), key=lambda found: found[1])
        if used > 1.9 * wall:
            break
    return best


def _gain(model: Any, schedule: Any, values: np.ndarray) -> tuple[float, bool]:
    """Return how much faster two threads are, and whether they give the same."""
    simulator = make_simulator(model, [schedule] * len(values), TIMES, ["T"])
    best, found = {1: np.inf, 2: np.inf}, {}
    for _ in range(TURNS):
        for threads in best:
            start = time.perf_counter()
            found[threads] = simulator.run(values, threads=threads).values
            best[threads] = min(best[threads], time.perf_counter() - start)
    return float(best[1] / best[2]), bool(np.array_equal(found[1], found[2], equal_nan=True))


def _memory() -> float:
    """Return the largest resident size of this process in GiB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


if __name__ == "__main__":
    if (os.cpu_count() or 1) < 2:
        print("one processor only: a second thread gains nothing here")
    main()
