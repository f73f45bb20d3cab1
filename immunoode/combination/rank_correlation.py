"""Spearman's correlation of the times under two drugs: as stated, or that of the patients of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.combination.arm_survival import SurvivalArm
from immunoode.combination.step_curve import FloatArray
from immunoode.errors import DataError, Problem
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.event_free import event_times

USUAL = 0.3
USUAL_ERROR = 0.1


@dataclass(frozen=True)
class CorrelationOfDrugs:
    """Spearman's correlation of the times under two drugs.

    Attributes
    ----------
    spearman, error : float
        Its value and standard deviation.
    origin : str
        Where it comes from.
    quantity : str
        The quantities that are correlated.
    """

    spearman: float
    error: float
    origin: str
    quantity: str = "times under the two drugs"

    @classmethod
    def stated_or_usual(
        cls, spearman: float | None, error: float | None, of_cohort: bool, quantity: str = "times under the two drugs"
    ) -> CorrelationOfDrugs:
        """Return the stated correlation, or that of a cohort (by default without error), or the default one if both are
        None.
        """
        if of_cohort and spearman is not None:
            return cls(float(spearman), float(error or 0.0), "that of the cohort's patients", quantity)
        value, origin = (USUAL, "assumed") if spearman is None else (float(spearman), "as stated")
        return cls(value, USUAL_ERROR if error is None else float(error), origin, quantity)

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return samples, between -1 and 1."""
        return np.clip(self.spearman + self.error * rng.standard_normal(count), -1.0, 1.0)

    def __str__(self) -> str:
        spread = f" (standard deviation {self.error:g})" if self.error else ""
        return f"Spearman correlation of the {self.quantity}: {self.spearman:.2f}{spread}, {self.origin}"


def correlation_of(
    data: Any, first: SurvivalArm, second: SurvivalArm, stated: float | None, error: float | None
) -> CorrelationOfDrugs:
    """Return the stated correlation, otherwise that of a cohort's patients, otherwise the default."""
    if isinstance(data, VirtualPatients):
        data = Cohort(data, data.prior)
    of_cohort = stated is None and isinstance(data, Cohort)
    own = cohort_correlation(data, first.name, second.name, first.endpoint) if of_cohort else stated
    return CorrelationOfDrugs.stated_or_usual(own, error, of_cohort)


def cohort_correlation(cohort: Cohort, first: str, second: str, endpoint: str = "PFS") -> float:
    """Return the weighted Spearman correlation of the times of a cohort's patients under two arms.

    Raises
    ------
    DataError
        If all patients have the same time in an arm.
    """
    ranks = [_ranks(event_times(cohort.patients, arm, endpoint)[0], cohort.weights) for arm in (first, second)]
    centred = [rank - cohort.weights @ rank for rank in ranks]
    spread = [float(np.sqrt(cohort.weights @ c**2)) for c in centred]
    if min(spread) == 0:
        arm = (first, second)[int(np.argmin(spread))]
        raise DataError(Problem(f"{endpoint} of {arm}", "is the same for all patients", "correlation=, stated"))
    return float(cohort.weights @ (centred[0] * centred[1]) / (spread[0] * spread[1]))


def _ranks(values: FloatArray, weights: FloatArray) -> NDArray[np.float64]:
    """Return weighted mid-ranks between 0 and 1."""
    levels, at = np.unique(values, return_inverse=True)
    mass = np.bincount(at, weights, minlength=len(levels))
    return np.asarray((np.cumsum(mass) - mass / 2)[at])
