"""Plausibility criteria: bounds on an output at one time or all times, on a summary of its time course, or on a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from immunoode import units
from immunoode.errors import PopulationError, Problem, SolveError, UnitError
from immunoode.solve.reductions import Reduce, reductions
from immunoode.virtual_population.marginals import FloatArray

DOUBLING = "doubling_time"
TIMES = ("time_of_minimum", "time_of_maximum", "first_below", "first_above", DOUBLING)
"""Reductions that are times, in days."""


@dataclass(frozen=True)
class PlausibilityCriterion:
    """Bounds that a plausible patient must satisfy.

    Attributes
    ----------
    output : str
        A state or derived quantity of the model, or one of its parameters.
    lower, upper : float or str, optional
        Inclusive limits, at least one: in the output's unit, or with a unit ("30 mm", "2 months").
    at : str or float, optional
        The time of the value ("6 weeks", or days).
    reduce : str
        A summary of the time course, as in `imo.simulate_many`: "minimum", "final", "area", "first_below(20)", ...; or
        "doubling_time", that of exponential growth from the first to the last time of `between` (infinite without growth).
        Without `at` and `reduce`, all reported values must be within the limits.
    between : tuple, optional
        First and last time of the interval that is summarised or bounded; by default, the whole simulation.
    arm : str
        The arm whose regimen is given, if there are several arms.
    relative_to_start : bool
        Whether the output is divided by its value at the start of the simulation. The limits are then plain numbers, and 1 is
        the value at the start.

    Raises
    ------
    PopulationError

    Examples
    --------
    >>> print(PlausibilityCriterion("sum_of_diameters", "10 mm", "300 mm", at=0))
    sum_of_diameters at day 0 in [10 mm, 300 mm]
    >>> print(PlausibilityCriterion("sum_of_diameters", lower="20 days", reduce="doubling_time", between=(0, "6 weeks")))
    doubling_time of sum_of_diameters from day 0 to day 42 at least 20 days
    >>> print(PlausibilityCriterion("sum_of_diameters", lower=1, at="90 days", relative_to_start=True))
    sum_of_diameters relative to the start at day 90 at least 1
    """

    output: str
    lower: float | str | None = None
    upper: float | str | None = None
    at: str | float | None = None
    reduce: str = ""
    between: tuple[str | float, str | float] | None = None
    arm: str = ""
    relative_to_start: bool = False

    def __post_init__(self) -> None:
        problems = [*self._time_problems(), *self._limit_problems()]
        if self.at is not None and (self.reduce or self.between is not None):
            problems.append(
                Problem("at", "is given together with reduce or between", "either one time, or a summary of a time course")
            )
        if self.reduce == DOUBLING and self.between is None:
            problems.append(Problem("between", "is missing", "the first and the last day of a doubling time"))
        if self.reduce and self.reduce != DOUBLING:
            try:
                reductions(self.reduce)
            except SolveError as error:
                problems += [Problem("reduce", f"{self.reduce!r} {p.what}", p.right) for p in error.problems]
        PopulationError.raise_if(Problem(f"criterion of {self.output!r}: {p.where}", p.what, p.right) for p in problems)

    def _time_problems(self) -> Iterator[Problem]:
        if self.between is not None and len(self.between) != 2:
            yield Problem("between", f"is {self.between!r}", "the first and the last time")
            return
        try:
            first, last = self.window
        except UnitError as error:
            yield from (Problem("at, between", str(p), "a time: '6 weeks', or a number of days") for p in error.problems)
            return
        if not first < last and self.at is None:
            yield Problem("between", f"is day {first:g} to day {last:g}", "a later end")

    def _limit_problems(self) -> Iterator[Problem]:
        if self.lower is None and self.upper is None:
            yield Problem("lower, upper", "are both missing", "at least one limit")
        for name in ("lower", "upper"):
            try:
                units.split(getattr(self, name) or 0.0)
            except UnitError as error:
                yield from (Problem(name, str(p), "a number, or one with a unit: '30 mm'") for p in error.problems)

    @property
    def window(self) -> tuple[float, float]:
        """First and last day of the bounded interval; infinite for the whole simulation."""
        if self.at is not None:
            return (units.days(self.at),) * 2
        return (-np.inf, np.inf) if self.between is None else (units.days(self.between[0]), units.days(self.between[1]))

    @property
    def needed_times(self) -> tuple[float, ...]:
        """Days that must be output times."""
        return tuple(dict.fromkeys(day for day in self.window if np.isfinite(day)))

    @property
    def needs_course(self) -> bool:
        """Whether times between these days are needed too."""
        return self.at is None and self.reduce != DOUBLING

    def unit(self, unit: str) -> str:
        """Return the unit of the limits, from that of the output; an area is in this unit times days."""
        return "day" if self.reduce.split("(")[0] in TIMES else "1" if self.relative_to_start else unit

    def limits(self, unit: str) -> tuple[float, float]:
        """Return the limits in the unit of the bounded quantity; infinite if there is none.

        Raises
        ------
        PopulationError
            If the unit of a limit has another dimension, or there are no numbers between the limits.
        """
        found, own = [-np.inf, np.inf], self.unit(unit)
        for k, limit in enumerate((self.lower, self.upper)):
            if limit is not None:
                found[k] = self._in_unit(limit, own)
        if not found[0] <= found[1]:
            what = f"are {self.lower} and {self.upper}, with no number between them"
            raise PopulationError(Problem(f"criterion of {self.output!r}: lower, upper", what, "lower <= upper"))
        return found[0], found[1]

    def _in_unit(self, limit: float | str, unit: str) -> float:
        number, stated = units.split(limit)
        if not stated:
            return number
        try:
            if self.reduce == "area":
                what = f"has the unit {stated!r}"
                raise UnitError(Problem("a limit of an area", what, f"a number, in {unit} times days"))
            return units.days(limit) if unit == "day" else units.convert(limit, unit)
        except UnitError as error:
            problems = [Problem(f"criterion of {self.output!r}: {p.where}", p.what, p.right) for p in error.problems]
            raise PopulationError(problems) from None

    def extremes(self, times: FloatArray, values: FloatArray) -> FloatArray:
        """Return the smallest and the largest value of the bounded quantity.

        Parameters
        ----------
        times : ndarray, shape (T,)
            From the start of the simulation, for values relative to it.
        values : ndarray, shape (P, T)

        Returns
        -------
        ndarray, shape (P, 2)
            Both are equal for a value at one time and for summaries.
        """
        if self.relative_to_start:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = values / values[:, :1]
        first, last = self.window
        inside = (times >= first) & (times <= last)
        own, course = times[inside], values[:, inside]
        if self.at is not None:
            return np.repeat(course[:, -1:], 2, axis=1)
        if not self.reduce:
            return np.stack([course.min(axis=1), course.max(axis=1)], axis=1)
        reduce: Reduce = doubling_time if self.reduce == DOUBLING else reductions(self.reduce)[self.reduce]
        return np.repeat(reduce(own, course)[:, None], 2, axis=1)

    def __str__(self) -> str:
        first, last = self.window
        when = f" at day {first:g}" if self.at is not None else ""
        if self.between is not None:
            when = f" from day {first:g} to day {last:g}"
        what = f"{self.reduce} of {self.output}" if self.reduce else self.output
        what += " relative to the start" if self.relative_to_start else ""
        arm = f", {self.arm}" if self.arm else ""
        return f"{what}{when}{arm} {self._limits_in_words()}"

    def _limits_in_words(self) -> str:
        low, high = (f"{v:g}" if isinstance(v, (int, float)) else v for v in (self.lower, self.upper))
        if low is not None and high is not None:
            return f"in [{low}, {high}]"
        return f"at least {low}" if low is not None else f"at most {high}"


def doubling_time(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the doubling time of exponential growth from the first to the last value, in days; infinite without growth."""
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.log(values[:, -1] / values[:, 0])
        return np.where(growth > 0, (times[-1] - times[0]) * np.log(2.0) / growth, np.inf)
