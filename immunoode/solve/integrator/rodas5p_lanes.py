"""Steps of Rodas5P for eight subjects at a time (see `immunoode.solve.integrator.rodas5p` for the method).

The linear algebra is machine code of the model itself: see `immunoode.solve.problem.codegen_implicit`.
"""

from __future__ import annotations

from typing import Any

from immunoode.solve.integrator.jit import inner
from immunoode.solve.integrator.native import call
from immunoode.solve.integrator.rodas5p import DENSE, GAMMA, A, C, D
from immunoode.solve.integrator.rodas5p import LINKS as L
from immunoode.solve.integrator.simd8 import linear_combination, rosenbrock_sums, stage_sum
from immunoode.solve.problem.compiled_model import LANES, STATES_AT, TIME_AT

FLAG, SIZE = 0, 1
"""Rows of what is prepared for a step (see `immunoode.solve.problem.codegen_implicit`)."""
_BASE = STATES_AT * LANES


@inner
def attempt(
    functions: Any, infusion: Any, t: Any, step: Any, earliest: Any, latest: Any, x: Any, y: Any, r: Any, trial: Any
) -> None:
    """Try a step of each lane.

    Rates are asked for between `earliest` and `latest`. The states in x (`trial`) become those at its end; of `r`, an
    `ImplicitRoom` with the weights of states in place, k gets the eight stages, of which the last is the error as well.
    """
    n, k = y.size, r.k
    for l in range(LANES):  # noqa: E741
        r.inverse[l] = 1.0 / step[l]
        r.scales[l] = r.inverse[l] / GAMMA
        x[TIME_AT * LANES + l] = max(min(t[l], latest[l]), earliest[l])
    for i in range(n):
        x[_BASE + i] = y[i]
        r.right[i] = infusion[i]
    call(functions[2], r.scales.ctypes.data, r.prepared, 0, x, 0)
    _solve(functions, D[0], step, x, r, 0)
    rosenbrock_sums(x, _BASE, y, r.right, infusion, k, (A[1, 0],), (L[1, 0],), r.inverse)
    _stage(functions, C[1], D[1], t, step, latest, x, r, n)
    rosenbrock_sums(x, _BASE, y, r.right, infusion, k, (A[2, 0], A[2, 1]), (L[2, 0], L[2, 1]), r.inverse)
    _stage(functions, C[2], D[2], t, step, latest, x, r, 2 * n)
    a, b = (A[3, 0], A[3, 1], A[3, 2]), (L[3, 0], L[3, 1], L[3, 2])
    rosenbrock_sums(x, _BASE, y, r.right, infusion, k, a, b, r.inverse)
    _stage(functions, C[3], D[3], t, step, latest, x, r, 3 * n)
    c, d = (A[4, 0], A[4, 1], A[4, 2], A[4, 3]), (L[4, 0], L[4, 1], L[4, 2], L[4, 3])
    rosenbrock_sums(x, _BASE, y, r.right, infusion, k, c, d, r.inverse)
    _stage(functions, C[4], D[4], t, step, latest, x, r, 4 * n)
    e, f = (A[5, 0], A[5, 1], A[5, 2], A[5, 3], A[5, 4]), (L[5, 0], L[5, 1], L[5, 2], L[5, 3], L[5, 4])
    rosenbrock_sums(x, _BASE, y, r.right, infusion, k, e, f, r.inverse)
    _stage(functions, C[5], D[5], t, step, latest, x, r, 5 * n)
    g = (L[6, 0], L[6, 1], L[6, 2], L[6, 3], L[6, 4], L[6, 5])  # the last stages add the one before to the state
    rosenbrock_sums(x, _BASE, trial, r.right, infusion, k, (A[6, 5],), g, r.inverse)
    _stage(functions, C[6], D[6], t, step, latest, x, r, 6 * n)
    h = (L[7, 0], L[7, 1], L[7, 2], L[7, 3], L[7, 4], L[7, 5], L[7, 6])
    rosenbrock_sums(x, _BASE, trial, r.right, infusion, k, (A[7, 6],), h, r.inverse)
    _stage(functions, C[7], D[7], t, step, latest, x, r, 7 * n)
    for i in range(n):
        trial[i] += k[7, i]


@inner
def _stage(functions: Any, c: float, d: float, t: Any, step: Any, latest: Any, x: Any, r: Any, first: int) -> None:
    """Find a stage, k[first:], whose states are in x, and what is added to their rates in r.right."""
    for l in range(LANES):  # noqa: E741
        x[TIME_AT * LANES + l] = min(t[l] + c * step[l], latest[l])
    _solve(functions, d, step, x, r, first)


@inner
def _solve(functions: Any, d: float, step: Any, x: Any, r: Any, first: int) -> None:
    if r.drift.shape[0] > 0 and d != 0.0:
        stage_sum(r.right, 0, r.right, r.drift, (d,), step)
    call(functions[0], r.right.ctypes.data, r.right, 0, x, 0)
    call(functions[3], r.prepared.ctypes.data, r.k, first, r.right, 0)


@inner
def interpolant(y: Any, trial: Any, k: Any, one: Any, dense: Any) -> None:
    """Fill `dense`, the coefficients of powers of theta in the states at t + theta h: five rows."""
    n = y.size
    for p in range(3):
        q = DENSE[p]
        linear_combination(dense, (p + 2) * n, k, (q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]), one)
    for i in range(n):
        a, b, c = dense[2, i], dense[3, i], dense[4, i]
        dense[0, i] = y[i]
        dense[1, i] = trial[i] - y[i] + a
        dense[2, i] = b - a
        dense[3, i] = c - b
        dense[4, i] = -c
