"""`survival_arm`: the survival of one arm with its uncertainty, from subjects, published curves or cohorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.combination.step_curve import FloatArray, StepCurve, curve_of, curve_of_subjects
from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.number_checks import has_whole_value
from immunoode.trial.survival.endpoint_table import endpoint_table, group_names
from immunoode.trial.survival.kaplan_meier import MONTH, KaplanMeier
from immunoode.trial.survival.reconstruction import SurvivalReconstruction
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_population.targets.event_free import event_times

if TYPE_CHECKING:
    import pandas as pd

SUBJECTS = ("time", "event")
CURVE = ("time", "survival")


class Sampling(Protocol):
    """The sampling variability of a curve."""

    @property
    def words(self) -> str:
        """The source of variability, in words."""
        ...

    def draw(self, rng: np.random.Generator) -> StepCurve:
        """Return the curve of a new sample."""
        ...


@dataclass(frozen=True)
class Resampled:
    """Bootstrap: subjects are drawn with replacement; times are in increasing order."""

    time: FloatArray
    event: NDArray[np.bool_]
    weight: FloatArray
    words: str = "bootstrap of the subjects"

    def draw(self, rng: np.random.Generator) -> StepCurve:
        """Return the Kaplan-Meier estimate of a bootstrap sample."""
        n = len(self.time)
        return curve_of_subjects(self.time, self.event, self.weight * rng.multinomial(n, np.full(n, 1 / n)))


@dataclass(frozen=True)
class Redrawn:
    """A given number of subjects is drawn from the curve, and followed until it ends."""

    curve: StepCurve
    subjects: int

    @property
    def words(self) -> str:
        """The source of variability, in words."""
        return f"samples of {self.subjects} subjects from the curve"

    def draw(self, rng: np.random.Generator) -> StepCurve:
        """Return the curve of this number of subjects."""
        at = np.searchsorted(-self.curve.survival, -rng.random(self.subjects), side="right")
        events = np.bincount(at, minlength=len(self.curve.times) + 1)[:-1]
        return curve_of(self.curve.times, 1.0 - np.cumsum(events) / self.subjects, self.curve.end)


@dataclass(frozen=True)
class Shifted:
    """The whole curve is shifted within its band by one normal deviate; `error` is the standard error of survival."""

    curve: StepCurve
    error: FloatArray
    words: str = "the whole curve shifted within its band"

    def draw(self, rng: np.random.Generator) -> StepCurve:
        """Return the curve shifted by one normal deviate."""
        moved = np.clip(self.curve.survival + rng.standard_normal() * self.error, 0.0, 1.0)
        return curve_of(self.curve.times, np.minimum.accumulate(moved), self.curve.end)


@dataclass(frozen=True)
class Certain:
    """The curve is taken as known without error."""

    curve: StepCurve
    words: str = "taken as known"

    def draw(self, rng: np.random.Generator) -> StepCurve:
        """Return the curve."""
        return self.curve


@dataclass(frozen=True)
@shown
class SurvivalArm:
    """Survival of one arm.

    Attributes
    ----------
    name, endpoint : str
    curve : StepCurve
        Days, survival and share at risk.
    sampling : Sampling
        The sampling variability of the curve.
    subjects : int or None
        Number of subjects behind the curve, if known.
    """

    name: str
    endpoint: str
    curve: StepCurve
    sampling: Sampling
    subjects: int | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return time (days) and survival."""
        import pandas as pd

        return pd.DataFrame({"time": self.curve.times, "survival": self.curve.survival})

    def report(self) -> str:
        """Return the number of subjects, the median and the source of the uncertainty as text."""
        return str(self)

    def plot(self, **options: Any) -> Any:
        """Draw the survival curve; see `immunoode.plot.arm_survival.survival_of_arm`. Returns Axes."""
        from immunoode.plot.arm_survival import survival_of_arm

        return survival_of_arm(self, **options)

    def __str__(self) -> str:
        count = f"{self.subjects} subjects, " if self.subjects else ""
        middle = self.curve.median()
        shown = f"median {middle / MONTH:.1f} months" if np.isfinite(middle) else "median not reached"
        return f"{self.name}: {self.endpoint}, {count}{shown}; {self.sampling.words}"


def survival_arm(
    source: Any,
    arm: str | None = None,
    *,
    endpoint: str | None = None,
    subjects: int | None = None,
    unit: str = "day",
    confidence: float = 0.95,
) -> SurvivalArm:
    """Read the survival of one arm, with its uncertainty, from subjects, a curve or virtual patients.

    Parameters
    ----------
    source : KaplanMeier, SurvivalReconstruction, TrialData, DataFrame, array (k, 2), Cohort or VirtualPatients
        Subjects (a table with time in days, event, and optionally arm, endpoint and weight); or a curve (a table with time,
        survival, and optionally lower and upper; an array of times and survival), whose survival holds from each time to the
        next; or virtual patients.
    arm : str, optional
        By default the only arm.
    endpoint : str, optional
        By default the only endpoint; "PFS" for cohorts.
    subjects : int, optional
        Number of subjects in the trial behind a curve or, for a cohort, in a trial of its patients. Without it, a curve has
        no sampling error, a calibrated cohort has the error of its calibration, and other virtual patients have the sampling
        error of their number.
    unit : str
        Unit of the times of a curve.
    confidence : float
        Level of the band of a curve.

    Returns
    -------
    SurvivalArm

    Raises
    ------
    DataError

    Examples
    --------
    >>> print(survival_arm([[3, 0.8], [6, 0.5], [12, 0.2]], "docetaxel", endpoint="PFS", subjects=100, unit="month"))
    docetaxel: PFS, 100 subjects, median 6.0 months; samples of 100 subjects from the curve
    """
    if isinstance(source, SurvivalArm):
        return source
    if subjects is not None and not (has_whole_value(subjects) and subjects > 0):
        raise DataError(Problem("subjects", f"is {subjects!r}", "a whole number above zero"))
    if isinstance(source, VirtualPatients):
        source = Cohort(source, source.prior)
    if isinstance(source, Cohort):
        return _of_cohort(source, arm, endpoint or "PFS", subjects)
    if isinstance(source, KaplanMeier):
        source = source.rows.assign(endpoint=source.endpoint)
    elif isinstance(source, SurvivalReconstruction):
        source = source.endpoints
    if _is_curve(source):
        return _of_curve(source, arm, endpoint or "event", subjects, units.factor(unit, "day"), confidence)
    return _of_subjects(source, arm, endpoint)


def _is_curve(source: Any) -> bool:
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return set(CURVE) <= set(source.columns) and "event" not in source.columns
    return isinstance(source, (np.ndarray, list, tuple))


def _of_subjects(source: Any, arm: str | None, endpoint: str | None) -> SurvivalArm:
    import pandas as pd

    if isinstance(source, pd.DataFrame) and "subject" not in source.columns:
        source = source.assign(subject=[f"subject {k}" for k in range(1, len(source) + 1)])
    rows = endpoint_table(source, endpoint)
    own, name = _of_arm(rows.assign(arm=group_names(rows, "arm")), arm)
    own = own.sort_values("time", kind="stable")
    weight = own["weight"].to_numpy(np.float64) if "weight" in own.columns else np.ones(len(own))
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise DataError(Problem(f"weights of {name}", "are negative, not finite or all zero", "numbers of zero or more"))
    subjects = Resampled(own["time"].to_numpy(np.float64), own["event"].to_numpy(bool), weight)
    curve = curve_of_subjects(subjects.time, subjects.event, weight)
    return SurvivalArm(name, str(own["endpoint"].iloc[0]), curve, subjects, len(own))


def _of_arm(rows: pd.DataFrame, arm: str | None) -> tuple[pd.DataFrame, str]:
    """Return the rows of one arm and its name."""
    known = list(dict.fromkeys(rows["arm"].astype(str)))
    if arm is None and len(known) > 1:
        raise DataError(Problem("arm", "there are several", "one of " + ", ".join(map(repr, known))))
    if arm is not None and known != ["all"] and arm not in known:
        raise DataError(Problem("arm", f"{arm!r} is not in the data", nearest(arm, known)))
    name = known[0] if arm is None else arm
    return (rows if known == ["all"] else rows[rows["arm"].astype(str) == name]), name


def _of_curve(source: Any, arm: str | None, endpoint: str, subjects: int | None, days: float, confidence: float) -> SurvivalArm:
    table, name = _of_arm(_curve_table(source), arm)
    values = table[list(CURVE)].to_numpy(np.float64)
    _check_curve(name, values)
    curve = curve_of(values[:, 0] * days, values[:, 1])
    if subjects is not None:
        return SurvivalArm(name, endpoint, curve, Redrawn(curve, int(subjects)), int(subjects))
    if {"lower", "upper"} <= set(table.columns):
        return SurvivalArm(name, endpoint, curve, Shifted(curve, _error(table, confidence)))
    return SurvivalArm(name, endpoint, curve, Certain(curve))


def _curve_table(source: Any) -> pd.DataFrame:
    """Return the points of a curve as a table with the column arm."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        table = source
    else:
        points = np.asarray(source, np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            right = "an array of shape (points, 2): times and survival"
            raise DataError(Problem("curve", f"has the shape {points.shape}", right))
        table = pd.DataFrame(points, columns=list(CURVE))
    return table if "arm" in table.columns else table.assign(arm="all")


def _check_curve(name: str, values: FloatArray) -> None:
    """Raise an error with everything that is wrong with a curve."""
    problems = []
    where = f"curve of {name}"
    if not len(values) or not np.isfinite(values).all():
        problems.append(Problem(where, "has no points, or some are not numbers", "times and survival"))
    else:
        time, level = values.T
        if (np.diff(time) <= 0).any() or time[0] < 0:
            problems.append(Problem(where, "times do not increase from zero on", "one row per time, in order"))
        if (level < 0).any() or (level > 1).any():
            problems.append(Problem(where, f"survival is up to {level.max():g}", "fractions from 0 to 1"))
        elif (np.diff(level) > 1e-9).any():
            right = "a falling curve; imo.reconstruct_survival repairs digitised points"
            problems.append(Problem(where, f"survival rises after {time[int(np.diff(level).argmax())]:g}", right))
    DataError.raise_if(problems)


def _error(table: pd.DataFrame, confidence: float) -> FloatArray:
    """Return the standard error of survival from a band."""
    from scipy.stats import norm

    width = (table["upper"] - table["lower"]).to_numpy(np.float64) / (2 * norm.ppf(0.5 + confidence / 2))
    return np.nan_to_num(width)


def _of_cohort(cohort: Cohort, arm: str | None, endpoint: str, subjects: int | None) -> SurvivalArm:
    arms = cohort.patients.arms
    if arm is None and len(arms) != 1:
        raise DataError(Problem("arm", f"there are {len(arms)}", "one of " + ", ".join(map(repr, arms))))
    name = arms[0] if arm is None else arm
    time, event = event_times(cohort.patients, name, endpoint)
    order = np.argsort(time, kind="stable")
    curve = curve_of_subjects(time[order], event[order], cohort.weights[order])
    if subjects is not None:
        return SurvivalArm(name, endpoint, curve, Redrawn(curve, int(subjects)), int(subjects))
    if cohort.calibration is None:
        words = f"bootstrap of {len(cohort)} virtual patients"
        return SurvivalArm(name, endpoint, curve, Resampled(time[order], event[order], cohort.weights[order], words))
    band = cohort.survival_band(name, endpoint)
    error = np.interp(curve.times, band["time"], _error(band, 0.95))
    return SurvivalArm(name, endpoint, curve, Shifted(curve, error, "the band of the calibrated cohort"))
