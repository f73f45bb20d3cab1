"""The record of the calibration of a cohort."""

from __future__ import annotations

from dataclasses import dataclass

from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.stacked import StackedTargets


@dataclass(frozen=True)
class Calibration:
    """The record of the calibration of a cohort.

    Attributes
    ----------
    stacked : StackedTargets
        The rows of the targets, with the covariance of their sampling errors.
    prices : ndarray, shape (rows,)
        The increase of the minimum of the program if the observed value of a row increases by 1.
    rule : str
    tolerance, prior_size : float
    steps : int
        Newton steps.
    """

    stacked: StackedTargets
    prices: FloatArray
    rule: str
    tolerance: float
    prior_size: float
    steps: int

    @property
    def covariance(self) -> FloatArray:
        """The covariance that was used: that of the sampling errors, times the squared tolerance."""
        return self.stacked.covariance * self.tolerance**2
