"""Values of a native function at several inputs."""

from __future__ import annotations

from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.packed_input import FloatArray

_FEW_ROWS = 4
"""The number of inputs up to which single calls take less time than preparing the arguments of a kernel."""


def evaluate(function: NativeFunction, packed: FloatArray, out: FloatArray) -> None:
    """Set the rows of `out`, shape (P, at least size), to the values at packed inputs (P, ...); both are contiguous."""
    if not function.size:
        return
    if len(packed) > _FEW_ROWS:
        from immunoode.solve.integrator.native import evaluate_rows

        evaluate_rows(function.address, packed, out)
        return
    to, source = out.ctypes.data, packed.ctypes.data
    for p in range(len(packed)):
        function.call_at(source + p * packed.strides[0], to + p * out.strides[0])
