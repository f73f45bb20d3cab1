"""A survival curve at several times, with Greenwood's covariance between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from immunoode import units
from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.survival.kaplan_meier import MONTH, KaplanMeier, kaplan_meier
from immunoode.trial.survival.reconstruction import SurvivalReconstruction
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.checks import increasing, subject_values
from immunoode.virtual_population.targets.event_free import event_free
from immunoode.virtual_population.targets.partition import Partition
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

FEWEST = 10
"""By default, a curve is a target up to the last time with this number at risk."""
TIMES = 6
"""The default number of times."""


@dataclass(frozen=True)
class SurvivalTarget:
    """Survival of an arm at several times.

    Attributes
    ----------
    arm : str
    days : tuple of float
        Increasing.
    survival : tuple of float
        Proportions without the event, between 0 and 1 (both excluded, because there is no standard error there), not
        increasing.
    variance_sums : tuple of float
        Greenwood's sums up to each day: events / (at risk x (at risk - events)), summed over the days with events. The
        covariance of the errors of survival S on days s <= t is S(s) S(t) sum(s).
    endpoint : str
        "PFS" refers to the columns `pfs_time` and `pfs_event` of the outcomes.
    n : float
        Number of subjects, for the report.
    trial : str
        Targets of one arm of one trial share the sampling error of its subjects.

    Raises
    ------
    DataError

    Notes
    -----
    Between two days without an event, Greenwood's sum does not increase, as if the hazard were known to be zero. The class
    methods count half an event there, as `ResponseRateTarget` does for a rate of 0.

    Examples
    --------
    >>> target = SurvivalTarget.from_published("docetaxel", [91, 182, 273], [0.75, 0.45, 0.25], [143, 104, 60, 31])
    >>> target.standard_errors.round(3).tolist()
    [0.036, 0.042, 0.038]
    """

    arm: str
    days: tuple[float, ...]
    survival: tuple[float, ...]
    variance_sums: tuple[float, ...]
    endpoint: str = "PFS"
    n: float = np.nan
    trial: str = ""

    def __post_init__(self) -> None:
        DataError.raise_if(
            _problems(np.asarray(self.days, float), np.asarray(self.survival, float), np.asarray(self.variance_sums, float))
        )

    @classmethod
    def from_kaplan_meier(
        cls, km: KaplanMeier, arm: str, times: Any = None, *, endpoint: str = "", simulated_arm: str = "", trial: str = ""
    ) -> SurvivalTarget:
        """Return the target for a Kaplan-Meier curve.

        Parameters
        ----------
        km : KaplanMeier
        arm : str
            An arm of the curve.
        times : array of times, optional
            By default six times, from the first event to the last day with at least 10 at risk.
        endpoint : str
            By default that of the curve.
        simulated_arm : str
            The name of the arm among the virtual patients, if it differs.
        trial : str

        Raises
        ------
        DataError
            If there is no such arm, or the curve is not known at a time.
        """
        if arm not in km.arms:
            raise DataError(Problem("arm", f"{arm!r} is not in the curve", nearest(arm, km.arms)))
        curve = km.curve[km.curve["arm"] == arm]
        day, at_risk, events = (curve[c].to_numpy(np.float64) for c in ("time", "at_risk", "events"))
        days = _default_days(day, at_risk, events) if times is None else np.atleast_1d(units.times(times))
        late = [d for d in days if d > day.max()]
        DataError.raise_if(
            [Problem("times", f"the curve of {arm!r} ends on day {day.max():g}", f"earlier times, not {d:g}") for d in late]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = np.cumsum(np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0))
            at = np.searchsorted(day, days, side="right") - 1
            steps = np.diff(sums[at], prepend=0.0)
        if times is not None:
            steps = np.where(steps == 0, _without_events(at_risk[at]), steps)
        survival = curve["survival"].to_numpy(np.float64)[at]
        kept = _new_steps(survival) if times is None else np.ones(len(days), bool)
        return cls(
            simulated_arm or arm,
            _floats(days[kept]),
            _floats(survival[kept]),
            _floats(np.cumsum(steps)[kept]),
            endpoint or km.endpoint,
            float(at_risk[0]),
            trial,
        )

    @classmethod
    def from_endpoints(
        cls,
        endpoints: Any,
        arm: str,
        times: Any = None,
        *,
        endpoint: str | None = None,
        simulated_arm: str = "",
        trial: str = "",
    ) -> SurvivalTarget:
        """Return the target for times to events of subjects: trial data, a table, or a reconstructed published curve.

        Parameters
        ----------
        endpoints : TrialData, DataFrame or SurvivalReconstruction
            As for `imo.kaplan_meier`, or the result of `imo.reconstruct_survival`.
        arm, times, endpoint, simulated_arm, trial
            As for `from_kaplan_meier`.
        """
        table = endpoints.endpoints if isinstance(endpoints, SurvivalReconstruction) else endpoints
        km = kaplan_meier(table, endpoint)
        return cls.from_kaplan_meier(km, arm, times, simulated_arm=simulated_arm, trial=trial)

    @classmethod
    def from_published(
        cls,
        arm: str,
        times: ArrayLike,
        survival: Sequence[float],
        at_risk: Sequence[int],
        *,
        endpoint: str = "PFS",
        trial: str = "",
    ) -> SurvivalTarget:
        """Return the target for a published curve, read at the times of its numbers at risk.

        Parameters
        ----------
        arm : str
        times : array of times
            The times after 0 in the table below the curve.
        survival : sequence of float
            Read from the curve at these times.
        at_risk : sequence of int
            The numbers at risk at time 0 and at these times, which are one more than the times.
        endpoint, trial : str

        Notes
        -----
        Between two times, censoring is assumed to be uniform (the actuarial assumption), which determines the number of
        events and thus Greenwood's sums.
        """
        days = np.atleast_1d(units.times(times))
        shares, counts = (np.atleast_1d(subject_values(v)) for v in (survival, at_risk))
        if len(counts) != len(days) + 1 or len(shares) != len(days):
            what = f"{len(days)} times, {len(shares)} of survival and {len(counts)} numbers at risk"
            raise DataError(
                Problem("published curve", what, "survival at each time, and numbers at risk at 0 and at each time")
            )
        DataError.raise_if(_problems(days, shares, np.arange(1.0, len(days) + 1)))
        if (np.diff(counts) > 0).any():
            raise DataError(Problem("at_risk", f"is {counts.tolist()}", "numbers that never increase"))
        sums = np.cumsum(_increments(shares, counts))
        return cls(arm, _floats(days), _floats(shares), _floats(sums), endpoint, float(counts[0]), trial)

    @property
    def label(self) -> str:
        """The target in words."""
        return f"{self.endpoint} of {self.arm}"

    @property
    def standard_errors(self) -> FloatArray:
        """Greenwood's standard errors of survival."""
        return np.asarray(self.survival) * np.sqrt(self.variance_sums)

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row per day: the proportion without an event.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Not used.
        """
        free = event_free(patients, self.arm, self.endpoint, np.asarray(self.days))
        survival, sums = np.asarray(self.survival), np.asarray(self.variance_sums)
        covariance = np.outer(survival, survival) * np.minimum.outer(sums, sums)
        rows = tuple(f"{100 * s:.1f} % after {d / MONTH:.3g} months" for d, s in zip(self.days, self.survival, strict=True))
        return TargetRecord(self.label, rows, free, survival, covariance)

    @property
    def partition(self) -> Partition:
        """The values that the target distinguishes."""
        return Partition(self.arm, self.endpoint, self.days, endpoint=True)


def _floats(values: FloatArray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _problems(days: FloatArray, survival: FloatArray, sums: FloatArray) -> list[Problem]:
    if not len(days) or not len(days) == len(survival) == len(sums):
        return [Problem("survival", f"{len(days)} days, {len(survival)} values, {len(sums)} sums", "one value per day")]
    problems = []
    if not increasing(days) or days[0] <= 0:
        problems.append(Problem("days", f"are {days.tolist()}", "increasing, after day 0"))
    if not ((survival > 0) & (survival < 1)).all() or (np.diff(survival) > 0).any():
        right = "between 0 and 1 (both excluded), and never increasing"
        problems.append(Problem("survival", f"is {survival.tolist()}", right))
    if not np.isfinite(sums).all() or (sums < 0).any() or (np.diff(sums) < 0).any():
        problems.append(Problem("variance_sums", f"are {sums.tolist()}", "not negative, and never decreasing"))
    return problems


def _increments(survival: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return the contribution of each interval to Greenwood's sum, with uniform censoring within it."""
    conditional = survival / np.concatenate([[1.0], survival[:-1]])
    died = 1 - conditional
    events = died * (at_risk[:-1] + at_risk[1:]) / (2 - died)
    exposed = np.divide(events, died, out=at_risk[:-1].copy(), where=died > 0)
    if not (exposed > 0).all():
        raise DataError(Problem("at_risk", f"is {at_risk.tolist()}", "positive numbers, except the last"))
    return np.where(died > 0, died / (conditional * exposed), _without_events((at_risk[:-1] + at_risk[1:]) / 2))


def _without_events(at_risk: FloatArray) -> FloatArray:
    """Return the contribution of half an event, which is counted if there is none, to Greenwood's sum."""
    died = 0.5 / (at_risk + 1)
    return np.asarray(died / ((1 - died) * at_risk))


def _default_days(day: FloatArray, at_risk: FloatArray, events: FloatArray) -> FloatArray:
    first = day[events > 0]
    enough = day[at_risk >= FEWEST]
    if not len(first) or not len(enough) or enough[-1] <= first[0]:
        raise DataError(Problem("curve", "has no event while 10 are at risk", "state times=, or use more subjects"))
    return np.linspace(first[0], enough[-1], TIMES + 1)[1:]


def _new_steps(survival: FloatArray) -> np.ndarray:
    """Return which values differ from the previous one and are between 0 and 1; others have no separate error."""
    before = np.concatenate([[1.0], survival[:-1]])
    return (survival < before) & (survival > 0)
