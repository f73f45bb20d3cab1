"""The correlation of two columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.number_checks import is_number
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import numbers_of, size_problems
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord


@dataclass(frozen=True)
class CorrelationTarget:
    """The correlation of two columns among the subjects of an arm.

    Attributes
    ----------
    arm : str
        "" for columns of the parameters.
    columns : pair of str
    correlation : float
        Between -1 and 1, both excluded.
    n : float
        Number of subjects.
    ranks : bool
        Whether it is Spearman's correlation, that of ranks (among the virtual patients).
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError

    Notes
    -----
    With x and y standardised by the weighted means and deviations, the row is x y - r (x^2 + y^2) / 2, the influence function
    of the correlation, which is recomputed until the weights no longer change. The standard error is (1 - r^2) / sqrt(n), as
    for normal variables.

    Examples
    --------
    >>> CorrelationTarget("", ("growth_rate", "kill_rate"), -0.4, n=150).standard_error
    0.0685...
    """

    arm: str
    columns: tuple[str, str]
    correlation: float
    n: float
    ranks: bool = False
    trial: str = ""

    def __post_init__(self) -> None:
        problems = size_problems(self.n)
        if not (is_number(self.correlation) and -1 < self.correlation < 1):
            problems.append(Problem("correlation", f"is {self.correlation!r}", "a number between -1 and 1"))
        if not isinstance(self.columns, (tuple, list)) or len(self.columns) != 2 or self.columns[0] == self.columns[1]:
            problems.append(Problem("columns", f"are {self.columns!r}", "two different columns"))
        DataError.raise_if(problems)

    @property
    def label(self) -> str:
        """The target in words."""
        pair = " and ".join(self.columns).replace("_", " ")
        return f"correlation of {pair}" + (f" of {self.arm}" if self.arm else "")

    @property
    def standard_error(self) -> float:
        """The standard error of the correlation."""
        return float((1 - self.correlation**2) / np.sqrt(self.n))

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights with which the columns are standardised.
        """
        x, y = (self._standardised(patients, name, weights) for name in self.columns)
        r = self.correlation
        moments = (x * y - r * (x**2 + y**2) / 2)[:, None]
        covariance, values = np.array([[self.standard_error**2]]), np.array([r])
        counted = np.ones_like(moments)
        row = (f"correlation {r:.3g}",)
        return TargetRecord(self.label, row, moments, np.zeros(1), covariance, counted, values, depends_on_weights=True)

    def _standardised(self, patients: VirtualPatients, name: str, weights: FloatArray) -> FloatArray:
        found = numbers_of(patients, name, self.arm)
        if not np.isfinite(found).all():
            raise DataError(Problem(self.label, f"some virtual patients have no {name!r}", "one number per patient"))
        if self.ranks:
            from scipy.stats import rankdata

            found = rankdata(found)
        centred = found - weights @ found
        spread = float(np.sqrt(weights @ centred**2))
        if not spread > 0:
            raise DataError(Problem(self.label, f"{name!r} is the same for all virtual patients", "a column that varies"))
        return np.asarray(centred / spread)
