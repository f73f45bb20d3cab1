"""Progression-free survival of subjects as arrays: progression or death, whichever is first, and what censors either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PROGRESSION, DEATH, NONE_YET = "progression", "death", "no progression at last assessment"
NO_ASSESSMENT, NEW_THERAPY = "no assessment after baseline", "new therapy before progression"
MISSED = "two or more missed assessments before the event"
REASONS = (NEW_THERAPY, MISSED, PROGRESSION, DEATH, NO_ASSESSMENT, NONE_YET)
"""Why progression-free survival ends, in the order in which they are decided."""


@dataclass(frozen=True)
class FirstEvent:
    """Progression or death, whichever is first; one entry per subject, days are NaN where nothing happened.

    Attributes
    ----------
    progression, death : array of float
    new_therapy : array of float
        Day of another therapy, NaN without one or if it does not censor.
    """

    progression: FloatArray
    death: FloatArray
    new_therapy: FloatArray

    @property
    def day(self) -> FloatArray:
        """Day of the first of both."""
        return np.fmin(self.progression, self.death)

    @property
    def censored_by_therapy(self) -> BoolArray:
        """Whether another therapy began before."""
        return np.asarray(self.new_therapy < np.nan_to_num(self.day, nan=np.inf))

    @property
    def until(self) -> FloatArray:
        """Assessments before this day are those before the event; those on the day of a new therapy are among them."""
        day = np.where(self.censored_by_therapy, np.nextafter(self.new_therapy, np.inf), self.day)
        return np.nan_to_num(day, nan=np.inf)


@dataclass(frozen=True)
class EventFreeTimes:
    """Time and event of each subject, the number of the reason in `REASONS`, and the bounds of the event."""

    time: FloatArray
    event: BoolArray
    reason: NDArray[np.int64]
    lower: FloatArray
    upper: FloatArray


def event_free_times(first: FirstEvent, last_assessment: FloatArray, longest_gap: float) -> EventFreeTimes:
    """Return the times until the first event.

    Parameters
    ----------
    first : FirstEvent
    last_assessment : ndarray, shape (subjects,)
        Day of the last evaluable assessment before `first.until`, NaN without one after baseline.
    longest_gap : float
        Longest time in days from the last assessment to an event that counts.
    """
    day, switched = first.day, first.censored_by_therapy
    known, last = ~np.isnan(day), np.nan_to_num(last_assessment, nan=0.0)
    with np.errstate(invalid="ignore"):
        missed = known & ~switched & (day - last > longest_gap)
    event = known & ~switched & ~missed
    progressed = event & (first.progression <= np.nan_to_num(first.death, nan=np.inf))
    reason = np.select([switched, missed, progressed, event, np.isnan(last_assessment)], range(5), 5)
    time = np.where(event, day, last)
    lower = np.where(progressed, last, time)
    upper = np.where(event, time.clip(min=0.0), np.inf)
    return EventFreeTimes(time.clip(min=0.0), event, reason, lower.clip(min=0.0), upper)
