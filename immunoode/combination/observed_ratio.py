"""The hazard of a combination relative to a predicted curve: observed over expected events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.combination.step_curve import FloatArray, StepCurve

LOWEST = 0.05
"""The comparison ends when predicted survival falls to this, because its logarithm, the cumulative hazard, is not known
beyond."""
FLOOR = 0.01
"""Resampled predictions that fall below this before that end are set to it."""


def comparison_end(predicted: FloatArray, observed: StepCurve, days: FloatArray) -> float:
    """Return the last day on which a combination and its prediction are compared."""
    high = days[predicted >= LOWEST]
    return float(min(high[-1] if len(high) else days[0], observed.end))


def log_ratio(observed: StepCurve, predicted: FloatArray, days: FloatArray, until: float) -> float:
    """Return the logarithm of observed over expected events.

    The expected events are the predicted cumulative hazards of the subjects until their times. The ratio is that of a
    one-sample log-rank test, and is a hazard ratio if hazards are proportional.

    Parameters
    ----------
    observed : StepCurve
    predicted : ndarray, shape (k,)
        Predicted survival at days.
    days : ndarray, shape (k,)
        Increasing, from 0 on.
    until : float
    """
    inside = days <= until
    hazard = np.diff(-np.log(np.maximum(predicted[inside], FLOOR)))
    at_risk = observed.at_risk_from(days[inside])
    expected = float((hazard * (at_risk[1:] + at_risk[:-1])).sum() / 2)
    events = observed.observed_events(until)
    return float(np.log(events / expected)) if events > 0 and expected > 0 else float("nan")


@dataclass(frozen=True)
class ObservedRatio:
    """The hazard of a combination relative to a prediction.

    Attributes
    ----------
    prediction : str
        "independent" or "additive".
    estimate, lower, upper : float
        Ratio of observed to expected events; below 1 the combination does better than predicted.
    standard_error : float
        Standard error of its logarithm, from all curves and the correlation.
    """

    prediction: str
    estimate: float
    lower: float
    upper: float
    standard_error: float

    @property
    def contains_one(self) -> bool:
        """Whether the prediction is compatible with the observed survival."""
        return self.lower <= 1.0 <= self.upper

    def __str__(self) -> str:
        return f"{self.estimate:.2f} ({self.lower:.2f} to {self.upper:.2f})"


def observed_ratio(prediction: str, estimate: float, draws: FloatArray, confidence: float) -> ObservedRatio:
    """Return the ratio with an interval that is normal on the log scale, from the logarithms of the estimate and the draws."""
    from scipy.stats import norm

    error = float(np.nanstd(draws, ddof=1))
    width = norm.ppf(0.5 + confidence / 2) * error
    ratio, lower, upper = np.exp([estimate, estimate - width, estimate + width]).tolist()
    return ObservedRatio(prediction, ratio, lower, upper, error)
