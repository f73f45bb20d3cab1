"""Many patients, arrays in and arrays out: prepared once, run for any parameter values. The layer that fits use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.solve import reference
from immunoode.solve.options import METHODS, SolverOptions
from immunoode.solve.problem.compiled_model import KNOWN, TIME_AT, FloatArray, Function, System
from immunoode.solve.problem.event_table import SET, Columns, Events, Known, KnownAt, Output, events_of
from immunoode.solve.problem.sensitivities import By
from immunoode.solve.problem.time_stops import stops
from immunoode.solve.problem.tolerances import Tolerances, absolute, of_derivatives
from immunoode.solve.problem.trigger_table import Reactions
from immunoode.solve.report_times import with_doses
from immunoode.solve.status import COUNTS, FINISHED, Status, status_of

if TYPE_CHECKING:
    from immunoode.solve.problem.codegen_simd import VectorFunction

_CHUNK = 256
"""Subjects that one thread solves at once, at most."""
_MOST_MADE = 20_000
"""Event arrays that are kept where lags and switches make many."""
_ROOM = 4_000_000
"""Numbers in the outputs that one thread writes at once, about."""


@dataclass(frozen=True)
class Solution:
    """What a run gives: values (P, T, K), NaN after a failure; status code, time reached, last state and counts of each.

    `derivatives` (P, T, m, K) are those of the values by the m things that sensitivities were asked for, `fired` (P, R) the
    days at which the R reactions of the regimens first found their condition, infinite where they did not.
    """

    values: FloatArray
    derivatives: FloatArray
    codes: NDArray[np.int64]
    ended: FloatArray
    states: FloatArray
    counts: NDArray[np.int64]
    state_names: tuple[str, ...]
    fired: FloatArray

    def status(self, patient: int) -> Status:
        """Return how one patient ended."""
        if self.codes[patient] == FINISHED:
            return status_of(FINISHED, float(self.ended[patient]), {})
        state = dict(zip(self.state_names, map(float, self.states[patient]), strict=True))
        return status_of(int(self.codes[patient]), float(self.ended[patient]), state)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """How each subject ended."""
        return tuple(map(self.status, range(len(self.codes))))

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which patients finished, shape (P,)."""
        return self.codes == FINISHED


@dataclass(frozen=True)
class Simulator:
    """A model with schedules and times, ready to run for any parameter values.

    Attributes
    ----------
    names : tuple of str
        The K outputs.
    times : ndarray, shape (P, T)
        Days; rows shorter than T repeat their last time (`lengths` says how many count).
    orders : ndarray, shape (P, T)
        After which rows of a schedule outputs are taken at a time that has any: those that stand before it in the table; all,
        where it is infinite.
    grids : ndarray, shape (P,)
        Subjects who share times and orders have the same number.
    schedules : tuple of Schedule or None
        One per patient.
    """

    system: System
    names: tuple[str, ...]
    times: FloatArray
    lengths: NDArray[np.int64]
    orders: FloatArray
    grids: NDArray[np.int64]
    starts: FloatArray
    schedules: tuple[Schedule | None, ...]
    options: SolverOptions
    atol: FloatArray | None
    reactions: Reactions

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the columns that `run` takes."""
        return self.system.equations.parameters

    @property
    def by(self) -> tuple[By, ...]:
        """What sensitivities are by."""
        return self.system.by

    def run(self, parameters: FloatArray, threads: int | None = None, progress: bool = False) -> Solution:
        """Solve every patient.

        Parameters
        ----------
        parameters : ndarray, shape (P, number of parameters)
            In the order of `self.parameters`; one row serves all where P rows are not given.
        threads : int, optional
            Default: the processors at hand. The result does not depend on it.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Solution
        """
        patients, n, m = len(self.schedules), self.system.base, len(self.by)
        matrix = np.ascontiguousarray(np.broadcast_to(np.atleast_2d(parameters), (patients, len(self.parameters))), dtype=float)
        steps, width = self.times.shape[1], len(self.names)
        solution = Solution(
            np.empty((patients, steps, width)),
            np.empty((patients, steps, m, width)),
            np.zeros(patients, np.int64),
            np.zeros(patients),
            np.zeros((patients, n)),
            np.zeros((patients, len(COUNTS)), np.int64),
            self.system.equations.states,
            np.full((patients, len(self.reactions.quantities)), np.inf),
        )
        self.system.compile()
        self.watch()
        _ = self.lane_rates
        function = self.system.outputs(self.names)
        workers = threads or self.options.threads or _processors()
        share = -(-patients // (4 * workers)) if workers > 1 else patients
        size = max(1, min(_CHUNK, share, _ROOM // (steps * function.size)))
        chunks = [slice(a, min(a + size, patients)) for a in range(0, patients, size)]

        def work(rows: slice) -> None:
            self._chunk(rows, matrix[rows], function, solution)

        _each(work, chunks, workers, progress)
        return solution

    def _chunk(self, rows: slice, matrix: FloatArray, function: Function, solution: Solution) -> None:
        from immunoode.solve.integrator.native import evaluate_rows

        system = self.system
        starts = self.starts[rows]
        events = self._events(rows, system.rows(matrix))
        matrix = _at_start(matrix, events, starts)
        x = self._packed(rows, matrix)
        x[:, TIME_AT] = starts
        y, scales = np.zeros((len(x), system.width)), np.zeros((len(x), system.scales.size))
        for found, values in ((system.initial, y), (system.scales, scales)):
            if found.size:
                evaluate_rows(found.address, x, values)
        tolerances = self._tolerances(x, y[:, : system.base], np.array([e.largest for e in events]), scales)
        every = of_derivatives(tolerances, matrix, self.system) if self.by else tolerances
        width, plain = len(self.names), not self.by
        values = solution.values[rows] if plain else np.empty((len(events), self.times.shape[1], function.size))
        solve = _compiled if self.options.engine == "compiled" else _by_scipy
        solve(self, rows, x, y, events, every, function, values, solution)
        if not plain:
            solution.values[rows] = values[..., :width]
            solution.derivatives[rows] = values[..., width:].reshape(solution.derivatives[rows].shape)
        solution.states[rows] = y[:, : system.base]

    def _packed(self, rows: slice, matrix: FloatArray) -> FloatArray:
        """Return packed inputs; what counts from a drug's first dose counts from day 0 where it is not given at all."""
        x, inputs = self.system.rows(matrix), tuple(self.system.equations.inputs)
        for i in np.flatnonzero(self.system.clocks >= 0):
            given = {id(s): _gives(s, inputs[i]) for s in self.schedules[rows]}
            x[[not given[id(s)] for s in self.schedules[rows]], self.system.clocks[i]] = 0.0
        return x

    def _events(self, rows: slice, x: FloatArray) -> tuple[Events, ...]:
        """Return the events of patients: those of one schedule, start, times and known times are made once."""
        from immunoode.solve.integrator.native import evaluate_rows

        system, made, inputs = self.system, self._made, len(self.system.equations.inputs)
        known = np.zeros((len(x), system.known_times.size))
        if system.has_known_times:
            evaluate_rows(system.known_times.address, x, known)
            if len(made) > _MOST_MADE:
                made.clear()
        shaped = known.reshape(len(x), -1, 1 + len(self.by))
        result, asks = list[Events](), self._asked
        patients = zip(x, self.schedules[rows], self.starts[rows].tolist(), self.grids[rows].tolist(), shaped, strict=True)
        for p, (row, schedule, start, grid, own) in enumerate(patients, rows.start):
            switches = own[len(KNOWN) * inputs :]
            if system.equations.clock:
                switches = np.concatenate([switches, stops(system, row, start, self.end)])
            shaped_facts = own[: len(KNOWN) * inputs].reshape(inputs, len(KNOWN), 1 + len(self.by))
            if id(schedule) not in asks:
                asks[id(schedule)] = _asks(schedule, system)
            facts = _facts(schedule, shaped_facts, system, row, *asks[id(schedule)])
            key = id(schedule), start, grid, facts.tobytes(), switches.tobytes()
            events = made.get(key)
            if events is None:
                count = self.lengths[p]
                outputs = list(map(Output, self.times[p, :count].tolist(), self.orders[p, :count].tolist()))
                events = made[key] = events_of(
                    schedule, self.system.layout, start, self.end, _known(facts), switches, outputs, _known(facts[:1])
                )
            result.append(events)
        return tuple(result)

    def reporting_doses(self, parameters: FloatArray, patients: Sequence[int]) -> Simulator:
        """Return a simulator that also reports when something is given to some of the patients, or ends, and after that.

        Parameters
        ----------
        parameters : ndarray, shape (P, number of parameters)
        patients : sequence of int
            All patients get the times that these ask for.
        """
        self.system.compile()
        chosen = self.take(np.array(patients, dtype=np.int64))
        grid = with_doses(self.times[0], chosen._events(slice(0, len(patients)), self.system.rows(parameters[list(patients)])))
        count, size = len(self.schedules), len(grid)
        return replace(
            self,
            times=np.tile(grid, (count, 1)),
            lengths=np.full(count, size),
            orders=np.full((count, size), np.inf),
            grids=np.zeros(count, np.int64),
        )

    def take(self, patients: NDArray[np.int64]) -> Simulator:
        """Return a simulator of these patients, in this order, any of them any number of times."""
        chosen = replace(
            self,
            times=self.times[patients],
            lengths=self.lengths[patients],
            starts=self.starts[patients],
            orders=self.orders[patients],
            grids=self.grids[patients],
            schedules=tuple(self.schedules[p] for p in patients),
        )
        chosen.__dict__["_made"], chosen.__dict__["_asked"] = self._made, self._asked
        return chosen

    @cached_property
    def _made(self) -> dict[tuple[int, float, int, bytes, bytes], Events]:
        return {}

    @cached_property
    def _asked(self) -> dict[int, tuple[bool, bool]]:
        return {}

    @cached_property
    def end(self) -> float:
        """The last time of all."""
        return float(self.times.max())

    def watch(self) -> Function:
        """Return the function of what reactions look at; of the first state where there are none."""
        return self.system.outputs(self.reactions.quantities or self.system.equations.states[:1])

    def _tolerances(self, x: FloatArray, y: FloatArray, largest: FloatArray, scales: FloatArray) -> Tolerances:
        if self.atol is not None:
            return Tolerances(np.broadcast_to(self.atol, y.shape).copy(), np.zeros(y.shape), np.zeros((len(y), 1)))
        return absolute(self.system, x, y, largest, scales, self.options.rtol)

    @cached_property
    def lane_rates(self) -> VectorFunction | None:
        """The rates of eight patients at once, where patients of this simulator step abreast."""
        if self.options.engine == "compiled" and not self.reactions.continuous and not self.system.conditions.size:
            return self.system.lane_rates
        return None

    @property
    def thresholds(self) -> FloatArray:
        """What each state is extinct below; zeros where extinction is off."""
        return np.array(self.system.equations.extinct_below) * (1.0 if self.options.extinction else 0.0)


def _gives(schedule: Schedule | None, name: str) -> bool:
    """Whether a schedule, or a course that a reaction begins, has a dose of an input."""
    if schedule is None:
        return False
    own = any(n == name and a == words.DOSE for n, a in zip(schedule.inputs, schedule.actions, strict=True))
    return own or any(_gives(r.course, name) for r in schedule.triggers)


def _asks(schedule: Schedule | None, system: System) -> tuple[bool, bool]:
    """Return whether a schedule sets what is known of the inputs depends on, and whether more of it counts than lags."""
    if schedule is None:
        return False, False
    own = {n for n, action in zip(schedule.inputs, schedule.actions, strict=True) if action == words.SET}
    courses = any(r.course is not None for r in schedule.triggers)
    return bool(own & system.known_by), bool(schedule.rates.any() or np.isinf(schedule.steady).any() or courses)


def _facts(
    schedule: Schedule | None, known: FloatArray, system: System, x: FloatArray, changing: bool, whole: bool
) -> FloatArray:
    """Return what is known of the inputs (inputs, 4, 1 + m) of one patient: of all rows of the schedule at once (1, ...), or of
    each where it sets a parameter that this depends on. What says nothing of any dose is left as it is without a model's word.
    """
    facts = known[None]
    if schedule is None:
        return facts[:0]
    if changing:
        packed, rows = x.copy(), []
        for name, action, amount in zip(schedule.inputs, schedule.actions, schedule.amounts.tolist(), strict=True):
            if action == words.SET:
                packed[system.parameters_at + system.equations.parameters.index(name)] = amount
            rows.append(system.known_times(packed)[: known.size].reshape(known.shape))
        facts = np.array([known, *rows])  # those of courses, which have no times of their own yet, are the first
    if not whole:
        facts = facts.copy()
        facts[:, :, 1:] = 0.0  # only lags count: events are made anew for each value of what counts
    return facts


def _known(facts: FloatArray) -> KnownAt:
    """Return what gives the facts of an input at a row of the schedule."""
    listed = facts.tolist()
    return lambda row, i: Known(*listed[row + 1 if len(listed) > 1 else 0][i])


@cache
def _processors() -> int:
    return os.cpu_count() or 1


def _at_start(matrix: FloatArray, events: Sequence[Events], starts: FloatArray) -> FloatArray:
    """Return parameters as they are at the start: what is set by then counts for the initial values as well."""
    if not any(e.sets for e in events):
        return matrix
    matrix = matrix.copy()
    for row, e, start in zip(matrix, events, starts, strict=True):
        for i in np.flatnonzero((e.kinds == SET) & (e.times <= start)):
            row[e.inputs[i]] = e.amounts[i]
    return matrix


def _compiled(
    simulator: Simulator,
    rows: slice,
    x: FloatArray,
    y: FloatArray,
    events: Sequence[Events],
    tolerances: Tolerances,
    outputs: Function,
    values: FloatArray,
    solution: Solution,
) -> None:
    """Solve patients: abreast where that is possible, in explicit steps first.

    The functions for implicit steps are made where some need them.
    """
    from immunoode.solve.integrator.lane_state import lanes_for
    from immunoode.solve.integrator.lanes import integrate_lanes
    from immunoode.solve.integrator.records import HANDED_OVER, Batch, checkpoints_for
    from immunoode.solve.integrator.scalar import integrate_subjects, workspace_for

    system, reactions, watch, abreast = simulator.system, simulator.reactions, simulator.watch(), simulator.lane_rates
    offsets = np.concatenate([[0], np.cumsum([e.times.size for e in events])]).astype(np.int64)
    joined = Columns(*(np.concatenate(columns) for columns in zip(*(e.columns for e in events), strict=True)))
    codes = solution.codes[rows]
    patients = Batch(
        system.addresses,
        np.concatenate([abreast.address if abreast else np.zeros(2, np.int64), np.zeros(2, np.int64)]),
        system.read_by(simulator.names),
        x,
        y,
        simulator.times[rows],
        simulator.lengths[rows],
        simulator.starts[rows],
        offsets,
        joined,
        (system.input_states, system.exchange, system.conditions.size, system.constants_at, system.clocks),
        simulator.thresholds,
        simulator.options.rtol,
        tolerances.atol,
        tolerances.shares,
        tolerances.units,
        simulator.options.max_steps,
        METHODS.index(simulator.options.method),
        (watch.address, reactions.table, reactions.affects, watch.size),
        outputs.address,
        values,
        solution.counts[rows],
        solution.ended[rows],
        codes,
        solution.fired[rows],
    )
    checkpoints, which = checkpoints_for(patients), np.arange(codes.size)
    if abreast:
        if simulator.options.method != "rodas5p":
            integrate_lanes(patients, lanes_for(patients), checkpoints, which)
            which = np.flatnonzero(codes == HANDED_OVER)
        if which.size:
            implicit = system.implicit_lanes
            patients.lane_rates[2:] = implicit.address
            integrate_lanes(patients, lanes_for(patients, implicit.rows, implicit.drift_at), checkpoints, which)
    elif which.size:
        integrate_subjects(patients, workspace_for(patients), checkpoints, which)


def _by_scipy(
    simulator: Simulator,
    rows: slice,
    x: FloatArray,
    y: FloatArray,
    events: Sequence[Events],
    tolerances: Tolerances,
    outputs: Function,
    values: FloatArray,
    solution: Solution,
) -> None:
    from scipy.integrate import LSODA

    from immunoode.solve.integrator.output import write_outputs_from_python

    system, n = simulator.system, simulator.system.base
    method = simulator.options.method if isinstance(simulator.options.method, type) else LSODA
    for p, index in enumerate(range(rows.start, rows.stop)):
        count = simulator.lengths[index]
        times, states = simulator.times[index, :count], np.zeros((count, system.width))
        system.set_constants(x[p])
        own = deepcopy(events[p]) if simulator.reactions.quantities else events[p]  # reactions change them
        code = reference.solve(
            system,
            x[p],
            y[p, :n],
            times,
            float(simulator.starts[index]),
            own,
            simulator.thresholds,
            simulator.options.rtol,
            tolerances.atol[p],
            tolerances.shares[p],
            simulator.options.max_steps,
            states[:, :n],
            solution.counts[index],
            solution.ended[index : index + 1],
            simulator.reactions,
            simulator.watch(),
            solution.fired[index],
            method,
        )
        solution.codes[index] = code
        values[p, count:] = np.nan
        write_outputs_from_python(
            outputs.address,
            x[p],
            times,
            states,
            solution.ended[index],
            code == FINISHED,
            simulator.options.rtol,
            tolerances.atol[p],
            simulator.thresholds,
            own.columns,
            system.constants.address,
            system.constants_at,
            system.clocks,
            values[p, :count],
        )


def _each(work: Callable[[slice], None], chunks: Sequence[slice], threads: int, progress: bool) -> None:
    """Do work for each chunk, in threads; chunks are cut the same for any number of threads."""
    from tqdm.auto import tqdm

    bar = tqdm(total=chunks[-1].stop if chunks else 0, desc="patients", disable=not progress)
    if threads == 1 or len(chunks) == 1:
        for chunk in chunks:
            work(chunk)
            bar.update(chunk.stop - chunk.start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for chunk, _ in zip(chunks, pool.map(work, chunks), strict=True):
                bar.update(chunk.stop - chunk.start)
    bar.close()
