"""Calls from kernels to the machine code of a model, by address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from immunoode.solve.integrator.jit import entry, inner
from immunoode.solve.integrator.simd4 import axpy, copy
from immunoode.solve.problem.compiled_model import STATES_AT, TIME_AT

RATES, ARRIVALS, JACOBIAN, INITIAL, CONDITIONS, DRIFT, COUPLING, CROSSINGS, CONSTANTS = range(0, 18, 2)
"""Where address and context of each function stand in `immunoode.solve.problem.compiled_model.System.addresses` (address 0:
there is none)."""


@intrinsic
def call(typingctx: Any, function: Any, context: Any, out: Any, first: Any, inputs: Any, second: Any) -> Any:
    """Call `void f(double *out, const double *in, void *context)` at an address, with out[first:] and inputs[second:]."""
    signature = types.void(types.intp, types.intp, out, types.intp, inputs, types.intp)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, pointer])
        made = cgctx.make_array(sig.args[2])(cgctx, builder, args[2])
        given = cgctx.make_array(sig.args[4])(cgctx, builder, args[4])
        places = [builder.gep(made.data, [args[3]]), builder.gep(given.data, [args[5]])]
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [*places, builder.inttoptr(args[1], pointer)])
        return cgctx.get_dummy_value()

    return signature, generate


@intrinsic
def borrow(typingctx: Any, record: Any) -> Any:
    """Return a tuple of arrays and others, without the counting of references to its arrays: who lends them must keep them.

    Counting is atomic: to take a dozen arrays out of a tuple and drop them again costs more than an event of a patient.
    """

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _borrow(cgctx, builder, sig.args[0], args[0])

    return record(record), generate


def _borrow(cgctx: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = cgctx.make_array(kind)(cgctx, builder, value)
        array.meminfo, array.parent = (cgutils.get_null_value(v.type) for v in (array.meminfo, array.parent))
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        parts = zip(kind, cgutils.unpack_tuple(builder, value), strict=True)
        return cgctx.make_tuple(builder, kind, [_borrow(cgctx, builder, k, v) for k, v in parts])
    return value


@inner
def set_packed_state(t: float, y: Any, x: Any) -> None:
    """Put time and states into the packed input, whose parameters are in place."""
    x[TIME_AT] = t
    copy(x, STATES_AT, y, 0, y.size)


@inner
def evaluate_rates(f: Any, t: float, x: Any, infusion: Any, out: Any, first: int = 0) -> None:
    """Set out[first:] to the rates of change at the states in x, infusions included (of length 0 where nothing runs)."""
    x[TIME_AT] = t
    call(f[RATES], f[RATES + 1], out, first, x, 0)
    axpy(out, first, infusion, 0, infusion.size, 1.0)


@entry
def evaluate_rows(f: Any, x: Any, out: Any) -> None:
    """Evaluate a function at every row of packed inputs."""
    for p in range(x.shape[0]):
        call(f[0], f[1], out, p * out.shape[1], x, p * x.shape[1])
