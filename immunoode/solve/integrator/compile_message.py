"""The message while a kernel is compiled: its name, the processor time that it takes, and whether it will happen again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import thread_time
from typing import Any

WORK = {
    "integrate_lanes": (7_500, 2_000),
    "attempt_implicit_steps": (1_500, 400),
    "integrate_subjects": (6_500, 2_000),
    "integrate_with_events": (6_500, 2_000),
}
"""Time to compile each kernel that takes seconds, in units of `_unit`: from its source, and from intermediate code."""


def announce(kernel: str, is_kept: bool, is_shipped: bool) -> None:
    """Say that a kernel is being compiled, its approximate processor time, and whether it is kept; nothing for quick ones."""
    if kernel not in WORK:
        return
    seconds = max(1, round(WORK[kernel][is_shipped] * _unit()))
    text = f"immunoode: compiling {kernel}, about {seconds} s of processor time (longer on a busy machine), "
    if is_kept:
        _say(text + "once for this installation")
    else:
        _say(text + "in each process: no folder for the cache is writable (set NUMBA_CACHE_DIR to one that is)")


def _unit() -> float:
    """Return the processor time of a fixed piece of work: the least of a few, since processors slow down under load."""
    return min(_timed() for _ in range(5))


def _timed() -> float:
    start = thread_time()
    table = {str(i): [i] for i in range(4_000)}
    sorted(table, key=lambda name: table[name][0] % 97)
    return thread_time() - start


def _say(text: str) -> None:
    """Print a line where a user looks: below the cell of a notebook, which shows the standard error stream as an error."""
    show = _notebook()
    if show is None:
        print(text, file=sys.stderr, flush=True)
    else:
        show({"text/plain": text}, raw=True)


def _notebook() -> Callable[..., Any] | None:
    """Return what displays something below the cell that runs; None outside notebooks."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    return display if shell is not None and hasattr(shell, "kernel") else None
