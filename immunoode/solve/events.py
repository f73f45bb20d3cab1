"""Schedules as flat event arrays: doses, infusions' starts and ends, and times to stop at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen.schedule import Schedule

DOSE, INFUSION_START, INFUSION_END, STOP = range(4)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events of one patient, sorted by time; of those at one time, infusion ends come first, then the order given.

    `inputs` is -1 where a time is one to stop at only; `ordinals` numbers infusions, the same for a start and its end.
    """

    times: FloatArray
    kinds: NDArray[np.int64]
    inputs: NDArray[np.int64]
    amounts: FloatArray
    durations: FloatArray
    ordinals: NDArray[np.int64]

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        """The arrays, in the order that kernels take them."""
        return self.times, self.kinds, self.inputs, self.amounts, self.durations, self.ordinals


_Row = tuple[float, int, int, float, float, int]


def events_of(schedule: Schedule | None, index: dict[str, int], start: float) -> Events:
    """Return the events of a schedule from `start` on; what was given before it is left out."""
    rows: list[_Row] = []
    if schedule is not None:
        given = zip(schedule.times, schedule.inputs, schedule.amounts, schedule.durations, strict=True)
        kept = (row for row in given if row[0] >= start)
        for ordinal, (time, name, amount, duration) in enumerate(kept):
            rows += _rows(float(time), index[name], float(amount), float(duration), ordinal)
    rows.sort(key=lambda row: (row[0], row[1] != INFUSION_END))
    return _events(rows)


def _rows(time: float, which: int, amount: float, duration: float, ordinal: int) -> list[_Row]:
    if time + duration <= time:  # a bolus, or shorter than the clock can tell
        return [(time, DOSE, which, amount, 0.0, ordinal)]
    start = (time, INFUSION_START, which, amount, duration, ordinal)
    return [start, (time + duration, INFUSION_END, which, amount, duration, ordinal)]


def with_stops(events: Events, stops: FloatArray) -> Events:
    """Return the events with further times to stop at."""
    extra = np.unique(stops[np.isfinite(stops)])
    if not extra.size:
        return events
    rows = [
        *zip(*(c.tolist() for c in events.columns), strict=True),
        *((t, STOP, -1, 0.0, 0.0, 0) for t in extra.tolist()),
    ]
    return _events(sorted(rows, key=lambda row: row[0]))


def _events(rows: list[_Row]) -> Events:
    table = np.array(rows, dtype=float).reshape(-1, 6)
    kinds, inputs, ordinals = (table[:, c].astype(np.int64) for c in (1, 2, 5))
    times, amounts, durations = (np.ascontiguousarray(table[:, c]) for c in (0, 3, 4))
    return Events(times, kinds, inputs, amounts, durations, ordinals)
