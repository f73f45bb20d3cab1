"""The mean of a column: exposure, baseline size, or any other number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_finite, is_number
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import numbers_of, size_problems, subject_values
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

HIGHEST_CV = 10.0
"""A coefficient of variation of at least this is assumed to be in percent."""


@dataclass(frozen=True)
class MeanTarget:
    """The mean and spread of a column, such as the area under a concentration curve.

    Attributes
    ----------
    arm : str
        "" for a column of the parameters.
    column : str
    mean : float
        With `logarithmic`, the geometric mean.
    sd : float
        Standard deviation among subjects; with `logarithmic`, that of natural logarithms, sqrt(log(1 + cv^2)).
    n : float
        Subjects.
    logarithmic : bool
    spread : bool
        Whether the variance is a target as well.
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError

    Notes
    -----
    The variance is about the observed mean. Its error is that of a normal distribution, and independent of that of the mean.

    Examples
    --------
    >>> MeanTarget.geometric("", "clearance", 0.22, cv=0.3, n=200).sd
    0.2935603...
    """

    arm: str
    column: str
    mean: float
    sd: float
    n: float
    logarithmic: bool = False
    spread: bool = True
    trial: str = ""

    def __post_init__(self) -> None:
        problems = size_problems(self.n)
        if not is_finite(self.mean) or (self.logarithmic and self.mean <= 0):
            problems.append(Problem("mean", f"is {self.mean!r}", "a number; above zero if logarithmic"))
        if not (is_number(self.sd) and 0 < self.sd < np.inf):
            problems.append(Problem("sd", f"is {self.sd!r}", "a standard deviation among subjects, above zero"))
        DataError.raise_if(problems)

    @classmethod
    def geometric(cls, arm: str, column: str, mean: float, cv: float, n: float, *, trial: str = "") -> MeanTarget:
        """Return the target of a geometric mean with its coefficient of variation.

        Parameters
        ----------
        arm, column, mean, n, trial
            As for the class.
        cv : float
            Coefficient of variation of a log-normal distribution, as a fraction: 0.3 for 30 %.
        """
        if not (is_number(cv) and 0 < cv < HIGHEST_CV):
            raise DataError(Problem("cv", f"is {cv!r}", f"a fraction above 0 and below {HIGHEST_CV:g}: 0.3 for 30 %"))
        return cls(arm, column, mean, float(np.sqrt(np.log1p(cv**2))), n, logarithmic=True, trial=trial)

    @classmethod
    def from_values(cls, arm: str, column: str, values: ArrayLike, *, logarithmic: bool = False, trial: str = "") -> MeanTarget:
        """Return the target for observed values of subjects.

        Parameters
        ----------
        arm, column, logarithmic, trial
            As for the class.
        values : array of float
            Missing values do not count.
        """
        numbers = subject_values(values)
        known = numbers[np.isfinite(numbers)]
        DataError.raise_if(size_problems(max(len(known) - 1, 0), "number of values, minus one,"))
        used = np.log(known) if logarithmic else known
        middle = float(np.exp(used.mean()) if logarithmic else used.mean())
        return cls(arm, column, middle, float(used.std(ddof=1)), len(known), logarithmic, trial=trial)

    @property
    def label(self) -> str:
        """The target in words."""
        kind = "geometric mean" if self.logarithmic else "mean"
        return f"{kind} of {self.column.replace('_', ' ')}" + (f" of {self.arm}" if self.arm else "")

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row for the mean, and one for the variance.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights with which the proportion of patients with a value is computed.
        """
        found = numbers_of(patients, self.column, self.arm)
        if self.logarithmic and (found <= 0).any():
            raise DataError(Problem(self.label, "some virtual patients have values of zero or less", "positive values"))
        middle = float(np.log(self.mean)) if self.logarithmic else self.mean
        values = np.array([middle, self.sd**2][: 1 + self.spread])
        known = np.isfinite(found)
        away = np.where(known, (np.log(found) if self.logarithmic else found) - middle, 0.0)
        moments = np.column_stack([away, np.where(known, away**2 - self.sd**2, 0.0)])[:, : len(values)]
        shares = np.repeat(known[:, None].astype(np.float64), len(values), axis=1)
        part = float(weights @ known)
        variances = part**2 * np.array([self.sd**2, 2 * self.sd**4][: len(values)]) / self.n
        of = "logarithm" if self.logarithmic else "value"
        rows = (f"mean {of} {values[0]:.3g}", f"variance of the {of} {self.sd**2:.3g}")[: len(values)]
        covariance, some_missing = np.diag(variances), not known.all()
        return TargetRecord(self.label, rows, moments, np.zeros(len(values)), covariance, shares, values, some_missing)
