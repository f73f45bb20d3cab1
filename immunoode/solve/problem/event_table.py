"""The events of one subject as flat arrays, as kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

(DOSE, INFUSION_START, INFUSION_END, STOP, REPLACE, MULTIPLY, RESET, SET, STEADY, VISIT, FIRST, REPORT, SUPERPOSE) = range(13)
FloatArray = NDArray[np.float64]


EVENT = np.dtype(
    [
        ("time", np.float64),
        ("kind", np.int64),
        ("target", np.int64),
        ("amount", np.float64),
        ("duration", np.float64),
        ("infusion", np.int64),
        ("interval", np.float64),
        ("phase", np.float64),
        ("trigger", np.int64),
    ]
)
"""One event.

`target` is the input (the parameter of SET, the trigger of VISIT), -1 if there is none; `infusion` numbers infusions, with the
same number for the start and the end. `interval` and `phase` belong to STEADY and SUPERPOSE: the dosing interval, and the time
since the arrival of a dose. For a course that a trigger begins, times are infinite, `trigger` is the number of the trigger
(otherwise -1) and `phase` the day of the course. For REPORT, `amount` is the number of outputs that are taken before the
following events at the same time.
"""


class EventGradients(NamedTuple):
    """Derivatives (E, m) of times, amounts, durations and phases of E events with respect to the sensitivity parameters."""

    time: Any
    amount: Any
    duration: Any
    phase: Any


@dataclass(frozen=True)
class EventTable:
    """Events of one subject, sorted by time; of those at one time, infusion ends and visits come first, then the order given.

    `records` (E,) are EVENT records; `sources` (E,) are the rows of the schedule whose doses they belong to, -1 if they belong
    to none; `largest` is the largest single amount of each input.
    """

    records: Any
    gradients: EventGradients
    largest: FloatArray
    sources: NDArray[np.int64]

    @cached_property
    def infusions(self) -> int:
        """The maximum number of infusions (they are numbered)."""
        starts = self.records["kind"] == INFUSION_START
        return int(self.records["infusion"][starts].max(initial=-1)) + 1

    @cached_property
    def sets(self) -> Any:
        """The events that set a parameter."""
        return self.records[self.records["kind"] == SET]


def joined(tables: Sequence[EventTable]) -> tuple[Any, EventGradients]:
    """Return the records and gradients of some tables, one after another; they are copies."""
    gradients = zip(*(table.gradients for table in tables), strict=True)
    records = np.concatenate(
        [table.records.view(np.uint8) for table in tables]
    )  # as bytes: NumPy compares types field by field
    return records.view(EVENT), EventGradients(*map(np.concatenate, gradients))


def largest_amounts(records: Any, inputs: int) -> FloatArray:
    """Return the largest single amount of each input."""
    given = given_at(records)
    return largest_of(records["target"][given], records["amount"][given], inputs)


def given_at(records: Any) -> NDArray[np.int64]:
    """Return which events give a dose with an amount."""
    kinds = (DOSE, INFUSION_START, REPLACE, MULTIPLY, STEADY, SUPERPOSE)
    return np.flatnonzero(np.isin(records["kind"], kinds) & (records["target"] >= 0))


def largest_of(targets: NDArray[np.int64], amounts: FloatArray, inputs: int) -> FloatArray:
    """Return the largest of some amounts of each input."""
    largest = np.zeros(inputs)
    np.maximum.at(largest, targets, np.abs(amounts))
    return largest
