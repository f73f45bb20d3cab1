"""Compiled functions of the solver: kernels, which Python calls (`entry`), and functions that kernels call (`inner`, `rare`).

A kernel is compiled when it is first called with a kind of arguments, or loaded from the cache of this installation. From
source to address: `linking` (intermediate code, by Numba), `machine_code` (LLVM), `kernel_cache` (files).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Lock
from typing import Any

from immunoode.solve.integrator.arguments import packed


class _Value(ctypes.Union):
    _fields_ = (("whole", ctypes.c_int64), ("number", ctypes.c_double))


class _Result(ctypes.Structure):
    """The return value of a kernel, and its kind (see `immunoode.solve.integrator.record_type.give_back`)."""

    _anonymous_ = ("value",)
    _fields_ = (("value", _Value), ("kind", ctypes.c_int64), ("unused", ctypes.c_int64 * 2))


class Kernel:
    """A function that Python calls as machine code; the GIL is released while it runs.

    It takes numbers, arrays, and tuples and NamedTuples of these (see `immunoode.solve.integrator.record_type`), and returns
    nothing or a number. It does not raise exceptions, and does not keep its arguments.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self._loaded: dict[tuple[Any, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel, and return its result."""
        return self.bind(*arguments)()

    def bind(self, *arguments: Any) -> Callable[[], Any]:
        """Return the kernel with its arguments, for calls with the same arrays, whose numbers may change.

        The caller must keep the arrays alive. Checking the arguments would take longer than a short run.
        """
        kinds, block = packed(arguments)
        code = self._loaded.get(kinds) or self.load(kinds)

        def run() -> Any:
            result = _Result()
            place = ctypes.byref(result)
            unused = ctypes.byref(result, _Result.unused.offset)
            status = code.call(unused, unused, block, place)
            if status:
                raise RuntimeError(f"the kernel {self.py_func.__qualname__} ended with status {status}; kernels must not raise")
            return (None, result.number, result.whole, bool(result.whole))[result.kind]

        return run

    def address(self, *arguments: Any) -> int:
        """Return the address of the machine code for such arguments, for kernels that call it (`call_kernel`)."""
        kinds, _ = packed(arguments)
        return int(self.load(kinds).address)

    def load(self, kinds: tuple[Any, ...]) -> Any:
        """Return the machine code for some kinds of arguments, compiled if it is not stored."""
        from immunoode.solve.integrator.kernel_cache import load

        with _LOCK:
            if kinds not in self._loaded:
                self._loaded[kinds] = load(self.py_func, kinds)
            return self._loaded[kinds]


_LOCK = Lock()
"""Numba compiles one function at a time."""


class Inner:
    """A function that is called only by kernels."""

    def __init__(self, function: Callable[..., Any], is_rare: bool) -> None:
        self.py_func, self._is_rare = function, is_rare
        self._dispatcher: Any = None

    @property
    def _numba_type_(self) -> Any:
        """The function as Numba refers to it; requested when a kernel that calls it is compiled."""
        if self._dispatcher is None:
            from immunoode.solve.integrator.linking import dispatcher

            self._dispatcher = dispatcher(self.py_func, self._is_rare)
        return self._dispatcher._numba_type_

    def __call__(self, *args: Any) -> Any:
        """Raise an error, because this function has no machine code of its own."""
        raise TypeError(f"{self.py_func.__qualname__} is called by kernels only; entry(function.py_func) is one for Python")


def entry(function: Callable[..., Any]) -> Kernel:
    """Make a kernel of a function."""
    return Kernel(function)


def inner(function: Callable[..., Any]) -> Inner:
    """Make a function that kernels call, and that becomes part of each of them."""
    return Inner(function, is_rare=False)


def rare(function: Callable[..., Any]) -> Inner:
    """Make a function that kernels call about once per event or less: it is never inlined, and optimised for size.

    Its machine code is generated once per kernel instead of once per call, in a fraction of the time.
    """
    return Inner(function, is_rare=True)
