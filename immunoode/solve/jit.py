"""How kernels are compiled: by Numba, without the GIL, cached on disk where that can be written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FAST = {"contract", "arcp", "nsz", "reassoc"}
"""Liberties in floating point; NaN keeps its meaning, since failures are found by it."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, or load it from the cache beside it (or in the user's cache folder).

    Numba on its own would keep a stale kernel when a function that it calls changes in another file: here a kernel is good
    as long as no file of this folder changed. Where no folder can be written, kernels are compiled in each process.
    """
    from numba import njit
    from numba.core.caching import FunctionCache, IndexDataCacheFile

    compiled = njit(nogil=True, error_model="numpy", fastmath=FAST)(function)
    try:
        found = FunctionCache(function)
    except (RuntimeError, OSError):
        return compiled
    found._cache_file = IndexDataCacheFile(
        cache_path=found._cache_path, filename_base=found._impl.filename_base, source_stamp=_stamp()
    )
    compiled._cache = found
    return compiled


def part(function: Callable[..., Any]) -> Any:
    """Compile a function into each kernel that calls it: passing dozens of arrays costs more than what is done with them."""
    from numba import njit

    return njit(inline="always", nogil=True, error_model="numpy", fastmath=FAST)(function)


@cache
def announce(compiled: Any) -> None:
    """Say that a kernel has to be compiled, where it is not in the cache: once a process, on the standard error stream."""
    if compiled.signatures:
        return
    stored = getattr(compiled._cache, "_cache_file", None)
    if stored is None:
        print("immunoode: compiling the solver for this process, about half a minute: no folder for its cache can be written "
              "(set NUMBA_CACHE_DIR to one that can)", file=sys.stderr, flush=True)  # fmt: skip
    elif not stored._load_index():
        print("immunoode: compiling the solver, about half a minute, once for this installation", file=sys.stderr, flush=True)


@cache
def _stamp() -> tuple[Any, ...]:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in files)
