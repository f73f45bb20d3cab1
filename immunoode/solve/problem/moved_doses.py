"""Doses with other amounts and times: as long as the order of events is the same, their table is copied and updated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from immunoode.regimen import schedule as words
from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.clock import Clock, same_time
from immunoode.solve.problem.event_table import (
    DOSE,
    FIRST,
    INFUSION_END,
    INFUSION_START,
    REPORT,
    EventTable,
    FloatArray,
    given_at,
    largest_of,
)


class DoseColumns(NamedTuple):
    """Times and amounts (n,) that replace those in the rows of a schedule."""

    times: FloatArray
    amounts: FloatArray

    def of(self, schedule: Schedule) -> Schedule:
        """Return the schedule with these."""
        return replace(schedule, times=self.times, amounts=self.amounts)


class MovedDoses:
    """The events of a schedule, and of others that differ from it by amounts and times of doses.

    Parameters
    ----------
    table : EventTable
        The events of the schedule.
    start : float
        When the simulation starts.
    anchors : sequence of float
        Times at which outputs are taken, and the start: a sum of times that equals one of them except for rounding is replaced
        by it.
    """

    def __init__(self, table: EventTable, schedule: Schedule, start: float, anchors: Sequence[float]) -> None:
        self.table, self._schedule, self._start, self._clock = table, schedule, start, Clock(np.array(anchors))
        kinds, sources, own = table.records["kind"], table.sources, table.records
        given = sources >= 0
        times, amounts = schedule.times[sources], schedule.amounts[sources]
        self._doses = np.flatnonzero(given & (kinds != FIRST))
        self._ends = given & (kinds == INFUSION_END)
        known = np.isin(kinds, (DOSE, INFUSION_START, INFUSION_END)) & (own["amount"] == amounts)
        known |= (kinds == FIRST) & (own["duration"] == 0.0)
        known &= self._ends | (own["time"] == times)
        self._movable = np.array([a == words.DOSE for a in schedule.actions]) & (schedule.rates == 0.0)
        self._movable[sources[given & ~known]] = False
        self._fixed = bool(words.RESET in schedule.actions or schedule.steady.any() or schedule.triggers)
        self._reports = bool((kinds == REPORT).any())
        self._given = given_at(own)
        self._targets = own["target"][self._given]

    def at(self, columns: DoseColumns) -> EventTable | None:
        """Return the events for other times and amounts; None if they are not the same events in the same order."""
        schedule, table = self._schedule, self.table
        moved = columns.times != schedule.times
        changed = moved | (columns.amounts != schedule.amounts)
        if self._fixed or (changed & ~self._movable).any():
            return None
        if ((columns.amounts > 0) != (schedule.amounts > 0)).any():  # what counts from a first dose
            return None
        records = table.records.copy()
        doses = self._doses[changed[table.sources[self._doses]]]
        records["amount"][doses] = columns.amounts[table.sources[doses]]
        if moved.any() and not self._move(records, columns.times, moved):
            return None
        largest = largest_of(self._targets, records["amount"][self._given], table.largest.size)
        return EventTable(records, table.gradients, largest, table.sources)

    def _move(self, records: np.ndarray, times: FloatArray, moved: np.ndarray) -> bool:
        """Write the times of events; return whether their order is unchanged."""
        sources = self.table.sources
        if self._reports or times[moved].min() < self._start or not _same_order(self._schedule.times, times):
            return False
        own = np.flatnonzero((sources >= 0) & moved[sources])
        records["time"][own] = times[sources[own]]
        ends, clock = own[self._ends[own]], self._clock.with_anchors(times.tolist())
        records["time"][ends] = [clock(t) for t in (times[sources[ends]] + records["duration"][ends]).tolist()]
        return _same_order(self.table.records["time"], records["time"])


def _same_order(before: FloatArray, after: FloatArray) -> bool:
    """Whether the order of times is unchanged, with the same times equal, and no times that differ only by rounding."""
    apart, now = np.diff(before) > 0, np.diff(after)
    if (now < 0).any() or ((now > 0) != apart).any():
        return False
    near = np.flatnonzero(apart & (now < 1e-6))
    return not any(same_time(after[k], after[k + 1]) for k in near)
