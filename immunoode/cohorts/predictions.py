"""The prediction of a published statistic by a calibrated cohort: the value, its band, and the band for a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.cohorts.published import RATIO, SHARE, TIME, PublishedStatistic
from immunoode.virtual_population.calibration.errors_of_statistics import errors_of
from immunoode.virtual_population.calibration.survival_bands import crossing
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.event_free import event_free, event_times, weighted_median, weighted_survival
from immunoode.virtual_population.targets.median import MedianTarget
from immunoode.virtual_population.targets.record import TargetRecord
from immunoode.virtual_population.targets.subgroup import SubgroupTarget, within

FloatArray = NDArray[np.float64]
CONFIDENCE = 0.95
MOST_DAYS = 200


@dataclass(frozen=True)
class StatisticPrediction:
    """Statistics with bands, each of shape (rows,): `lower` to `upper` for the population, `trial_lower` to `trial_upper`
    for a trial of the published size, which includes its sampling error. Times are in days.
    """

    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    trial_lower: FloatArray
    trial_upper: FloatArray


def predicted(cohort: Cohort, one: PublishedStatistic) -> StatisticPrediction:
    """Return the predictions of a cohort with bands.

    Raises
    ------
    DataError
        If the statistic is not defined for the patients, because no patient is in the subgroup or in a category.
    """
    if one.scale == TIME:
        return _of_median(cohort, one)
    record = one.target.record(cohort.patients, cohort.weights)
    value = record.statistics(cohort.weights)
    width, wider = _widths(cohort, record, one)
    limits = [value, value - width, value + width, value - wider, value + wider]
    if one.scale == SHARE:
        limits = [np.clip(limit, 0.0, 1.0) for limit in limits]
    return StatisticPrediction(*(np.exp(limits) if one.scale == RATIO else limits))


def value_of(patients: VirtualPatients, weights: FloatArray, one: PublishedStatistic) -> FloatArray:
    """Return a statistic of weighted patients without its band, shape (rows,)."""
    if one.scale == TIME:
        inside, target = _members(patients, weights, one)
        times, events = event_times(patients.take(inside), target.arm, target.endpoint)
        return np.array([weighted_median(*weighted_survival(times, events, weights[inside]))])
    value = one.target.record(patients, weights).statistics(weights)
    return np.exp(value) if one.scale == RATIO else value


def _widths(cohort: Cohort, record: TargetRecord, one: PublishedStatistic) -> tuple[FloatArray, FloatArray]:
    errors = errors_of(cohort, record, one.target.trial, one.target.arm)
    return errors.half_width(CONFIDENCE), errors.half_width(CONFIDENCE, of_trial=True)


def _members(patients: VirtualPatients, weights: FloatArray, one: PublishedStatistic) -> tuple[NDArray[np.bool_], MedianTarget]:
    inner: Any = one.inner
    if isinstance(one.target, SubgroupTarget):
        return one.target.members(patients, weights), inner
    return np.ones(len(patients), bool), inner


def _of_median(cohort: Cohort, one: PublishedStatistic) -> StatisticPrediction:
    """Return a median with the times at which the bands of the curve contain one half."""
    patients, weights = cohort.patients, cohort.weights
    inside, target = _members(patients, weights, one)
    subjects, own = patients.take(inside), weights[inside] / weights[inside].sum()
    times, events = event_times(subjects, target.arm, target.endpoint)
    days = _days(times[events])
    free = event_free(subjects, target.arm, target.endpoint, days)
    survival = own @ free
    both = np.minimum.outer(1 - survival, 1 - survival) - np.outer(1 - survival, 1 - survival)
    rows = tuple(f"day {day:g}" for day in days)
    record = within(
        TargetRecord(one.label, rows, free, survival, both * 4 * target.standard_error**2), inside, weights, one.label
    )
    width, wider = _widths(cohort, record, one)
    limits = [crossing(days, survival + sign * w) for w in (width, wider) for sign in (-1, 1)]
    value = weighted_median(*weighted_survival(times, events, own))
    return StatisticPrediction(*(np.array([v]) for v in (value, *limits)))


def _days(times: FloatArray) -> FloatArray:
    """Return the days of events, thinned to the largest number for which bands are computed."""
    days = np.unique(times)
    if len(days) <= MOST_DAYS:
        return days
    return np.unique(np.quantile(times, np.linspace(0, 1, MOST_DAYS), method="inverted_cdf"))
