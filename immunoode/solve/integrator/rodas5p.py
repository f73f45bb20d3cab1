"""Rodas5P: a stiffly accurate Rosenbrock method of order 5(4) with eight stages and a fourth-order interpolant.

Steinebach 2023, BIT Numer Math 63:27, doi 10.1007/s10543-023-00967-x; coefficients in the transformed form of Hairer and
Wanner (Solving ODEs II, IV.7), in which no product with the Jacobian is needed, as in OrdinaryDiffEq.jl. L-stable. The
Jacobian must be exact; here it is symbolic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.lu import factorise, substitute
from immunoode.solve.integrator.native import call, evaluate_rates, set_packed_state
from immunoode.solve.integrator.simd4 import axpy, copy, linear_combination
from immunoode.solve.problem.packed_input import STATES_AT

STAGES = 8
EVALUATIONS = 7
ORDER = 5
GAMMA = 0.21193756319429014
C = np.array([0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0])
D = np.array([GAMMA, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0.0, 0.0, 0.0])
_LAST = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946)
_A = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _LAST,
    (*_LAST, 1.0),
    (*_LAST, 1.0, 1.0),
)
_LINKS = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623, -28.087943162872662),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
A = np.array([[*row, *[0.0] * (STAGES - len(row))] for row in _A])
LINKS = np.array([[*row, *[0.0] * (STAGES - len(row))] for row in _LINKS])
DENSE = np.array(
    [
        [
            25.948786856663858,
            -2.5579724845846235,
            10.433815404888879,
            -2.3679251022685204,
            0.524948541321073,
            1.1241088310450404,
            0.4272876194431874,
            -0.17202221070155493,
        ],
        [
            -9.91568850695171,
            -0.9689944594115154,
            3.0438037242978453,
            -24.495224566215796,
            20.176138334709044,
            15.98066361424651,
            -6.789040303419874,
            -6.710236069923372,
        ],
        [
            11.419903575922262,
            2.8879645146136994,
            72.92137995996029,
            80.12511834622643,
            -52.072871366152654,
            -59.78993625266729,
            -0.15582684282751913,
            4.883087185713722,
        ],
    ]
)


@inner
def _solve(run: Any, lane: int, right: Any, out: Any) -> None:
    """Solve for a stage of the states, then for the stages of their derivatives, which depend on it.

    The Jacobian of the whole system has that of the model in each block on its diagonal, and couples each derivative with the
    states only, so that one factorisation is sufficient.
    """
    work, n, size, m = run.work, run.layout.states, run.layout.size, run.layout.varied
    matrix, rows, base, room = work.matrix, work.pivots, work.base, work.row_sizes
    substitute(matrix, rows, right[:n], out[:n])
    if size == n:
        return
    direction = base[base.size - m - n :]
    for i in range(n):
        direction[i] = out[i]
    call(run.functions.coupling, room, base)
    for i in range(n, size):
        right[i] += room[i - n]
    for block in range(n, size, n):
        substitute(matrix, rows, right[block : block + n], out[block : block + n])


@inner
def renew_jacobian(run: Any, lane: int) -> None:
    """Evaluate the derivatives of the rates with respect to states and time at the state, and store its packed input."""
    own, work = run.progress, run.work
    x = own.x[lane]
    set_packed_state(max(own.t[lane], own.earliest[lane]), own.y[lane], x)
    call(run.functions.jacobian, work.jacobian, x)
    if run.functions.time_derivative.address != 0:
        call(run.functions.time_derivative, work.time_derivative, x)
    for i in range(x.size if run.layout.varied else 0):
        work.base[i] = x[i]


@inner
def attempt(run: Any, lane: int, y: Any, t: float, h: float) -> float:
    """Step from (t, y), whose rates are the slope of the workspace, into its `trial`; return the scaled error.

    The Jacobian and the time derivative are those at (t, y), as is the packed input `base`. Rates are evaluated no later than
    at the segment's `latest`. The workspace holds the eight stages on return. A matrix that cannot be factorised gives an
    infinite error.
    """
    work, x, latest = run.work, run.progress.x[lane], run.progress.latest[lane]
    k, trial, right, drift, matrix, jacobian = (
        work.stages,
        work.trial,
        work.scratch,
        work.time_derivative,
        work.matrix,
        work.jacobian,
    )
    n, size, width = run.layout.states, run.layout.size, y.size
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -jacobian[i, j]
        matrix[i, i] += 1.0 / (h * GAMMA)
    if not factorise(matrix, work.pivots, work.row_sizes):
        return np.inf
    for i in range(size):
        right[i] = work.slope[i] + h * D[0] * drift[i]
    _solve(run, lane, right, k[0])
    for stage in range(1, STAGES):
        copy(x, STATES_AT, y, 0, width)
        for j in range(stage):
            axpy(x, STATES_AT, k, j * width, width, A[stage, j])
        if stage == STAGES - 1:
            copy(trial, 0, x, STATES_AT, width)
        evaluate_rates(run, lane, min(t + C[stage] * h, latest), right)
        for j in range(stage):
            axpy(right, 0, k, j * width, width, LINKS[stage, j] / h)
        if D[stage] != 0.0:
            for i in range(size):
                right[i] += h * D[stage] * drift[i]
        _solve(run, lane, right, k[stage])
    return _add_last_stage(run, lane, y)


@inner
def _add_last_stage(run: Any, lane: int, y: Any) -> float:
    """Add the last stage to the trial. This stage is also the error, whose scaled size is returned."""
    last, trial, size = run.work.stages[STAGES - 1], run.work.trial, run.layout.size
    atol, rtol, error = run.batch.atol[run.progress.subject[lane]], run.settings.rtol, 0.0
    for i in range(size):
        trial[i] += last[i]
        scaled = last[i] / (atol[i] + rtol * max(abs(y[i]), abs(trial[i])))
        error += scaled * scaled
    return np.sqrt(error / size)


@inner
def interpolant(run: Any, lane: int) -> None:
    """Fill `dense`, the coefficients of powers of theta in the state at t + theta h: five rows."""
    y, trial, k, dense = run.progress.y[lane], run.work.trial, run.work.stages, run.work.dense
    copy(dense, 0, y, 0, y.size)
    for p in range(3):
        q = DENSE[p]
        linear_combination(dense, (p + 2) * y.size, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]))
    for i in range(y.size):
        a, b, c = dense[2, i], dense[3, i], dense[4, i]
        dense[1, i] = trial[i] - y[i] + a
        dense[2, i] = b - a
        dense[3, i] = c - b
        dense[4, i] = -c
