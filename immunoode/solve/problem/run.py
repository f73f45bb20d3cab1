"""The subjects of a plan as records for kernels (see `immunoode.solve.integrator.records`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from immunoode.solve.integrator.records import (
    AUTOMATIC,
    IMPLICIT,
    STATISTICS,
    Batch,
    Functions,
    Native,
    Run,
    Settings,
    Triggers,
    VectorLayout,
    progress_for,
    workspace_for,
)
from immunoode.solve.options import METHODS
from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.compiled_model import CompiledModel
from immunoode.solve.problem.event_table import EVENT, EventGradients, EventTable, joined
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.tolerances import Tolerances, absolute
from immunoode.solve.problem.trigger_table import TriggerTable

if TYPE_CHECKING:
    from immunoode.solve.integrator.lane_state import Lanes
    from immunoode.solve.problem.codegen_implicit import ImplicitFunctions
    from immunoode.solve.problem.plan import SimulationPlan
    from immunoode.solve.problem.solution import Solution

NO_FUNCTION = Native(0, 0)


def native(function: NativeFunction) -> Native:
    """Return the address and the context of a compiled function."""
    address, context = function.address.tolist()
    return Native(address, context)


def functions_of(system: CompiledModel, quantities: NativeFunction, outputs: NativeFunction, lane_rates: int = 0) -> Functions:
    """Return the functions of a system that kernels call; `lane_rates` is the address of the rates of eight subjects."""
    return Functions(
        rates=native(system.rates),
        dose_effects=native(system.arrivals),
        jacobian=native(system.jacobian),
        initial=native(system.initial),
        conditions=native(system.conditions),
        time_derivative=native(system.time_derivative) if system.depends_on_time else NO_FUNCTION,
        coupling=native(system.coupling) if system.by else NO_FUNCTION,
        crossings=native(system.crossings) if system.by else NO_FUNCTION,
        constants=native(system.constants),
        quantities=native(quantities),
        outputs=native(outputs),
        lane_rates=Native(lane_rates, 0),
        lane_setup=NO_FUNCTION,
        lane_stage=NO_FUNCTION,
        lane_steps=NO_FUNCTION,
    )


def layout_of_system(system: CompiledModel, names: tuple[str, ...]) -> VectorLayout:
    """Return the layout of the vectors of a system, with the states from which some outputs are computed."""
    return VectorLayout(
        states=system.base,
        size=system.size,
        width=system.width,
        varied=len(system.by),
        conditions=len(system.equations.conditions),
        constants_at=system.constants_at,
        clocks=system.clocks,
        input_states=system.input_states,
        exchange=system.exchange,
        reported=system.read_by(names),
    )


def triggers_of(table: TriggerTable) -> Triggers:
    """Return the triggers of a run."""
    return Triggers(table.table, table.affects, int(table.continuous))


def batch_of(
    plan: SimulationPlan,
    rows: slice,
    x: FloatArray,
    y: FloatArray,
    events: Sequence[EventTable],
    tolerances: Tolerances,
    values: FloatArray,
    solution: Solution,
) -> Batch:
    """Return some subjects of a plan; results are written into the solution.

    Parameters
    ----------
    x, y : ndarray
        Packed inputs and initial states (padded); both are changed.
    events : sequence of EventTable
        One per subject; they are copied.
    values : ndarray
        The array for the outputs.
    """
    records, gradients = joined(events)
    return Batch(
        x=x,
        y=y,
        atol=tolerances.atol,
        atol_share=tolerances.shares,
        units=tolerances.units,
        starts=plan.starts[rows],
        times=plan.times[rows],
        lengths=plan.lengths[rows],
        offsets=np.concatenate([[0], np.cumsum([e.records.size for e in events])]).astype(np.int64),
        events=records,
        gradients=gradients,
        values=values,
        statistics=solution.counts.view(STATISTICS)[:, 0],
        ended=solution.ended,
        codes=solution.codes,
        fired=solution.fired,
    )


def run_of(plan: SimulationPlan, batch: Batch, lanes: int) -> Run:
    """Return the run of some subjects of a plan, in this number of lanes."""
    system, watch, options, vector = plan.system, plan.watch, plan.options, plan.lane_rates
    layout, triggers = layout_of_system(system, plan.names), triggers_of(plan.triggers)
    return Run(
        functions_of(system, watch, system.outputs(plan.names), int(vector.address[0]) if vector else 0),
        layout,
        Settings(
            options.rtol,
            METHODS.index(options.method) if options.method in METHODS else AUTOMATIC,
            options.max_steps,
            plan.thresholds,
        ),
        triggers,
        batch,
        progress_for(batch, layout, triggers, lanes, aligned=lanes > 1),
        workspace_for(batch, layout, watch.size),
    )


def with_implicit_lanes(run: Run, implicit: ImplicitFunctions, lanes: Lanes) -> Run:
    """Return a run with the functions for implicit steps of eight subjects, and with the kernel that takes these steps."""
    from immunoode.solve.integrator.lanes import attempt_implicit_steps

    setup, stage = implicit.address.tolist()
    steps = attempt_implicit_steps.address(run, lanes)
    made = {name: Native(address, 0) for name, address in (("lane_setup", setup), ("lane_stage", stage), ("lane_steps", steps))}
    return run._replace(functions=run.functions._replace(**made))


def run_of_one(plan: SimulationPlan, packed: FloatArray, more: int = 0) -> Run:
    """Return the run of a plan's first subject, at its start and without events; `more` numbers are added to its input."""
    system, options = plan.system, plan.options
    y = np.zeros((1, system.width))
    y[0, : system.base] = system.initial(packed)[: system.base]
    no_doses, none = np.zeros((1, len(system.input_states))), np.zeros((0, len(system.by)))
    if plan.atol is None:
        tolerances = absolute(system, packed[None], y[:, : system.base], no_doses, no_doses, options.rtol)
    else:
        tolerances = Tolerances(np.full((1, system.base), plan.atol), np.zeros((1, system.base)), np.zeros((1, 1)))
    batch = Batch(
        x=np.concatenate([packed, np.zeros(more)])[None],
        y=y,
        atol=tolerances.atol,
        atol_share=tolerances.shares,
        units=tolerances.units,
        starts=plan.starts[:1],
        times=plan.times[:1],
        lengths=plan.lengths[:1],
        offsets=np.zeros(2, np.int64),
        events=np.zeros(0, EVENT),
        gradients=EventGradients(none, none, none, none),
        values=np.zeros((1, plan.times.shape[1], 0)),
        statistics=np.zeros(1, STATISTICS),
        ended=np.zeros(1),
        codes=np.zeros(1, np.int64),
        fired=np.zeros((1, 0)),
    )
    run = run_of(plan, batch, 1)
    own = run.progress
    own.x[0], own.y[0], own.saved[:] = batch.x[0], y[0], np.nan
    own.t[0], own.end[0], own.implicit[0] = batch.starts[0], batch.times[0, -1], run.settings.method == IMPLICIT
    return run
