"""Quantiles of an outcome, such as those of a waterfall plot, with the errors of order statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from immunoode.errors import DataError, Problem, nearest
from immunoode.number_checks import is_number
from immunoode.trial.response.responses import Responses
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import numbers_of, share_problems, size_problems, subject_values
from immunoode.virtual_population.targets.partition import Partition
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

PROBABILITIES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class QuantileTarget:
    """Quantiles of an outcome in an arm, for example those of a waterfall plot.

    Attributes
    ----------
    arm : str
        "" for a column of the parameters.
    quantiles : mapping of float to float
        Value for each probability, both increasing: {0.5: -0.12} for a median best change of -12 %.
    n : float
        Number of subjects with a value.
    column : str
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError

    Notes
    -----
    The proportion of subjects at or below an observed quantile has the covariance (min(p, q) - p q) / n of order statistics.
    Patients without a value do not count.

    Examples
    --------
    >>> target = QuantileTarget.from_values("drug", [-0.6, -0.3, -0.1, 0.0, 0.2, 0.5], probabilities=[0.25, 0.5])
    >>> target.quantiles
    {0.3333333333333333: -0.3, 0.5: -0.1}
    """

    arm: str
    quantiles: Mapping[float, float]
    n: float
    column: str = "best_change"
    trial: str = ""

    def __post_init__(self) -> None:
        DataError.raise_if(_problems(self.quantiles, self.n) or _percent_problems(self.quantiles, self.column))

    @classmethod
    def from_values(
        cls,
        arm: str,
        values: ArrayLike,
        probabilities: Sequence[float] = PROBABILITIES,
        *,
        column: str = "best_change",
        trial: str = "",
    ) -> QuantileTarget:
        """Return the target for observed values; each probability is the proportion observed at or below the quantile.

        Parameters
        ----------
        arm, column, trial
            As for the class.
        values : array of float
            Missing values do not count.
        probabilities : sequence of float
        """
        numbers = subject_values(values)
        known = np.sort(numbers[np.isfinite(numbers)])
        wrong = share_problems(((p, p) for p in probabilities), "probability")
        DataError.raise_if(size_problems(len(known), "values that are numbers") + wrong)
        at = np.unique(np.quantile(known, list(probabilities), method="inverted_cdf"))
        shares = np.searchsorted(known, at, side="right") / len(known)
        return cls(arm, {float(p): float(v) for p, v in zip(shares, at, strict=True) if p < 1}, len(known), column, trial)

    @classmethod
    def from_responses(
        cls, responses: Responses, arm: str, probabilities: Sequence[float] = PROBABILITIES, *, trial: str = ""
    ) -> QuantileTarget:
        """Return the target for the best changes in a trial, as `recist` returns them.

        Parameters
        ----------
        responses : Responses
        arm, trial
            As for the class.
        probabilities : sequence of float
        """
        subjects = responses.subjects
        if arm not in set(subjects["arm"]):
            raise DataError(
                Problem("arm", f"{arm!r} is not in the responses", nearest(arm, map(str, subjects["arm"].unique())))
            )
        return cls.from_values(arm, subjects.loc[subjects["arm"] == arm, "best_change"], probabilities, trial=trial)

    @property
    def label(self) -> str:
        """The target in words."""
        return f"{self.column.replace('_', ' ')}" + (f" of {self.arm}" if self.arm else "")

    @property
    def partition(self) -> Partition:
        """The values that the target distinguishes."""
        return Partition(self.arm, self.column, tuple(self.quantiles.values()))

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row per quantile: the proportion at or below it.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights with which the proportion of patients with a value is computed.
        """
        found = numbers_of(patients, self.column, self.arm)
        shares, at = np.array(list(self.quantiles)), np.array(list(self.quantiles.values()))
        counted = np.isfinite(found).astype(np.float64)[:, None] * np.ones(len(at))
        below = (found[:, None] <= at).astype(np.float64)
        rows = tuple(f"{100 * p:.3g} % at or below {v:.3g}" for p, v in self.quantiles.items())
        covariance = (np.minimum.outer(shares, shares) - np.outer(shares, shares)) / self.n
        if counted.all():
            return TargetRecord(self.label, rows, below, shares, covariance)
        part = float((weights @ counted)[0])
        moments, error = counted * (below - shares), covariance * part**2
        return TargetRecord(self.label, rows, moments, np.zeros(len(at)), error, counted, shares, depends_on_weights=True)


def _percent_problems(quantiles: Mapping[float, float], column: str) -> list[Problem]:
    """Return the problem of changes below -100 %, which are probably in percent."""
    low = [v for v in quantiles.values() if column == "best_change" and v < -1]
    return [Problem("quantiles", f"a best change is {v!r}", "a fraction of at least -1: -0.3 for -30 %") for v in low]


def _problems(quantiles: Any, n: float) -> list[Problem]:
    if not isinstance(quantiles, Mapping) or not quantiles:
        return [Problem("quantiles", f"are {quantiles!r}", "a mapping of probability to value: {0.5: -0.12}")]
    problems = [*share_problems(((p, p) for p in quantiles), "probability"), *size_problems(n)]
    values = list(quantiles.values())
    problems += [Problem("quantiles", f"value {v!r} is not a number", "numbers") for v in values if not is_number(v)]
    if problems:
        return problems
    rising = list(quantiles) == sorted(set(quantiles)) and values == sorted(set(values))
    if not rising or not 0 < min(quantiles) <= max(quantiles) < 1:
        return [
            Problem("quantiles", f"are {dict(quantiles)}", "increasing probabilities between 0 and 1, with increasing values")
        ]
    return []
