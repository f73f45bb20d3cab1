"""The schedule of visits, and deviations from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError
from immunoode.virtual_trial.random_draws import RandomDraws

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class VisitSchedule:
    """The schedule of tumour assessments.

    Attributes
    ----------
    every, until : str or float
        The interval, and the day of the last visit at that interval ("6 weeks", "48 weeks"; numbers are days).
    then, end : str or float, optional
        The interval after `until`, and the day of the very last visit.
    screening : str or float
        The baseline is uniformly distributed within this time before day 0.
    jitter : str or float
        Standard deviation of the day of a visit around its date, truncated at half the interval.
    missed : float
        Probability that a visit other than the baseline is missed.

    Raises
    ------
    DataError
        If a time is invalid or negative, or there is no visit.

    Examples
    --------
    >>> VisitSchedule(every="6 weeks", until="24 weeks", then="9 weeks", end="1 year").days().tolist()
    [0.0, 42.0, 84.0, 126.0, 168.0, 231.0, 294.0, 357.0]
    """

    every: str | float = "6 weeks"
    until: str | float = "48 weeks"
    then: str | float | None = None
    end: str | float | None = None
    screening: str | float = 0.0
    jitter: str | float = 0.0
    missed: float = 0.0

    def __post_init__(self) -> None:
        problems = [p for name in ("every", "until", "then", "end", "screening", "jitter") for p in self._time_problems(name)]
        if not 0 <= self.missed < 1:
            problems.append(Problem("missed", f"is {self.missed}", "a probability below 1"))
        if (self.then is None) != (self.end is None):
            problems.append(Problem("then, end", "only one of the two is given", "the second interval and its last day"))
        if not problems and units.days(self.until) < units.days(self.every):
            problems.append(Problem("until", f"is {self.until!r}, which is before the first visit", f"{self.every!r} or later"))
        if not problems and self.end is not None and units.days(self.end) < units.days(self.until):
            problems.append(Problem("end", f"is {self.end!r}, which is before `until`", f"{self.until!r} or later"))
        DataError.raise_if(problems)

    def _time_problems(self, name: str) -> list[Problem]:
        value = getattr(self, name)
        if value is None:
            needed = name not in ("then", "end")
            return [Problem(name, "is None", "a time: '6 weeks', or a number of days")] if needed else []
        try:
            days = units.days(value)
        except UnitError as error:
            return [Problem(name, str(error), "a time: '6 weeks', or a number of days")]
        interval = name in ("every", "then", "until")
        return [Problem(name, f"is {value!r}", "a time above zero")] if days < 0 or (interval and days == 0) else []

    def days(self) -> FloatArray:
        """Return the scheduled days of the visits, beginning with the baseline."""
        every, until = units.days(self.every), units.days(self.until)
        first = np.arange(0.0, until + every * 1e-9, every)
        if self.then is None or self.end is None:
            return first
        then = units.days(self.then)
        return np.concatenate([first, np.arange(first[-1] + then, units.days(self.end) + then * 1e-9, then)])

    def sample(self, draws: RandomDraws) -> FloatArray:
        """Return the days of the visits of each subject, shape (subjects, visits); NaN for missed visits."""
        dates = self.days()
        seen = np.tile(dates, (len(draws), 1))
        if units.days(self.jitter):
            seen += self._deviations(dates, draws)
        seen[:, 0] = 0.0
        if units.days(self.screening):
            seen[:, 0] -= np.round(units.days(self.screening) * draws.uniforms("screening")[:, 0])
        if self.missed:
            lost = draws.uniforms("missed visits", len(dates)) < self.missed
            lost[:, 0] = False
            seen[lost] = np.nan
        return seen + 0.0  # no -0.0 for a screening without days before

    def _deviations(self, dates: FloatArray, draws: RandomDraws) -> FloatArray:
        """Return the days by which visits deviate from their scheduled date."""
        gaps = np.diff(dates, append=dates[-1] + units.days(self.then or self.every))
        half = np.minimum(gaps, np.diff(dates, prepend=dates[0] - gaps[0])) / 2 - 0.5
        moved = np.round(units.days(self.jitter) * draws.normals("visit days", len(dates)))
        return np.clip(moved, -half, half)
