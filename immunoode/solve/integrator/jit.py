"""Functions of the solver that are compiled: kernels, which Python calls (`entry`), and what kernels call (`inner`, `rare`).

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
    """What a kernel returns, and of which kind it is (see `immunoode.solve.integrator.record_type.give_back`)."""

    _anonymous_ = ("value",)
    _fields_ = (("value", _Value), ("kind", ctypes.c_int64), ("unused", ctypes.c_int64 * 2))


class Kernel:
    """A function that Python calls as machine code; the GIL is released while it runs.

    It takes numbers, arrays, and tuples and NamedTuples of these (see `immunoode.solve.integrator.record_type`), and returns
    nothing or a number. It does not raise, and keeps nothing that it is given.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self._loaded: dict[tuple[Any, ...], Any] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel; return what it returns."""
        return self.bind(*arguments)()

    def bind(self, *arguments: Any) -> Callable[[], Any]:
        """Return the kernel with its arguments, for calls with the same arrays, whose numbers may change.

        The caller keeps the arrays.

        To look at the arguments takes longer than a short run.
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
        """Return where the machine code for such arguments is, for kernels that call it (`call_kernel`)."""
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
    """A function that kernels call, of no use to Python."""

    def __init__(self, function: Callable[..., Any], is_rare: bool) -> None:
        self.py_func, self._is_rare = function, is_rare
        self._dispatcher: Any = None

    @property
    def _numba_type_(self) -> Any:
        """What Numba knows the function by; asked for when a kernel that calls it is compiled."""
        if self._dispatcher is None:
            from immunoode.solve.integrator.linking import dispatcher

            self._dispatcher = dispatcher(self.py_func, self._is_rare)
        return self._dispatcher._numba_type_

    def __call__(self, *args: Any) -> Any:
        """Refuse: there is no machine code of this function alone."""
        raise TypeError(f"{self.py_func.__qualname__} is called by kernels only; entry(function.py_func) is one for Python")


def entry(function: Callable[..., Any]) -> Kernel:
    """Make a kernel of a function."""
    return Kernel(function)


def inner(function: Callable[..., Any]) -> Inner:
    """Make a function that kernels call, and that becomes part of each of them."""
    return Inner(function, is_rare=False)


def rare(function: Callable[..., Any]) -> Inner:
    """Make a function that kernels call about once per event or less: it is never inlined, and optimised for size.

    Machine code of it is made once per kernel instead of once per call, in a fraction of the time.
    """
    return Inner(function, is_rare=True)
