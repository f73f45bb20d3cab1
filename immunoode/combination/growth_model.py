"""A linear mixed model of tumour growth: one growth rate per group, and a random growth rate per animal.

The logarithm of size relative to the first is rate times time: y = (b_group + u_animal) t + e. The ratio of the two variances
is found by restricted maximum likelihood in one dimension; everything else is in closed form, so that estimates agree with
R's nlme to all digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.trial.metrics.size_series import SizeSeries, size_series

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
RATIOS = (-30.0, 10.0)
"""Bounds of the logarithm of the ratio of the two variances; at the lower bound there is no random effect."""


@dataclass(frozen=True)
class Animal:
    """One animal after its first measurement: days and logarithms of relative size, shape (k,), and the index of its group."""

    subject: str
    group: int
    days: FloatArray
    log_size: FloatArray


@dataclass(frozen=True)
class GrowthModel:
    """A fitted linear mixed model of growth.

    Attributes
    ----------
    groups : tuple of str
    rates : ndarray, shape (groups,)
        Growth rates per day.
    covariance : ndarray, shape (groups, groups)
    between_sd, residual_sd : float
        Standard deviation of the growth rates of the animals in a group (per day), and of log sizes about the line of an
        animal.
    animals : tuple of Animal
    left_out : DataFrame
        Measurements and animals that were not used: subject, reason.
    robust : bool
        Whether the covariance is the cluster-robust one (CR2) instead of the model's.
    """

    groups: tuple[str, ...]
    rates: FloatArray
    covariance: FloatArray
    between_sd: float
    residual_sd: float
    animals: tuple[Animal, ...]
    left_out: pd.DataFrame
    robust: bool

    @cached_property
    def days(self) -> FloatArray:
        """All days after the first measurement on which an animal was measured."""
        return np.unique(np.concatenate([animal.days for animal in self.animals]))

    def rate(self, group: str) -> float:
        """Return the growth rate of a group per day."""
        return float(self.rates[self.groups.index(group)])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group: group, animals, rate (per day), standard_error, doubling_time (days)."""
        import pandas as pd

        counts = [sum(animal.group == k for animal in self.animals) for k in range(len(self.groups))]
        with np.errstate(divide="ignore"):
            doubling = np.where(self.rates > 0, np.log(2) / self.rates, np.inf)
        errors = np.sqrt(np.diag(self.covariance))
        columns = {"group": self.groups, "animals": counts, "rate": self.rates, "standard_error": errors}
        return pd.DataFrame(columns | {"doubling_time": doubling})

    def until(self, day: float) -> GrowthModel:
        """Return the model fitted to the measurements until a day."""
        kept = [
            Animal(a.subject, a.group, a.days[a.days <= day], a.log_size[a.days <= day])
            for a in self.animals
            if a.days[0] <= day
        ]
        return fit_growth(kept, self.groups, self.robust, self.left_out)


def growth_model(data: Any, groups: Sequence[str], quantity: str | None = None, *, robust: bool = False) -> GrowthModel:
    """Fit the model to the groups of an experiment.

    Parameters
    ----------
    data : TrialData or DataFrame
        Sizes of animals over time.
    groups : sequence of str
    quantity : str, optional
        By default the only quantity of the data.
    robust : bool
        Cluster-robust covariance with the small-sample correction CR2.

    Returns
    -------
    GrowthModel

    Raises
    ------
    DataError
        If a group has no animals with two measurements, or nothing is left to estimate the variances.
    """
    import pandas as pd

    series, lost = size_series(data, quantity)
    known = list(dict.fromkeys(s.arm for s in series))
    missing = [g for g in groups if g not in known]
    DataError.raise_if(Problem("group", f"{g!r} has no animals", "one of " + ", ".join(map(repr, known))) for g in missing)
    kept = [s for s in series if s.arm in groups]
    animals = [a for s in kept if len((a := _animal(s, list(groups))).days)]
    out = [lost[["subject", "reason"]], *(_zero_rows(s) for s in kept)]
    return fit_growth(animals, tuple(groups), robust, pd.concat(out, ignore_index=True))


def _animal(series: SizeSeries, groups: list[str]) -> Animal:
    use = (series.sizes > 0) & (series.days > 0)
    return Animal(series.subject, groups.index(series.arm), series.days[use], np.log(series.sizes[use] / series.baseline))


def _zero_rows(series: SizeSeries) -> pd.DataFrame:
    import pandas as pd

    count = int((series.sizes <= 0).sum())
    return pd.DataFrame(
        [{"subject": series.subject, "reason": "a size of zero has no logarithm"}] * count, columns=["subject", "reason"]
    )


def fit_growth(animals: Sequence[Animal], groups: tuple[str, ...], robust: bool, left_out: pd.DataFrame) -> GrowthModel:
    """Return the model fitted by restricted maximum likelihood."""
    _check(animals, groups)
    sums = _Sums.of(animals, len(groups))
    ratio = _variance_ratio(sums)
    solved = sums.solve(ratio)
    variance = solved.residual / sums.free
    covariance = np.asarray(variance * np.linalg.inv(solved.information), np.float64)
    model = GrowthModel(
        groups,
        solved.rates,
        covariance,
        float(np.sqrt(ratio * variance)),
        float(np.sqrt(variance)),
        tuple(animals),
        left_out,
        robust,
    )
    if not robust:
        return model
    return GrowthModel(**{**model.__dict__, "covariance": robust_covariance(model)})


def _check(animals: Sequence[Animal], groups: tuple[str, ...]) -> None:
    counts = [sum(animal.group == k for animal in animals) for k in range(len(groups))]
    problems = [
        Problem(f"group {g!r}", "has no animal with a size above zero after the first", "two measurements per animal")
        for g, n in zip(groups, counts, strict=True)
        if n == 0
    ]
    rows = sum(len(animal.days) for animal in animals)
    if not problems and rows <= len(groups):
        problems.append(Problem("sizes", f"are only {rows} after the first ones", f"more than the {len(groups)} growth rates"))
    DataError.raise_if(problems)


@dataclass(frozen=True)
class _Solved:
    information: FloatArray
    rates: FloatArray
    residual: float
    log_determinant: float


@dataclass(frozen=True)
class _Sums:
    """For each animal, its group and the sums of t^2, t y and y^2; and the total number of measurements."""

    group: NDArray[np.intp]
    tt: FloatArray
    ty: FloatArray
    yy: FloatArray
    rows: int
    count: int

    @classmethod
    def of(cls, animals: Sequence[Animal], groups: int) -> _Sums:
        """Return the sums of animals."""
        tt = np.array([a.days @ a.days for a in animals])
        ty = np.array([a.days @ a.log_size for a in animals])
        yy = np.array([a.log_size @ a.log_size for a in animals])
        rows = sum(len(a.days) for a in animals)
        return cls(np.array([a.group for a in animals]), tt, ty, yy, rows, groups)

    @property
    def free(self) -> int:
        """The number of measurements minus the number of growth rates."""
        return self.rows - self.count

    def solve(self, ratio: float) -> _Solved:
        """Return generalised least squares for a ratio of the variances (of rates to residuals)."""
        shrunk = 1.0 / (1.0 + ratio * self.tt)
        information = np.bincount(self.group, self.tt * shrunk, minlength=self.count)
        rates = np.bincount(self.group, self.ty * shrunk, minlength=self.count) / information
        residual = float((self.yy - ratio * shrunk * self.ty**2).sum() - (rates**2 * information).sum())
        return _Solved(np.diag(information), rates, residual, float(-np.log(shrunk).sum()))

    def criterion(self, log_ratio: float) -> float:
        """Return -2 times the restricted log-likelihood, without constants."""
        solved = self.solve(float(np.exp(log_ratio)))
        log_information = float(np.log(np.diag(solved.information)).sum())
        return self.free * float(np.log(solved.residual)) + solved.log_determinant + log_information

    def slope(self, log_ratio: float) -> float:
        """Return the derivative of the criterion."""
        ratio = float(np.exp(log_ratio))
        solved, shrunk = self.solve(ratio), 1.0 / (1.0 + ratio * self.tt)
        off = self.ty - solved.rates[self.group] * self.tt
        fall = float((ratio * shrunk**2 * off**2).sum())
        lost = np.bincount(self.group, ratio * (self.tt * shrunk) ** 2, minlength=self.count)
        change = float((ratio * self.tt * shrunk).sum() - (lost / np.diag(solved.information)).sum())
        return change - self.free * fall / solved.residual


def _variance_ratio(sums: _Sums) -> float:
    """Return the ratio of variances with the largest restricted likelihood; 0 if there is no random effect."""
    from scipy.optimize import brentq

    grid = np.linspace(*RATIOS, 81)
    values = [sums.criterion(x) for x in grid]
    best = int(np.argmin(values))
    if best == 0:
        return 0.0
    low, high = grid[best - 1], grid[min(best + 1, len(grid) - 1)]
    return float(np.exp(brentq(sums.slope, low, high, xtol=1e-14)))


def robust_covariance(model: GrowthModel) -> FloatArray:
    """Return the cluster-robust covariance of the rates with the small-sample correction CR2.

    The correction makes it unbiased if the model is correct (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, Journal of
    Business and Economic Statistics 36, 672-683, doi 10.1080/07350015.2016.1247004).
    """
    bread = model.covariance
    meat = np.zeros_like(bread)
    for animal in model.animals:
        design = np.zeros((len(animal.days), len(model.groups)))
        design[:, animal.group] = animal.days
        variance = model.residual_sd**2 * np.eye(len(animal.days)) + model.between_sd**2 * np.outer(animal.days, animal.days)
        root = np.linalg.cholesky(variance).T
        inner = root @ (variance - design @ bread @ design.T) @ root.T
        corrected = root.T @ _inverse_root(inner) @ root @ (animal.log_size - design @ model.rates)
        score = design.T @ np.linalg.solve(variance, corrected)
        meat += np.outer(score, score)
    return np.asarray(bread @ meat @ bread)


def _inverse_root(matrix: FloatArray) -> FloatArray:
    """Return the inverse square root of a symmetric matrix, on the space where it is not zero."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    some = values > 1e-10 * values.max()
    return np.asarray((vectors[:, some] / np.sqrt(values[some])) @ vectors[:, some].T)
