"""Default output times of a simulation: every day, at doses and ends of infusions, and at several times after them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from immunoode.solve.problem.event_table import DOSE, INFUSION_END, INFUSION_START, EventTable
from immunoode.solve.problem.packed_input import FloatArray

AFTER = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0]) / 24
"""Days after a dose or the end of an infusion that are output times as well."""
MOST = 20_000
"""The largest number of added times; above it, those after doses are left out, and if necessary all of them."""
_APART = 1e-9
"""Days; a time that is closer than this to an existing one is not added."""


def daily(start: float, end: float) -> FloatArray:
    """Return the days from a start to an end, and the end."""
    return np.append(np.arange(start, end, 1.0), end)


def with_doses(times: FloatArray, events: Sequence[EventTable]) -> FloatArray:
    """Return times together with those of doses and ends of infusions, and some after them, within the same span."""
    kinds, at = (np.concatenate([e.records[name] for e in events] or [[]]) for name in ("kind", "time"))
    given = np.unique(at[np.isin(kinds, (DOSE, INFUSION_START, INFUSION_END))])
    over = np.unique(at[np.isin(kinds, (DOSE, INFUSION_END))])
    after = np.unique(over[:, None] + AFTER)
    added = np.concatenate([given, after]) if given.size + after.size <= MOST else given[: MOST if given.size <= MOST else 0]
    whole = np.concatenate([times, added[(added > times[0]) & (added < times[-1])]])
    order = np.argsort(whole, kind="stable")  # of two that are nearly one, what was asked for and what is given come first
    rank = np.concatenate([np.zeros(times.size), np.arange(1, whole.size - times.size + 1)])
    kept = list[int]()
    for k in order:
        if kept and whole[k] - whole[kept[-1]] < _APART:
            kept[-1] = int(k) if rank[k] < rank[kept[-1]] else kept[-1]
        else:
            kept.append(int(k))
    return whole[kept]
