"""The hazard ratio of two arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.number_checks import is_number
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.event_free import event_times
from immunoode.virtual_population.targets.median import NORMAL_QUANTILE
from immunoode.virtual_population.targets.record import FloatArray, TargetRecord

NODES = 16
"""Number of points for the fraction of tied events that have already happened."""
STEPS = 60
CONVERGED = 1e-12


@dataclass(frozen=True)
class HazardRatioTarget:
    """The hazard ratio of an arm to a control arm, by Cox's partial likelihood.

    Attributes
    ----------
    arms : pair of str
        The treated arm and the control arm.
    ratio : float
    standard_error : float
        Standard error of the logarithm of the ratio; `published` computes it from the interval.
    endpoint : str
        "PFS" refers to the columns `pfs_time` and `pfs_event` of the outcomes.
    trial : str
    follow_up : pair of str or float, optional
        The shortest and the longest time from entry to the data cut, between which follow-up is uniformly distributed, as it
        is if subjects enter at a constant rate; twice the same time if all were followed equally long. Later events do not
        count. Without it, all events do.

    Raises
    ------
    DataError

    Notes
    -----
    If hazards are not proportional, for example because curves cross, the ratio depends on follow-up.

    The row is the logarithm of the ratio, linearised in the weights by its influence function: the score residuals of Lin and
    Wei (1989) divided by the information. Visits tie the progressions of many patients; these are counted in random order, as
    in Efron's approximation, in the limit of many patients.

    Examples
    --------
    >>> target = HazardRatioTarget.published(("nivolumab", "docetaxel"), 0.62, (0.47, 0.81))
    >>> round(target.standard_error, 3)
    0.139
    """

    arms: tuple[str, str]
    ratio: float
    standard_error: float
    endpoint: str = "PFS"
    trial: str = ""
    follow_up: tuple[str | float, str | float] | None = None

    def __post_init__(self) -> None:
        problems = _follow_up_problems(self.follow_up)
        pair = isinstance(self.arms, (tuple, list)) and len(self.arms) == 2 and all(isinstance(a, str) for a in self.arms)
        if not pair or self.arms[0] == self.arms[1]:
            problems.append(Problem("arms", f"are {self.arms!r}", "the treated arm and the control arm"))
        if not (is_number(self.ratio) and 0 < self.ratio < np.inf):
            problems.append(Problem("ratio", f"is {self.ratio!r}", "a number above zero"))
        if not (is_number(self.standard_error) and 0 <= self.standard_error < np.inf):
            problems.append(Problem("standard_error", f"is {self.standard_error!r}", "a number of zero or more"))
        DataError.raise_if(problems)

    @classmethod
    def published(
        cls,
        arms: tuple[str, str],
        ratio: float,
        interval: tuple[float, float],
        *,
        endpoint: str = "PFS",
        trial: str = "",
        follow_up: tuple[str | float, str | float] | None = None,
    ) -> HazardRatioTarget:
        """Return the target of a published hazard ratio.

        Parameters
        ----------
        arms, ratio, endpoint, trial, follow_up
            As for the class.
        interval : pair of float
            The 95 % interval.
        """
        pair = isinstance(interval, (tuple, list)) and len(interval) == 2 and all(map(is_number, interval))
        if not pair or not is_number(ratio) or not 0 < interval[0] <= ratio <= interval[1] < np.inf:
            right = "a lower limit below the ratio, and an upper limit above it"
            raise DataError(Problem("interval", f"is {interval!r}, but the ratio is {ratio!r}", right))
        error = float((np.log(interval[1]) - np.log(interval[0])) / (2 * NORMAL_QUANTILE))
        return cls((arms[0], arms[1]) if len(arms) == 2 else arms, ratio, error, endpoint, trial, follow_up)

    @property
    def arm(self) -> str:
        """Both arms; the error is not shared with statistics of a single arm."""
        return " against ".join(self.arms)

    @property
    def label(self) -> str:
        """The target in words."""
        return f"hazard ratio of {self.endpoint}, {self.arm}"

    def record(self, patients: VirtualPatients, weights: FloatArray) -> TargetRecord:
        """Return one row: the logarithm of the hazard ratio.

        Parameters
        ----------
        patients : VirtualPatients
        weights : ndarray
            Weights at which the ratio is linearised.

        Raises
        ------
        DataError
            If an arm has no event.
        """
        treated, control = (event_times(patients, arm, self.endpoint) for arm in self.arms)
        log_ratio, influence = log_hazard_ratio(treated, control, weights, self.label, self.follow_up)
        covariance = np.array([[self.standard_error**2]])
        moments, observed = (log_ratio + influence)[:, None], np.array([np.log(self.ratio)])
        row = f"ratio {self.ratio:.3g}"
        return TargetRecord(self.label, (row,), moments, observed, covariance, depends_on_weights=True)


def _follow_up_problems(given: object) -> list[Problem]:
    right = "the shortest and the longest follow-up, above zero: ('6 months', '20 months')"
    if given is None:
        return []
    if not (isinstance(given, (tuple, list)) and len(given) == 2):
        return [Problem("follow_up", f"is {given!r}", right)]
    try:
        shortest, longest = map(units.days, given)
    except UnitError as error:
        return [Problem("follow_up", str(error), right)]
    return [] if 0 < shortest <= longest < np.inf else [Problem("follow_up", f"is {given!r}", right)]


def _followed(when: FloatArray, follow_up: tuple[str | float, str | float] | None) -> FloatArray:
    """Return the share of subjects whose follow-up lasts until given days."""
    if follow_up is None:
        return np.ones_like(when)
    shortest, longest = map(units.days, follow_up)
    if shortest == longest:
        return (when <= longest).astype(np.float64)
    return np.clip((longest - when) / (longest - shortest), 0.0, 1.0)


@dataclass(frozen=True)
class _TiedEvents:
    """Weights of an arm at T times: at risk and with an event, each of shape (T, 1)."""

    at_risk: FloatArray
    events: FloatArray

    def left(self, shares: FloatArray) -> FloatArray:
        """Return the weight at risk after given fractions of the tied events have happened, shape (T, fractions)."""
        return self.at_risk - shares * self.events


def log_hazard_ratio(
    treated: tuple[FloatArray, np.ndarray],
    control: tuple[FloatArray, np.ndarray],
    weights: FloatArray,
    label: str = "",
    follow_up: tuple[str | float, str | float] | None = None,
) -> tuple[float, FloatArray]:
    """Return the log hazard ratio of patients who are in both arms, and the contribution of each, shape (patients,).

    Parameters
    ----------
    treated, control : pair of ndarray, shape (patients,)
        Days, and whether each is that of an event.
    weights : ndarray, shape (patients,)
    label : str
        Name of the statistic, for messages.
    follow_up : pair of str or float, optional
        The shortest and the longest follow-up, see `HazardRatioTarget`. It does not depend on the patient, so that at each
        time the same share of those at risk and of the events counts.
    """
    when = np.unique(np.concatenate([t[e & (weights > 0)] for t, e in (treated, control)]))
    followed = _followed(when, follow_up)
    when, followed = when[followed > 0], followed[followed > 0]
    sets = [_tied_events(when, *arm, weights, followed) for arm in (treated, control)]
    if not all(s.events.sum() > 0 for s in sets):
        raise DataError(Problem(label or "hazard ratio", "an arm has no event", "longer follow-up, or another endpoint"))
    shares = (np.arange(NODES) + 0.5) / NODES
    one, other = (s.left(shares) for s in sets)
    both = sets[0].events + sets[1].events
    log_ratio = _root(one, other, sets[0].events, both)
    part = _share(one, other, log_ratio)
    information = float((both * part * (1 - part)).sum() / NODES)
    hazard = both / NODES / (one * np.exp(log_ratio) + other).clip(1e-300)
    residuals = np.zeros(len(weights))
    for x, (times, events) in ((1.0, treated), (0.0, control)):
        step = np.exp(x * log_ratio) * (x - part) * hazard * followed[:, None]
        so_far = np.concatenate([[0.0], np.cumsum(step.sum(axis=1))])
        at = np.searchsorted(when, times, side="right")
        own = np.clip(at - 1, 0, len(when) - 1)
        counted = np.where(events, _followed(times, follow_up), 0.0)
        residuals += counted * (x - part.mean(axis=1)[own])
        residuals += np.where(counted > 0, (step * shares).sum(axis=1)[own], 0.0) - so_far[at]
    return log_ratio, residuals / information


def _tied_events(
    when: FloatArray, times: FloatArray, events: np.ndarray, weights: FloatArray, followed: FloatArray
) -> _TiedEvents:
    order = np.argsort(times, kind="stable")
    later = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    at_risk = later[np.searchsorted(times[order], when, side="left")]
    counted = events & (weights > 0) & np.isin(times, when)
    own = np.bincount(np.searchsorted(when, times[counted]), weights[counted], len(when))
    return _TiedEvents((followed * at_risk)[:, None], (followed * np.minimum(own, at_risk))[:, None])


def _share(one: FloatArray, other: FloatArray, log_ratio: float) -> FloatArray:
    """Return the share of the treated arm in the hazard of those at risk."""
    hazard = one * np.exp(log_ratio)
    return np.asarray(hazard / (hazard + other).clip(1e-300))


def _root(one: FloatArray, other: FloatArray, treated: FloatArray, both: FloatArray) -> float:
    """Return the root of the score by Newton's method."""
    log_ratio = 0.0
    for _ in range(STEPS):
        part = _share(one, other, log_ratio)
        score = float((treated - both * part.mean(axis=1, keepdims=True)).sum())
        step = score / max(float((both * part * (1 - part)).sum() / NODES), 1e-12)
        log_ratio += float(np.clip(step, -1, 1))
        if abs(step) < CONVERGED:
            break
    return log_ratio
