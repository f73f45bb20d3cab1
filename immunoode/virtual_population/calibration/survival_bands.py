"""Bands of survival and of its median for a calibrated cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.number_checks import confidence_problems
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.virtual_population.calibration.calibrated import CalibratedPatients
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.errors_of_statistics import errors_of
from immunoode.virtual_population.targets.event_free import event_free, event_times, weighted_survival
from immunoode.virtual_population.targets.record import TargetRecord

if TYPE_CHECKING:
    import pandas as pd

GRID = 60
FINE = 200


@dataclass(frozen=True)
class MedianBand:
    """A median time to an event with its band, in days; infinite if not reached."""

    median: float
    lower: float
    upper: float
    confidence: float = 0.95

    def __str__(self) -> str:
        days = (self.lower, self.median, self.upper)
        low, middle, high = (f"{d / MONTH:.1f}" if np.isfinite(d) else "not reached" for d in days)
        return f"median {middle} months ({100 * self.confidence:g} % band {low} to {high})"


def survival_band(
    cohort: CalibratedPatients, arm: str, endpoint: str, times: Any, confidence: float, subjects: float | None, trial: str
) -> pd.DataFrame:
    """Return time, survival, lower, upper; see `Cohort.survival_band`."""
    import pandas as pd

    _check(confidence, subjects)
    days = _grid(cohort, arm, endpoint, GRID) if times is None else np.atleast_1d(units.times(times))
    record = _record(cohort, arm, endpoint, days, subjects)
    survival = record.statistics(cohort.weights)
    width = errors_of(cohort, record, trial, arm).half_width(confidence, subjects is not None)
    band = {"lower": np.maximum(survival - width, 0.0), "upper": np.minimum(survival + width, 1.0)}
    return pd.DataFrame({"time": days, "survival": survival, **band})


def median_band(
    cohort: CalibratedPatients, arm: str, endpoint: str, confidence: float, subjects: float | None, trial: str
) -> MedianBand:
    """Return the median, and the times at which the band of the curve crosses one half; see `Cohort.median_band`."""
    table = survival_band(cohort, arm, endpoint, _grid(cohort, arm, endpoint, FINE), confidence, subjects, trial)
    days = table["time"].to_numpy()
    lower, upper = (crossing(days, table[side].to_numpy()) for side in ("lower", "upper"))
    return MedianBand(cohort.median(arm, endpoint), lower, upper, confidence)


def crossing(days: FloatArray, level: FloatArray) -> float:
    """Return the time at which a falling curve crosses one half, interpolated linearly between days."""
    below = level <= 0.5
    if not below.any():
        return float("inf")
    k = int(below.argmax())
    if k == 0:
        return float(days[0])
    part = (level[k - 1] - 0.5) / (level[k - 1] - level[k])
    return float(days[k - 1] + part * (days[k] - days[k - 1]))


def _grid(cohort: CalibratedPatients, arm: str, endpoint: str, count: int) -> FloatArray:
    """Return days at equal steps of survival of the unweighted patients, and of the cohort."""
    times, events = event_times(cohort.patients, arm, endpoint)
    levels = np.linspace(0.0, 1.0, count // 2 + 2)[1:-1]
    found = []
    for weights in (cohort.patients.prior, cohort.weights):
        days, survival = weighted_survival(times, events, weights)
        at = np.searchsorted(-survival[1:], -levels)
        found.append(days[at[at < len(days)]])
    return np.unique(np.concatenate(found))


def _record(cohort: CalibratedPatients, arm: str, endpoint: str, days: FloatArray, subjects: float | None) -> TargetRecord:
    free = event_free(cohort.patients, arm, endpoint, days)
    survival = cohort.weights @ free
    both = np.minimum.outer(1 - survival, 1 - survival) - np.outer(1 - survival, 1 - survival)
    covariance = both / subjects if subjects else np.zeros_like(both)
    return TargetRecord(f"{endpoint} of {arm}", tuple(f"day {d:g}" for d in days), free, survival, covariance)


def _check(confidence: float, subjects: float | None) -> None:
    problems = confidence_problems(confidence)
    if subjects is not None and not subjects > 0:
        problems.append(Problem("subjects", f"is {subjects}", "a number of subjects above zero"))
    DataError.raise_if(problems)
