"""Response rates by category, with their multinomial sampling error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.responses import Responses
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import share_problems, size_problems
from immunoode.virtual_population.targets.partition import Partition
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

ROUNDING = 0.01
"""Published rates whose sum differs from 1 by less than this count as rounded."""


@dataclass(frozen=True)
class ResponseRateTarget:
    """The proportions of subjects in an arm with each best response.

    Attributes
    ----------
    arm : str
    rates : mapping of str to float
        Proportion in each category; "CR+PR" combines two categories. They add up to 1 unless `partial` is true.
    n : float
        Number of subjects behind the rates; infinite for rates without sampling error.
    column : str
        Column of the outcomes with the categories.
    partial : bool
        Whether there are other categories that are not stated.
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError
        If rates are not fractions, do not add up to one, or name a category twice.

    Notes
    -----
    The covariance of the sampling error is multinomial, at (n rate + 1/2) / (n + categories / 2), so that a rate of 0 also
    has an error.

    Examples
    --------
    >>> target = ResponseRateTarget("atezolizumab", {"CR": 0.02, "PR": 0.13, "SD": 0.35, "PD": 0.50}, n=144)
    >>> ResponseRateTarget.objective("docetaxel", 0.15, n=143).rates
    {'CR+PR': 0.15}
    """

    arm: str
    rates: Mapping[str, float]
    n: float
    column: str = "best_response"
    partial: bool = False
    trial: str = ""

    def __post_init__(self) -> None:
        DataError.raise_if(_problems(self.rates, self.n, self.partial))

    @classmethod
    def objective(cls, arm: str, rate: float, n: float, *, trial: str = "") -> ResponseRateTarget:
        """Return the target for an objective response rate: the proportion with CR or PR.

        Parameters
        ----------
        arm, rate, n, trial
            As for the class.
        """
        return cls(arm, {"CR+PR": rate}, n, partial=True, trial=trial)

    @classmethod
    def from_counts(
        cls, arm: str, counts: Mapping[str, int], *, column: str = "best_response", trial: str = ""
    ) -> ResponseRateTarget:
        """Return the target for counts of subjects per category.

        Parameters
        ----------
        arm, column, trial
            As for the class.
        counts : mapping of str to int
            Number of subjects with each best response.
        """
        n = sum(counts.values())
        DataError.raise_if(size_problems(n, "sum of the counts"))
        return cls(arm, {name: count / n for name, count in counts.items()}, n, column, trial=trial)

    @classmethod
    def from_responses(cls, responses: Responses, arm: str, *, confirmed: bool = False, trial: str = "") -> ResponseRateTarget:
        """Return the target for the responses in a trial, as `recist` returns them.

        Parameters
        ----------
        responses : Responses
        arm, trial
            As for the class.
        confirmed : bool
            Whether CR and PR count only if confirmed.

        Raises
        ------
        DataError
            If the trial has no such arm.
        """
        table = responses.rates(confirmed=confirmed).set_index("arm")
        if arm not in table.index:
            raise DataError(Problem("arm", f"{arm!r} is not in the responses", nearest(arm, map(str, table.index))))
        counts = table.loc[arm, [c for c in responses.order if c in table.columns]]
        return cls.from_counts(arm, {str(c): int(k) for c, k in counts.items() if k}, trial=trial)

    @property
    def label(self) -> str:
        """The target in words."""
        return f"{self.column.replace('_', ' ')} of {self.arm}"

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row per category.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Not used.

        Raises
        ------
        DataError
            If no patient is in a category that has subjects in the target.
        """
        found = patients.column(self.column, self.arm).astype(str).to_numpy()
        moments = np.column_stack([np.isin(found, name.split("+")) for name in self.rates]).astype(np.float64)
        there = [bool(column.any()) for column in moments.T]
        empty = [name for name, some in zip(self.rates, there, strict=True) if self.rates[name] and not some]
        DataError.raise_if([self._empty(name, found) for name in empty])
        rows = tuple(f"{name} {100 * rate:.1f} %" for name, rate in self.rates.items())
        return TargetRecord(self.label, rows, moments, self._shares(), self._covariance())

    @property
    def partition(self) -> Partition:
        """The values that the target distinguishes."""
        return Partition(self.arm, self.column, tuple(part for name in self.rates for part in name.split("+")))

    def _empty(self, name: str, found: np.ndarray) -> Problem:
        known = sorted(set(found))
        return Problem(
            self.label,
            f"no virtual patient has {name!r}, but the target is {100 * self.rates[name]:.3g} %",
            f"patients in this category (there are: {known})",
        )

    def _shares(self) -> FloatArray:
        """Return the rates, without rounding errors in their sum."""
        rates = np.array([float(r) for r in self.rates.values()])
        return rates if self.partial else rates / rates.sum()

    def _covariance(self) -> FloatArray:
        rates = self._shares()
        if np.isinf(self.n):
            return np.zeros((len(rates), len(rates)))
        smoothed = (self.n * rates + 0.5) / (self.n + (len(rates) + self.partial) / 2)
        return (np.diag(smoothed) - np.outer(smoothed, smoothed)) / self.n


def _problems(rates: Mapping[str, float], n: float, partial: bool) -> list[Problem]:
    if not isinstance(rates, Mapping) or not rates:
        return [Problem("rates", f"are {rates!r}", "a mapping of category to share: {'CR': 0.05, ...}")]
    problems = [*share_problems(rates.items(), "rate of"), *size_problems(n)]
    parts = [part for name in rates for part in str(name).split("+")]
    problems += [
        Problem("rates", f"{p!r} occurs twice", "each category once") for p in sorted({p for p in parts if parts.count(p) > 1})
    ]
    if problems:
        return problems
    total = sum(rates.values())
    if total > 1 + ROUNDING or (total < 1 - ROUNDING and not partial):
        right = "shares that add up to 1" + ("" if total > 1 else ", or partial=True if there are other categories")
        return [Problem("rates", f"{dict(rates)} add up to {total:.4g}", right)]
    return []
