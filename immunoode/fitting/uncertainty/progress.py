"""Repeated fits in parallel, with a progress bar."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event
from typing import Any

STOPPED = "stopped by the user before it was done"


def bar_over(count: int | None, title: str, progress: bool | None) -> Any:
    """Return a progress bar over `count` parts (None: not known); by default it shows after two seconds."""
    from tqdm.auto import tqdm

    return tqdm(total=count, desc=title, disable=progress is False, delay=0 if progress else 2, leave=False)


def in_order(tasks: Sequence[Future[Any]], stop: Event, bar: Any) -> list[Any]:
    """Return the results of tasks in their order; Ctrl-C sets `stop`, after which they end with the results so far."""
    found = []
    for task in tasks:
        try:
            found.append(task.result())
        except KeyboardInterrupt:
            stop.set()
            found.append(task.result())
        bar.update()
    return found


def processors() -> int:
    """Return the number of processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
