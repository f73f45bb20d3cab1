"""The lane engine: eight subjects are integrated together, each with its own events and step size.

The method is that of `immunoode.solve.integrator.scalar`; operations on a state are applied to eight subjects in one wide
register. Decisions per step (its size, outputs, events, extinction) are made for each lane; a subject that has ended is
replaced by the next one. The result for a subject does not depend on the other subjects, or on whether there are any. A subject
whose step size is limited by stability continues with implicit steps, and with explicit steps again when these are cheaper. One
pass of the loop advances the lanes of one method; if both methods are in use, the other lanes wait for the next pass.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator import rodas5p_lanes
from immunoode.solve.integrator.array_type import address_of
from immunoode.solve.integrator.controller import SMALLEST, lane_cost_ratio, other_method_pays, reject_factor
from immunoode.solve.integrator.domain import locate_threshold, negativity_factor
from immunoode.solve.integrator.jit import entry, inner, rare
from immunoode.solve.integrator.lane_state import (
    EMPTY,
    Lanes,
    advance_lane,
    cut_lane,
    gather_interpolant,
    gather_lane,
    gather_step,
    load_lane,
    save_dense_lane,
    scatter_lane,
    store_lane,
)
from immunoode.solve.integrator.native import call_address, call_kernel
from immunoode.solve.integrator.records import AUTOMATIC, HANDED_OVER, LARGEST, STEPPING, Progress, Run
from immunoode.solve.integrator.segment import renew_rates
from immunoode.solve.integrator.simd8 import (
    FALLS,
    OVERSHOOTS,
    UNBOUNDED,
    accept_steps,
    carry_rates,
    check_steps,
    error_norms,
    linear_combination,
    propose_factors,
    stage_sum,
    stiffness,
)
from immunoode.solve.integrator.tsit5 import DENSE, ERROR, EVALUATIONS, A, C
from immunoode.solve.problem.packed_input import FLAG, LANES, SIZE, STATES_AT, TIME_AT
from immunoode.solve.status import NOT_FINITE, TOO_MANY, TOO_SMALL

_attempt_implicit, _implicit_interpolants = rodas5p_lanes.attempt, rodas5p_lanes.interpolants


@entry
def integrate_lanes(run: Run, lanes: Lanes, checkpoints: Progress, subjects: Any) -> None:
    """Integrate some of the subjects, eight at a time.

    If there are no functions for implicit steps, subjects that need them are handed over with a checkpoint; subjects that were
    handed over continue from their checkpoints.
    """
    lanes.waiting[0] = lanes.mode[0] = 0
    while fill_lanes(run, lanes, checkpoints, subjects):
        choose_sizes(run, lanes)
        if lanes.mode[0]:
            call_kernel(run.functions.lane_steps.address, run)
        else:
            attempt_explicit_steps(run, lanes)
        check_steps(lanes.flags, lanes.y, lanes.trial, lanes.debris, lanes.thresholds, LARGEST)
        if judge_steps(run, lanes):
            make_interpolants(run, lanes)
        propose_factors(lanes.factor, lanes.logged, lanes.error, run.progress.log_error)
        end_steps(run, lanes)
        accept_steps(lanes.accepted, lanes.y, lanes.trial, lanes.debris, lanes.atol, lanes.atol_share)
        if not lanes.mode[0]:
            carry_rates(lanes.accepted, lanes.stages)
        if run.settings.method == AUTOMATIC:
            choose_methods(run, lanes)


@inner
def fill_lanes(run: Any, lanes: Any, checkpoints: Any, subjects: Any) -> int:
    """Process the stops that lanes have reached, and reassign the lanes of subjects that have ended.

    Return the number of lanes with a step to take. If there are lanes of both methods, these alternate.
    """
    own, status, stepping, implicit = run.progress, lanes.status, 0, 0
    t, stop = own.t, own.stop
    for lane in range(LANES):
        while status[lane] != STEPPING or t[lane] >= stop[lane] or own.taken[lane] >= run.settings.max_steps:
            if status[lane] == STEPPING:
                status[lane] = advance_lane(run, lanes, lane) if t[lane] >= stop[lane] else TOO_MANY
                continue
            if status[lane] != EMPTY:
                store_lane(run, lanes, checkpoints, lane, status[lane])
            status[lane] = EMPTY
            if lanes.waiting[0] == subjects.size:
                break
            load_lane(run, lanes, checkpoints, lane, subjects[lanes.waiting[0]])
            status[lane] = STEPPING
            lanes.waiting[0] += 1
        stepping += status[lane] == STEPPING
        implicit += status[lane] == STEPPING and own.implicit[lane] == 1
    lanes.mode[0] = 1 - lanes.mode[0] if 0 < implicit < stepping else int(implicit > 0)
    return stepping


@inner
def choose_sizes(run: Any, lanes: Any) -> None:
    """Choose the step size of each lane: 0 if no step is taken in this pass."""
    own, mode = run.progress, lanes.mode[0]
    for lane in range(LANES):
        left = own.stop[lane] - own.t[lane]
        own.size[lane] = left if 1.01 * own.h[lane] >= left else own.h[lane]
        if lanes.status[lane] == EMPTY or own.implicit[lane] != mode:
            own.size[lane] = 0.0


@entry
def attempt_implicit_steps(run: Run, lanes: Lanes) -> None:
    """Try an implicit step of each lane, and compute its error and the size of the leading eigenvalue.

    This is a separate kernel, which `integrate_lanes` calls: it is compiled when it is needed, and most models never need it.
    """
    room, prepared, rtol = lanes.implicit, lanes.implicit.prepared, run.settings.rtol
    for i in range(LANES * run.layout.states if run.settings.method == AUTOMATIC else 0):
        room.scales[LANES + i] = lanes.atol[i] + rtol * abs(lanes.y[i])
    _attempt_implicit(run, lanes)
    error_norms(lanes.error, room.stages, 7 * lanes.y.size, lanes.y, lanes.trial, rtol, lanes.atol, lanes.units)
    for lane in range(LANES):
        lanes.error[lane] += prepared[FLAG * LANES + lane]
        lanes.stiffness[lane] = prepared[SIZE * LANES + lane]


@inner
def attempt_explicit_steps(run: Any, lanes: Any) -> None:
    """Try an explicit step of each lane (see `immunoode.solve.integrator.tsit5.attempt`), and compute its error and stiffness.

    The states in x become those at its end; the last row of the stages gets the errors.
    """
    size, x, y, k, sixth = run.progress.size, lanes.x, lanes.y, lanes.stages, lanes.sixth
    base, n = STATES_AT * LANES, y.size
    b, c, d, e, g, q = A[2], A[3], A[4], A[5], A[6], ERROR
    stage_sum(x, base, y, k, (A[1][0],), size)
    evaluate_lane_rates(run, lanes, C[1], 1)
    stage_sum(x, base, y, k, (b[0], b[1]), size)
    evaluate_lane_rates(run, lanes, C[2], 2)
    stage_sum(x, base, y, k, (c[0], c[1], c[2]), size)
    evaluate_lane_rates(run, lanes, C[3], 3)
    stage_sum(x, base, y, k, (d[0], d[1], d[2], d[3]), size)
    evaluate_lane_rates(run, lanes, C[4], 4)
    stage_sum(x, base, y, k, (e[0], e[1], e[2], e[3], e[4]), size)
    for i in range(n):
        sixth[i] = x[base + i]
    evaluate_lane_rates(run, lanes, C[5], 5)
    stage_sum(x, base, y, k, (g[0], g[1], g[2], g[3], g[4], g[5]), size)
    evaluate_lane_rates(run, lanes, C[6], 6)
    linear_combination(k, 7 * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6]), size)
    error_norms(lanes.error, k, 7 * n, y, lanes.trial, run.settings.rtol, lanes.atol, lanes.units)
    if run.settings.method == AUTOMATIC:
        stiffness(lanes.stiffness, k, lanes.trial, sixth, run.settings.rtol, lanes.atol)


@inner
def evaluate_lane_rates(run: Any, lanes: Any, share: float, row: int) -> None:
    """Fill a row of the stages with the rates of all lanes at a fraction of their steps."""
    own, function = run.progress, run.functions.lane_rates
    for lane in range(LANES):
        lanes.x[TIME_AT * LANES + lane] = min(own.t[lane] + share * own.size[lane], own.latest[lane])
    call_address(function.address, address_of(lanes.infusion), lanes.stages, row * lanes.y.size, lanes.x, 0)


@inner
def make_interpolants(run: Any, lanes: Any) -> None:
    """Make the interpolants of the steps."""
    y, k, dense = lanes.y, lanes.stages, lanes.dense
    if lanes.mode[0]:
        _implicit_interpolants(lanes)
        return
    for i in range(y.size):
        dense[0, i] = y[i]
    for p in range(4):
        weights = (DENSE[0, p], DENSE[1, p], DENSE[2, p], DENSE[3, p], DENSE[4, p], DENSE[5, p], DENSE[6, p])
        linear_combination(dense, (p + 1) * y.size, k, weights, run.progress.size)


@inner
def judge_steps(run: Any, lanes: Any) -> bool:
    """Accept or reject the step of each lane; return whether one of those accepted needs its interpolant."""
    own, batch, status, flags, error = run.progress, run.batch, lanes.status, lanes.flags, lanes.error
    mode, interpolated = lanes.mode[0], False
    for lane in range(LANES):
        lanes.accepted[lane] = 0.0
        if status[lane] == EMPTY or own.implicit[lane] != mode:
            continue
        p = own.subject[lane]
        own.taken[lane] += 1
        batch.statistics[p].evaluations += rodas5p_lanes.EVALUATIONS if mode else EVALUATIONS
        batch.statistics[p].jacobians += mode
        factor = 1.0
        if error[lane] <= 1.0 and flags[lane] & OVERSHOOTS:
            gather_step(run, lanes, lane)
            factor = negativity_factor(run, lane)
        if not error[lane] <= 1.0 or factor < 1.0:
            batch.statistics[p].rejections += 1
            own.h[lane] = own.size[lane] * (reject_factor(error[lane]) if factor == 1.0 else factor)
            if own.h[lane] <= SMALLEST * max(abs(own.t[lane]), 1e-3):
                status[lane] = TOO_SMALL
        elif flags[lane] & UNBOUNDED:
            status[lane] = NOT_FINITE
        else:
            batch.statistics[p].steps += 1
            lanes.accepted[lane], g = 1.0, own.output[lane]
            due = g < batch.lengths[p] and batch.times[p, g] <= own.t[lane] + 1.01 * own.size[lane]
            interpolated |= flags[lane] & FALLS != 0 or due
    return interpolated


@inner
def end_steps(run: Any, lanes: Any) -> None:
    """Save the requested outputs in the accepted steps, and advance the time; steps that end at a threshold are shortened."""
    own, batch = run.progress, run.batch
    for lane in range(LANES):
        if lanes.accepted[lane] == 0.0:
            continue
        p, t, size, stop = own.subject[lane], own.t[lane], own.size[lane], own.stop[lane]
        falls, last, theta = lanes.flags[lane] & FALLS != 0, size == stop - t, 1.0
        reached = stop if last else t + size
        if falls:
            gather_interpolant(run, lanes, lane)
            theta = locate_threshold(run, lane)
            reached = t + theta * size
        if own.output[lane] < batch.lengths[p]:
            save_dense_lane(run, lanes, lane, t, reached, not falls and reached < stop)
        own.log_error[lane] = lanes.logged[lane]
        own.h[lane] = max(own.h[lane], size * lanes.factor[lane]) if last else size * lanes.factor[lane]
        own.t[lane] = batch.ended[p] = reached
        if falls:
            lanes.accepted[lane] = 0.0
            cut_lane(run, lanes, lane, theta)


@inner
def choose_methods(run: Any, lanes: Any) -> None:
    """Switch lanes to the other method if that would have been worth its cost in the last steps.

    Lanes that need implicit steps are handed over if there are no functions for these.
    """
    own, cost = run.progress, lane_cost_ratio(run.layout.states)
    for lane in range(LANES):
        if lanes.accepted[lane] == 0.0 or own.t[lane] >= own.stop[lane]:
            continue
        largest = lanes.stiffness[lane]
        if not other_method_pays(own, lane, own.size[lane] * largest, (own.stop[lane] - own.t[lane]) * largest, cost):
            continue
        if run.functions.lane_setup.address == 0:
            lanes.status[lane] = HANDED_OVER
            run.batch.statistics[own.subject[lane]].switches += 1
        else:
            _switch_method(run, lanes, lane)


@rare
def _switch_method(run: Any, lanes: Any, lane: int) -> None:
    """Switch to the other method: explicit steps begin with the rates, which implicit steps do not store."""
    own = run.progress
    own.implicit[lane], own.streak[lane] = 1 - own.implicit[lane], 0
    run.batch.statistics[own.subject[lane]].switches += 1
    if not own.implicit[lane]:
        gather_lane(lanes.y, lane, own.y[lane])
        renew_rates(run, lane, min(max(own.t[lane], own.earliest[lane]), own.latest[lane]))
        scatter_lane(run.work.slope, lanes.stages[0], lane)
