"""Machine code for the linear algebra of an implicit step of eight subjects: straight-line code over the non-zeros alone.

An implicit step solves (s I - J) k = f + r for each stage, where J is the Jacobian of the rates at its start, s the reciprocal
of the step size times the method's coefficient, and f the rates at the stage. `ImplicitFunctions.prepare` evaluates J and
factorises the matrix, `stage` evaluates f and substitutes. The non-zero entries are known from the model's equations, so that
the elimination is written out once, in an order that creates few further non-zeros (Markowitz 1957, Management Science
3:255-269); pivots are on the diagonal. If a matrix cannot be factorised accurately in this way, this is reported, and a shorter
step makes the diagonal dominant.

The Jacobian of the states with their derivatives is block lower triangular: J in each block of its diagonal, and below it, in
the block column of the states, the derivatives of the sensitivities' rates with respect to the states. These are evaluated once
per step. A stage is computed for the states, then for one sensitivity after another: its rates are the product with the
Jacobian at the stage, which is shared by all of them, plus an explicit part. The data of one sensitivity remain in the nearest
cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from immunoode.model.symbolic import Expr, derivative
from immunoode.solve.problem import simd_math as vm
from immunoode.solve.problem.codegen_simd import POINTER, compiled, load, new_function, store, translated
from immunoode.solve.problem.packed_input import FLAG, ITERATE_AT, LANES, SIZE

_LEAST, _MOST = 1e-8, 1e12
"""Limits of a pivot relative to its original diagonal entry: below, it has lost its digits.

Above, it has grown from other entries.
"""

Entry = tuple[int, int]
_INDEX = ir.IntType(64)


@dataclass(frozen=True)
class Linearisation:
    """A model's rates and their non-zero derivatives, as expressions of the packed input.

    `direct`, indexed by (k, i), contains the terms of the rates of sensitivity k other than the product of the Jacobian and the
    sensitivity. `jacobian` is indexed by (i, j); `second`, by (i, j, l), contains its derivatives with respect to state l;
    `explicit`, by (k, i, l), those of `direct`. `drift` and `explicit_drift` are derivatives with respect to time, indexed by i
    and (k, i), and `jacobian_drift` those of the Jacobian.
    """

    states: int
    sensitivities: int
    rates: Sequence[Expr]
    direct: dict[Entry, Expr]
    jacobian: dict[Entry, Expr]
    second: dict[tuple[int, int, int], Expr]
    explicit: dict[tuple[int, int, int], Expr]
    drift: dict[int, Expr]
    jacobian_drift: dict[Entry, Expr]
    explicit_drift: dict[Entry, Expr]

    @property
    def coupled(self) -> list[Entry]:
        """The pairs (i, l) for which a sensitivity's rates depend on the states."""
        found = {(i, m) for i, _, m in self.second} | {(i, m) for _, i, m in self.explicit}
        return sorted(found)

    @property
    def drifts(self) -> bool:
        """Whether the rates depend on time."""
        return bool(self.drift or self.jacobian_drift or self.explicit_drift)


def linearisation(
    rates: Sequence[Expr], explicit: Sequence[Sequence[Expr]], jacobian: dict[Entry, Expr], states: Sequence[Expr], time: Expr
) -> Linearisation:
    """Return the derivatives of rates (n), and of the explicit parts of those of each sensitivity (m, n).

    Parameters
    ----------
    jacobian : dict
        The non-zero derivatives of rate i with respect to state j.
    """
    drift = _non_zero({i: derivative(rate, time) for i, rate in enumerate(rates)})
    second: dict[tuple[int, int, int], Expr] = {}
    by_time: dict[Entry, Expr] = {}
    if explicit:
        for (i, j), entry in jacobian.items():
            second |= {(i, j, m): value for m, value in _gradient(entry, states).items()}
        by_time = _non_zero({at: derivative(entry, time) for at, entry in jacobian.items()})
    parts = _non_zero({(k, i): part for k, row in enumerate(explicit) for i, part in enumerate(row)})
    own = {(k, i, m): value for (k, i), part in parts.items() for m, value in _gradient(part, states).items()}
    explicit_drift = _non_zero({at: derivative(part, time) for at, part in parts.items()})
    return Linearisation(len(states), len(explicit), rates, parts, jacobian, second, own, drift, by_time, explicit_drift)


def _gradient(expression: Expr, states: Sequence[Expr]) -> dict[int, Expr]:
    used = expression.free_symbols
    return _non_zero({m: derivative(expression, s) for m, s in enumerate(states) if s in used})


def _non_zero(entries: dict[Any, Expr]) -> dict[Any, Expr]:
    return {at: value for at, value in entries.items() if value != 0}


class ImplicitFunctions:
    """The two functions of the implicit steps of one model, for eight subjects.

    `prepare`, `void f(double *out, const double *in, const double *given)`, takes the packed input at the start of a step and
    `given`: s, then the weight of each state. It fills `rows` rows of out: the flag, the size of the leading eigenvalue, the
    vector of its power iteration (which it continues), the factors, the entries of the coupling, and, from row `drift_at` on,
    the derivatives of the rates with respect to time.

    `stage`, `void f(double *out, const double *in, const double *right, double *prepared, int64_t block)`, solves for the
    states if `block` is 0, otherwise for the sensitivity with this number, from 1. The states come first, because they store
    the Jacobian at the stage in `prepared`. `right` is added to the rates of this block. All arrays contain eight subjects,
    interleaved.
    """

    def __init__(self, inputs: list[Expr], found: Linearisation, states_at: int) -> None:
        n, m = found.states, found.sensitivities
        order = _order(n, found.jacobian)
        layout = _Layout(found, order)
        modules = _write_prepare(inputs, found, layout, states_at), _write_stage(inputs, found, layout, states_at)
        self._keep = tuple(map(compiled, modules))
        self.rows, self.drift_at = layout.drift_at + n * (1 + m) * found.drifts, layout.drift_at if found.drifts else 0
        self.address = np.array([engine.get_function_address("f") for engine in self._keep], dtype=np.int64)


def _order(n: int, entries: Any) -> list[int]:
    """Return the order of elimination: at each step, the pivot that creates the fewest non-zeros."""
    rows = [{j for i, j in entries if i == row} | {row} for row in range(n)]
    left, order = set(range(n)), list[int]()
    while left:
        columns = {c: [i for i in left if c in rows[i] and i != c] for c in left}
        c = min(left, key=lambda c: (len(columns[c]) * (len(rows[c] & left) - 1), c))
        for i in columns[c]:
            rows[i] |= rows[c] & left
        left.remove(c)
        order.append(c)
    return order


def _filled(order: list[int], entries: Any) -> list[Entry]:
    """Return the off-diagonal positions that are non-zero after elimination."""
    places = {at for at in entries if at[0] != at[1]}
    for turn, c in enumerate(order):
        later = order[turn + 1 :]
        above, below = [j for j in later if (c, j) in places], [i for i in later if (i, c) in places]
        places |= {(i, j) for i in below for j in above if i != j}
    return sorted(places)


class _Layout:
    """The layout of the prepared numbers, in rows of eight.

    Those of the whole step, then those that the states store for a stage.
    """

    def __init__(self, found: Linearisation, order: list[int]) -> None:
        n, m, filled = found.states, found.sensitivities, _filled(order, found.jacobian)
        self.n, self.m, self.order, self.coupled = n, m, order, found.coupled
        self.vector_at = 2
        self.inverse_at = self.vector_at + n
        first = self.inverse_at + n
        self.place = {at: first + k for k, at in enumerate(filled)}
        self.coupling_at = first + len(filled)
        self.jacobian_at = self.coupling_at + m * len(found.coupled)
        self.entries = {at: self.jacobian_at + k for k, at in enumerate(found.jacobian)} if m else {}
        self.direct_at = self.jacobian_at + len(self.entries)
        self.direct = sorted({i for _, i in found.direct})
        self.drift_at = self.direct_at + m * len(self.direct)
        turn = {c: k for k, c in enumerate(order)}
        self.below = {c: [i for i, j in filled if j == c and turn[i] > turn[c]] for c in order}
        self.above = {c: [j for i, j in filled if i == c and turn[j] > turn[c]] for c in order}


def _write_prepare(inputs: list[Expr], found: Linearisation, layout: _Layout, states_at: int) -> Any:
    module, builder, (out, given, scales) = new_function()
    parts = (found.jacobian, found.second, found.explicit, found.drift, found.jacobian_drift, found.explicit_drift)
    values = iter(translated(builder, given, inputs, [e for part in parts for e in part.values()]))
    read: list[dict[Any, Any]] = [{at: next(values) for at in part} for part in parts]
    jacobian, second, explicit, drift, by_time, own_drift = read
    n = layout.n
    _write_size(builder, jacobian, layout, out, scales)
    _write_factors(builder, jacobian, layout, out, load(builder, scales, 0))
    for k in range(layout.m):
        own = {j: load(builder, given, states_at + (k + 1) * n + j) for j in range(n)}
        for p, (i, at) in enumerate(layout.coupled):
            total = explicit.get((k, i, at))
            total = _added(builder, total, [(value, own[j]) for (a, j, b), value in second.items() if (a, b) == (i, at)])
            store(builder, total, out, layout.coupling_at + k * len(layout.coupled) + p)
        if found.drifts:
            for i in range(n):
                total = _added(builder, own_drift.get((k, i)), [(v, own[j]) for (a, j), v in by_time.items() if a == i])
                store(builder, total, out, layout.drift_at + (k + 1) * n + i)
    for i in range(n if found.drifts else 0):
        store(builder, drift.get(i, vm.number(0.0)), out, layout.drift_at + i)
    builder.ret_void()
    return module


def _added(builder: Any, total: Any, products: Any, kind: Any = vm.DOUBLES) -> Any:
    """Return total (None: zero) + the sum of products of pairs."""
    for a, b in products:
        product = vm.multiply(builder, a, b)
        total = product if total is None else vm.add(builder, total, product)
    return ir.Constant(kind, [0.0] * kind.count) if total is None else total


def _write_size(builder: Any, jacobian: Any, layout: _Layout, out: Any, scales: Any) -> None:
    """Write one step of power iteration: |J v| / |v| in scaled norms, and the next v, scaled to one.

    A vector of zeros, or one whose product is not finite, begins with the weights.
    """
    n = layout.n
    vector = [load(builder, out, ITERATE_AT + i) for i in range(n)]
    weights = [load(builder, scales, 1 + i) for i in range(n)]
    moved = [_added(builder, None, [(v, vector[j]) for (a, j), v in jacobian.items() if a == i]) for i in range(n)]
    inverse = [builder.fdiv(vm.number(1.0), weight) for weight in weights]
    before, after = (
        _added(builder, None, [(q, q) for q in (builder.fmul(v, w) for v, w in zip(vectors, inverse, strict=True))])
        for vectors in (vector, moved)
    )
    good = builder.and_(builder.fcmp_ordered(">", after, vm.number(0.0)), builder.fcmp_ordered("<", after, vm.number(1e300)))
    good = builder.and_(good, builder.fcmp_ordered(">", before, vm.number(0.0)))
    size = vm.call(builder, "sqrt", after)
    found = builder.fdiv(size, vm.call(builder, "sqrt", before))
    store(builder, builder.select(good, found, vm.number(0.0)), out, SIZE)
    scale = builder.fdiv(vm.number(1.0), size)
    for i in range(n):
        store(builder, builder.select(good, builder.fmul(moved[i], scale), weights[i]), out, ITERATE_AT + i)


def _write_factors(builder: Any, jacobian: Any, layout: _Layout, out: Any, shift: Any) -> None:
    """Write the elimination: multipliers of rows below the diagonal, rows above it, inverse pivots on it."""
    negative = vm.number(-0.0)
    matrix = {at: builder.fsub(negative, value) for at, value in jacobian.items()}
    flag, infinite = vm.number(0.0), vm.number(np.inf)
    for c in layout.order:
        own = jacobian.get((c, c))
        diagonal = shift if own is None else vm.call(builder, "fabs", own)
        size = shift if own is None else vm.add(builder, shift, diagonal)
        matrix[c, c] = builder.fadd(shift, matrix[c, c]) if (c, c) in matrix else shift
        matrix[c, c] = _Pivot(matrix[c, c], size)
    for c in layout.order:
        pivot, size = matrix[c, c].value, matrix[c, c].size
        inverse = builder.fdiv(vm.number(1.0), pivot)
        absolute = vm.call(builder, "fabs", pivot)
        for relation, limit in (("<", _LEAST), (">", _MOST)):
            bad = builder.fcmp_unordered(relation, absolute, vm.multiply(builder, vm.number(limit), size))
            flag = builder.select(bad, infinite, flag)
        store(builder, inverse, out, layout.inverse_at + c)
        for j in layout.above[c]:
            store(builder, matrix[c, j], out, layout.place[c, j])
        for i in layout.below[c]:
            factor = vm.multiply(builder, matrix[i, c], inverse)
            store(builder, factor, out, layout.place[i, c])
            for j in layout.above[c]:
                _eliminate(builder, matrix, (i, j), vm.multiply(builder, factor, matrix[c, j]))
    store(builder, flag, out, FLAG)


@dataclass
class _Pivot:
    """An entry of the diagonal, and its original size."""

    value: Any
    size: Any


def _eliminate(builder: Any, matrix: Any, at: Entry, product: Any) -> None:
    if at[0] == at[1]:
        matrix[at].value = vm.subtract(builder, matrix[at].value, product)
    elif at in matrix:
        matrix[at] = vm.subtract(builder, matrix[at], product)
    else:
        matrix[at] = builder.fsub(vm.number(-0.0), product)


def _write_stage(inputs: list[Expr], found: Linearisation, layout: _Layout, states_at: int) -> Any:
    module, builder, (out, given, right, prepared, block) = new_function((POINTER,) * 4 + (_INDEX,))
    if layout.m:
        with builder.if_then(builder.icmp_signed(">", block, _INDEX(0))):
            _write_sensitivity(builder, (out, given, right, prepared), block, layout, states_at)
            builder.ret_void()
            builder.position_at_end(builder.append_basic_block())  # nothing comes here
    expressions = [*found.rates, *(e for part in (found.jacobian, found.direct) if layout.m for e in part.values())]
    values = iter(translated(builder, given, inputs, expressions))
    states = [builder.fadd(next(values), load(builder, right, i)) for i in range(layout.n)]
    for place in layout.entries.values():
        store(builder, next(values), prepared, place)
    for k, i in found.direct:
        store(builder, next(values), prepared, layout.direct_at + k * len(layout.direct) + layout.direct.index(i))
    _substitute(builder, states, layout, lambda place: load(builder, prepared, place))
    for i in range(layout.n):
        store(builder, states[i], out, i)
    builder.ret_void()
    return module


def _write_sensitivity(builder: Any, pointers: Sequence[Any], block: Any, layout: _Layout, states_at: int) -> None:
    """Write a stage of the sensitivity `block`, from 1: for as many subjects at a time as one register of the processor holds.

    All states of these subjects then remain in registers, whereas those of eight would not.
    """
    width = _register()
    vectors = ir.VectorType(ir.DoubleType(), width)
    entry, body = builder.block, builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    first = builder.phi(_INDEX)
    first.add_incoming(_INDEX(0), entry)
    out, given, right, prepared = (builder.gep(pointer, [first]) for pointer in pointers)

    def place(pointer: Any, row: int, stride: int = 0) -> Any:
        at = builder.add(builder.mul(block, _INDEX(LANES * stride)), _INDEX(LANES * row)) if stride else _INDEX(LANES * row)
        return builder.bitcast(builder.gep(pointer, [at]), vectors.as_pointer())

    def of(pointer: Any, row: int, stride: int = 0) -> Any:
        return builder.load(place(pointer, row, stride), align=8 * width)

    n, coupled, direct = layout.n, layout.coupled, layout.direct
    states, own = [of(out, i) for i in range(n)], [of(given, states_at + i, n) for i in range(n)]
    found = []
    for i in range(n):
        count = len(direct)
        total = of(prepared, layout.direct_at - count + direct.index(i), count) if i in direct else None
        total = _added(builder, total, [(of(prepared, p), own[j]) for (a, j), p in layout.entries.items() if a == i], vectors)
        total = builder.fadd(total, of(right, i))
        entries = [
            (of(prepared, layout.coupling_at - len(coupled) + p, len(coupled)), states[at])
            for p, (a, at) in enumerate(coupled)
            if a == i
        ]
        found.append(_added(builder, total, entries, vectors))
    _substitute(builder, found, layout, lambda row: of(prepared, row))
    for i in range(n):
        builder.store(found[i], place(out, i, n), align=8 * width)
    following, end = builder.add(first, _INDEX(width)), builder.append_basic_block()
    first.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_unsigned("<", following, _INDEX(LANES)), body, end)
    builder.position_at_end(end)


@cache
def _register() -> int:
    """Return the number of values in a register of this processor, at most eight."""
    return LANES if llvm.get_host_cpu_features().get("avx512f") else LANES // 2


def _substitute(builder: Any, values: list[Any], layout: _Layout, of: Callable[[int], Any]) -> None:
    """Write the solution with the factors, which are loaded by `of`, in place."""
    for c in layout.order:
        for i in layout.below[c]:
            values[i] = vm.subtract(builder, values[i], vm.multiply(builder, of(layout.place[i, c]), values[c]))
    for c in reversed(layout.order):
        for j in layout.above[c]:
            values[c] = vm.subtract(builder, values[c], vm.multiply(builder, of(layout.place[c, j]), values[j]))
        values[c] = builder.fmul(values[c], of(layout.inverse_at + c))
