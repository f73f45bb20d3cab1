"""Times of events and of censoring from a survival curve and numbers at risk.

The method of Guyot, Ades, Ouwens and Welton 2012 (BMC Medical Research Methodology 12:9): the Kaplan-Meier equations are solved
backwards for the events at each point of the curve, with censoring at a constant rate between two times with a number at risk,
such that as many subjects are left at the second time as are stated. Between two numbers at risk the number left is linear in
the number censored, so that the equation of the paper is solved in one step instead of by iteration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from immunoode.trial.survival.digitised_curve import DigitisedCurve
from immunoode.trial.survival.numbers_at_risk import NumbersAtRisk

FloatArray = NDArray[np.float64]
LARGE = 3.0
"""A drop after the last number at risk that is larger than any before by this factor shows that few subjects are at risk."""
RARE = 0.01
"""Probability below which a number of events at one point is implausible."""


@dataclass(frozen=True)
class IntervalTimes:
    """What happened between two times with a number at risk (after the last of them: until the end of the curve).

    Attributes
    ----------
    start : float
    at_risk : int
        Subjects at risk at the start.
    events, censored : (k,)
        Times of the events, and of censoring.
    """

    start: float
    at_risk: int
    events: FloatArray
    censored: FloatArray

    @property
    def left(self) -> int:
        """Subjects at risk at the end."""
        return self.at_risk - len(self.events) - len(self.censored)


@dataclass(frozen=True)
class _Points:
    """The points of a curve within an interval: times, levels from these times on, and the level before the first."""

    start: float
    end: float
    time: FloatArray
    survival: FloatArray
    before: float

    @property
    def hazard(self) -> FloatArray:
        """Share of the subjects at risk who have the event at each point (k,)."""
        level = np.minimum.accumulate(np.append(self.before, self.survival))
        return np.asarray(1 - np.divide(level[1:], level[:-1], out=np.ones(len(self.time)), where=level[:-1] > 0))

    @property
    def passed(self) -> FloatArray:
        """Share of the interval that has passed at each point (k,)."""
        return (self.time - self.start) / (self.end - self.start) if self.end > self.start else np.zeros(len(self.time))


@dataclass(frozen=True)
class _Linear:
    """Numbers that are linear in the number censored, c: fixed + slope * c."""

    fixed: FloatArray
    slope: FloatArray
    hazard: FloatArray = field(repr=False)

    def events(self, censored: float) -> FloatArray:
        """Return the expected events at each point (k,)."""
        return np.asarray(self.hazard * np.maximum(self.fixed[:-1] + self.slope[:-1] * censored, 0.0))

    def censored_for_left(self, left: float) -> float:
        """Return the number censored with which this many are left at the end."""
        return float((self.fixed[-1] - left) / -self.slope[-1])

    @property
    def most_censored(self) -> float:
        """The largest number censored with which somebody is at risk at each point where the curve falls."""
        needed = np.append(np.where(self.hazard > 0, 1.0, 0.0), 0.0)
        falling = self.slope < 0
        return max(float(np.min((self.fixed - needed)[falling] / -self.slope[falling], initial=self.fixed[0])), 0.0)

    def censored_for_events(self, events: float) -> float:
        """Return the number censored with which there are this many events; 0 if censoring makes no difference."""
        slope = float(np.sum(self.hazard * self.slope[:-1]))
        return (events - float(np.sum(self.hazard * self.fixed[:-1]))) / slope if slope < 0 else 0.0


def times_of_arm(curve: DigitisedCurve, numbers: NumbersAtRisk, events: int | None) -> list[IntervalTimes]:
    """Return the events and censoring of each interval.

    Parameters
    ----------
    curve : DigitisedCurve
    numbers : NumbersAtRisk
    events : int, optional
        Number of events of the arm; it determines how many are censored after the last number at risk.

    Returns
    -------
    list of IntervalTimes
        One per number at risk; the subjects who remain at the end of one are at risk in the next, and none remain after the
        last.
    """
    first = _before_first_number(curve, numbers)
    starts, counts = np.append(first[0], numbers.time), np.append(first[1], numbers.count)
    end = max(curve.end, *numbers.time[numbers.count > 0])
    found: list[IntervalTimes] = []
    level, largest = 1.0, 0.0
    for start, stop, count, left in zip(starts, starts[1:], counts, counts[1:], strict=False):
        points = _points(curve, start, stop, min(stop, end) if left == 0 else stop, level)
        interval = _between(points, int(count), int(left))
        found.append(interval)
        level, largest = _level_after(level, interval), max(largest, float(points.hazard.max(initial=0.0)))
    if counts[-1]:
        points = _points(curve, starts[-1], np.inf, max(end, starts[-1]), level)
        found.append(_after_last(points, int(counts[-1]), found, events, largest))
    else:
        found.append(IntervalTimes(float(starts[-1]), 0, np.empty(0), np.empty(0)))
    return found


def _before_first_number(curve: DigitisedCurve, numbers: NumbersAtRisk) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return time 0 and the number then, without censoring until the first number; nothing if that is at time 0."""
    if numbers.time[0] == 0:
        return np.empty(0), np.empty(0, np.int64)
    level = curve.survival[curve.time < numbers.time[0]][-1]
    return np.zeros(1), np.array([round(numbers.count[0] / max(level, 1e-9))])


def _points(curve: DigitisedCurve, start: float, stop: float, end: float, level: float) -> _Points:
    within = (curve.time >= start) & (curve.time < stop) & (curve.survival < 1)
    return _Points(float(start), float(end), curve.time[within], curve.survival[within], level)


def _linear(points: _Points, at_risk: int) -> _Linear:
    """Return the number at risk just before each point and at the end (k + 1,)."""
    hazard, passed = points.hazard, np.concatenate([[0.0], points.passed, [1.0]])
    fixed, slope = [float(at_risk)], [-passed[1]]
    for h, share in zip(hazard, np.diff(passed)[1:], strict=True):
        fixed.append(fixed[-1] * (1 - h))
        slope.append(slope[-1] * (1 - h) - share)
    return _Linear(np.asarray(fixed), np.asarray(slope), hazard)


def _between(points: _Points, at_risk: int, left: int) -> IntervalTimes:
    """Return an interval between two numbers at risk."""
    linear, gone = _linear(points, at_risk), at_risk - left
    wanted = linear.censored_for_left(left) if linear.slope[-1] < 0 else 0.0
    censored = round(min(max(wanted, 0.0), gone)) if linear.hazard.any() else gone
    return _interval(points, at_risk, linear.events(censored), gone - censored, censored)


def _after_last(
    points: _Points, at_risk: int, before: list[IntervalTimes], events: int | None, largest: float
) -> IntervalTimes:
    """Return the interval after the last number at risk.

    If the number of events is known, it determines how many are censored; otherwise the previous rate of censoring is assumed
    (Guyot et al., step 6 of the algorithm), or a higher one if a large drop shows that few are left. Subjects who remain at
    the end of the curve are censored there.
    """
    linear = _linear(points, at_risk)
    if points.end <= points.start:
        wanted = 0.0
    elif events is not None:
        wanted = linear.censored_for_events(events - sum(len(i.events) for i in before))
    else:
        wanted = max(_rate_until(before, points.start) * (points.end - points.start), _censored_for_drops(linear, largest))
    spread = int(min(max(round(wanted), 0), linear.most_censored))
    happened = linear.events(spread)
    interval = _interval(points, at_risk, happened, min(round(float(happened.sum())), at_risk - spread), spread)
    at_end = np.full(interval.left, points.end)
    if not interval.left and len(interval.censored) and points.end > max(interval.events, default=0.0):
        interval.censored[-1] = points.end  # a curve is drawn until the last subject's time
    return IntervalTimes(interval.start, at_risk, interval.events, np.append(interval.censored, at_end))


def _censored_for_drops(linear: _Linear, largest: float) -> float:
    """Return the number censored with which large drops are plausible, 0 without such drops.

    One event among few subjects is a large drop; among many subjects, a drop of that size would be many simultaneous events,
    and none was as large while the numbers at risk were known.
    """
    large = (linear.hazard > LARGE * largest) & (linear.slope[:-1] < 0) if largest > 0 else np.zeros(len(linear.hazard), bool)
    wanted = [(linear.fixed[k] - _plausible(linear.hazard[k], largest)) / -linear.slope[k] for k in np.flatnonzero(large)]
    return max(wanted, default=0.0)


def _plausible(hazard: float, largest: float) -> float:
    """Return the largest number at risk with which a drop is plausible, if the hazard is at most the largest one so far."""
    from scipy.special import pdtrc

    events = np.arange(1, 200)
    rare = pdtrc(events - 1, largest * events / hazard) < RARE  # of at least so many events
    return float(max(int(np.argmax(rare)) if rare.any() else len(events), 1) / hazard)


def _rate_until(before: list[IntervalTimes], start: float) -> float:
    """Return the number censored per unit of time in the intervals before."""
    return sum(len(i.censored) for i in before) / (start - before[0].start) if before else 0.0


def _interval(points: _Points, at_risk: int, expected: FloatArray, events: int, censored: int) -> IntervalTimes:
    """Return whole events at the points, as close as possible to those expected, and censoring at equal distances."""
    total = np.cumsum(expected)
    if events and total[-1] > 0:
        each = np.diff(np.append(0, np.round(total * (events / total[-1])))).astype(np.int64)
    else:
        each = np.zeros(len(points.time), np.int64)
    lost = censored + events - int(each.sum())
    spread = points.start + (np.arange(lost) + 0.5) / max(lost, 1) * (points.end - points.start)
    return IntervalTimes(points.start, at_risk, np.repeat(points.time, each), spread)


def _level_after(level: float, interval: IntervalTimes) -> float:
    """Return the Kaplan-Meier estimate at the end of an interval, so that the next one compensates for rounding."""
    time, deaths = np.unique(interval.events, return_counts=True)
    gone = np.searchsorted(interval.censored, time) + np.cumsum(deaths) - deaths
    return float(level * np.prod(1 - deaths / (interval.at_risk - gone)))
