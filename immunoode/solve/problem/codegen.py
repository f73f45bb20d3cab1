"""Expressions as machine code for one subject."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.model.symbolic import Expr
from immunoode.solve.problem.packed_input import FloatArray

_SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class NativeFunction:
    """A vector of expressions as machine code, `void f(double *out, const double *in, void *context)`.

    Keeps the object returned by SymEngine, because the address is valid only as long as it exists.
    """

    def __init__(self, inputs: list[Expr], expressions: list[Expr]) -> None:
        import symengine as se

        self.size = len(expressions)
        self.symbols = {symbol for expression in expressions for symbol in expression.free_symbols}
        self.address = np.zeros(2, dtype=np.int64)
        if expressions:
            try:
                self._keep = se.Lambdify(inputs, expressions, backend="llvm", cse=True)
            except RuntimeError as error:
                right = "check for divisions by zero and powers that are not finite"
                raise SolveError(Problem("the equations", f"cannot be compiled ({error})", right)) from None
            pointer, context = self._keep.as_ctypes()
            self.address[:] = [ctypes.cast(pointer, ctypes.c_void_p).value or 0, context.value]
            self._call: Any = _SIGNATURE(int(self.address[0]))
            self._context = context.value

    def __call__(self, packed: FloatArray) -> FloatArray:
        """Return the values at one packed input."""
        out = np.empty(self.size)
        if self.size:
            self.call_at(packed.ctypes.data, out.ctypes.data)
        return out

    def call_at(self, packed: int, out: int) -> None:
        """Write the values at the packed input of one address to another address."""
        self._call(out, packed, self._context)
