"""Sums of diameters over time among the subjects who are still observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from immunoode import units
from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.trial_data import SUM_OF_DIAMETERS, TrialData
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import increasing
from immunoode.virtual_population.targets.event_free import event_times
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

WINDOW = 14.0
"""Days before or after a visit within which a measurement counts for it."""
BASELINE_UNTIL = 0.0


@dataclass(frozen=True)
class SizeTarget:
    """Mean and spread of sizes at visits, among the subjects of an arm who are observed at each visit.

    Attributes
    ----------
    arm : str
    days : tuple of float
        Increasing.
    means, sds : tuple of float
        Mean and standard deviation among the subjects observed on each day.
    counts : tuple of float
        The number of subjects observed on each day.
    n : float
        The total number of subjects.
    relative : bool
        Whether sizes are changes from the baseline (-0.3 is 30 % less), rather than mm.
    until : str
        The virtual patients are observed until this endpoint ("PFS": `pfs_time`, as treatment ends with progression); "" if
        their `sizes` are missing from then on.
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError

    Notes
    -----
    A patient who is no longer observed does not count: the rows are weighted means of (size - mean) and ((size - mean)^2 -
    sd^2) over those who are observed. The errors of mean and variance are those of normal variables; their correlation
    between days is that of the weighted patients.

    Examples
    --------
    >>> SizeTarget("drug", (42.0, 84.0), (-0.1, -0.2), (0.2, 0.3), (90, 60), n=100).label
    'change of size of drug'
    """

    arm: str
    days: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    counts: tuple[float, ...]
    n: float
    relative: bool = True
    until: str = "PFS"
    trial: str = ""

    def __post_init__(self) -> None:
        DataError.raise_if(_problems(self))

    @classmethod
    def from_trial_data(
        cls,
        data: TrialData,
        arm: str,
        times: ArrayLike,
        *,
        relative: bool = True,
        until: str = "PFS",
        window: str | float = WINDOW,
        quantity: str = SUM_OF_DIAMETERS,
        trial: str = "",
    ) -> SizeTarget:
        """Return the target for the sums of diameters in a trial at visits.

        Parameters
        ----------
        data : TrialData
            Data with sums of diameters; `imo.trial.sum_lesions` computes them from lesions.
        arm, relative, until, trial
            As for the class.
        times : array of times
            Days of the visits.
        window : str or float
            A measurement counts for a visit if it is within this time of it; if there are several, the nearest one.
        quantity : str

        Raises
        ------
        DataError
            If the data have no such arm or quantity, or fewer than two subjects are observed at a visit.
        """
        own = data.select(arm=arm, quantity=quantity)
        days, near = np.atleast_1d(units.times(times)), units.days(window)
        table = np.array([_at_visits(part, days, near, relative) for _, part in own.frame.groupby("subject", sort=False)])
        known = np.isfinite(table)
        counts = zip(days, known.sum(axis=0), strict=True)
        DataError.raise_if([Problem("times", f"day {d:g} has {k} subjects", "at least two") for d, k in counts if k < 2])
        means, sds = np.nanmean(table, axis=0), np.nanstd(table, axis=0, ddof=1)
        numbers = (tuple(map(float, v)) for v in (days, means, sds, known.sum(axis=0)))
        d, m, s, c = numbers
        return cls(arm, d, m, s, c, len(table), relative, until, trial)

    @property
    def label(self) -> str:
        """The target in words."""
        return ("change of size of " if self.relative else "size of ") + self.arm

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row per mean, then one per variance.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights with which the correlations between days are computed.
        """
        sizes = self._sizes(patients)
        seen = np.isfinite(sizes)
        DataError.raise_if([self._empty(day) for day, some in zip(self.days, seen.T, strict=True) if not some.any()])
        means, variances = np.array(self.means), np.array(self.sds) ** 2
        away = np.where(seen, sizes - means, 0.0)
        moments = np.concatenate([away, np.where(seen, away**2 - variances, 0.0)], axis=1)
        shares = np.concatenate([seen, seen], axis=1).astype(np.float64)
        values = np.concatenate([means, variances])
        rows = [f"mean on day {d:g}" for d in self.days] + [f"variance on day {d:g}" for d in self.days]
        errors = self._errors(weights @ seen)
        covariance = _correlation(moments, weights) * np.outer(errors, errors)
        return TargetRecord(self.label, tuple(rows), moments, np.zeros(len(values)), covariance, shares, values, True)

    def _errors(self, seen: FloatArray) -> FloatArray:
        """Return the standard errors of the rows: those of means and variances among observed subjects, times the proportion
        observed.
        """
        sds, counts = np.array(self.sds), np.array(self.counts)
        both = np.concatenate([sds / np.sqrt(counts), np.sqrt(2) * sds**2 / np.sqrt(counts)])
        return np.asarray(both * np.concatenate([seen, seen]))

    def _sizes(self, patients: VirtualPatients) -> FloatArray:
        """Return the sizes on the days; NaN if not observed."""
        if self.arm not in patients.sizes:
            right = nearest(self.arm, patients.sizes)
            raise DataError(Problem("arm", f"the virtual patients have no sizes of {self.arm!r}", right))
        table = patients.sizes[self.arm]
        at, known = np.array(self.days), table.columns.to_numpy(np.float64)
        if known.min() > 0 or known.max() < at.max():
            what = f"sizes are from day {known.min():g} to {known.max():g}"
            raise DataError(Problem(self.label, what, f"sizes from day 0 to {at.max():g}"))
        values = table.to_numpy(np.float64)
        sizes = np.column_stack([_interpolated(known, values, day) for day in at])
        if self.relative:
            sizes = sizes / _interpolated(known, values, 0.0)[:, None] - 1
        if self.until:
            times, _ = event_times(patients, self.arm, self.until)
            sizes = np.where(times[:, None] >= at, sizes, np.nan)
        return sizes

    def _empty(self, day: float) -> Problem:
        return Problem(self.label, f"no virtual patient is observed on day {day:g}", "earlier days, or other patients")


def _interpolated(known: FloatArray, values: FloatArray, day: float) -> FloatArray:
    """Return the values of all patients on a day, by linear interpolation."""
    after = int(np.searchsorted(known, day).clip(1, len(known) - 1)) if len(known) > 1 else 0
    if known[after] == day or after == 0:
        return values[:, after]
    if known[after - 1] == day:
        return values[:, after - 1]
    part = (day - known[after - 1]) / (known[after] - known[after - 1])
    return np.asarray((1 - part) * values[:, after - 1] + part * values[:, after])


def _correlation(moments: FloatArray, weights: FloatArray) -> FloatArray:
    centred = moments - weights @ moments
    covariance = (centred * weights[:, None]).T @ centred
    spread = np.sqrt(np.diag(covariance))
    spread[spread == 0] = 1.0
    correlation = covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _at_visits(subject: Any, days: FloatArray, window: float, relative: bool) -> FloatArray:
    """Return the values of one subject nearest to visits, NaN if none is within the window."""
    when, values = subject["time"].to_numpy(np.float64), subject["value"].to_numpy(np.float64)
    before = values[when <= BASELINE_UNTIL]
    base = (before[-1] if len(before) and before[-1] > 0 else np.nan) if relative else 1.0
    nearest_row = np.abs(when[:, None] - days).argmin(axis=0)
    found = values[nearest_row] / base - (1.0 if relative else 0.0)
    after = (when[nearest_row] > BASELINE_UNTIL) | (days <= BASELINE_UNTIL)
    return np.where((np.abs(when[nearest_row] - days) <= window) & after, found, np.nan)


def _problems(target: SizeTarget) -> list[Problem]:
    columns: dict[str, Sequence[float]] = {"means": target.means, "sds": target.sds, "counts": target.counts}
    problems = [
        Problem(name, f"are {len(values)} for {len(target.days)} days", "one per day")
        for name, values in columns.items()
        if len(values) != len(target.days)
    ]
    if not target.days or not increasing(np.asarray(target.days, float)):
        problems.append(Problem("days", f"are {target.days!r}", "increasing numbers"))
    if not all(s > 0 for s in target.sds):
        problems.append(Problem("sds", f"are {target.sds!r}", "standard deviations above zero"))
    if not all(0 < c <= target.n for c in target.counts):
        problems.append(Problem("counts", f"are {target.counts!r}", f"above zero, and at most n = {target.n}"))
    return problems
