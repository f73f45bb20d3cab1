"""Spearman's correlation of the times under two drugs: stated, or that of the patients of a cohort."""

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
    """

    spearman: float
    error: float
    origin: str

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return samples, between -1 and 1."""
        return np.clip(self.spearman + self.error * rng.standard_normal(count), -1.0, 1.0)

    def __str__(self) -> str:
        spread = f" (standard deviation {self.error:g})" if self.error else ""
        return f"Spearman correlation of the times under both drugs: {self.spearman:.2f}{spread}, {self.origin}"


def correlation_of(
    data: Any, first: SurvivalArm, second: SurvivalArm, stated: float | None, error: float | None
) -> CorrelationOfDrugs:
    """Return the stated correlation, otherwise that of a cohort's patients, otherwise the usual one."""
    if stated is not None:
        return CorrelationOfDrugs(float(stated), USUAL_ERROR if error is None else float(error), "as stated")
    if isinstance(data, VirtualPatients):
        data = Cohort(data, data.prior)
    if isinstance(data, Cohort):
        found = cohort_correlation(data, first.name, second.name, first.endpoint)
        return CorrelationOfDrugs(found, float(error or 0.0), "that of the cohort's patients")
    return CorrelationOfDrugs(USUAL, USUAL_ERROR if error is None else float(error), "assumed")


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
