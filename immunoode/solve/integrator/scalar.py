"""The scalar engine: one subject is integrated over its events, for any model.

Steps end only at events, output is by dense interpolation, and the step size is kept across events. An explicit method is used
until stability limits the step size for so long that implicit steps would be worth their cost; then the implicit method is
used, and the explicit one again when it would be cheaper. Compartments with a threshold become exactly zero when they cross it
downwards (root of the interpolant). A step ends when a condition of the rates changes its sign. The state may be followed by
its derivatives: (1 + m) n numbers, of which the first n are the model's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator import rodas5p, tsit5
from immunoode.solve.integrator.controller import (
    SMALLEST,
    accept_factor,
    error_with_sensitivities,
    implicit_cost_ratio,
    log_error,
    other_method_pays,
    reject_factor,
    time_epsilon,
)
from immunoode.solve.integrator.discontinuities import (
    condition_signs,
    cross_discontinuity,
    crosses_discontinuity,
    locate_discontinuity,
)
from immunoode.solve.integrator.domain import (
    clip_dense_output,
    cut_at_root,
    falls_below_threshold,
    grow_tolerances,
    is_bounded,
    locate_threshold,
    negativity_factor,
    remove_debris,
)
from immunoode.solve.integrator.interpolation import save_interpolated
from immunoode.solve.integrator.jit import entry, inner, rare
from immunoode.solve.integrator.lu import power_iteration
from immunoode.solve.integrator.native import evaluate_rates
from immunoode.solve.integrator.records import AUTOMATIC, STEPPING, Run
from immunoode.solve.integrator.segment import (
    SWITCH_AFTER,
    begin_segment,
    end_subject,
    load_subject,
    pass_stop,
    renew_rates,
    save_reached,
)
from immunoode.solve.integrator.simd4 import copy
from immunoode.solve.integrator.triggers import (
    evaluate_quantities,
    locate_trigger,
    update_continuous_triggers,
    update_nadirs,
    would_change,
)
from immunoode.solve.status import NOT_FINITE, TOO_MANY, TOO_SMALL

THRESHOLD, TRIGGER = 1, 2
"""Flags of the reasons for shortening a step: a state falls below its threshold, a trigger changes."""
STALLED = 0.999
"""If a step that was shortened to end before a root contains it again, the interpolant is inaccurate, and the step is halved.
"""
REPEATED = -4
"""Used instead of a status code: a step was rejected, or ended at a discontinuity."""
_attempt_explicit, _explicit_interpolant, _explicit_stiffness = tsit5.attempt, tsit5.interpolant, tsit5.stiffness
_attempt_implicit, _implicit_interpolant, _renew_jacobian = rodas5p.attempt, rodas5p.interpolant, rodas5p.renew_jacobian


@entry
def integrate_subjects(run: Run, subjects: Any) -> None:
    """Integrate some of the subjects, one after another."""
    lane = run.progress.t.size - 1  # 0: as a constant it would have all that is called compiled again, for it alone
    for i in range(subjects.size):
        load_subject(run, lane, subjects[i])
        end_subject(run, lane, integrate(run, lane))


@inner
def integrate(run: Any, lane: int) -> int:
    """Integrate a subject from its present time to its end; return a status code."""
    own = run.progress
    prepare_steps(run, lane)
    while True:
        status = pass_stop(run, lane)
        if status != STEPPING:
            return status
        begin_segment(run, lane)
        while own.t[lane] < own.stop[lane]:
            status = try_step(run, lane)
            if status == REPEATED:
                continue
            if status != STEPPING:
                return status
            switching = wants_switch(run, lane, own.stop[lane])
            find_root(run, lane)
            save_dense(run, lane)
            accept_step(run, lane)
            if run.triggers.continuous:
                pass_trigger(run, lane)
            renew_slope(run, lane)
            if switching:
                switch_method(run, lane)


@inner
def try_step(run: Any, lane: int) -> int:
    """Try the next step; return STEPPING if it may be accepted, REPEATED if another one is to be tried, or a status code."""
    own = run.progress
    if own.taken[lane] >= run.settings.max_steps:
        return TOO_MANY
    last = _choose_size(run, lane)
    own.reached[lane] = own.stop[lane] if last else own.t[lane] + own.size[lane]
    own.error[lane], factor = attempt_step(run, lane), 1.0
    if run.layout.varied and own.error[lane] < np.inf:
        own.error[lane] = error_with_sensitivities(run, lane)
    if own.error[lane] <= 1.0:
        factor = negativity_factor(run, lane)
    if not own.error[lane] <= 1.0 or factor < 1.0:
        return REPEATED if reject_step(run, lane, factor) else TOO_SMALL
    if not is_bounded(run.work.trial, run.layout.size):
        return NOT_FINITE
    if crosses_discontinuity(run, lane, own.reached[lane]):
        approach_discontinuity(run, lane)
        return REPEATED
    return STEPPING


@rare
def prepare_steps(run: Any, lane: int) -> None:
    """Initialise the additional state of the scalar engine."""
    own, work = run.progress, run.work
    for i in range(run.layout.size):
        work.tolerance[i] = run.batch.atol[own.subject[lane], i]
    for i in range(run.layout.states):
        work.eigenvector[i] = 0.0
    own.uncut[lane], own.streak[lane], own.patience[lane] = 0.0, 0, SWITCH_AFTER


@inner
def _choose_size(run: Any, lane: int) -> bool:
    """Choose the size of the next step; return whether it is the last of its segment."""
    own = run.progress
    own.taken[lane] += 1
    left = own.stop[lane] - own.t[lane]
    last = (1.01 if own.uncut[lane] == 0.0 else 1.0) * own.h[lane] >= left  # one cut before a root is not stretched again
    own.size[lane] = left if last else own.h[lane]
    return last


@inner
def attempt_step(run: Any, lane: int) -> float:
    """Try a step with the present method; return its scaled error."""
    own, t, h = run.progress, run.progress.t[lane], run.progress.size[lane]
    statistics = run.batch.statistics[own.subject[lane]]
    if not own.implicit[lane]:
        statistics.evaluations += tsit5.EVALUATIONS
        return _attempt_explicit(evaluate_rates, run, lane, own.y[lane], t, h)
    if not own.jacobian_known[lane]:
        _renew_jacobian(run, lane)
        statistics.jacobians += 1
        own.jacobian_known[lane] = 1
    statistics.evaluations += rodas5p.EVALUATIONS
    return _attempt_implicit(run, lane, own.y[lane], t, h)


@inner
def reject_step(run: Any, lane: int, factor: float) -> bool:
    """Shorten a step by the factor, or by its error where that is 1; False if it becomes too small."""
    own = run.progress
    run.batch.statistics[own.subject[lane]].rejections += 1
    own.h[lane] = own.size[lane] * (reject_factor(own.error[lane]) if factor == 1.0 else factor)
    return not own.h[lane] <= SMALLEST * max(abs(own.t[lane]), 1e-3)


@inner
def make_interpolant(run: Any, lane: int) -> None:
    """Make the interpolant of the step that was taken."""
    if run.progress.implicit[lane]:
        _implicit_interpolant(run, lane)
    else:
        _explicit_interpolant(run, lane)


@rare
def approach_discontinuity(run: Any, lane: int) -> None:
    """Shorten a step to end before the first sign change of a condition, or cross it if it is immediately ahead."""
    own, p = run.progress, run.progress.subject[lane]
    statistics = run.batch.statistics[p]
    make_interpolant(run, lane)
    theta = locate_discontinuity(run, lane)
    if own.uncut[lane] > 0.0 and theta > STALLED:  # the root is not where the interpolant has it
        theta = 0.5
    own.uncut[lane] = max(own.uncut[lane], own.size[lane])
    if theta * own.size[lane] > 10.0 * time_epsilon(own.t[lane]):
        statistics.rejections += 1
        own.h[lane] = theta * own.size[lane]
        return
    statistics.crossings += 1
    statistics.evaluations += 2
    cross_discontinuity(run, lane, min(own.t[lane] + own.size[lane], own.stop[lane]))
    own.h[lane], own.uncut[lane], own.jacobian_known[lane], own.streak[lane] = own.uncut[lane], 0.0, 0, 0
    run.batch.ended[p] = own.t[lane]
    if own.t[lane] < own.stop[lane]:
        save_reached(run, lane)


@inner
def find_root(run: Any, lane: int) -> None:
    """Find the reason for shortening a step, if there is one, and the time at which it ends."""
    own, batch, p = run.progress, run.batch, run.progress.subject[lane]
    own.theta[lane], own.root[lane] = 1.0, 0
    falls, g = falls_below_threshold(run, lane), own.output[lane]
    if falls or (g < batch.lengths[p] and batch.times[p, g] <= own.reached[lane]):
        make_interpolant(run, lane)
    if falls:
        own.theta[lane], own.root[lane] = locate_threshold(run, lane), THRESHOLD
    if run.triggers.continuous:
        evaluate_quantities(run, lane, own.reached[lane], run.work.trial)
        if would_change(run, lane):
            make_interpolant(run, lane)
            theta = locate_trigger(run, lane)
            if theta <= own.theta[lane]:
                own.theta[lane], own.root[lane] = theta, own.root[lane] | TRIGGER
    if own.theta[lane] < 1.0:
        own.reached[lane] = own.t[lane] + own.theta[lane] * own.size[lane]


@inner
def save_dense(run: Any, lane: int) -> None:
    """Save the states for all outputs within a step; those at a root or a stop follow when that is passed."""
    own, p = run.progress, run.progress.subject[lane]
    times, count, reached = run.batch.times[p], run.batch.lengths[p], own.reached[lane]
    at_end, g = own.root[lane] == 0 and reached < own.stop[lane], own.output[lane]
    while g < count and (times[g] < reached or (times[g] == reached and at_end)):
        save_interpolated(own.saved[lane], g, run.work.dense, (times[g] - own.t[lane]) / own.size[lane])
        clip_dense_output(run, lane, min(times[g], own.latest[lane]), own.saved[lane, g])
        g += 1
    own.output[lane] = g


@inner
def accept_step(run: Any, lane: int) -> None:
    """Take a step, up to its root if it has one, and choose the size of the next one."""
    own, work, reached = run.progress, run.work, run.progress.reached[lane]
    last, logged = _is_last(own, lane), log_error(own.error[lane])
    proposed = own.size[lane] * accept_factor(logged, own.log_error[lane])
    own.h[lane] = max(own.h[lane], proposed) if last else proposed
    own.log_error[lane], own.t[lane], own.jacobian_known[lane] = logged, reached, 0
    run.batch.statistics[own.subject[lane]].steps += 1
    run.batch.ended[own.subject[lane]] = reached
    if own.root[lane]:
        cut_at_root(run, lane, own.theta[lane])
    else:
        remove_debris(run, lane)
        copy(own.y[lane], 0, work.trial, 0, work.trial.size)
    grow_tolerances(run, lane)


@inner
def _is_last(own: Any, lane: int) -> bool:
    """Whether the step that is being taken is the last of its segment."""
    return own.size[lane] == own.stop[lane] - own.t[lane]


@inner
def pass_trigger(run: Any, lane: int) -> None:
    """Evaluate the triggers after a step that one of them has shortened, and store the nadirs."""
    own = run.progress
    if own.root[lane] & TRIGGER:
        if update_continuous_triggers(run, lane):
            own.stop[lane] = own.t[lane]  # a course begins
    else:
        evaluate_quantities(run, lane, own.t[lane], own.y[lane])
        update_nadirs(run, lane)


@inner
def renew_slope(run: Any, lane: int) -> None:
    """Compute the rates at the end of a step: they are the last stage of an explicit step that was not shortened."""
    own, work = run.progress, run.work
    if not own.implicit[lane] and not own.root[lane]:
        copy(work.slope, 0, work.stages, 6 * work.slope.size, work.slope.size)
        return
    t = min(own.t[lane], own.latest[lane])
    renew_rates(run, lane, t)
    if own.root[lane] and run.layout.conditions:
        condition_signs(run, lane, t)


@inner
def wants_switch(run: Any, lane: int, until: float) -> bool:
    """Whether the other method would have been worth its cost in the last steps, and would be until some time."""
    own, work = run.progress, run.work
    if run.settings.method != AUTOMATIC:
        return False
    _set_weights(run, lane)
    if own.implicit[lane]:
        largest = power_iteration(work.jacobian, work.eigenvector, work.weights, work.row_sizes)
    else:
        largest = _explicit_stiffness(run)
    reach = own.size[lane] * largest
    if own.implicit[lane] and _is_last(own, lane):
        reach = np.inf  # its size is that of what was left: it does not speak for explicit steps
    return other_method_pays(own, lane, reach, (until - own.t[lane]) * largest, implicit_cost_ratio(run.layout.states))


@inner
def _set_weights(run: Any, lane: int) -> None:
    weights, trial, atol = run.work.weights, run.work.trial, run.batch.atol[run.progress.subject[lane]]
    for i in range(weights.size):
        weights[i] = atol[i] + run.settings.rtol * abs(trial[i])


@inner
def switch_method(run: Any, lane: int) -> None:
    """Switch to the other method."""
    own = run.progress
    own.implicit[lane] = 0 if own.implicit[lane] else 1
    own.streak[lane] = 0
    run.batch.statistics[own.subject[lane]].switches += 1
