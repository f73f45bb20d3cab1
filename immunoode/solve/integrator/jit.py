"""How kernels are compiled: by Numba, without the GIL, cached on disk where that can be written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

FAST = {"contract", "arcp", "nsz", "reassoc"}
"""Liberties in floating point; NaN keeps its meaning, since failures are found by it."""
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": FAST, "no_cfunc_wrapper": True}


def entry(function: Callable[..., Any]) -> Any:
    """Compile a kernel that Python calls on its first call, or load it from the cache of this installation."""
    from numba import njit

    from immunoode.solve.integrator.kernel_cache import KernelCache
    from immunoode.solve.integrator.linking import KernelCompiler

    compiled = njit(pipeline_class=KernelCompiler, **_OPTIONS)(function)
    compiled._cache = KernelCache(function)
    return compiled


class Inner:
    """A function that kernels call: known to Numba by its type, and of no use to Python."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled  # its type refers to it weakly
        self._numba_type_ = compiled._numba_type_
        self.py_func = compiled.py_func

    def __call__(self, *args: Any) -> Any:
        """Refuse: there is no machine code of this function alone."""
        raise TypeError(f"{self.py_func.__qualname__} is called by kernels only; entry(function.py_func) is one for Python")


def inner(function: Callable[..., Any]) -> Inner:
    """Compile a function that only kernels call, into each of them."""
    from numba import njit

    from immunoode.solve.integrator.linking import LinkedCompiler

    return Inner(njit(pipeline_class=LinkedCompiler, no_cpython_wrapper=True, **_OPTIONS)(function))


@cache
def announce(compiled: Any) -> None:
    """Say that a kernel has to be compiled, unless it is in the cache: once per process, on the standard error stream."""
    if compiled.signatures or compiled._cache.is_filled():
        return
    if compiled._cache.can_be_written():
        print(
            "immunoode: compiling the solver, about a third of a minute, once for this installation",
            file=sys.stderr,
            flush=True,
        )
    else:
        print(
            "immunoode: compiling the solver, about a third of a minute in each process: no folder for its cache can be "
            "written (set NUMBA_CACHE_DIR to one that can)",
            file=sys.stderr,
            flush=True,
        )
