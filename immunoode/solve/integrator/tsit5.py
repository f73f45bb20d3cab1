"""The explicit pair of Tsitouras, order 5(4), with its fourth-order interpolant.

Tsitouras 2011, Comput Math Appl 62:770-775, doi 10.1016/j.camwa.2011.06.002. First same as last; the interpolant is
b_i(theta) = sum over p of DENSE[i][p] theta^(p + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.simd4 import copy, linear_combination, scaled_square, stage_sum
from immunoode.solve.problem.packed_input import STATES_AT

STAGES = 7
EVALUATIONS = 6
ORDER = 5
STABLE = 3.3
"""The value of |h lambda| slightly inside the boundary of the region of stability along the negative real axis."""
HELD_DOWN = 0.5
"""Fraction of STABLE above which a step counts as limited by stability."""
C = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0)
A = (
    (0.0,),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
)
ERROR = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    0.015151515151515152,
)
DENSE = np.array(
    [
        [1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
        [0.0, 0.13169999999999998, -0.2234, 0.1017],
        [0.0, 3.930296236894751, -5.941033872131505, 2.490627285651253],
        [0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
        [0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
        [0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
        [0.0, 1.5, -4.0, 2.5],
    ]
)


@inner
def attempt(rates: Any, run: Any, lane: int, y: Any, t: float, h: float) -> float:
    """Step from (t, y), whose rates are the slope of the workspace, into its `trial`; return the scaled error.

    `rates(run, lane, t, out)` gives the rates at the states in the packed input; rates are evaluated no later than at the
    segment's `latest`. On return, the workspace contains the seven stages, and in `sixth` the state of the sixth stage, which
    is also at the end of the step: both are used to estimate stiffness.
    """
    work, x, latest, width = run.work, run.progress.x[lane], run.progress.latest[lane], y.size
    k, trial, size = work.stages, work.trial, run.layout.size
    a, b, c, d, e, g, q = A[1], A[2], A[3], A[4], A[5], A[6], ERROR
    copy(k, 0, work.slope, 0, width)
    stage_sum(x, STATES_AT, y, k, (h * a[0],))
    rates(run, lane, min(t + C[1] * h, latest), k[1])
    stage_sum(x, STATES_AT, y, k, (h * b[0], h * b[1]))
    rates(run, lane, min(t + C[2] * h, latest), k[2])
    stage_sum(x, STATES_AT, y, k, (h * c[0], h * c[1], h * c[2]))
    rates(run, lane, min(t + C[3] * h, latest), k[3])
    stage_sum(x, STATES_AT, y, k, (h * d[0], h * d[1], h * d[2], h * d[3]))
    rates(run, lane, min(t + C[4] * h, latest), k[4])
    stage_sum(x, STATES_AT, y, k, (h * e[0], h * e[1], h * e[2], h * e[3], h * e[4]))
    copy(work.sixth, 0, x, STATES_AT, width)
    rates(run, lane, min(t + h, latest), k[5])
    stage_sum(x, STATES_AT, y, k, (h * g[0], h * g[1], h * g[2], h * g[3], h * g[4], h * g[5]))
    copy(trial, 0, x, STATES_AT, width)
    rates(run, lane, min(t + h, latest), k[6])
    linear_combination(k, 7 * width, k, (h * q[0], h * q[1], h * q[2], h * q[3], h * q[4], h * q[5], h * q[6]))
    return np.sqrt(scaled_square(k, 7 * width, y, trial, run.settings.rtol, work.tolerance) / size)


@inner
def interpolant(run: Any, lane: int) -> None:
    """Fill `dense`, the coefficients of powers of theta in the state at t + theta h: five rows."""
    y, h, k, dense = run.progress.y[lane], run.progress.size[lane], run.work.stages, run.work.dense
    copy(dense, 0, y, 0, y.size)
    for p in range(4):
        linear_combination(
            dense,
            (p + 1) * y.size,
            k,
            (
                h * DENSE[0, p],
                h * DENSE[1, p],
                h * DENSE[2, p],
                h * DENSE[3, p],
                h * DENSE[4, p],
                h * DENSE[5, p],
                h * DENSE[6, p],
            ),
        )


@inner
def stiffness(run: Any) -> float:
    """Return the size of the leading eigenvalue, from the two stages at the end of a step (Hairer and Wanner, Solving ODEs II,
    IV.2).

    Differences are divided by the weights of the workspace, so that units do not matter.
    """
    k, trial, sixth, weights = run.work.stages, run.work.trial, run.work.sixth, run.work.weights
    above = below = 0.0
    for i in range(weights.size):
        above += ((k[6, i] - k[5, i]) / weights[i]) ** 2
        below += ((trial[i] - sixth[i]) / weights[i]) ** 2
    return np.sqrt(above / below) if below > 0.0 else 0.0


@inner
def held_down(streak: int, reach: float) -> int:
    """Return the number of successive steps limited by stability, after a step with this |h lambda|.

    If the unstable component is small compared with its tolerance, steps grow beyond the limit, are shortened, and start again
    well inside: one step in five at the limit counts as much as the four others.
    """
    return streak + 4 if reach > HELD_DOWN * STABLE else max(0, streak - 1)
