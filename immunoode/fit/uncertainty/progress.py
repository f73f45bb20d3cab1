"""Repeated fits: how many side by side, and a bar over them."""

from __future__ import annotations

from typing import Any


def bar_over(count: int, title: str, progress: bool | None) -> Any:
    """Return a progress bar over `count` parts; by default it shows after two seconds."""
    from tqdm.auto import tqdm

    return tqdm(total=count, desc=title, disable=progress is False, delay=0 if progress else 2, leave=False)


def processors() -> int:
    """Return how many processors this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
