"""Times that are one although they differ by the rounding of sums."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from immunoode.solve.problem.event_table import FloatArray

SAME = 1e-12
"""Times that differ by less than this, in days or relative to them, are treated as equal.

Rounding errors of sums of times are smaller.
"""


_NO_TIMES = np.zeros(0)


class Clock:
    """Replaces times that differ only by rounding with one time: the anchors are times that were stated."""

    def __init__(self, anchors: FloatArray) -> None:
        self.anchors: list[float] = np.unique(anchors[np.isfinite(anchors)]).tolist()

    def with_anchors(self, times: Sequence[float]) -> Clock:
        """Return a clock with additional anchors."""
        made = Clock(_NO_TIMES)
        made.anchors = self.anchors.copy()
        for time in times:
            k = bisect_left(made.anchors, time)
            if k == len(made.anchors) or made.anchors[k] != time:
                made.anchors.insert(k, time)
        return made

    def __call__(self, time: float) -> float:
        """Return the anchor that equals a time, otherwise the time itself."""
        if not self.anchors or not math.isfinite(time):
            return time
        k = bisect_left(self.anchors, time)
        near = min(self.anchors[max(k - 1, 0) : k + 1], key=lambda anchor: abs(anchor - time))
        return near if same_time(near, time) else time


def same_time(a: float, b: float) -> bool:
    """Whether two times differ by no more than the rounding of sums."""
    return abs(a - b) <= SAME * max(1.0, abs(a), abs(b))
