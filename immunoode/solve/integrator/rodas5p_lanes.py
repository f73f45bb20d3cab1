"""Steps of Rodas5P for eight subjects at a time (see `immunoode.solve.integrator.rodas5p` for the method).

The linear algebra is machine code of the model itself: see `immunoode.solve.problem.codegen_implicit`.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.array_type import address_of
from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import call_address, call_stage
from immunoode.solve.integrator.rodas5p import DENSE, GAMMA, A, C, D
from immunoode.solve.integrator.rodas5p import LINKS as L
from immunoode.solve.integrator.simd4 import copy
from immunoode.solve.integrator.simd8 import linear_combination, rosenbrock_sums, stage_sum
from immunoode.solve.problem.packed_input import LANES, TIME_AT

EVALUATIONS = 8


@inner
def attempt(run: Any, lanes: Any) -> None:
    """Try a step of each lane.

    The states in x (`trial`) become those at its end. The weights of the states must be stored in the working memory for
    implicit steps. Its `stages` get the eight stages, of which the last is also the error. Each stage is computed for the
    states, then for their derivatives: `at` is the start of one of these blocks.
    """
    own, room, x, y, infusion, trial = run.progress, lanes.implicit, lanes.x, lanes.y, lanes.infusion, lanes.trial
    k, right, inverse, n = room.stages, room.right, room.inverse, room.right.size
    for lane in range(LANES):
        inverse[lane] = 1.0 / own.size[lane]
        room.scales[lane] = inverse[lane] / GAMMA
        x[TIME_AT * LANES + lane] = max(min(own.t[lane], own.latest[lane]), own.earliest[lane])
    copy(trial, 0, y, 0, y.size)
    call_address(run.functions.lane_setup.address, address_of(room.scales), room.prepared, 0, x, 0)
    for at in range(0, y.size, n):
        copy(right, 0, infusion, at, n)
        _solve(run, lanes, 0, D[0], at)
    _set_times(run, lanes, C[1])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, y, right, infusion, k, ((A[1, 0],), (L[1, 0],)), inverse, at)
        _solve(run, lanes, 1, D[1], at)
    _set_times(run, lanes, C[2])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, y, right, infusion, k, ((A[2, 0], A[2, 1]), (L[2, 0], L[2, 1])), inverse, at)
        _solve(run, lanes, 2, D[2], at)
    _set_times(run, lanes, C[3])
    a, b = (A[3, 0], A[3, 1], A[3, 2]), (L[3, 0], L[3, 1], L[3, 2])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, y, right, infusion, k, (a, b), inverse, at)
        _solve(run, lanes, 3, D[3], at)
    _set_times(run, lanes, C[4])
    c, d = (A[4, 0], A[4, 1], A[4, 2], A[4, 3]), (L[4, 0], L[4, 1], L[4, 2], L[4, 3])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, y, right, infusion, k, (c, d), inverse, at)
        _solve(run, lanes, 4, D[4], at)
    _set_times(run, lanes, C[5])
    e, f = (A[5, 0], A[5, 1], A[5, 2], A[5, 3], A[5, 4]), (L[5, 0], L[5, 1], L[5, 2], L[5, 3], L[5, 4])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, y, right, infusion, k, (e, f), inverse, at)
        _solve(run, lanes, 5, D[5], at)
    g = (L[6, 0], L[6, 1], L[6, 2], L[6, 3], L[6, 4], L[6, 5])  # the last stages, at the end, add the one before to the state
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, trial, right, infusion, k, ((A[6, 5],), g), inverse, at)
        _solve(run, lanes, 6, D[6], at)
    h = (L[7, 0], L[7, 1], L[7, 2], L[7, 3], L[7, 4], L[7, 5], L[7, 6])
    for at in range(0, y.size, n):
        rosenbrock_sums(trial, trial, right, infusion, k, ((A[7, 6],), h), inverse, at)
        _solve(run, lanes, 7, D[7], at)
    for i in range(y.size):
        trial[i] += k[7, i]


@inner
def _set_times(run: Any, lanes: Any, c: float) -> None:
    """Store the time of a stage in x."""
    own = run.progress
    for lane in range(LANES):
        lanes.x[TIME_AT * LANES + lane] = min(own.t[lane] + c * own.size[lane], own.latest[lane])


@inner
def _solve(run: Any, lanes: Any, stage: int, d: float, at: int) -> None:
    """Compute a stage of the states, or of one of their derivatives.

    The states of the stage are in x, the added terms in `right`.
    """
    room, block = lanes.implicit, at // lanes.implicit.right.size
    if room.drift.shape[0] > 0 and d != 0.0:
        stage_sum(room.right, 0, room.right, room.drift[block], (d,), run.progress.size)
    first = stage * lanes.y.size
    call_stage(run.functions.lane_stage.address, room.stages, first, lanes.x, room.right, room.prepared, block)


@inner
def interpolants(lanes: Any) -> None:
    """Fill `dense`, the coefficients of powers of theta in the states at t + theta h: five rows."""
    y, trial, k, dense = lanes.y, lanes.trial, lanes.implicit.stages, lanes.dense
    n = y.size
    for p in range(3):
        q = DENSE[p]
        linear_combination(dense, (p + 2) * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]), lanes.implicit.one)
    for i in range(n):
        a, b, c = dense[2, i], dense[3, i], dense[4, i]
        dense[0, i] = y[i]
        dense[1, i] = trial[i] - y[i] + a
        dense[2, i] = b - a
        dense[3, i] = c - b
        dense[4, i] = -c
