"""The explicit pair of Tsitouras, order 5(4), with its fourth-order interpolant.

Tsitouras 2011, Comput Math Appl 62:770-775, doi 10.1016/j.camwa.2011.06.002. First same as last; the interpolant is
b_i(theta) = sum over p of DENSE[i][p] theta^(p + 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode.solve.calls import rates
from immunoode.solve.jit import kernel
from immunoode.solve.system import STATES_AT

STAGES = 7
EVALUATIONS = 6
ORDER = 5
STABLE = 3.3
"""Where |h lambda| leaves the region of stability along the negative real axis, a little inside."""
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


@kernel
def attempt(f: Any, t: float, latest: float, y: Any, h: float, x: Any, infusion: Any, k: Any, slope: Any, trial: Any,
            sixth: Any, rtol: float, atol: Any) -> float:  # fmt: skip
    """Step from (t, y), whose rates are `slope`, into `trial`; return the scaled error.

    Rates are asked for at `latest` at the latest, the last instant before what happens next. `k` (7, n) holds the stages on
    return and `sixth` the state of the sixth, which is at the end of the step as well: from both comes the estimate of
    stiffness. Written out stage by stage, so that states are worked on side by side.
    """
    n, s = y.size, x[STATES_AT:]
    a, b, c, d, e, g = A[1], A[2], A[3], A[4], A[5], A[6]
    for i in range(n):
        k[0, i] = slope[i]
        s[i] = y[i] + h * a[0] * slope[i]
    rates(f, min(t + C[1] * h, latest), x, infusion, k[1])
    for i in range(n):
        s[i] = y[i] + h * (b[0] * k[0, i] + b[1] * k[1, i])
    rates(f, min(t + C[2] * h, latest), x, infusion, k[2])
    for i in range(n):
        s[i] = y[i] + h * (c[0] * k[0, i] + c[1] * k[1, i] + c[2] * k[2, i])
    rates(f, min(t + C[3] * h, latest), x, infusion, k[3])
    for i in range(n):
        s[i] = y[i] + h * (d[0] * k[0, i] + d[1] * k[1, i] + d[2] * k[2, i] + d[3] * k[3, i])
    rates(f, min(t + C[4] * h, latest), x, infusion, k[4])
    for i in range(n):
        sixth[i] = y[i] + h * (e[0] * k[0, i] + e[1] * k[1, i] + e[2] * k[2, i] + e[3] * k[3, i] + e[4] * k[4, i])
        s[i] = sixth[i]
    rates(f, min(t + h, latest), x, infusion, k[5])
    for i in range(n):
        trial[i] = y[i] + h * (
            g[0] * k[0, i] + g[1] * k[1, i] + g[2] * k[2, i] + g[3] * k[3, i] + g[4] * k[4, i] + g[5] * k[5, i]
        )
        s[i] = trial[i]
    rates(f, min(t + h, latest), x, infusion, k[6])
    error = 0.0
    for i in range(n):
        total = (
            ERROR[0] * k[0, i] + ERROR[1] * k[1, i] + ERROR[2] * k[2, i] + ERROR[3] * k[3, i] + ERROR[4] * k[4, i]
            + ERROR[5] * k[5, i] + ERROR[6] * k[6, i]
        )  # fmt: skip
        scaled = h * total / (atol[i] + rtol * max(abs(y[i]), abs(trial[i])))
        error += scaled * scaled
    return np.sqrt(error / n)


@kernel
def interpolant(h: float, y: Any, k: Any, dense: Any) -> None:
    """Fill `dense` (5, n), the coefficients of powers of theta in the state at t + theta h."""
    for i in range(y.size):
        dense[0, i] = y[i]
    for p in range(4):
        for i in range(y.size):
            dense[p + 1, i] = h * (
                DENSE[0, p] * k[0, i] + DENSE[1, p] * k[1, i] + DENSE[2, p] * k[2, i] + DENSE[3, p] * k[3, i]
                + DENSE[4, p] * k[4, i] + DENSE[5, p] * k[5, i] + DENSE[6, p] * k[6, i]
            )  # fmt: skip


@kernel
def stiffness(k: Any, trial: Any, sixth: Any, weights: Any) -> float:
    """Size of the leading eigenvalue, from the two stages at the end of a step (Hairer and Wanner, Solving ODEs II, IV.2).

    Differences are divided by `weights`, so that units do not matter.
    """
    above = below = 0.0
    for i in range(trial.size):
        above += ((k[6, i] - k[5, i]) / weights[i]) ** 2
        below += ((trial[i] - sixth[i]) / weights[i]) ** 2
    return np.sqrt(above / below) if below > 0.0 else 0.0
