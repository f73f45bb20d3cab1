"""`simulate` with events of a model's own: prepared once, then each patient in one run of the kernel."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.interop.flatten import plain
from immunoode.model.closed_model import ClosedModel
from immunoode.model.model import Model
from immunoode.regimen.sbml_event import Events
from immunoode.solve.options import METHODS, SolverOptions
from immunoode.solve.problem.compiled_model import STATES_AT, TIME_AT, FloatArray
from immunoode.solve.problem.event_functions import STARTS, EventFunctions, event_functions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.problem.tolerances import absolute
from immunoode.solve.simulation import Simulation
from immunoode.solve.status import COUNTS, FINISHED, Status, status_of

MOST_WAITING = 100_000
"""Events that may wait to be carried out at one time."""
LOOKS = 1000
"""Steps of a span at least, where a condition is no linear function of the state: it could hold for a moment."""
_ROOM = 4_000_000
"""Numbers in the values of events that wait, about."""


@dataclass(frozen=True)
class _Course:
    """What one patient came to: outputs (T, K), counts and status."""

    values: FloatArray
    counts: NDArray[np.int64]
    status: Status


def many_with_events(
    model: ClosedModel,
    events: Events,
    grid: FloatArray,
    start: float,
    subjects: tuple[FloatArray, tuple[Any, ...]],
    outputs: Iterable[str] | None,
    solver: SolverOptions,
    progress: bool | None,
) -> Simulation:
    """Return the simulation of subjects with events: of each its parameters, shape (P, n), and its name.

    Raises
    ------
    SolveError
        If an event sets what is no compartment, uses a name that there is not, has a delay that is negative or no number, sets
        something to what is no number, or if events set off each other without end.
    """
    from tqdm.auto import tqdm

    if solver.engine != "compiled":
        raise SolveError(Problem("engine", f"{solver.engine!r} carries out no events", "engine='compiled'"))
    matrix, names = subjects
    simulator = make_simulator(model, [None], grid, None if outputs is None else list(outputs), start=start, solver=solver)
    whole = plain(model.model)
    functions = event_functions(whole, events)
    simulator.system.compile()
    each = [_course(simulator, functions, row) for row in tqdm(matrix, desc="patients", disable=not progress)]
    made = Simulation(
        whole.model,
        grid,
        simulator.names,
        {n: _unit(whole.model, n) for n in simulator.names},
        names,
        np.array([c.values for c in each]),
        tuple(c.status for c in each),
        np.array([c.counts for c in each]),
        (None,) * len(each),
        matrix,
    )
    if not all(c.status.ok for c in each):
        warnings.warn(made.failures(), RuntimeWarning, stacklevel=3)
    return made


def _course(simulator: Simulator, functions: EventFunctions, parameters: FloatArray) -> _Course:
    from immunoode.solve.integrator import sbml_integrator as kernel
    from immunoode.solve.integrator.native import evaluate_rows

    system, times = simulator.system, simulator.times[0]
    start, end, n, switches = float(simulator.starts[0]), float(times[-1]), system.base, len(functions.kinds)
    packed = system.packed(parameters, start)
    y = np.zeros(system.width)
    y[:n] = system.initial(packed)
    no_doses = np.zeros((1, len(system.input_states)))
    atol, shares = np.empty(n), np.zeros(n)
    if simulator.atol is None:
        tolerances = absolute(system, packed[None], y[None, :n], no_doses, no_doses, simulator.options.rtol)
        atol[:], shares[:] = tolerances.atol[0], tolerances.shares[0]
    else:
        atol[:] = simulator.atol
    x = np.concatenate([packed, np.zeros(switches)])
    widest = int(np.diff(functions.offsets).max(initial=1))
    most = max(100, min(MOST_WAITING, _ROOM // max(widest, 1)))
    waiting, values = np.empty((most, 3)), np.empty((most, max(widest, 1)))
    numbers, whole = np.zeros(6), np.zeros(10, np.int64)
    numbers[[kernel.T, kernel.START, kernel.WINDOW]], whole[kernel.RANDOM] = start, 1
    holds = functions.flags[:, STARTS].copy()
    states, counts = np.full((times.size, system.width), np.nan), np.zeros(len(COUNTS), np.int64)
    code, ahead, longest = kernel.RENEW, end - start, (end - start) / LOOKS if functions.bent else np.inf
    while code == kernel.RENEW:
        time = float(numbers[kernel.T])
        until = min(time + ahead, end)
        known = functions.times(parameters, y[:n], time, until)
        code = kernel.integrate_with_events(
            system.addresses,
            functions.addresses,
            functions.kinds,
            functions.levels,
            functions.flags,
            functions.offsets,
            functions.targets,
            known,
            until,
            functions.read_by_curved,
            longest,
            x,
            y,
            times,
            packed.size,
            system.conditions.size,
            simulator.thresholds,
            simulator.options.rtol,
            atol,
            shares,
            simulator.options.max_steps,
            METHODS.index(simulator.options.method),
            numbers,
            whole,
            holds,
            waiting,
            values,
            states,
            counts,
        )
        ahead = 2 * ahead if numbers[kernel.T] >= until else max(4 * (numbers[kernel.T] - time), (end - start) / LOOKS)
    time, reached = float(numbers[kernel.T]), int(whole[kernel.OUTPUT])
    if code > kernel.RENEW:
        raise SolveError(_problem(code, functions, time, numbers, whole))
    rows = np.tile(packed, (reached, 1))
    rows[:, TIME_AT] = times[:reached]
    rows[:, STATES_AT : STATES_AT + system.width] = states[:reached]
    found = system.outputs(simulator.names)
    values_at = np.full((times.size, len(simulator.names)), np.nan)
    evaluate_rows(found.address, rows, values_at[:reached])
    return _Course(
        values_at,
        counts,
        status_of(code, end if code == FINISHED else time, dict(zip(system.equations.states, y[:n].tolist(), strict=True))),
    )


def _problem(code: int, functions: EventFunctions, time: float, numbers: FloatArray, whole: NDArray[np.int64]) -> Problem:
    """Return what is wrong with the events."""
    from immunoode.solve.integrator import sbml_integrator as kernel

    event = functions.events[int(whole[kernel.WHICH])]
    named = f"event {event.name!r}"
    if code == kernel.DELAY:
        return Problem(named, f"has the delay {numbers[kernel.WRONG]:g} at day {time:g}", "zero or more days")
    if code == kernel.VALUE:
        target = event.assignments[int(whole[kernel.ASSIGNED]) - int(functions.offsets[whole[kernel.WHICH]])].target
        return Problem(named, f"sets {target!r} to what is no number at day {time:g}", "an expression that has a value there")
    if code == kernel.WAITING:
        return Problem("events", f"more than {MOST_WAITING} wait at day {time:g}", "shorter delays, or fewer firings")
    if code == kernel.ENDLESS:
        return Problem("events", f"set off each other without end at day {time:g}", "conditions that settle")
    what = f"more than {kernel.MOST_AT_ONCE} happen with hardly any time between them, at day {time:g}"
    return Problem("events", what, "conditions that do not become true again at once")


def _unit(model: Model, name: str) -> str:
    tables: tuple[Mapping[str, Any], ...] = (model.compartments, model.derived, model.modifiables)
    return next((str(t[name].unit) for t in tables if name in t), "1")
