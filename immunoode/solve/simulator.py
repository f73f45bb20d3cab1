"""Many patients, arrays in and arrays out: prepared once, run for any parameter values. The layer that fits use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.equations import equations
from immunoode.model.parts import Model
from immunoode.regimen.schedule import Schedule
from immunoode.solve import reference
from immunoode.solve.events import Events, events_of, with_stops
from immunoode.solve.status import COUNTS, FINISHED, Status, status_of
from immunoode.solve.system import STATES_AT, TIME_AT, FloatArray, Function, System, system_of
from immunoode.solve.tolerance import absolute

ENGINES = ("compiled", "scipy")
METHODS = ("auto", "tsit5", "rodas5p")
"""Methods of the compiled engine, in the order of `immunoode.solve.kernel`'s codes."""
_CHUNK = 256
"""Patients whose states are held at once by one thread."""


@dataclass(frozen=True)
class Solution:
    """What a run gives: values (P, T, K), NaN after a failure; status code, time reached, last state and counts of each."""

    values: FloatArray
    codes: NDArray[np.int64]
    ended: FloatArray
    states: FloatArray
    counts: NDArray[np.int64]
    state_names: tuple[str, ...]

    def status(self, patient: int) -> Status:
        """Return how one patient ended."""
        state = dict(zip(self.state_names, map(float, self.states[patient]), strict=True))
        return status_of(int(self.codes[patient]), float(self.ended[patient]), state)

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
    """

    system: System
    names: tuple[str, ...]
    times: FloatArray
    lengths: NDArray[np.int64]
    starts: FloatArray
    events: tuple[Events, ...]
    rtol: float
    atol: FloatArray | None
    extinction: bool
    engine: str
    most_steps: int
    method: str = "auto"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the columns that `run` takes."""
        return self.system.equations.parameters

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
        patients, n = len(self.events), self.system.size
        matrix = np.ascontiguousarray(
            np.broadcast_to(np.atleast_2d(parameters), (patients, len(self.parameters))), dtype=float
        )
        steps, width = self.times.shape[1], len(self.names)
        solution = Solution(
            np.empty((patients, steps, width)), np.zeros(patients, np.int64), np.zeros(patients), np.zeros((patients, n)),
            np.zeros((patients, len(COUNTS)), np.int64), self.system.equations.states,
        )  # fmt: skip
        self.system.compile()
        function = self.system.outputs(self.names)
        workers = _checked_threads(threads)
        size = min(_CHUNK, -(-patients // (4 * workers)))
        chunks = [slice(a, min(a + size, patients)) for a in range(0, patients, size)]

        def work(rows: slice) -> None:
            self._chunk(rows, matrix[rows], function, solution)

        _each(work, chunks, workers, progress)
        return solution

    def _chunk(self, rows: slice, matrix: FloatArray, function: Function, solution: Solution) -> None:
        from immunoode.solve.calls import evaluate_outputs, evaluate_rows

        system, n, events = self.system, self.system.size, self.events[rows]
        x = np.zeros((len(events), STATES_AT + n + matrix.shape[1]))
        x[:, TIME_AT], x[:, STATES_AT + n :] = self.starts[rows], matrix
        y, scales, breaks = (np.zeros((len(x), f.size)) for f in (system.initial, system.scales, system.breaks))
        for found, values in ((system.initial, y), (system.scales, scales), (system.breaks, breaks)):
            if found.size:
                evaluate_rows(found.address, x, values)
        if breaks.size:
            events = tuple(with_stops(e, b) for e, b in zip(events, breaks, strict=True))
        atol = self._tolerances(y, self.largest[rows], scales)
        states = np.full((len(events), self.times.shape[1], n), np.nan)
        solve = _compiled if self.engine == "compiled" else _by_scipy
        solve(self, rows, x, y, events, atol, states, solution)
        _clip(states, atol, self.rtol)
        late = self.times[rows] > solution.ended[rows, None]
        states[late & (solution.codes[rows, None] != FINISHED)] = np.nan
        evaluate_outputs(function.address, x, self.times[rows], states, solution.values[rows])
        solution.states[rows] = y

    def _tolerances(self, y: FloatArray, largest: FloatArray, scales: FloatArray) -> FloatArray:
        if self.atol is not None:
            return np.broadcast_to(self.atol, y.shape).copy()
        return absolute(self.system, y, largest, scales, self.rtol)

    @cached_property
    def largest(self) -> FloatArray:
        """The largest single amount of each input that each patient gets, shape (P, inputs)."""
        found = np.zeros((len(self.events), len(self.system.equations.inputs)))
        for row, e in zip(found, self.events, strict=True):
            np.maximum.at(row, e.inputs, np.abs(e.amounts))
        return found

    @property
    def thresholds(self) -> FloatArray:
        """What each state is extinct below; zeros where extinction is off."""
        return np.array(self.system.equations.extinct_below) * (1.0 if self.extinction else 0.0)


def prepare(
    model: Model,
    schedules: Sequence[Schedule | None],
    times: FloatArray | Sequence[FloatArray],
    outputs: Sequence[str] | None = None,
    *,
    start: float | FloatArray = 0.0,
    rtol: float = 1e-6,
    atol: float | FloatArray | None = None,
    extinction: bool = True,
    engine: str = "compiled",
    method: str = "auto",
    most_steps: int = 200_000,
) -> Simulator:
    """Return a simulator of one patient for each schedule.

    Parameters
    ----------
    model : Model
    schedules : sequence of Schedule or None
        One a patient.
    times : ndarray (T,), or a sequence of one such array for each patient
        Days, increasing.
    outputs : sequence of str, optional
        States, derived quantities, modifiable quantities. Default: states and derived quantities.
    start : float or ndarray (P,)
        Days; initial values hold here.
    rtol, atol : float
        Tolerances; `atol` by the scale of each state unless given (see `immunoode.solve.tolerance`).
    extinction : bool
        Whether compartments become zero below their threshold.
    engine : {"compiled", "scipy"}
    method : {"auto", "tsit5", "rodas5p"}
        Of the compiled engine: explicit and implicit steps as the system asks for, or one of them only.
    most_steps : int
        A patient that needs more stops with a status.

    Raises
    ------
    SolveError, ModelError
    """
    if not equations(model).states:
        raise SolveError(Problem(model.name, "has no compartments, so there is nothing to solve", "add [compartments]"))
    system = system_of(equations(model))
    _check_choice("engine", engine, ENGINES)
    _check_choice("method", method, METHODS)
    names = tuple(outputs) if outputs is not None else (*system.equations.states, *_derived(system, model))
    _check_outputs(names, system, model)
    rows = _rows(times, len(schedules))
    starts = np.broadcast_to(np.asarray(start, dtype=float), (len(schedules),)).copy()
    _check_times(rows, starts, rtol)
    longest = max(len(r) for r in rows)
    index = {name: i for i, name in enumerate(system.equations.inputs)}
    _check_inputs(schedules, index, model)
    if atol is not None:
        atol = _checked_atol(atol, system.size)
    padded = np.array([np.pad(r, (0, longest - len(r)), mode="edge") for r in rows])
    events = tuple(events_of(s, index, a) for s, a in zip(schedules, starts, strict=True))
    lengths = np.array([len(r) for r in rows], dtype=np.int64)
    return Simulator(system, names, padded, lengths, starts, events, rtol, atol, extinction, engine, most_steps,
                     method)  # fmt: skip


def _derived(system: System, model: Model) -> list[str]:
    from immunoode.model.combine import closed

    return list(closed(model).derived)


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return os.cpu_count() or 1
    if not isinstance(threads, int) or threads < 1:
        raise SolveError(Problem("threads", f"is {threads!r}", "a whole number from 1, or None for all processors"))
    return threads


def _check_choice(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise SolveError(Problem(what, f"is {given!r}", nearest(str(given), known)))


def _check_outputs(names: Sequence[str], system: System, model: Model) -> None:
    known = {*system.equations.states, *system.equations.outputs}
    if not names:
        raise SolveError(Problem(f"{model.name}: outputs", "are empty", nearest("", known)))
    unknown = [
        Problem(f"{model.name}: output {n!r}", "is not known", nearest(str(n), known)) for n in names if n not in known
    ]
    if unknown:
        raise SolveError(unknown)


def _check_inputs(schedules: Sequence[Schedule | None], index: dict[str, int], model: Model) -> None:
    names = {name for s in schedules if s is not None for name in s.inputs}
    unknown = [
        Problem(f"{model.name}: {n!r}", "is not an input of this model", nearest(n, index))
        for n in sorted(names - index.keys())
    ]
    if unknown:
        raise SolveError(unknown)


def _check_times(rows: Sequence[FloatArray], starts: FloatArray, rtol: float) -> None:
    if not 1e-13 <= rtol <= 0.1:
        raise SolveError(Problem("rtol", f"is {rtol!r}", "a relative tolerance between 1e-13 and 0.1"))
    for row, start in zip(rows, starts, strict=True):
        if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all() or not np.isfinite(start):
            raise SolveError(Problem("times", "are empty, or not finite", "a list of days, for example range(0, 366)"))
        if np.any(np.diff(row) < 0):
            raise SolveError(Problem("times", "do not increase", "sort them"))
        if row[0] < start:
            raise SolveError(
                Problem("times", f"begin at day {row[0]:g}, before the start, day {start:g}", "state an earlier start=")
            )


def _checked_atol(atol: float | FloatArray, states: int) -> FloatArray:
    given = np.asarray(atol, dtype=float)
    shown = f"an array of shape {given.shape}" if given.ndim else repr(atol)
    if given.shape not in ((), (states,)) or not np.isfinite(given).all() or not (given > 0).all():
        raise SolveError(Problem("atol", f"is {shown}", f"a positive number, or one for each of the {states} states"))
    return given


def _rows(times: Any, patients: int) -> list[FloatArray]:
    if isinstance(times, np.ndarray) and times.ndim == 1 and times.dtype != object:
        return [np.asarray(times, dtype=float)] * patients
    rows = [np.asarray(row, dtype=float) for row in times]
    if len(rows) != patients:
        raise SolveError(
            Problem("times", f"are given for {len(rows)} patients, schedules for {patients}", "one for each")
        )
    return rows


def _clip(states: FloatArray, atol: FloatArray, rtol: float) -> None:
    """Set to zero what is below it by no more than the tolerances allow.

    That is 100 absolute tolerances, or the relative tolerance of the largest value that is reported.
    """
    with np.errstate(invalid="ignore"):
        negative = states < 0.0
        if negative.any():
            noise = np.maximum(100 * atol, rtol * np.nanmax(states, axis=1, initial=0.0))
            states[negative & (states >= -noise[:, None, :])] = 0.0


def _compiled(
    simulator: Simulator, rows: slice, x: FloatArray, y: FloatArray, events: Sequence[Events], atol: FloatArray,
    states: FloatArray, solution: Solution,
) -> None:  # fmt: skip
    from immunoode.solve.kernel import solve_many

    system = simulator.system
    offsets = np.concatenate([[0], np.cumsum([e.times.size for e in events])]).astype(np.int64)
    joined = tuple(np.concatenate(columns) for columns in zip(*(e.columns for e in events), strict=True))
    solve_many(
        system.addresses, x, y, simulator.times[rows], simulator.lengths[rows], simulator.starts[rows], offsets, joined,
        (system.pulse_table, system.input_states), simulator.thresholds, simulator.rtol, atol, simulator.most_steps,
        METHODS.index(simulator.method), states, solution.counts[rows], solution.ended[rows], solution.codes[rows],
    )  # fmt: skip


def _by_scipy(
    simulator: Simulator, rows: slice, x: FloatArray, y: FloatArray, events: Sequence[Events], atol: FloatArray,
    states: FloatArray, solution: Solution,
) -> None:  # fmt: skip
    for p, index in enumerate(range(rows.start, rows.stop)):
        times = simulator.times[index, : simulator.lengths[index]]
        solution.codes[index] = reference.solve(
            simulator.system, x[p], y[p], times, float(simulator.starts[index]), events[p], simulator.thresholds,
            simulator.rtol, atol[p], simulator.most_steps, states[p], solution.counts[index], solution.ended[index : index + 1],
        )  # fmt: skip


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
