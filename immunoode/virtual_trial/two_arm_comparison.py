"""The comparison of two arms of a simulated trial: log-rank statistic and hazard ratio, or response rates, from arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
STEPS = 50


@dataclass(frozen=True)
class RiskSets:
    """Numbers at risk and events at each time with an event, in the control arm and in the other."""

    at_risk: FloatArray
    at_risk_treated: FloatArray
    events: FloatArray
    events_treated: FloatArray


def risk_sets(time: FloatArray, event: BoolArray, treated: BoolArray) -> RiskSets:
    """Return the risk sets of two arms.

    Parameters
    ----------
    time, event, treated : ndarray, shape (N,)
        `treated` is False in the control arm.
    """
    when = np.unique(time[event])

    def at_risk(which: BoolArray) -> FloatArray:
        return which.sum() - np.searchsorted(np.sort(time[which]), when).astype(float)

    def count(which: BoolArray) -> FloatArray:
        return np.bincount(np.searchsorted(when, time[which]), minlength=len(when)).astype(float)

    return RiskSets(at_risk(~treated), at_risk(treated), count(event & ~treated), count(event & treated))


def log_rank_z(sets: RiskSets) -> float:
    """Return the log-rank statistic: above 0 if the treated arm has fewer events than expected; NaN without information."""
    n, d = sets.at_risk + sets.at_risk_treated, sets.events + sets.events_treated
    share = sets.at_risk_treated / n
    variance = np.where(n > 1, d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1), 0.0).sum()
    if variance <= 0:
        return float("nan")
    return float((d * share - sets.events_treated).sum() / np.sqrt(variance))


def hazard_ratio(sets: RiskSets) -> float:
    """Return the hazard ratio of the treated arm by Cox's partial likelihood, with ties after Efron.

    It is 0 or infinite if all events are in one arm, and NaN without events, or if an arm has no subject at risk at any
    event.
    """
    if not (sets.at_risk.any() and sets.at_risk_treated.any()):
        return float("nan")
    total, total_treated = (sets.events + sets.events_treated).sum(), sets.events_treated.sum()
    if total == 0:
        return float("nan")
    if total_treated in (0, total):
        return 0.0 if total_treated == 0 else float("inf")
    d = (sets.events + sets.events_treated).astype(int)
    row = np.repeat(np.arange(len(d)), d)
    gone = (np.arange(len(row)) - np.repeat(np.cumsum(d) - d, d)) / d[row]
    treated = sets.at_risk_treated[row] - gone * sets.events_treated[row]
    control = sets.at_risk[row] - gone * sets.events[row]
    log_ratio = 0.0
    for _ in range(STEPS):
        share = treated / (treated + control * np.exp(-log_ratio))
        step = (total_treated - share.sum()) / max((share * (1 - share)).sum(), 1e-12)
        log_ratio += float(np.clip(step, -1, 1))
        if abs(step) < 1e-10:
            break
    return float(np.exp(log_ratio))


def response_z(responded: BoolArray, treated: BoolArray) -> float:
    """Return the score statistic of the difference of response rates, above 0 if the treated arm has more responses."""
    n1, n0 = treated.sum(), (~treated).sum()
    p = responded.mean()
    variance = p * (1 - p) * (1 / n1 + 1 / n0) if n1 and n0 else 0.0
    difference = responded[treated].mean() - responded[~treated].mean() if n1 and n0 else 0.0
    return float(difference / np.sqrt(variance)) if variance > 0 else float("nan")
