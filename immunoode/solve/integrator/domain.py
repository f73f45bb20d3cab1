"""Limits of states: steps that are too long must not make a state negative, and cells become extinct below a threshold."""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.discontinuities import add_saltation
from immunoode.solve.integrator.interpolation import interpolate, locate_root
from immunoode.solve.integrator.jit import inner, rare
from immunoode.solve.integrator.native import evaluate_rates, set_packed_state
from immunoode.solve.integrator.records import LARGEST
from immunoode.solve.integrator.simd4 import copy


@inner
def is_bounded(y: Any, size: int) -> bool:
    """Whether all states are finite, and so small that interpolants do not overflow."""
    for i in range(size):
        if not abs(y[i]) < LARGEST:
            return False
    return True


@inner
def negativity_factor(run: Any, lane: int) -> float:
    """Return the factor by which to shorten a step that drives a state negative although its rate at zero is not negative; 1.0
    if the step is admissible."""
    own, work, n = run.progress, run.work, run.layout.states
    y, trial, atol, clipped, slope = own.y[lane], work.trial, run.batch.atol[own.subject[lane]], work.clipped, work.scratch
    share = 1.0
    for i in range(n):
        if trial[i] < -atol[i] and y[i] >= 0.0:
            share = min(share, 0.5 * y[i] / (y[i] - trial[i]))
    if share == 1.0:
        return 1.0
    copy(clipped, 0, trial, 0, y.size)
    for i in range(n):
        clipped[i] = max(trial[i], 0.0) if y[i] >= 0.0 else trial[i]
    t = min(own.t[lane] + own.size[lane], own.latest[lane])
    set_packed_state(t, clipped, own.x[lane])
    evaluate_rates(run, lane, t, slope)
    for i in range(n):
        if trial[i] < -atol[i] and y[i] >= 0.0 and not slope[i] < -atol[i]:  # also where it has no value there
            return max(share, 0.02)
    return 1.0


@rare
def clip_dense_output(run: Any, lane: int, t: float, saved: Any) -> None:
    """Set saved states to zero if the interpolant is negative but the state should not be (see `negativity_factor`)."""
    own, work, n = run.progress, run.work, run.layout.states
    y, trial, atol, clipped, slope = own.y[lane], work.trial, run.batch.atol[own.subject[lane]], work.clipped, work.scratch
    if not _dips_below_zero(saved, y, trial, n):
        return
    for i in range(y.size):
        clipped[i] = max(saved[i], 0.0) if i < n and y[i] >= 0.0 and trial[i] >= 0.0 else saved[i]
    set_packed_state(t, clipped, own.x[lane])
    evaluate_rates(run, lane, t, slope)
    for i in range(n):
        if saved[i] < clipped[i] and not slope[i] < -atol[i]:
            saved[i] = 0.0


@inner
def _dips_below_zero(saved: Any, y: Any, trial: Any, n: int) -> bool:
    """Whether a state is negative within a step at whose ends it is not."""
    found = False
    for i in range(n):
        found |= saved[i] < 0.0 and y[i] >= 0.0 and trial[i] >= 0.0
    return found


@inner
def falls_below_threshold(run: Any, lane: int) -> bool:
    """Whether a state falls below its threshold in a step."""
    y, trial, thresholds = run.progress.y[lane], run.work.trial, run.settings.thresholds
    for i in range(thresholds.size):
        if y[i] >= thresholds[i] > trial[i] and thresholds[i] > 0.0:
            return True
    return False


@inner
def _is_below(run: Any, lane: int, state: int, theta: float) -> bool:
    return not interpolate(run.work.dense, state, theta) >= run.settings.thresholds[state]


@rare
def locate_threshold(run: Any, lane: int) -> float:
    """Return the theta at which a state first falls below its threshold, on its lower side."""
    y, trial, thresholds = run.progress.y[lane], run.work.trial, run.settings.thresholds
    theta = 1.0
    for i in range(thresholds.size):
        if y[i] >= thresholds[i] > trial[i] and thresholds[i] > 0.0:
            theta = min(theta, locate_root(_is_below, run, lane, i, 0.0, 1.0, 0.0).high)
    return theta


@rare
def cut_at_root(run: Any, lane: int, theta: float) -> None:
    """End a step at theta, whose time is already set: states that have reached their threshold there become zero."""
    own, work, thresholds, n = run.progress, run.work, run.settings.thresholds, run.layout.states
    y, trial, reached = own.y[lane], work.trial, work.reached
    for i in range(run.layout.size if theta < 1.0 else 0):
        trial[i] = interpolate(work.dense, i, theta)
    for i in range(n):
        reached[i] = y[i] >= thresholds[i] > trial[i] and thresholds[i] > 0.0
    copy(y, 0, trial, 0, y.size)
    for i in range(n):
        if reached[i]:
            _extinguish(run, lane, i)


@inner
def _extinguish(run: Any, lane: int, i: int) -> None:
    """Set a state that has reached its threshold, and its derivatives, to zero; apply the jumps of the other derivatives."""
    own, work, n, m = run.progress, run.work, run.layout.states, run.layout.varied
    y, slope = own.y[lane], work.slope
    t = min(own.t[lane], own.latest[lane])
    if m:
        set_packed_state(t, y, own.x[lane])
        evaluate_rates(run, lane, t, slope)
        for k in range(m):
            work.root_gradient[k] = -y[(k + 1) * n + i] / slope[i] if slope[i] != 0.0 else 0.0
        add_saltation(run, lane, t, work.root_gradient, 1.0)
    for j in range(i, n * (1 + m), n):
        y[j] = 0.0
    if m:
        add_saltation(run, lane, t, work.root_gradient, -1.0)


@inner
def remove_debris(run: Any, lane: int) -> None:
    """Keep empty states empty: a state that has become negative by rounding is set to zero."""
    own, trial = run.progress, run.work.trial
    y, atol = own.y[lane], run.batch.atol[own.subject[lane]]
    for i in range(run.layout.states):
        if -atol[i] <= trial[i] < 0.0 <= y[i]:
            trial[i] = 0.0


@inner
def grow_tolerances(run: Any, lane: int) -> None:
    """Increase absolute tolerances with the states (see `immunoode.solve.problem.tolerances`)."""
    y, p, tolerance = run.progress.y[lane], run.progress.subject[lane], run.work.tolerance
    atol, shares = run.batch.atol[p], run.batch.atol_share[p]
    for i in range(run.layout.size):
        if shares[i] > 0.0:
            atol[i] = tolerance[i] = max(atol[i], shares[i] * abs(y[i]))
