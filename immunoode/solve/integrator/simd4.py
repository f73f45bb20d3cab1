"""Sums of vectors four numbers at a time: the operations of a step on any number of states.

Loops over a handful of states are too short for the compiler's own vector code, which unrolls for long ones. The length of
vectors is a multiple of four, padded with zeros. Positions are given as array and index, because Numba would count references
to a slice of an array, which costs more than the sums.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from immunoode.solve.integrator.array_type import views
from immunoode.solve.problem.packed_input import VECTOR

_VECTOR = ir.VectorType(ir.DoubleType(), VECTOR)
_FUSED = ("contract",)


def _load(builder: Any, data: Any, at: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()), align=8)


def _gather(builder: Any, data: Any, at: Any) -> Any:
    """Load numbers one by one.

    A function of the model has just stored them one by one, and a wide load would wait for all of them. The loads are atomic,
    because the compiler would otherwise merge them; on present processors, they cost the same as any load.
    """
    found = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(VECTOR):
        number = builder.load_atomic(builder.gep(data, [builder.add(at, at.type(lane))]), "unordered", 8)
        found = builder.insert_element(found, number, ir.Constant(ir.IntType(32), lane))
    return found


def _store(builder: Any, value: Any, data: Any, at: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()), align=8)


def _spread(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), [0] * VECTOR)
    return builder.shuffle_vector(one, one, zeros)


def _sum(builder: Any, total: Any, matrix: Any, width: Any, factors: list[Any], i: Any) -> Any:
    """Return total + the sum of factor * row, at column i; a total of None starts with the first product.

    Added to a total, the last row is the stage that was just evaluated.
    """
    fresh = len(factors) - 1 if total is not None else -1
    for j, factor in enumerate(factors):
        load = _gather if j == fresh else _load
        row = load(builder, matrix.data, builder.add(i, builder.mul(width, width.type(j))))
        product = builder.fmul(factor, row, flags=_FUSED)
        total = product if total is None else builder.fadd(total, product, flags=_FUSED)
    return total


@intrinsic
def stage_sum(typingctx: Any, out: Any, first: Any, base: Any, rows: Any, factors: Any) -> Any:
    """Set out[first:] to base + factors[0] * rows[0] + factors[1] * rows[1] + ..., over the length of a row.

    `rows` is a C-ordered matrix, `factors` a tuple of floats; arrays count as flat, and `out` may be `base`.
    """
    signature = types.void(out, types.intp, base, rows, factors)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, start, matrix = views(builder, sig, args)
        width = matrix.lengths[1]
        spread = [_spread(builder, c) for c in cgutils.unpack_tuple(builder, args[4])]
        with cgutils.for_range_slice(builder, width.type(0), width, width.type(VECTOR)) as (i, _):
            total = _sum(builder, _load(builder, start.data, i), matrix, width, spread, i)
            _store(builder, total, made.data, builder.add(args[1], i))
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def linear_combination(typingctx: Any, out: Any, first: Any, rows: Any, factors: Any) -> Any:
    """Set out[first:] to factors[0] * rows[0] + factors[1] * rows[1] + ..., over the length of a row."""
    signature = types.void(out, types.intp, rows, factors)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, matrix = views(builder, sig, args)
        width = matrix.lengths[1]
        spread = [_spread(builder, c) for c in cgutils.unpack_tuple(builder, args[3])]
        with cgutils.for_range_slice(builder, width.type(0), width, width.type(VECTOR)) as (i, _):
            _store(builder, _sum(builder, None, matrix, width, spread, i), made.data, builder.add(args[1], i))
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def axpy(typingctx: Any, out: Any, first: Any, other: Any, second: Any, width: Any, factor: Any) -> Any:
    """Add factor * other[second : second + width] to out[first:]."""
    signature = types.void(out, types.intp, other, types.intp, types.intp, types.double)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, given = views(builder, sig, args)
        spread = _spread(builder, args[5])
        with cgutils.for_range_slice(builder, args[4].type(0), args[4], args[4].type(VECTOR)) as (i, _):
            product = builder.fmul(spread, _load(builder, given.data, builder.add(args[3], i)), flags=_FUSED)
            at = builder.add(args[1], i)
            _store(builder, builder.fadd(_load(builder, made.data, at), product, flags=_FUSED), made.data, at)
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def scaled_square(typingctx: Any, errors: Any, first: Any, y: Any, trial: Any, rtol: Any, atol: Any) -> Any:
    """Return the sum of (errors[first:] / (atol + rtol max(|y|, |trial|))) ** 2, over the length of `atol`."""
    signature = types.double(errors, types.intp, y, trial, types.double, atol)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        given, before, after, tolerance = views(builder, sig, args)
        (width,) = tolerance.lengths
        share = _spread(builder, args[4])
        size = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), "llvm.fabs.v4f64")
        total = cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, [0.0] * VECTOR))
        with cgutils.for_range_slice(builder, width.type(0), width, width.type(VECTOR)) as (i, _):
            one, other = (builder.call(size, [_load(builder, a.data, i)]) for a in (before, after))
            larger = builder.select(builder.fcmp_ordered(">", one, other), one, other)
            allowed = builder.fmul(share, larger, flags=_FUSED)
            allowed = builder.fadd(_load(builder, tolerance.data, i), allowed, flags=_FUSED)
            ratio = builder.fdiv(_load(builder, given.data, builder.add(args[1], i)), allowed)
            square = builder.fmul(ratio, ratio, flags=_FUSED)
            builder.store(builder.fadd(builder.load(total), square, flags=_FUSED), total)
        lanes = [builder.extract_element(builder.load(total), ir.Constant(ir.IntType(32), k)) for k in range(VECTOR)]
        return builder.fadd(builder.fadd(lanes[0], lanes[1]), builder.fadd(lanes[2], lanes[3]))

    return signature, generate


@intrinsic
def copy(typingctx: Any, out: Any, first: Any, other: Any, second: Any, width: Any) -> Any:
    """Copy other[second : second + width] to out[first:]."""
    signature = types.void(out, types.intp, other, types.intp, types.intp)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        made, given = views(builder, sig, args)
        with cgutils.for_range_slice(builder, args[4].type(0), args[4], args[4].type(VECTOR)) as (i, _):
            _store(builder, _load(builder, given.data, builder.add(args[3], i)), made.data, builder.add(args[1], i))
        return cgctx.get_dummy_value()

    return signature, generate
