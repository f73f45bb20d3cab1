"""Dependence between parameters: correlated blocks (a Gaussian copula), and whole rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from immunoode.errors import PopulationError, Problem
from immunoode.virtual_population.marginals import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
LEAST = 1e-10
"""Smallest eigenvalue of a correlation matrix; below it, a parameter is a combination of the others within rounding."""
ROUNDING = 1e-9
MUCH = 0.3
"""Contribution of a parameter to a direction without variance above which the message names it."""


@dataclass(frozen=True)
class Correlation:
    """The correlation of the normal scores of some parameters (a Gaussian copula).

    For normal, log-normal and logit-normal distributions it is the correlation of their random effects (of omega).

    Attributes
    ----------
    names : tuple of str
    matrix : tuple of tuple of float
        All rows of the matrix, or its lower triangle, which is completed.
    source : str

    Raises
    ------
    PopulationError
        If the matrix is not a correlation matrix, or not positive definite; the message names the parameters concerned.

    Examples
    --------
    >>> Correlation(("clearance", "central_volume"), [[1], [0.4, 1]]).matrix
    ((1.0, 0.4), (0.4, 1.0))
    """

    names: tuple[str, ...]
    matrix: Matrix
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        full = completed(self.names, self.matrix)
        object.__setattr__(self, "matrix", tuple(map(tuple, full.tolist())))
        diagonal = np.abs(np.diag(full) - 1) > ROUNDING
        if diagonal.any():
            k = int(diagonal.argmax())
            right = "1; use Correlation.from_covariance for a covariance"
            raise PopulationError(Problem(_block(self.names), f"the diagonal of {self.names[k]!r} is {full[k, k]:g}", right))
        if len(set(self.names)) < len(self.names):
            raise PopulationError(Problem(_block(self.names), "names a parameter twice", "different names"))
        _check_definite(self.names, full)

    @classmethod
    def from_covariance(
        cls, names: Sequence[str], covariance: ArrayLike | Sequence[Sequence[float]], source: str = ""
    ) -> Correlation:
        """Return the correlation of a covariance (omega), given in full or as its lower triangle.

        Raises
        ------
        PopulationError
        """
        full = completed(tuple(names), covariance)
        variances = np.diag(full)
        if not (variances > 0).all():
            k = int((variances <= 0).argmax())
            what = f"the variance of {tuple(names)[k]!r} is {variances[k]:g}"
            raise PopulationError(Problem(_block(names), what, "a number above zero; leave out parameters that do not vary"))
        sd = np.sqrt(variances)
        scaled = full / np.outer(sd, sd)
        np.fill_diagonal(scaled, 1.0)
        return cls(tuple(names), scaled, source)  # type: ignore[arg-type]

    @classmethod
    def from_ranks(cls, names: Sequence[str], matrix: ArrayLike | Sequence[Sequence[float]], source: str = "") -> Correlation:
        """Return the correlation of scores that gives these rank correlations (Spearman), 2 sin(pi r / 6).

        Raises
        ------
        PopulationError
        """
        full = 2 * np.sin(np.pi * completed(tuple(names), matrix) / 6)
        np.fill_diagonal(full, 1.0)
        return cls(tuple(names), full, source)  # type: ignore[arg-type]

    @cached_property
    def factor(self) -> FloatArray:
        """Lower triangular matrix L, such that L e are correlated scores if e are independent ones."""
        return np.linalg.cholesky(np.array(self.matrix))


@dataclass(frozen=True)
class EmpiricalRows:
    """Observed rows: each patient gets a whole row, which keeps values of one subject together.

    Attributes
    ----------
    columns : tuple of str
        Parameters; or "shift(clearance)", an amount that is added to the parameter on the scale where it is normal, such as
        the effect of covariates on the typical value of the patient.
    rows : tuple of tuple of float
        Equally likely.
    units : tuple of str
        One per column; by default, those of the model.
    source, title : str

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> EmpiricalRows(("weight", "albumin"), [(60, 38), (85, 41)]).rows
    ((60.0, 38.0), (85.0, 41.0))
    """

    columns: tuple[str, ...]
    rows: Matrix
    units: tuple[str, ...] = ()
    source: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "units", tuple(self.units))
        place = f"table of {', '.join(self.columns[:3])}" or "table"
        try:
            table = np.array([list(row) for row in self.rows], dtype=float)
        except (TypeError, ValueError):
            table = np.empty(0)
        problems = []
        if table.ndim != 2 or not len(table) or table.shape[1] != len(self.columns) or not np.isfinite(table).all():
            problems.append(
                Problem(place, "has rows without one number per column", f"{len(self.columns)} numbers in each row")
            )
        if self.units and len(self.units) != len(self.columns):
            problems.append(Problem(place, f"has {len(self.units)} units", f"one per column: {len(self.columns)}"))
        PopulationError.raise_if(problems)
        object.__setattr__(self, "rows", tuple(map(tuple, table.tolist())))

    @classmethod
    def from_frame(cls, table: pd.DataFrame, source: str = "", title: str = "") -> EmpiricalRows:
        """Return all rows and columns of a DataFrame; units are those of the model.

        Raises
        ------
        PopulationError
        """
        if not hasattr(table, "columns"):
            raise PopulationError(Problem("table", f"is {type(table).__name__}", "a DataFrame with one row per subject"))
        return cls(tuple(map(str, table.columns)), table.to_numpy().tolist(), (), source, title)

    @cached_property
    def values(self) -> FloatArray:
        """The rows as an array, shape (rows, columns)."""
        return np.array(self.rows)


def shifted_by(column: str) -> str:
    """Return the parameter that a column "shift(parameter)" of a table shifts, or ""."""
    return column[len("shift(") : -1] if column.startswith("shift(") and column.endswith(")") else ""


def completed(names: tuple[str, ...], given: ArrayLike | Sequence[Sequence[float]]) -> FloatArray:
    """Return a symmetric matrix (n, n) from the full matrix or its lower triangle.

    Raises
    ------
    PopulationError
    """
    n, rows = len(names), [list(row) for row in given]  # type: ignore[union-attr, arg-type]
    lengths = [len(row) for row in rows]
    if lengths not in ([n] * n, list(range(1, n + 1))):
        right = f"{n} rows of {n} numbers, or the lower triangle with 1 to {n} numbers"
        raise PopulationError(Problem(_block(names), f"has rows of {lengths} numbers", right))
    full = np.array([[rows[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)], dtype=float)
    if lengths == [n] * n and not np.allclose(full, np.array(rows, dtype=float), rtol=ROUNDING, atol=ROUNDING):
        raise PopulationError(Problem(_block(names), "is not symmetric", "equal numbers on both sides of the diagonal"))
    if not np.isfinite(full).all():
        raise PopulationError(Problem(_block(names), "has numbers that are not finite", "finite numbers"))
    return full


def _check_definite(names: tuple[str, ...], matrix: FloatArray) -> None:
    """Refuse a correlation that is not positive definite, and name the parameters concerned."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] > LEAST:
        return
    who = [n for n, share in zip(names, np.abs(vectors[:, 0]), strict=True) if share > MUCH]
    what = f"is not positive definite (least eigenvalue of the correlation {values[0]:.2g}, mainly due to {', '.join(who)})"
    right = "smaller correlations among these; published values may be rounded, or belong to different blocks"
    raise PopulationError(Problem(_block(names), what, right))


def _block(names: Sequence[str]) -> str:
    return f"correlation of {', '.join(names)}"
