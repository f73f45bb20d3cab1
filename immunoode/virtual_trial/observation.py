"""Observation of simulated subjects in a trial: visits, measured lesions, new lesions, deaths and dropout, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.progression_free_survival import PfsRules
from immunoode.trial.trial_data import SUM_OF_DIAMETERS
from immunoode.virtual_trial.hazard import Hazards, as_hazards, first_day
from immunoode.virtual_trial.measurement import Measurement
from immunoode.virtual_trial.outcomes import evaluate_outcomes
from immunoode.virtual_trial.random_draws import RandomDraws
from immunoode.virtual_trial.visits import VisitSchedule

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """The observation of subjects in a trial.

    Attributes
    ----------
    visits : VisitSchedule
    measurement : Measurement
    new_lesions, death, dropout : Hazard, sequence of Hazard, or None
        New lesions are seen at the next visit. There are no visits after death or dropout.
    output : str
        The model's output that is the sum of diameters.
    follow_up : str or float, optional
        Day until which survival is followed, if later than the last visit.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import numpy as np
    >>> from immunoode.virtual_trial.random_draws import RandomDraws
    >>> from immunoode.virtual_trial.hazard import Hazard
    >>> how = Observation(death=Hazard(0.5))
    >>> times = np.arange(0, 337, 42.0)
    >>> courses = how.observe(RandomDraws(1, range(3)), times, {"sum_of_diameters": np.full((3, 9), 60.0)})
    >>> courses.days.shape, courses.diameters.shape, len(courses.outcomes())
    ((3, 9), (3, 9, 5), 3)
    """

    visits: VisitSchedule = field(default_factory=VisitSchedule)
    measurement: Measurement = field(default_factory=Measurement)
    new_lesions: Hazards = None
    death: Hazards = None
    dropout: Hazards = None
    output: str = SUM_OF_DIAMETERS
    follow_up: str | float | None = None

    def __post_init__(self) -> None:
        for name, kind in (("visits", VisitSchedule), ("measurement", Measurement)):
            if not isinstance(getattr(self, name), kind):
                what = f"is {type(getattr(self, name)).__name__}"
                raise DataError(Problem(name, what, f"a {kind.__name__}"))
        for name in ("new_lesions", "death", "dropout"):
            as_hazards(getattr(self, name), name)
        last = float(self.visits.days()[-1])
        if self.follow_up is not None and units.days(self.follow_up) < last:
            what = f"is {self.follow_up!r}, before the last visit on day {last:g}"
            raise DataError(Problem("follow_up", what, "that day or a later one"))

    @property
    def last_day(self) -> float:
        """Day on which follow-up ends."""
        last = float(self.visits.days()[-1])
        return last if self.follow_up is None else units.days(self.follow_up)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The required outputs of the model: the sum of diameters, and the outputs of the hazards."""
        hazards = [h for name in ("new_lesions", "death", "dropout") for h in as_hazards(getattr(self, name), name)]
        named = [hazard.output for hazard in hazards if hazard.exponent]
        return tuple(dict.fromkeys([self.output, *(self.output if n == SUM_OF_DIAMETERS else n for n in named)]))

    def observe(self, draws: RandomDraws, times: FloatArray, values: Mapping[str, FloatArray]) -> ObservedCourses:
        """Return the observations of subjects whose true time courses are known.

        The result for a subject does not depend on which other subjects are in the call.

        Parameters
        ----------
        draws : RandomDraws
            Random numbers of the P subjects.
        times : ndarray, shape (T,)
            Days of the simulation, increasing; at least up to the last visit.
        values : mapping of output to ndarray, shape (P, T)
            The outputs that `outputs` names.

        Raises
        ------
        DataError
            If an output is missing, or the simulation ends before the last visit.
        """
        self._check(times, values)
        sizes = values[self.output]
        days = self.visits.sample(draws)
        shares = self.measurement.shares(draws)
        read = self.measurement.read(sizes_at(days, times, sizes)[:, :, None] * shares[:, None, :], draws)
        read[np.broadcast_to((shares == 0)[:, None, :], read.shape)] = np.nan
        events = {}
        for name in ("new_lesions", "death", "dropout"):
            hazards = as_hazards(getattr(self, name), name)
            due = draws.exponentials(name.replace("_", " "))[:, 0] if hazards else np.empty(len(sizes))
            events[name] = first_day(hazards, times, values, self.output, due)
        return ObservedCourses(days, read, last_day=self.last_day, may_die=bool(self.death), **events)

    def _check(self, times: FloatArray, values: Mapping[str, FloatArray]) -> None:
        problems = [Problem(f"output {n!r}", "is not simulated", nearest(n, values)) for n in self.outputs if n not in values]
        if times[-1] < self.last_day:
            right = f"simulate at least until day {self.last_day:g}, or end the visits earlier"
            problems.append(
                Problem("the simulation", f"ends at day {times[-1]:g}, but follow-up ends at day {self.last_day:g}", right)
            )
        DataError.raise_if(problems)


PER_SUBJECT = ("days", "diameters", "new_lesions", "death", "dropout")


@dataclass(frozen=True)
class ObservedCourses:
    """Observations of P subjects at V visits.

    Attributes
    ----------
    days : ndarray, shape (P, V)
        Days of the visits; NaN for missed ones.
    diameters : ndarray, shape (P, V, L)
        Target lesions as measured, mm; NaN for lesions that the subject does not have.
    new_lesions, death, dropout : ndarray, shape (P,)
        Day of the event, infinite for none.
    last_day : float
        The day on which follow-up ends: that of the last scheduled visit, unless survival is followed for longer.
    may_die : bool
        Whether deaths were simulated.

    Examples
    --------
    >>> import numpy as np
    >>> import immunoode as imo
    >>> never = np.array([np.inf])
    >>> visits, sizes = np.array([[0.0, 42.0]]), np.array([[[30.0], [21.0]]])
    >>> courses = imo.virtual_trial.ObservedCourses(visits, sizes, never, never, never, last_day=42.0, may_die=False)
    >>> courses.diameters.shape
    (1, 2, 1)
    """

    days: FloatArray
    diameters: FloatArray
    new_lesions: FloatArray
    death: FloatArray
    dropout: FloatArray
    last_day: float
    may_die: bool

    @property
    def last_contact(self) -> FloatArray:
        """Last day of follow-up: dropout, or its end (the day or the date of the last visit, whichever is later)."""
        return np.minimum(self.dropout, self.end_of_follow_up)

    @property
    def end_of_follow_up(self) -> FloatArray:
        """Last day of follow-up without dropout."""
        return np.asarray(np.fmax(self.last_day, np.fmax.reduce(self.days, axis=1)))

    @property
    def attended(self) -> NDArray[np.bool_]:
        """Which visits took place, shape (P, V)."""
        off = np.minimum(self.death, self.dropout)
        return np.isfinite(self.days) & (self.days <= off[:, None])

    def rows(self, chosen: Any) -> ObservedCourses:
        """Return some of the subjects."""
        arrays = {name: getattr(self, name)[chosen] for name in PER_SUBJECT}
        return ObservedCourses(**arrays, last_day=self.last_day, may_die=self.may_die)

    def cut(self, until: FloatArray | float) -> ObservedCourses:
        """Return the observations known at a data cut, on a day counted from day 0 of each subject."""
        return replace(self, dropout=np.minimum(self.dropout, until))

    def outcomes(
        self,
        rules: RecistRules | IrecistRules | None = None,
        *,
        pfs_rules: PfsRules | None = None,
        confirmed: bool = False,
        until: FloatArray | float = np.inf,
        index: Sequence[Any] | pd.Index | None = None,
    ) -> pd.DataFrame:
        """Return the table of outcomes, see `evaluate_outcomes`.

        Parameters
        ----------
        rules, pfs_rules, confirmed, index
            As for `evaluate_outcomes`.
        until : float or ndarray, shape (P,)
            Day of a data cut, counted from day 0 of each subject.
        """
        return evaluate_outcomes(
            self.days,
            self.diameters,
            new_lesions=self.new_lesions,
            death=self.death if self.may_die else None,
            last_contact=np.minimum(self.last_contact, until),
            rules=rules,
            pfs_rules=pfs_rules,
            confirmed=confirmed,
            index=index,
        )


def sizes_at(days: FloatArray, times: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return sizes (P, T) at days (P, V), by linear interpolation; before the simulation, they equal those at its start."""
    days = np.nan_to_num(days, nan=times[0]).clip(times[0], times[-1])
    after = np.searchsorted(times, days, side="right").clip(1, len(times) - 1)
    rows = np.arange(len(sizes))[:, None]
    part = (days - times[after - 1]) / (times[after] - times[after - 1])
    return np.asarray((1 - part) * sizes[rows, after - 1] + part * sizes[rows, after])
