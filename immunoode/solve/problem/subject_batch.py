"""`SubjectBatch`: the subjects that one thread solves together, in arrays that are made once and filled for each solve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from immunoode.solve import reference
from immunoode.solve.options import METHODS
from immunoode.solve.problem.compiled_model import TIME_AT, FloatArray
from immunoode.solve.problem.event_table import Columns, Events
from immunoode.solve.problem.plan import SimulationPlan
from immunoode.solve.problem.solution import Solution
from immunoode.solve.problem.subject_events import at_start, doses_of
from immunoode.solve.problem.tolerances import Tolerances, absolute, of_derivatives
from immunoode.solve.status import FINISHED


class InitialValues(NamedTuple):
    """Initial values that are set: the states (k,), the values (P, k), and which sensitivity parameters they are, (m, k)."""

    states: Any
    values: FloatArray
    is_parameter: FloatArray


class SubjectBatch:
    """Some subjects of a plan; results go into the arrays of `solution`, one row per subject."""

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
        self._events: tuple[Events, ...] | None = None
        self._largest = np.zeros((0, 0))
        self._kernels: _Kernels | None = None

    def solve(self, parameters: FloatArray, initial: InitialValues | None = None) -> None:
        """Solve the subjects for parameters (P, n)."""
        system, plan, solution, y = self.plan.system, self.plan, self.solution, self.y
        events = self._events_for(parameters)
        parameters = at_start(parameters, events, plan.starts[self.rows])
        self._fill(parameters, initial)
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

    def _events_for(self, parameters: FloatArray) -> tuple[Events, ...]:
        if self._events is None or not self.plan.events.fixed:
            events = self.plan.events.of(self.rows, parameters)
            if self._events is None or any(a is not b for a, b in zip(events, self._events, strict=True)):
                self._events, self._kernels = events, None
                self._largest = np.array([e.largest for e in events])
        assert self._events is not None
        return self._events

    def _fill(self, parameters: FloatArray, initial: InitialValues | None) -> None:
        """Fill the packed inputs, the initial states with their derivatives, and what one unit of each input adds."""
        from immunoode.solve.integrator.native import evaluate_rows

        system, y = self.plan.system, self.y
        np.copyto(self.x, self.template)
        self.x[:, system.parameters_at : system.parameters_at + parameters.shape[1]] = parameters
        for function, values in ((system.initial, y), (system.scales, self.scales)):
            if function.size:
                evaluate_rows(function.address, self.x, values)
        if initial is not None:
            for i, state in enumerate(initial.states):
                y[:, state] = initial.values[:, i]
                y[:, system.base + state : system.size : system.base] = initial.is_parameter[:, i]

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

    def _compiled(self, events: Sequence[Events], tolerances: Tolerances) -> None:
        """Solve subjects in lanes if that is possible, in explicit steps first.

        The functions for implicit steps are made when some need them.
        """
        from immunoode.solve.integrator.records import HANDED_OVER

        if self._kernels is None or self.plan.reactions.quantities:  # triggers change the events
            self._kernels = _Kernels(self, events)
        kernels, codes = self._kernels, self.solution.codes
        for name in ("atol", "shares", "units"):
            np.copyto(getattr(kernels.batch, name), getattr(tolerances, name))
        if self.plan.lane_rates is None:
            kernels.one_by_one()
            return
        implicit = self.plan.options.method == "rodas5p"
        if not implicit:
            kernels.explicit_lanes()
        if implicit or (codes == HANDED_OVER).any():
            kernels.implicit_lanes(np.arange(codes.size) if implicit else np.flatnonzero(codes == HANDED_OVER))

    def _by_scipy(self, events: Sequence[Events], tolerances: Tolerances) -> None:
        from scipy.integrate import LSODA

        from immunoode.solve.integrator.output import write_outputs_from_python

        plan, solution, x, y = self.plan, self.solution, self.x, self.y
        system, n, options = plan.system, plan.system.base, plan.options
        method = options.method if isinstance(options.method, type) else LSODA
        for p, index in enumerate(range(self.rows.start, self.rows.stop)):
            count = plan.lengths[index]
            times, states = plan.times[index, :count], np.zeros((count, system.width))
            system.set_constants(x[p])
            own = deepcopy(events[p]) if plan.reactions.quantities else events[p]  # triggers change them
            code = reference.solve(
                system,
                x[p],
                y[p, :n],
                times,
                float(plan.starts[index]),
                own,
                plan.thresholds,
                options.rtol,
                tolerances.atol[p],
                tolerances.shares[p],
                options.max_steps,
                states[:, :n],
                solution.counts[p],
                solution.ended[p : p + 1],
                plan.reactions,
                plan.watch,
                solution.fired[p],
                method,
            )
            solution.codes[p] = code
            self.values[p, count:] = np.nan
            write_outputs_from_python(
                self.outputs.address,
                x[p],
                times,
                states,
                solution.ended[p],
                code == FINISHED,
                options.rtol,
                tolerances.atol[p],
                plan.thresholds,
                own.columns,
                system.constants.address,
                system.constants_at,
                system.clocks,
                self.values[p, :count],
            )


class _Kernels:
    """The kernels with their arguments for one batch, and room to work in."""

    def __init__(self, batch: SubjectBatch, events: Sequence[Events]) -> None:
        from immunoode.solve.integrator.records import Batch, checkpoints_for

        plan, rows, solution = batch.plan, batch.rows, batch.solution
        system, options, watch, lanes = plan.system, plan.options, plan.watch, plan.lane_rates
        offsets = np.concatenate([[0], np.cumsum([e.times.size for e in events])]).astype(np.int64)
        reactions, shape = plan.reactions, (len(events), system.size)
        self.system, self.every = system, np.arange(len(events))
        self.batch = Batch(
            system.addresses,
            np.concatenate([lanes.address if lanes else np.zeros(2, np.int64), np.zeros(2, np.int64)]),
            system.read_by(plan.names),
            batch.x,
            batch.y,
            plan.times[rows],
            plan.lengths[rows],
            plan.starts[rows],
            offsets,
            Columns(*(np.concatenate(columns) for columns in zip(*(e.columns for e in events), strict=True))),
            (system.input_states, system.exchange, system.conditions.size, system.constants_at, system.clocks),
            plan.thresholds,
            options.rtol,
            np.empty(shape),
            np.empty(shape),
            np.empty((len(events), 1 + len(plan.by))),
            options.max_steps,
            METHODS.index(options.method),
            (watch.address, reactions.table, reactions.affects, watch.size),
            batch.outputs.address,
            batch.values,
            solution.counts,
            solution.ended,
            solution.codes,
            solution.fired,
        )
        self.checkpoints = checkpoints_for(self.batch)

    @cached_property
    def one_by_one(self) -> Callable[[], None]:
        """Solve the subjects one after another."""
        from immunoode.solve.integrator.scalar import integrate_subjects, workspace_for

        return _bound(integrate_subjects, self.batch, workspace_for(self.batch), self.checkpoints, self.every)

    def explicit_lanes(self) -> None:
        """Solve all subjects in explicit steps; those that need implicit ones are handed over."""
        self.batch.lane_rates[2:] = 0
        self._explicit_lanes()

    @cached_property
    def _explicit_lanes(self) -> Callable[[], None]:
        from immunoode.solve.integrator.lane_state import lanes_for
        from immunoode.solve.integrator.lanes import integrate_lanes

        return _bound(integrate_lanes, self.batch, lanes_for(self.batch), self.checkpoints, self.every)

    def implicit_lanes(self, which: Any) -> None:
        """Solve some of the subjects in implicit steps as well."""
        from immunoode.solve.integrator.lanes import integrate_lanes

        self.batch.lane_rates[2:] = self.system.implicit_lanes.address
        integrate_lanes(self.batch, self._room_for_implicit, self.checkpoints, which)

    @cached_property
    def _room_for_implicit(self) -> Any:
        from immunoode.solve.integrator.lane_state import lanes_for

        implicit = self.system.implicit_lanes
        return lanes_for(self.batch, implicit.rows, implicit.drift_at)


def _bound(kernel: Any, *arguments: Any) -> Callable[[], None]:
    """Return a kernel with arguments that are kept as long as it is."""
    run = kernel.bind(*arguments)

    def bound(_kept: Any = arguments) -> None:
        run()

    return bound


def _packed_at_start(plan: SimulationPlan, rows: slice) -> FloatArray:
    """Return packed inputs without parameters; what counts from a drug's first dose counts from day 0 if it is not given."""
    system, schedules = plan.system, plan.schedules[rows]
    x, inputs = system.rows(np.zeros((len(schedules), len(plan.parameters)))), tuple(system.equations.inputs)
    for i in np.flatnonzero(system.clocks >= 0):
        given = {id(s): doses_of(s, inputs[i]) for s in schedules}
        x[[not given[id(s)] for s in schedules], system.clocks[i]] = 0.0
    x[:, TIME_AT] = plan.starts[rows]
    return x
