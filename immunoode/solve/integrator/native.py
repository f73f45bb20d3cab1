"""Calls from kernels to the machine code of a model, by address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from immunoode.solve.integrator.array_type import views
from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.simd4 import axpy, copy
from immunoode.solve.problem.packed_input import STATES_AT, TIME_AT


@intrinsic
def call_address(typingctx: Any, function: Any, context: Any, out: Any, first: Any, inputs: Any, second: Any) -> Any:
    """Call `void f(double *out, const double *in, void *context)` at an address, with out[first:] and inputs[second:]."""
    signature = types.void(types.intp, types.intp, out, types.intp, inputs, types.intp)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, pointer])
        made, given = views(builder, sig, args)
        places = [builder.gep(made.data, [args[3]]), builder.gep(given.data, [args[5]])]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [*places, builder.inttoptr(args[1], pointer)])
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def call_stage(typingctx: Any, function: Any, out: Any, first: Any, inputs: Any, right: Any, prepared: Any, block: Any) -> Any:
    """Call the function `stage` at an address, with out[first:] (see `immunoode.solve.problem.codegen_implicit`)."""
    signature = types.void(types.intp, out, types.intp, inputs, right, prepared, types.intp)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 4 + [ir.IntType(64)])
        made, *others = (array.data for array in views(builder, sig, args))
        made = builder.gep(made, [args[2]])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [made, *others, args[6]])
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def call_kernel(typingctx: Any, address: Any, record: Any) -> Any:
    """Call another kernel at an address; its arguments are the caller's, from this record on."""

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        room = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(64), 4))
        unused = builder.bitcast(room, cgutils.voidptr_t)
        kind = ir.FunctionType(ir.IntType(32), [cgutils.voidptr_t] * 4)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [unused, unused, args[1], unused])
        return cgctx.get_dummy_value()

    return types.void(types.intp, record), generate


@inner
def call(function: Any, out: Any, x: Any) -> None:
    """Call a function of the model (a `Native`) at a packed input."""
    call_address(function.address, function.context, out, 0, x, 0)


@inner
def set_packed_state(t: float, y: Any, x: Any) -> None:
    """Put time and states into the packed input, whose parameters are in place."""
    x[TIME_AT] = t
    copy(x, STATES_AT, y, 0, y.size)


@inner
def set_constants(run: Any, x: Any) -> None:
    """Compute the constants that depend only on the parameters of a packed input, and store them in it."""
    function = run.functions.constants
    if function.address != 0:
        call_address(function.address, function.context, x, run.layout.constants_at, x, 0)


@inner
def evaluate_rates(run: Any, lane: int, t: float, out: Any) -> None:
    """Set `out` to the rates of change at the states in the packed input, infusions included."""
    x = run.progress.x[lane]
    x[TIME_AT] = t
    call(run.functions.rates, out, x)
    if run.progress.infusing[lane]:
        axpy(out, 0, run.progress.infusion[lane], 0, out.size, 1.0)


@entry
def evaluate_rows(f: Any, x: Any, out: Any) -> None:
    """Evaluate a function, given as address and context, at every row of packed inputs."""
    for p in range(x.shape[0]):
        call_address(f[0], f[1], out, p * out.shape[1], x, p * x.shape[1])
