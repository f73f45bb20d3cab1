"""Sums of vectors for eight subjects at a time, each with its own step size.

Number i of lane l is at index 8 i + l, and vectors are aligned to 64 bytes: number i of all subjects is one wide register. The
result of a sum for one subject does not depend on the others.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from immunoode.solve.integrator.array_type import views
from immunoode.solve.integrator.controller import LARGEST_FACTOR, LEAST, MEMORY, NO_ERROR, RESPONSE, SAFETY, SMALLEST_FACTOR
from immunoode.solve.problem import simd_math as vm
from immunoode.solve.problem.packed_input import LANES
from immunoode.solve.problem.simd_math import DOUBLES

OVERSHOOTS, FALLS, UNBOUNDED = 1, 2, 4
"""The flags of `check_steps`."""
_ALIGN = 8 * LANES
_FLAGS = ir.VectorType(ir.IntType(64), LANES)


def _pointer(builder: Any, data: Any, at: Any, kind: Any = DOUBLES) -> Any:
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def _load(builder: Any, data: Any, at: Any) -> Any:
    return builder.load(_pointer(builder, data, at), align=_ALIGN)


def _store(builder: Any, value: Any, data: Any, at: Any) -> None:
    builder.store(value, _pointer(builder, data, at), align=_ALIGN)


def _spread(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(DOUBLES, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, one, zeros)


def _over(builder: Any, length: Any) -> Any:
    """Loop over the vectors of an array."""
    return cgutils.for_range_slice(builder, length.type(0), length, length.type(LANES))


def _sum(builder: Any, matrix: Any, width: Any, factors: list[Any], i: Any) -> Any:
    total = None
    for j, factor in enumerate(factors):
        product = vm.multiply(builder, factor, _load(builder, matrix.data, builder.add(i, builder.mul(width, width.type(j)))))
        total = product if total is None else vm.add(builder, total, product)
    return total


@intrinsic
def stage_sum(typingctx: Any, out: Any, first: Any, base: Any, rows: Any, factors: Any, step: Any) -> Any:
    """Set out[first:] to base + step * (factors[0] * rows[0] + factors[1] * rows[1] + ...), over the length of a row."""
    signature = types.void(out, types.intp, base, rows, factors, step)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, start, matrix, steps = views(builder, sig, args)
        width = matrix.lengths[-1]
        spread = [_spread(builder, c) for c in cgutils.unpack_tuple(builder, args[4])]
        h = _load(builder, steps.data, width.type(0))
        with _over(builder, width) as (i, _):
            change = vm.multiply(builder, h, _sum(builder, matrix, width, spread, i))
            _store(builder, vm.add(builder, _load(builder, start.data, i), change), made.data, builder.add(args[1], i))
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def rosenbrock_sums(
    typingctx: Any, out: Any, base: Any, right: Any, added: Any, rows: Any, factors: Any, inverse: Any, at: Any
) -> Any:
    """Set out to base + a[0] * rows[0] + ..., and right to added + inverse * (b[0] * rows[0] + ...).

    `factors` are a and b. Both sums are over a part of the rows, which is loaded once for the two: what begins `at` a place and
    is as long as `right`, which holds that part alone. Where there are fewer of a than of b, they count for the last of the
    rows.
    """
    signature = types.void(out, base, right, added, rows, factors, inverse, types.intp)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, start, sums, more, matrix, steps = views(builder, sig, args)
        width = matrix.lengths[-1]
        pair = cgutils.unpack_tuple(builder, args[5])
        of_out, of_right = ([_spread(builder, c) for c in cgutils.unpack_tuple(builder, one)] for one in pair)
        scale, skipped = _load(builder, steps.data, width.type(0)), len(of_right) - len(of_out)
        with _over(builder, sums.lengths[-1]) as (within, _):
            i = builder.add(args[7], within)
            state, total = _load(builder, start.data, i), None
            for j, factor in enumerate(of_right):
                row = _load(builder, matrix.data, builder.add(i, builder.mul(width, width.type(j))))
                product = vm.multiply(builder, factor, row)
                total = product if total is None else vm.add(builder, total, product)
                if j >= skipped:
                    state = vm.add(builder, state, vm.multiply(builder, of_out[j - skipped], row))
            _store(builder, state, made.data, i)
            total = vm.add(builder, _load(builder, more.data, i), vm.multiply(builder, scale, total))
            _store(builder, total, sums.data, within)
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def linear_combination(typingctx: Any, out: Any, first: Any, rows: Any, factors: Any, step: Any) -> Any:
    """Set out[first:] to step * (factors[0] * rows[0] + factors[1] * rows[1] + ...), over the length of a row."""
    signature = types.void(out, types.intp, rows, factors, step)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, matrix, steps = views(builder, sig, args)
        width = matrix.lengths[-1]
        spread = [_spread(builder, c) for c in cgutils.unpack_tuple(builder, args[3])]
        h = _load(builder, steps.data, width.type(0))
        with _over(builder, width) as (i, _):
            found = vm.multiply(builder, h, _sum(builder, matrix, width, spread, i))
            _store(builder, found, made.data, builder.add(args[1], i))
        return cgctx.get_dummy_value()

    return signature, generate


def _allowed(builder: Any, size: Any, rtol: Any, atol: Any) -> Any:
    return vm.add(builder, atol, vm.multiply(builder, rtol, size))


def _squared(builder: Any, difference: Any, allowed: Any) -> Any:
    ratio = builder.fdiv(difference, allowed)
    return vm.multiply(builder, ratio, ratio)


def _grow(builder: Any, total: Any, value: Any) -> None:
    builder.store(vm.add(builder, builder.load(total), value), total)


@intrinsic
def error_norms(
    typingctx: Any, out: Any, weighed: Any, first: Any, y: Any, trial: Any, rtol: Any, atol: Any, units: Any
) -> Any:
    """Set out[:8] to the error of each subject: the largest root mean square of those of its states and of each sensitivity.

    The scaled error is weighed[first:] / (atol + rtol max(|y|, |trial|)). For sensitivity k, the size of a state times units[k]
    is also taken into account; units[0] is zero.
    """
    signature = types.void(out, weighed, types.intp, y, trial, types.double, atol, units)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, given, before, after, tolerance, scales = views(builder, sig, args)
        width, count, share = tolerance.lengths[-1], scales.lengths[-1], _spread(builder, args[5])
        states = builder.mul(builder.udiv(width, count), width.type(LANES))
        total, largest = (cgutils.alloca_once_value(builder, vm.number(0.0)) for _ in range(2))
        with _over(builder, count) as (k, _):
            unit, base = _load(builder, scales.data, k), builder.mul(states, builder.udiv(k, k.type(LANES)))
            builder.store(vm.number(0.0), total)
            with _over(builder, states) as (i, _):
                at = builder.add(base, i)
                larger = _larger(builder, before, after, at)
                of_state = builder.fmul(unit, _larger(builder, before, after, i))
                larger = builder.select(builder.fcmp_ordered(">", of_state, larger), of_state, larger)
                allowed = _allowed(builder, larger, share, _load(builder, tolerance.data, at))
                _grow(builder, total, _squared(builder, _load(builder, given.data, builder.add(args[2], at)), allowed))
            now, most = builder.load(total), builder.load(largest)
            more = builder.or_(builder.fcmp_ordered(">", now, most), builder.fcmp_unordered("uno", now, now))  # NaN stays
            builder.store(builder.select(more, now, most), largest)
        number = builder.udiv(states, states.type(LANES))
        mean = builder.fdiv(builder.load(largest), _spread(builder, builder.uitofp(number, ir.DoubleType())))
        _store(builder, vm.call(builder, "sqrt", mean), made.data, width.type(0))
        return cgctx.get_dummy_value()

    return signature, generate


def _larger(builder: Any, before: Any, after: Any, at: Any) -> Any:
    """Return the larger of two sizes."""
    one, other = (vm.call(builder, "fabs", _load(builder, a.data, at)) for a in (before, after))
    return builder.select(builder.fcmp_ordered(">", one, other), one, other)


@intrinsic
def stiffness(typingctx: Any, out: Any, k: Any, trial: Any, sixth: Any, rtol: Any, atol: Any) -> Any:
    """Set out[:8] to the size of the leading eigenvalue, 0 if the state does not change.

    See `immunoode.solve.integrator.tsit5.stiffness`.
    """
    signature = types.void(out, k, trial, sixth, types.double, atol)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, rows, after, other, tolerance = views(builder, sig, args)
        width, share = tolerance.lengths[-1], _spread(builder, args[4])
        above, below = (cgutils.alloca_once_value(builder, vm.number(0.0)) for _ in range(2))
        last, before = (builder.mul(width, width.type(j)) for j in (6, 5))
        with _over(builder, width) as (i, _):
            state = _load(builder, after.data, i)
            allowed = _allowed(builder, vm.call(builder, "fabs", state), share, _load(builder, tolerance.data, i))
            rates = (_load(builder, rows.data, builder.add(at, i)) for at in (last, before))
            _grow(builder, above, _squared(builder, builder.fsub(*rates), allowed))
            _grow(builder, below, _squared(builder, builder.fsub(state, _load(builder, other.data, i)), allowed))
        found = vm.call(builder, "sqrt", builder.fdiv(builder.load(above), builder.load(below)))
        moves = builder.fcmp_ordered(">", builder.load(below), vm.number(0.0))
        _store(builder, builder.select(moves, found, vm.number(0.0)), made.data, width.type(0))
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def check_steps(typingctx: Any, out: Any, y: Any, trial: Any, debris: Any, extinct: Any, largest: Any) -> Any:
    """Set the integers out[:8] to the flags of a step from y to trial.

    OVERSHOOTS: a state is negative by more than `debris`; FALLS: a state falls below its threshold; UNBOUNDED: a number is not
    below `largest` in size. The number of states is the length of `debris`; they are followed by derivatives.
    """
    signature = types.void(out, y, trial, debris, extinct, types.double)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, before, after, tolerance, threshold = views(builder, sig, args)
        states, most, zero, one = tolerance.lengths[-1], _spread(builder, args[5]), vm.number(0.0), vm.number(1.0)
        found = {flag: cgutils.alloca_once_value(builder, zero) for flag in (OVERSHOOTS, FALLS, UNBOUNDED)}

        def mark(flag: int, condition: Any) -> None:  # as numbers: vectors of bits are slow without 512-bit registers
            builder.store(builder.select(condition, one, builder.load(found[flag])), found[flag])

        with _over(builder, states) as (i, _):
            old, new, allowed, limit = (_load(builder, a.data, i) for a in (before, after, tolerance, threshold))
            below = builder.fcmp_ordered("<", new, builder.fsub(vm.number(-0.0), allowed))
            mark(OVERSHOOTS, builder.and_(below, builder.fcmp_ordered(">=", old, zero)))
            falls = builder.and_(builder.fcmp_ordered(">=", old, limit), builder.fcmp_ordered("<", new, limit))
            mark(FALLS, builder.and_(falls, builder.fcmp_ordered(">", limit, zero)))
        with _over(builder, after.lengths[-1]) as (i, _):
            mark(UNBOUNDED, builder.fcmp_unordered(">=", vm.call(builder, "fabs", _load(builder, after.data, i)), most))
        none, total = ir.Constant(_FLAGS, [0] * LANES), ir.Constant(_FLAGS, [0] * LANES)
        for flag, place in found.items():
            marked = builder.fcmp_ordered(">", builder.load(place), zero)
            total = builder.or_(total, builder.select(marked, ir.Constant(_FLAGS, [flag] * LANES), none))
        builder.store(total, _pointer(builder, made.data, states.type(0), _FLAGS), align=8)
        return cgctx.get_dummy_value()

    return signature, generate


def _taken(builder: Any, chosen: Any) -> tuple[Any, Any]:
    """Return which lanes are chosen, as bits, and whether all are."""
    taken = builder.fcmp_unordered("!=", _load(builder, chosen.data, ir.IntType(64)(0)), vm.number(0.0))
    return taken, builder.icmp_unsigned("==", builder.bitcast(taken, ir.IntType(LANES)), ir.IntType(LANES)(2**LANES - 1))


def _kept(builder: Any, taken: Any, new: Any, old: Any) -> Any:
    """Return the new numbers for chosen lanes and the old numbers for the others; `taken` is None if all are chosen."""
    return new if taken is None else builder.select(taken, new, old)


@intrinsic
def accept_steps(typingctx: Any, chosen: Any, y: Any, trial: Any, debris: Any, atol: Any, shares: Any) -> Any:
    """If chosen[:8] is not zero, y becomes trial.

    Empty states remain empty: a state whose trial value is negative by no more than `debris` becomes zero (the number of states
    is the length of `debris`). Absolute tolerances, and debris with them, become at least their share of the new size.
    """
    signature = types.void(chosen, y, trial, debris, atol, shares)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        mask, before, after, tolerance, allowed, shares_ = views(builder, sig, args)
        states, size, zero = tolerance.lengths[-1], before.lengths[-1], vm.number(0.0)

        def grow(taken: Any, new: Any, i: Any, limits: Any) -> None:
            own = vm.multiply(builder, _load(builder, shares_.data, i), vm.call(builder, "fabs", new))
            for array in limits:
                limit = _load(builder, array.data, i)
                larger = vm.call(builder, "maxnum", own, limit)
                _store(builder, _kept(builder, taken, larger, limit), array.data, i)

        def write(taken: Any) -> None:
            with _over(builder, states) as (i, _):
                old, new, debris_ = (_load(builder, a.data, i) for a in (before, after, tolerance))
                empty = builder.and_(builder.fcmp_ordered("<", new, zero), builder.fcmp_ordered(">=", old, zero))
                empty = builder.and_(empty, builder.fcmp_ordered(">=", new, builder.fsub(vm.number(-0.0), debris_)))
                grow(taken, new, i, (allowed, tolerance))
                _store(builder, _kept(builder, taken, builder.select(empty, zero, new), old), before.data, i)
            with cgutils.for_range_slice(builder, states, size, states.type(LANES)) as (i, _):
                old, new = (_load(builder, a.data, i) for a in (before, after))
                grow(taken, new, i, (allowed,))
                _store(builder, _kept(builder, taken, new, old), before.data, i)

        taken, every = _taken(builder, mask)
        with builder.if_else(every) as (then, otherwise):
            with then:
                write(None)
            with otherwise:
                write(taken)
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def carry_rates(typingctx: Any, chosen: Any, k: Any) -> Any:
    """If chosen[:8] is not zero, k[0] becomes k[6]: the rates at the end of an explicit step are those at the next start."""
    signature = types.void(chosen, k)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        mask, rows = views(builder, sig, args)
        width = rows.lengths[-1]
        last = builder.mul(width, width.type(6))
        taken, every = _taken(builder, mask)
        with builder.if_else(every) as branches:
            for branch, chosen_ in zip(branches, (None, taken), strict=True):
                with branch, _over(builder, width) as (i, _):
                    new, old = _load(builder, rows.data, builder.add(last, i)), _load(builder, rows.data, i)
                    _store(builder, _kept(builder, chosen_, new, old), rows.data, i)
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def propose_factors(typingctx: Any, factors: Any, logged: Any, error: Any, previous: Any) -> Any:
    """Set logged[:8] to the logarithms of errors, factors[:8] to those of the next steps (see `controller.accept_factor`)."""
    signature = types.void(factors, logged, error, previous)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, logs, errors, before = views(builder, sig, args)
        first = ir.Constant(ir.IntType(64), 0)
        now = vm.logarithm(builder, builder.fadd(_load(builder, errors.data, first), vm.number(NO_ERROR)))
        last = vm.call(builder, "maxnum", _load(builder, before.data, first), vm.number(LEAST))
        power = builder.fsub(vm.multiply(builder, vm.number(MEMORY), last), vm.multiply(builder, vm.number(RESPONSE), now))
        factor = vm.multiply(builder, vm.number(SAFETY), vm.exponential(builder, power))
        factor = vm.call(builder, "maxnum", vm.number(SMALLEST_FACTOR), factor)
        _store(builder, vm.call(builder, "minnum", vm.number(LARGEST_FACTOR), factor), made.data, first)
        _store(builder, now, logs.data, first)
        return cgctx.get_dummy_value()

    return signature, generate
