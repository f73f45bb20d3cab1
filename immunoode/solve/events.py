"""Schedules as flat event arrays: doses, infusions' starts and ends, and times to stop at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen.schedule import Schedule

DOSE, INFUSION_START, INFUSION_END, STOP = range(4)
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events of one patient, sorted by time; of those at one time, infusion ends come first, then the order given."""

    times: FloatArray
    kinds: NDArray[np.int64]
    inputs: NDArray[np.int64]
    amounts: FloatArray
    durations: FloatArray


def events_of(schedule: Schedule | None, index: dict[str, int], start: float) -> Events:
    """Return the events of a schedule from `start` on; what was given before it is left out."""
    rows: list[tuple[float, int, int, float, float]] = []
    if schedule is not None:
        given = zip(schedule.times, schedule.inputs, schedule.amounts, schedule.durations, strict=True)
        for time, name, amount, duration in given:
            if time >= start:
                rows += _rows(float(time), index[name], float(amount), float(duration))
    rows.sort(key=lambda row: (row[0], row[1] != INFUSION_END))
    return _events(rows)


def _rows(time: float, which: int, amount: float, duration: float) -> list[tuple[float, int, int, float, float]]:
    if duration <= 0:
        return [(time, DOSE, which, amount, 0.0)]
    return [(time, INFUSION_START, which, amount, duration), (time + duration, INFUSION_END, which, amount, duration)]


def with_stops(events: Events, stops: FloatArray) -> Events:
    """Return the events with further times to stop at."""
    extra = np.unique(stops[np.isfinite(stops)])
    if not extra.size:
        return events
    zeros = np.zeros(extra.size)
    times = np.concatenate([events.times, extra])
    order = np.argsort(times, kind="stable")
    return Events(
        times[order],
        np.concatenate([events.kinds, np.full(extra.size, STOP)])[order],
        np.concatenate([events.inputs, zeros.astype(np.int64)])[order],
        np.concatenate([events.amounts, zeros])[order],
        np.concatenate([events.durations, zeros])[order],
    )


def _events(rows: list[tuple[float, int, int, float, float]]) -> Events:
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Events(table[:, 0], table[:, 1].astype(np.int64), table[:, 2].astype(np.int64), table[:, 3], table[:, 4])
