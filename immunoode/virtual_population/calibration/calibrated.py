"""The attributes that functions of calibrated cohorts need."""

from __future__ import annotations

from typing import Protocol

from immunoode.virtual_population.calibration.calibration_record import Calibration
from immunoode.virtual_population.calibration.certificate import Certificate
from immunoode.virtual_population.calibration.divergence import FloatArray
from immunoode.virtual_population.calibration.population_shift import ShiftSize
from immunoode.virtual_population.patients import VirtualPatients


class CalibratedPatients(Protocol):
    """Patients with calibrated weights, as in `Cohort`."""

    @property
    def patients(self) -> VirtualPatients:
        """The patients."""
        ...

    @property
    def weights(self) -> FloatArray:
        """Their weights, which add up to 1."""
        ...

    @property
    def calibrated(self) -> Calibration:
        """The record of the calibration."""
        ...

    @property
    def features(self) -> FloatArray:
        """The features in which populations may be shifted."""
        ...

    @property
    def shift_size(self) -> ShiftSize:
        """The shift of the population from the prior one."""
        ...

    def median(self, arm: str, endpoint: str = "PFS") -> float:
        """Return the weighted median time to an event."""
        ...

    def certificate(self, within: float = 1.96) -> Certificate:
        """Return how close any weights can come to the targets."""
        ...
