"""`SubjectBatch`: the subjects that one thread solves together, in arrays that are made once and filled for each solve."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.solve import reference
from immunoode.solve.problem.evaluate import evaluate
from immunoode.solve.problem.event_table import EventTable
from immunoode.solve.problem.moved_doses import DoseColumns
from immunoode.solve.problem.packed_input import LANES, TIME_AT, FloatArray
from immunoode.solve.problem.plan import SimulationPlan
from immunoode.solve.problem.solution import Solution
from immunoode.solve.problem.subject_events import at_start, doses_of
from immunoode.solve.problem.tolerances import Tolerances, absolute, of_derivatives
from immunoode.solve.status import FINISHED, NEGATIVE

_ROUNDING = 1e-12


class InitialValues(NamedTuple):
    """Initial values that are set: the states (k,), the values (P, k), and which sensitivity parameters they are, (m, k)."""

    states: Any
    values: FloatArray
    is_parameter: FloatArray


class SubjectBatch:
    """Some subjects of a plan; results are written into the arrays of `solution`, one row per subject."""

    def __init__(self, plan: SimulationPlan, rows: slice, solution: Solution) -> None:
        self.plan, self.rows, self.solution = plan, rows, solution
        system, count = plan.system, rows.stop - rows.start
        self.outputs = system.outputs(plan.names)
        self.template = _packed_at_start(plan, rows)
        self.x = np.empty_like(self.template)
        self.y = np.zeros((count, system.width))
        self.scales = np.zeros((count, system.scales.size))
        plain = not plan.by
        self.values = solution.values if plain else np.empty((count, plan.times.shape[1], self.outputs.size))
        self._events: tuple[EventTable, ...] | None = None
        self._largest = np.zeros((0, 0))
        self._kernels: _Kernels | None = None

    def solve(
        self, parameters: FloatArray, initial: InitialValues | None = None, doses: Sequence[DoseColumns | None] | None = None
    ) -> None:
        """Solve the subjects for parameters (P, n), with individual initial values and doses, if given."""
        system, plan, solution, y = self.plan.system, self.plan, self.solution, self.y
        events = self._events_for(parameters, doses)
        parameters = at_start(parameters, events, plan.starts[self.rows])
        self._fill(parameters, initial)
        negative, refused = self._refuse_negative()
        tolerances = self._tolerances(parameters)
        solution.counts[:], solution.codes[:], solution.ended[:], solution.fired[:] = 0, 0, 0.0, np.inf
        if plan.options.engine == "compiled":
            self._compiled(events, tolerances)
        else:
            self._by_scipy(events, tolerances)
        if plan.by:
            width = len(plan.names)
            solution.values[:] = self.values[..., :width]
            solution.derivatives[:] = self.values[..., width:].reshape(solution.derivatives.shape)
        solution.states[:] = y[:, : system.base]
        solution.codes[negative], solution.states[negative] = NEGATIVE, refused

    def _events_for(self, parameters: FloatArray, doses: Sequence[DoseColumns | None] | None) -> tuple[EventTable, ...]:
        if self._events is None or doses is not None or not self.plan.events.fixed:
            self._events = self.plan.events.of(self.rows, parameters, doses)
            self._largest = np.array([e.largest for e in self._events])
        return self._events

    def _fill(self, parameters: FloatArray, initial: InitialValues | None) -> None:
        """Fill the packed inputs, the initial states with derivatives, and the amounts that one unit of each input adds."""
        system, y = self.plan.system, self.y
        np.copyto(self.x, self.template)
        self.x[:, system.parameters_at : system.parameters_at + parameters.shape[1]] = parameters
        evaluate(system.initial, self.x, y)
        evaluate(system.scales, self.x, self.scales)
        if initial is not None:
            for i, state in enumerate(initial.states):
                y[:, state] = initial.values[:, i]
                y[:, system.base + state : system.size : system.base] = initial.is_parameter[:, i]

    def _refuse_negative(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Return which subjects start with a negative number of cells, and their states; these are NaN from now on.

        Values that are negative by less than the threshold of extinction, or by the rounding of the subject's largest number of
        cells, are set to zero.
        """
        system, states = self.plan.system, self.y[:, : self.plan.system.base]
        below = (states < 0) & system.cells
        if not below.any():
            return np.zeros(0, dtype=np.int64), np.zeros((0, system.base))
        largest = np.where(system.cells, np.abs(states), 0.0).max(axis=1, keepdims=True)
        rows = np.flatnonzero((below & (states < -np.maximum(system.extinct_below, _ROUNDING * largest))).any(axis=1))
        found = states[rows]
        states[below] = 0.0
        states[rows] = np.nan
        return rows, found

    def _tolerances(self, parameters: FloatArray) -> Tolerances:
        plan, system = self.plan, self.plan.system
        states = self.y[:, : system.base]
        if plan.atol is not None:
            found = Tolerances(
                np.broadcast_to(plan.atol, states.shape).copy(), np.zeros(states.shape), np.zeros((len(states), 1))
            )
        else:
            found = absolute(system, self.x, states, self._largest, self.scales, plan.options.rtol)
        return of_derivatives(found, parameters, system) if plan.by else found

    def _compiled(self, events: Sequence[EventTable], tolerances: Tolerances) -> None:
        """Solve subjects in lanes if that is possible, in explicit steps first.

        The functions for implicit steps are created when subjects need them.
        """
        from immunoode.solve.integrator.records import HANDED_OVER

        if self._kernels is None or self.plan.triggers.quantities or not self._kernels.take(events):
            self._kernels = _Kernels(self, events)  # triggers change the events
        kernels, codes = self._kernels, self.solution.codes
        for name in ("atol", "shares", "units"):
            np.copyto(getattr(kernels.tolerances, name), getattr(tolerances, name))
        if self.plan.lane_rates is None:
            kernels.one_by_one()
            return
        implicit = self.plan.options.method == "rodas5p"
        if not implicit:
            kernels.explicit_lanes()
        if implicit or (codes == HANDED_OVER).any():
            kernels.implicit_lanes(np.arange(codes.size) if implicit else np.flatnonzero(codes == HANDED_OVER))

    def _by_scipy(self, events: Sequence[EventTable], tolerances: Tolerances) -> None:
        from scipy.integrate import LSODA

        from immunoode.solve.integrator.output import write_outputs_from_python
        from immunoode.solve.problem.run import batch_of, run_of

        plan, solution = self.plan, self.solution
        batch = batch_of(plan, self.rows, self.x, self.y, events, tolerances, self.values, solution)
        run, quantities = run_of(plan, batch, 1), plan.watch if plan.triggers.quantities else None
        method = plan.options.method if isinstance(plan.options.method, type) else LSODA
        for p in range(len(events)):
            plan.system.set_constants(self.x[p])
            run.progress.subject[0] = p
            solution.codes[p] = reference.solve(plan.system, run, quantities, method)
            write_outputs_from_python(run, 0, bool(solution.codes[p] == FINISHED))


class _Kernels:
    """The kernels with their arguments for one batch, and working memory; `tolerances` are filled for each solve."""

    def __init__(self, batch: SubjectBatch, events: Sequence[EventTable]) -> None:
        from immunoode.solve.problem.run import batch_of, run_of

        plan, shape = batch.plan, (len(events), batch.plan.system.size)
        self.tolerances = Tolerances(np.empty(shape), np.empty(shape), np.empty((len(events), 1 + len(plan.by))))
        subjects = batch_of(plan, batch.rows, batch.x, batch.y, events, self.tolerances, batch.values, batch.solution)
        self.system, self.every = plan.system, np.arange(len(events))
        self.run = run_of(plan, subjects, 1 if plan.lane_rates is None else LANES)
        self._events = tuple(events)
        self._stiff: FloatArray | None = None

    def take(self, events: Sequence[EventTable]) -> bool:
        """Replace the events of the last solve by those of another one; return whether they fit into the arrays."""
        if all(map(operator.is_, events, self._events)):
            return True
        batch, infusions = self.run.batch, self.run.progress.active.shape[1]
        pairs = list(zip(events, self._events, strict=True))
        if any(e.sources is not o.sources and (len(e.records) != len(o.records) or e.infusions > infusions) for e, o in pairs):
            return False
        for (e, before), first in zip(pairs, batch.offsets.tolist(), strict=False):
            rows = slice(first, first + len(e.records))
            batch.events[rows] = e.records
            if e.gradients is not before.gradients:
                for column, own in zip(batch.gradients, e.gradients, strict=True):
                    column[rows] = own
        self._events = tuple(events)
        return True

    @cached_property
    def one_by_one(self) -> Callable[[], None]:
        """Solve the subjects one after another."""
        from immunoode.solve.integrator.scalar import integrate_subjects

        return _bound(integrate_subjects, self.run, self.every)

    @cached_property
    def explicit_lanes(self) -> Callable[[], None]:
        """Solve all subjects in explicit steps; those that need implicit ones are handed over."""
        from immunoode.solve.integrator.lane_state import lanes_for
        from immunoode.solve.integrator.lanes import integrate_lanes

        lanes = lanes_for(self.run.batch, self.run.layout)
        return _bound(integrate_lanes, self.run, lanes, self.checkpoints, self.every)

    def implicit_lanes(self, subjects: Any) -> None:
        """Solve some of the subjects in implicit steps as well; in repeated solves these are mostly the same ones."""
        if self._stiff is None or not np.array_equal(subjects, self._stiff):
            self._stiff, self._solve_stiff = subjects, self._with_implicit_steps(subjects)
        self._solve_stiff()

    def _with_implicit_steps(self, subjects: Any) -> Callable[[], None]:
        from immunoode.solve.integrator.lanes import integrate_lanes
        from immunoode.solve.problem.run import with_implicit_lanes

        run = with_implicit_lanes(self.run, self.system.implicit_lanes, self._room_for_implicit)
        return _bound(integrate_lanes, run, self._room_for_implicit, self.checkpoints, subjects)

    @cached_property
    def checkpoints(self) -> Any:
        """The progress of subjects that are handed over."""
        from immunoode.solve.integrator.records import progress_for

        return progress_for(self.run.batch, self.run.layout, self.run.triggers, len(self.every))

    @cached_property
    def _room_for_implicit(self) -> Any:
        from immunoode.solve.integrator.lane_state import lanes_for

        implicit = self.system.implicit_lanes
        return lanes_for(self.run.batch, self.run.layout, implicit.rows, implicit.drift_at)


def _bound(kernel: Any, *arguments: Any) -> Callable[[], None]:
    """Return a kernel with arguments that are kept as long as the kernel."""
    run = kernel.bind(*arguments)

    def bound(_kept: Any = arguments) -> None:
        run()

    return bound


def _packed_at_start(plan: SimulationPlan, rows: slice) -> FloatArray:
    """Return packed inputs without parameters; clocks of drugs that are not given start at day 0."""
    system, schedules = plan.system, plan.schedules[rows]
    x, inputs = system.rows(np.zeros((len(schedules), len(plan.parameters)))), tuple(system.equations.inputs)
    for i in np.flatnonzero(system.clocks >= 0):
        given = {id(s): doses_of(s, inputs[i]) for s in schedules}
        x[[not given[id(s)] for s in schedules], system.clocks[i]] = 0.0
    x[:, TIME_AT] = plan.starts[rows]
    return x
