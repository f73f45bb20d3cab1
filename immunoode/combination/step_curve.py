"""A survival curve as a step function, and the predictions for two drugs that are given together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.combination.gaussian_copula import conditional_probability, joint_probability, normal_scores

FloatArray = NDArray[np.float64]
LEVELS = 200
"""Levels of survival over which the time of the second drug is integrated, in addition to the steps of the curve."""
NARROW = 0.9
"""Above this correlation, the time of one drug nearly determines that of the other, and the steps of both curves are needed."""


@dataclass(frozen=True)
class StepCurve:
    """Survival as a step function, continuous from the right, 1 before the first step.

    Attributes
    ----------
    times : ndarray, shape (k,)
        Days of the steps, increasing.
    survival : ndarray, shape (k,)
        Survival from each step on.
    at_risk : ndarray, shape (k,)
        Proportion of the subjects at risk just before each step.
    end : float
        Last day on which the curve is known; infinite if it reaches 0.
    """

    times: FloatArray
    survival: FloatArray
    at_risk: FloatArray
    end: float

    def at(self, days: FloatArray) -> FloatArray:
        """Return survival at days."""
        return _after(self.times, self.survival, days)

    def at_risk_from(self, days: FloatArray) -> FloatArray:
        """Return the proportion of subjects at risk just after days."""
        following = np.append(self.at_risk, 0.0)
        return following[np.searchsorted(self.times, days, side="right")]

    def observed_events(self, until: float) -> float:
        """Return the proportion of the subjects whose event is observed by a day."""
        before = np.concatenate([[1.0], self.survival[:-1]])
        hazard = 1.0 - np.divide(self.survival, before, out=np.zeros_like(before), where=before > 0)
        return float((self.at_risk * hazard)[self.times <= until].sum())

    def median(self) -> float:
        """Return the first day on which survival is at most one half; infinite if there is none."""
        reached = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        return float(self.times[reached[0]]) if len(reached) else float("inf")


def _after(times: FloatArray, values: FloatArray, days: FloatArray) -> FloatArray:
    """Return a step function that begins at 1."""
    return np.asarray(np.concatenate([[1.0], values])[np.searchsorted(times, days, side="right")])


def curve_of(times: FloatArray, survival: FloatArray, end: float | None = None) -> StepCurve:
    """Return a curve without censoring before its end, so that all subjects free of the event are at risk."""
    before = np.concatenate([[1.0], survival[:-1]])
    if end is None:
        end = np.inf if survival[-1] <= 0 else float(times[-1])
    return StepCurve(times, survival, before, end)


def curve_of_subjects(time: FloatArray, event: NDArray[np.bool_], weight: FloatArray) -> StepCurve:
    """Return the weighted Kaplan-Meier estimate; times are in increasing order."""
    some = weight > 0
    time, event, weight = time[some], event[some], weight[some] / weight[some].sum()
    days, first = np.unique(time, return_index=True)
    at_risk = np.cumsum(weight[::-1])[::-1][first]
    hazard = np.minimum(np.add.reduceat(weight * event, first) / at_risk, 1.0)
    hazard[hazard > 1 - 1e-9] = 1.0
    survival: FloatArray = np.asarray(np.cumprod(1.0 - hazard), dtype=np.float64)
    return StepCurve(days, survival, at_risk, np.inf if survival[-1] <= 0 else float(days[-1]))


def independent_survival(first: StepCurve, second: StepCurve, spearman: float, days: FloatArray) -> FloatArray:
    """Return S_A + S_B - C(S_A, S_B), survival if each patient has the longer of the two times."""
    a, b = first.at(days), second.at(days)
    return np.clip(a + b - joint_probability(a, b, spearman), np.maximum(a, b), 1.0)


def additive_survival(first: StepCurve, second: StepCurve, spearman: float, first_scan: float, days: FloatArray) -> FloatArray:
    """Return survival if each patient has the longer time plus that of the other drug beyond the first scan.

    With T_A = x until day t, the sum exceeds t where T_B exceeds t - max(x - first_scan, 0); this is integrated over x.
    """
    levels = _levels(first, second) if abs(spearman) > NARROW else _levels(first)
    scores, shares = (levels[:-1] + levels[1:]) / 2, -np.diff(levels)
    times = _time_at(first, scores)
    beyond = np.maximum(times - first_scan, 0.0)
    day, level = np.nonzero(times <= days[:, None])
    step = np.searchsorted(second.times, days[day] - beyond[level], side="right")
    second_free = normal_scores(np.concatenate([[1.0], second.survival]))[step]
    free = conditional_probability(second_free, normal_scores(scores)[level], spearman)
    added = np.bincount(day, free * shares[level], minlength=len(days))
    return np.clip(first.at(days) + added, 0.0, 1.0)


def _levels(*curves: StepCurve) -> FloatArray:
    """Return decreasing levels from 1 to 0: equidistant ones, and those of the curves unless there are many."""
    even = np.linspace(1.0, 0.0, LEVELS + 1)
    own = [curve.survival for curve in curves if len(curve.survival) <= 2 * LEVELS]
    return np.unique(np.concatenate([even, *own]))[::-1]


def _time_at(curve: StepCurve, levels: FloatArray) -> FloatArray:
    """Return the first day on which survival is below each level; infinite if it never is."""
    first = np.searchsorted(-curve.survival, -levels, side="right")
    return np.append(curve.times, np.inf)[first]
