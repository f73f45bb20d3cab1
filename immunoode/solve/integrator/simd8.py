"""Sums of vectors for eight subjects at a time, each with a step of its own.

Vectors hold number i of lane l at 8 i + l, and are aligned to 64 bytes: number i of all is one wide register.
What a sum gives for one subject does not depend on the others.
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
"""What `check_steps` finds, added up."""
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
    """Loop over the vectors of an array's length."""
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
    typingctx: Any, out: Any, first: Any, base: Any, right: Any, added: Any, rows: Any, factors: Any, inverse: Any
) -> Any:
    """Set out[first:] to base + a[0] * rows[0] + ..., and right to added + inverse * (b[0] * rows[0] + ...).

    `factors` are a and b. Both sums are over the length of a row, which is loaded once for the two. Where there are fewer of a
    than of b, they count for the last of the rows.
    """
    signature = types.void(out, types.intp, base, right, added, rows, factors, inverse)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, start, sums, more, matrix, steps = views(builder, sig, args)
        width = matrix.lengths[-1]
        pair = cgutils.unpack_tuple(builder, args[6])
        of_out, of_right = ([_spread(builder, c) for c in cgutils.unpack_tuple(builder, one)] for one in pair)
        scale, skipped = _load(builder, steps.data, width.type(0)), len(of_right) - len(of_out)
        with _over(builder, width) as (i, _):
            state, total = _load(builder, start.data, i), None
            for j, factor in enumerate(of_right):
                row = _load(builder, matrix.data, builder.add(i, builder.mul(width, width.type(j))))
                product = vm.multiply(builder, factor, row)
                total = product if total is None else vm.add(builder, total, product)
                if j >= skipped:
                    state = vm.add(builder, state, vm.multiply(builder, of_out[j - skipped], row))
            _store(builder, state, made.data, builder.add(args[1], i))
            total = vm.add(builder, _load(builder, more.data, i), vm.multiply(builder, scale, total))
            _store(builder, total, sums.data, i)
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

    What is measured is weighed[first:] / (atol + rtol max(|y|, |trial|)). For sensitivity k the size of a state times units[k]
    counts as well; units[0] is zero.
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
    """Set out[:8] to the size of the leading eigenvalue (see `immunoode.solve.integrator.tsit5.stiffness`), 0 where nothing
    moves."""
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
    """Set the integers out[:8] to what is found in a step from y to trial.

    OVERSHOOTS: a state goes below zero by more than `debris` (NaN: it may); FALLS: one falls below its threshold;
    UNBOUNDED: one is not below `largest` in size.
    """
    signature = types.void(out, y, trial, debris, extinct, types.double)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, before, after, tolerance, threshold = views(builder, sig, args)
        width, most, zero = tolerance.lengths[-1], _spread(builder, args[5]), vm.number(0.0)
        found = cgutils.alloca_once_value(builder, ir.Constant(_FLAGS, [0] * LANES))
        none = ir.Constant(_FLAGS, [0] * LANES)
        with _over(builder, width) as (i, _):
            old, new, allowed, limit = (_load(builder, a.data, i) for a in (before, after, tolerance, threshold))
            over = builder.and_(
                builder.fcmp_ordered("<", new, builder.fsub(vm.number(-0.0), allowed)), builder.fcmp_ordered(">=", old, zero)
            )
            falls = builder.and_(builder.fcmp_ordered(">=", old, limit), builder.fcmp_ordered("<", new, limit))
            falls = builder.and_(falls, builder.fcmp_ordered(">", limit, zero))
            beyond = builder.fcmp_unordered(">=", vm.call(builder, "fabs", new), most)
            for condition, flag in ((over, OVERSHOOTS), (falls, FALLS), (beyond, UNBOUNDED)):
                marked = builder.select(condition, ir.Constant(_FLAGS, [flag] * LANES), none)
                builder.store(builder.or_(builder.load(found), marked), found)
        builder.store(builder.load(found), _pointer(builder, made.data, width.type(0), _FLAGS), align=8)
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def accept_steps(typingctx: Any, chosen: Any, y: Any, trial: Any, debris: Any, k: Any, atol: Any, shares: Any) -> Any:
    """Where chosen[:8] is not zero, y becomes trial, and k[0] k[6]: the rates at the end are those at the next start.

    What is empty stays empty: a trial below zero by no more than `debris` is zero. Absolute tolerances, and debris with them,
    become at least their share of the new state's size.
    """
    signature = types.void(chosen, y, trial, debris, k, atol, shares)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        mask, before, after, tolerance, rows, allowed_, shares_ = views(builder, sig, args)
        width, zero = tolerance.lengths[-1], vm.number(0.0)
        taken = builder.fcmp_unordered("!=", _load(builder, mask.data, width.type(0)), zero)
        last = builder.mul(width, width.type(6))
        with _over(builder, width) as (i, _):
            old, new, allowed = (_load(builder, a.data, i) for a in (before, after, tolerance))
            empty = builder.and_(builder.fcmp_ordered("<", new, zero), builder.fcmp_ordered(">=", old, zero))
            empty = builder.and_(empty, builder.fcmp_ordered(">=", new, builder.fsub(vm.number(-0.0), allowed)))
            _store(builder, builder.select(taken, builder.select(empty, zero, new), old), before.data, i)
            rates = builder.select(taken, _load(builder, rows.data, builder.add(last, i)), _load(builder, rows.data, i))
            _store(builder, rates, rows.data, i)
            own = vm.multiply(builder, _load(builder, shares_.data, i), vm.call(builder, "fabs", new))
            absolute = _load(builder, allowed_.data, i)
            grown = builder.and_(taken, builder.fcmp_ordered(">", own, absolute))
            _store(builder, builder.select(grown, own, absolute), allowed_.data, i)
            grown = builder.and_(grown, builder.fcmp_ordered(">", own, allowed))  # NaN stays
            _store(builder, builder.select(grown, own, allowed), tolerance.data, i)
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
