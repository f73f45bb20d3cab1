"""Calls from kernels to the machine code of a model, by address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from immunoode.solve.jit import kernel
from immunoode.solve.lanes import accumulate, copy
from immunoode.solve.system import STATES_AT, TIME_AT

RATES, ARRIVALS, JACOBIAN, INITIAL, CONDITIONS, DRIFT, COUPLING, CROSSINGS, CONSTANTS = range(0, 18, 2)
"""Where address and context of each function stand in `immunoode.solve.system.System.addresses` (address 0: there is none)."""


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


@kernel
def place(t: float, y: Any, x: Any) -> None:
    """Put time and states into the packed input, whose parameters are in place."""
    x[TIME_AT] = t
    copy(x, STATES_AT, y, 0, y.size)


@kernel
def rates(f: Any, t: float, x: Any, infusion: Any, out: Any, first: int = 0) -> None:
    """Set out[first:] to the rates of change at the states in x, infusions included (of length 0 where nothing runs)."""
    x[TIME_AT] = t
    call(f[RATES], f[RATES + 1], out, first, x, 0)
    accumulate(out, first, infusion, 0, infusion.size, 1.0)


@kernel
def evaluate_rows(f: Any, x: Any, out: Any) -> None:
    """Evaluate a function at every row of packed inputs."""
    for p in range(x.shape[0]):
        call(f[0], f[1], out, p * out.shape[1], x, p * x.shape[1])


@kernel
def evaluate_outputs(f: Any, x: Any, times: Any, states: Any, values: Any) -> None:
    """Fill values[p, t] with the outputs at states[p, t]; x rows are the patients' packed inputs."""
    _, count, width = values.shape
    length = states.shape[2]
    for p in range(states.shape[0]):
        for g in range(count):
            x[p, TIME_AT] = times[p, g]
            copy(x, p * x.shape[1] + STATES_AT, states, (p * count + g) * length, length)
            call(f[0], f[1], values, (p * count + g) * width, x, p * x.shape[1])


@kernel
def evaluate_outputs_along(f: Any, x: Any, times: Any, states: Any, values: Any, changed: Any, places: Any,
                           set_to: Any) -> None:  # fmt: skip
    """Do so for one patient whose parameters change: x[places[c]] is set_to[c] from the time changed[c] on."""
    c = 0
    for g in range(times.size):
        while c < changed.size and changed[c] <= times[g]:
            x[places[c]] = set_to[c]
            c += 1
        x[TIME_AT] = times[g]
        copy(x, STATES_AT, states, g * states.shape[1], states.shape[1])
        call(f[0], f[1], values, g * values.shape[1], x, 0)
