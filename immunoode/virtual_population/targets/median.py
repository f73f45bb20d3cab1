"""The median time to an event, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import size_problems
from immunoode.virtual_population.targets.event_free import event_free
from immunoode.virtual_population.targets.partition import Partition
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

NORMAL_QUANTILE = 1.959963984540054


@dataclass(frozen=True)
class MedianTarget:
    """The median time to an event in an arm, after which half of the subjects are still without the event.

    Attributes
    ----------
    arm : str
    days : float
    standard_error : float
        Standard error of survival at the median; `published` computes it from an interval or the number of subjects.
    endpoint : str
    trial : str

    Raises
    ------
    DataError

    Examples
    --------
    >>> target = MedianTarget.published("docetaxel", "3 months", interval=("2.7 months", "4.1 months"))
    >>> round(target.days, 1), round(target.standard_error, 3)
    (91.3, 0.037)
    """

    arm: str
    days: float
    standard_error: float
    endpoint: str = "PFS"
    trial: str = ""

    def __post_init__(self) -> None:
        problems = []
        if not (is_number(self.days) and 0 < self.days < np.inf):
            problems.append(Problem("median", f"is {self.days!r}", "a time after day 0"))
        if not (is_number(self.standard_error) and 0 <= self.standard_error < 0.5):
            problems.append(Problem("standard error of survival", f"is {self.standard_error!r}", "a number from 0 to 0.5"))
        DataError.raise_if(problems)

    @classmethod
    def published(
        cls,
        arm: str,
        median: str | float,
        interval: tuple[Any, Any] | None = None,
        *,
        n: float | None = None,
        endpoint: str = "PFS",
        trial: str = "",
    ) -> MedianTarget:
        """Return the target of a published median.

        Parameters
        ----------
        arm : str
        median : str or float
            "3 months", or days.
        interval : pair of times, optional
            The 95 % interval.
        n : float, optional
            The number of subjects if no interval is published; the standard error is then that without censoring.
        endpoint, trial : str

        Notes
        -----
        An interval is converted to an error of survival under a constant hazard near the median, for which the standard error
        of log(-log S) equals that of the logarithm of the median.
        """
        day = units.days(median)
        if interval is None:
            DataError.raise_if(size_problems(n, "n, as there is no interval,"))
            return cls(arm, day, 0.5 / float(np.sqrt(n or np.inf)), endpoint, trial)
        if not isinstance(interval, (tuple, list)) or len(interval) != 2 or None in interval:
            right = "two times; if a limit was not reached, state n instead"
            raise DataError(Problem("interval", f"is {interval!r}", right))
        low, high = (units.days(t) for t in interval)
        if not 0 < low <= day <= high < np.inf or low == high:
            raise DataError(
                Problem(
                    "interval",
                    f"is {interval}, but the median is {median}",
                    "a lower limit below the median, and an upper limit above it",
                )
            )
        on_log = (np.log(high) - np.log(low)) / (2 * NORMAL_QUANTILE)
        return cls(arm, day, float(0.5 * np.log(2) * on_log), endpoint, trial)

    @property
    def label(self) -> str:
        """The target in words."""
        return f"median {self.endpoint} of {self.arm}"

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row: the proportion without an event after the median.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Not used.
        """
        free = event_free(patients, self.arm, self.endpoint, np.array([self.days]))
        row = f"50 % after {self.days / MONTH:.3g} months"
        return TargetRecord(self.label, (row,), free, np.array([0.5]), np.array([[self.standard_error**2]]))

    @property
    def partition(self) -> Partition:
        """The values that the target distinguishes."""
        return Partition(self.arm, self.endpoint, (self.days,), endpoint=True)
