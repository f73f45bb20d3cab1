"""Calls from kernels to the machine code of a model, by address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from immunoode.solve.jit import kernel
from immunoode.solve.system import STATES_AT, TIME_AT

RATES, ARRIVALS, JACOBIAN, INITIAL, CONDITIONS, DRIFT, COUPLING, CROSSINGS = range(0, 16, 2)
"""Where address and context of each function stand in `immunoode.solve.system.System.addresses` (address 0: there is none)."""


@intrinsic
def call(typingctx: Any, function: Any, context: Any, out: Any, inputs: Any) -> Any:
    """Call `void f(double *out, const double *in, void *context)` at an address."""
    pointer_type = types.CPointer(types.double)
    signature = types.void(types.intp, types.intp, pointer_type, pointer_type)

    def generate(cgctx: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.PointerType(ir.DoubleType())
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, pointer])
        out, given = builder.bitcast(args[2], pointer), builder.bitcast(args[3], pointer)
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [out, given, builder.inttoptr(args[1], pointer)])
        return cgctx.get_dummy_value()

    return signature, generate


@kernel
def place(t: float, y: Any, x: Any) -> None:
    """Put time and states into the packed input, whose parameters are in place."""
    x[TIME_AT] = t
    for i in range(y.size):
        x[STATES_AT + i] = y[i]


@kernel
def rates(f: Any, t: float, x: Any, infusion: Any, out: Any) -> None:
    """Rates of change at the states in x, infusions included."""
    x[TIME_AT] = t
    call(f[RATES], f[RATES + 1], out.ctypes, x.ctypes)
    for i in range(infusion.size):
        out[i] += infusion[i]


@kernel
def evaluate_rows(f: Any, x: Any, out: Any) -> None:
    """Evaluate a function at every row of packed inputs."""
    for p in range(x.shape[0]):
        call(f[0], f[1], out[p].ctypes, x[p].ctypes)


@kernel
def evaluate_outputs(f: Any, x: Any, times: Any, states: Any, values: Any) -> None:
    """Fill values[p, t] with the outputs at states[p, t]; x rows are the patients' packed inputs."""
    for p in range(states.shape[0]):
        for g in range(times.shape[1]):
            place(times[p, g], states[p, g], x[p])
            call(f[0], f[1], values[p, g].ctypes, x[p].ctypes)


@kernel
def evaluate_outputs_along(f: Any, x: Any, times: Any, states: Any, values: Any, changed: Any, places: Any,
                           set_to: Any) -> None:  # fmt: skip
    """Do so for one patient whose parameters change: x[places[c]] is set_to[c] from the time changed[c] on."""
    c = 0
    for g in range(times.size):
        while c < changed.size and changed[c] <= times[g]:
            x[places[c]] = set_to[c]
            c += 1
        place(times[g], states[g], x)
        call(f[0], f[1], values[g].ctypes, x.ctypes)
