"""`simulate` for models with their own events: prepared once, then one run of the kernel per subject."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.interop.flatten import flatten
from immunoode.model.closed_model import ClosedModel
from immunoode.model.model import Model
from immunoode.regimen.sbml_event import Events
from immunoode.solve.integrator.sbml_records import SBML_STATE, WAITING_EVENT, SbmlEvents, SbmlFunctions
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.evaluate import evaluate
from immunoode.solve.problem.event_functions import MOVED, EventFunctions, event_functions
from immunoode.solve.problem.make_simulator import make_simulator
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT, FloatArray
from immunoode.solve.problem.run import native, run_of_one
from immunoode.solve.problem.simulator import Simulator
from immunoode.solve.simulation import Simulation
from immunoode.solve.status import FINISHED, Status, status_of

MOST_WAITING = 100_000
"""The largest number of events that may be waiting at one time."""
LOOKS = 1000
"""The smallest number of steps if a condition is not a linear function of the state, because it could hold only briefly."""
_ROOM = 4_000_000
"""The approximate size of the array for the values of waiting events."""


@dataclass(frozen=True)
class _Course:
    """The result of one subject: outputs (T, K), counts and status."""

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
    """Return the simulation of subjects, given by their parameters, shape (P, n), and names, in a model with events.

    Raises
    ------
    SolveError
        If an event sets something that is not a compartment, uses an unknown name, has a delay that is negative or not a
        number, sets a compartment to a value that is not a number, or if events trigger each other without end.
    """
    from tqdm.auto import tqdm

    if solver.engine != "compiled":
        raise SolveError(Problem("engine", f"{solver.engine!r} does not support events", "engine='compiled'"))
    matrix, names = subjects
    simulator = make_simulator(model, [None], grid, None if outputs is None else list(outputs), start=start, solver=solver)
    whole = flatten(model.model)
    functions = event_functions(whole, events)
    simulator.system.compile()
    each = [_course(simulator, functions, row) for row in tqdm(matrix, desc="subjects", disable=not progress)]
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
    """Integrate one subject, from one time at which the times of non-linear switches must be found again to the next."""
    from immunoode.solve.integrator.sbml_integrator import RENEW, integrate_with_events

    system, times = simulator.system, simulator.times[0]
    start, end = float(simulator.starts[0]), float(times[-1])
    packed = system.packed(parameters, start)
    run = run_of_one(simulator, packed, len(functions.switches))
    own, y = run.progress, run.progress.y[0, : system.base]
    sbml = _sbml_events(functions, start, packed.size, (end - start) / LOOKS if functions.bent else np.inf)
    code, ahead = RENEW, end - start
    while code == RENEW:
        time = float(own.t[0])
        until = min(time + ahead, end)
        sbml = sbml._replace(known_times=functions.times(parameters, y, time, until), until=until)
        sbml.state["next_known"] = 0
        code = int(integrate_with_events(run, sbml))
        ahead = 2 * ahead if own.t[0] >= until else max(4 * (float(own.t[0]) - time), (end - start) / LOOKS)
    time = float(own.t[0])
    if code > RENEW:
        raise SolveError(_problem(code, functions, time, sbml.state[0]))
    state = dict(zip(system.equations.states, y.tolist(), strict=True))
    return _Course(
        _values(simulator, packed, own.saved[0, : own.output[0]]),
        np.array(run.batch.statistics[0].tolist()),
        status_of(code, end if code == FINISHED else time, state),
    )


def _sbml_events(functions: EventFunctions, start: float, switches_at: int, longest: float) -> SbmlEvents:
    """Return the events of a model in their initial state."""
    switches, events, assignments = len(functions.switches), len(functions.traits), functions.targets.size
    widest = max(int(np.diff(functions.offsets).max(initial=1)), 1)
    most = max(100, min(MOST_WAITING, _ROOM // widest))
    state = np.zeros(1, SBML_STATE)
    state["window"], state["random"], state["due"] = start, 1, 1
    return SbmlEvents(
        functions=SbmlFunctions(*(native(getattr(functions, name)) for name in SbmlFunctions._fields)),
        switches=functions.switches,
        traits=functions.traits,
        offsets=functions.offsets,
        targets=functions.targets,
        levels=functions.levels,
        switches_at=switches_at,
        moved=int((functions.switches["kind"] == MOVED).any()),
        known_times=np.zeros(0),
        until=start,
        longest=longest,
        kept_states=functions.read_by_curved,
        state=state,
        holds=functions.traits["starts"].copy(),
        waiting=np.empty(most, WAITING_EVENT),
        waiting_values=np.empty((most, widest)),
        sides=np.zeros(2 * switches + 1),
        slopes=np.zeros(switches + 1),
        crossed=np.zeros(switches),
        differences=np.zeros(switches),
        gaps=np.zeros((4, switches)),
        speeds=np.zeros((4, switches)),
        noise=np.zeros(switches),
        holds_now=np.zeros(events + 1),
        evaluated=np.zeros(events + 2 * assignments + 1),
        kept=np.zeros(functions.read_by_curved.size),
    )


def _values(simulator: Simulator, packed: FloatArray, saved: FloatArray) -> FloatArray:
    """Return the outputs at the saved states, NaN after them."""
    system, times = simulator.system, simulator.times[0]
    rows = np.tile(packed, (len(saved), 1))
    rows[:, TIME_AT] = times[: len(saved)]
    rows[:, STATES_AT : STATES_AT + system.width] = saved
    found = np.full((times.size, len(simulator.names)), np.nan)
    evaluate(system.outputs(simulator.names), rows, found[: len(saved)])
    return found


def _problem(code: int, functions: EventFunctions, time: float, state: Any) -> Problem:
    """Return what is wrong with the events."""
    from immunoode.solve.integrator import sbml_integrator as kernel

    event = functions.events[state["event"]]
    named = f"event {event.name!r}"
    if code == kernel.DELAY:
        return Problem(named, f"has the delay {state['wrong_delay']:g} at day {time:g}", "zero or more days")
    if code == kernel.VALUE:
        target = event.assignments[state["assignment"] - int(functions.offsets[state["event"]])].target
        return Problem(
            named, f"sets {target!r} to a value that is not a number at day {time:g}", "an expression that has a value there"
        )
    if code == kernel.WAITING:
        return Problem("events", f"more than {MOST_WAITING} wait at day {time:g}", "shorter delays, or fewer firings")
    if code == kernel.ENDLESS:
        return Problem("events", f"trigger each other without end at day {time:g}", "conditions that stop becoming true")
    what = f"more than {kernel.MOST_AT_ONCE} happen within almost no time at day {time:g}"
    return Problem("events", what, "conditions that do not become true again immediately")


def _unit(model: Model, name: str) -> str:
    tables: tuple[Mapping[str, Any], ...] = (model.compartments, model.derived, model.modifiables)
    return next((str(t[name].unit) for t in tables if name in t), "1")
