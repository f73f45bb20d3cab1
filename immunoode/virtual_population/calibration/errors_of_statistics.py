"""The error of a statistic of a calibrated cohort: from sampling, from undetermined features, and from too few patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.threads import one_thread
from immunoode.virtual_population.calibration.calibrated import CalibratedPatients
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.population_shift import ShiftSize
from immunoode.virtual_population.calibration.stacked import shared_errors
from immunoode.virtual_population.targets.record import TargetRecord

HALVINGS = 60


@dataclass(frozen=True)
class StatisticErrors:
    """Variances of statistics of a cohort about those of the population from which the trials were drawn.

    Attributes
    ----------
    sampling : ndarray, shape (statistics,)
        The part due to the sampling errors of the targets.
    undetermined : ndarray, shape (statistics,)
        The part due to differences between populations that meet the targets, per squared size of the shift of parameters.
    patients : ndarray, shape (statistics,)
        The part due to the finite number of virtual patients.
    shift : ShiftSize
    observed : ndarray, shape (statistics,)
        The addition for the observed statistic of a trial: its own sampling error, minus the part that it shares with the
        targets.
    """

    sampling: FloatArray
    undetermined: FloatArray
    patients: FloatArray
    shift: ShiftSize
    observed: FloatArray

    def variances(self, of_trial: bool = False) -> FloatArray:
        """Return the variance for each size of the shift, shape (sizes, statistics)."""
        known = self.sampling + self.patients + (self.observed if of_trial else 0.0)
        return np.asarray(np.maximum(known, 0.0) + np.outer(self.shift.sizes**2, self.undetermined))

    def standard_error(self, of_trial: bool = False) -> FloatArray:
        """Return the root of the mean variance."""
        return np.sqrt(self.shift.probabilities @ self.variances(of_trial))

    def half_width(self, confidence: float, of_trial: bool = False) -> FloatArray:
        """Return the distance of the limits of a band from the statistics.

        The error is a mixture of normal distributions over the posterior distribution of the size of the shift.
        """
        from scipy.special import ndtr

        deviations = np.sqrt(self.variances(of_trial)).clip(1e-300)
        low, high = np.zeros(len(self.sampling)), 10 * deviations.max(axis=0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            inside = self.shift.probabilities @ (2 * ndtr(middle / deviations) - 1)
            low, high = np.where(inside < confidence, middle, low), np.where(inside < confidence, high, middle)
        return high


def errors_of(cohort: CalibratedPatients, record: TargetRecord, trial: str = "", arm: str = "") -> StatisticErrors:
    """Return the errors of the statistics of a record that was not used as a target.

    To first order a calibrated statistic is its value under the prior weights plus B'(observed - prior moments), where B is its
    regression on the moments. The residual of each patient after the regression is the part that the targets do not
    determine.

    Parameters
    ----------
    cohort : CalibratedPatients
    record : TargetRecord
    trial, arm : str
        Trial and arm of the record, which shares sampling errors with targets of the same arm of the same trial.
    """
    with one_thread():
        return _errors_of(cohort, record, trial, arm)


def _errors_of(cohort: CalibratedPatients, record: TargetRecord, trial: str, arm: str) -> StatisticErrors:
    how, weights = cohort.calibrated, cohort.weights
    influence = record.influence(weights)
    centred = how.stacked.moments - weights @ how.stacked.moments
    slopes = _slopes(cohort, centred, influence)
    left = influence - centred @ slopes
    open_to = (left * weights[:, None]).T @ cohort.features
    shared = shared_errors(how.stacked, record, weights, trial, arm)
    counted = np.sqrt(np.diag(record.covariance))
    scale = np.divide(record.standard_errors(weights), counted, out=np.ones_like(counted), where=counted > 0)
    return StatisticErrors(
        np.einsum("jt,jk,kt->t", slopes, how.stacked.covariance, slopes),
        (open_to**2).sum(axis=1),
        (weights**2) @ left**2,
        cohort.shift_size,
        shared.own * scale**2 - 2 * (slopes * shared.with_targets).sum(axis=0) * scale,
    )


def _slopes(cohort: CalibratedPatients, centred: FloatArray, influence: FloatArray) -> FloatArray:
    """Return the derivative of each statistic with respect to the observed value of each row, shape (rows, statistics)."""
    how = cohort.calibrated
    weighted = centred * cohort.weights[:, None]
    among = weighted.T @ centred + how.prior_size * how.covariance
    unit = np.sqrt(np.diag(among))
    unit[unit == 0] = 1.0
    inverse = np.linalg.pinv(among / np.outer(unit, unit), rcond=1e-10, hermitian=True)
    return np.asarray((inverse @ ((weighted.T @ influence) / unit[:, None])) / unit[:, None])
