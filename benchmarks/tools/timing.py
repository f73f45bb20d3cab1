"""Times side by side: tools take turns, round after round, and of each the best round counts.

On a machine that others use too, ratios within one run hold where times do not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from peers import Entry

SAMPLE = 0.05
"""Seconds that one sample should last at least."""


def times(entries: Sequence[Entry], rounds: int = 12) -> list[float]:
    """Return seconds a patient of each entry: the best of some rounds, in which entries take turns."""
    counts = [_count(entry) for entry in entries]
    best = [float("inf")] * len(entries)
    for _ in range(rounds):
        for i, (entry, count) in enumerate(zip(entries, counts, strict=True)):
            best[i] = min(best[i], _sample(entry, count))
    return [b / entry.patients for b, entry in zip(best, entries, strict=True)]


def _count(entry: Entry) -> int:
    entry.run()
    return max(1, round(SAMPLE / _sample(entry, 1)))


def _sample(entry: Entry, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        entry.run()
    return (time.perf_counter() - start) / count


def one_processor() -> None:
    """Keep this process and its threads on one processor, where the system can: some tools would use all of them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    else:
        print("threads cannot be held to one processor here: tools that use several have an advantage")
