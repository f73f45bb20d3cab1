"""A dose rule: the amount of a therapy and the times at which it is given, independent of the subject."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from immunoode import units
from immunoode.errors import Problem, RegimenError

MAX_ADMINISTRATIONS = 100_000
"""The largest number of administrations per rule."""
WEEK, WORKING_DAYS = 7, 5
_TIME_TOLERANCE = 1e-6
"""Days (a tenth of a second): a sum of thirds of a day may lie just below a whole day."""


@dataclass(frozen=True)
class Dose:
    """A therapy given `count` times.

    Attributes
    ----------
    therapy : str
        The name of an input of a model.
    amount, unit : float, str
        As stated: flat, per kg, per m2, or an area under the curve.
    start, every, over : float
        Days; `every` is the interval between doses or cycles, `over` the duration of each administration (0 for a bolus).
    count : int
        Number of administrations, or of cycles if `days` is given.
    weekdays : bool
        Whether Saturdays and Sundays are skipped; day 0 is a Monday.
    days : tuple of float
        Days within a cycle; the first day is day 1, as in protocols.
    loading : float, optional
        The first amount, if it differs (in the same unit).
    steady : bool
        Whether the first dose is given at the steady state of such doses repeated `every` so many days.
    at_rate : bool
        Whether the rate of an infusion was stated and stays fixed if its bioavailability is not 1; otherwise its duration does.
    """

    therapy: str
    amount: float
    unit: str
    start: float = 0.0
    every: float = 0.0
    count: int = 1
    over: float = 0.0
    weekdays: bool = False
    days: tuple[float, ...] = ()
    loading: float | None = None
    steady: bool = False
    at_rate: bool = False

    def times(self) -> list[float]:
        """Return the times of administration in days, in order."""
        if self.days:
            found = [self.start + cycle * self.every + day - 1 for cycle in range(self.count) for day in self.days]
        elif self.weekdays:
            found = _working_times(self.start, self.every, self.count)
        else:
            found = [self.start + k * self.every for k in range(self.count)]
        return units.on_seconds(found).tolist()

    def amounts(self) -> list[float]:
        """Return the stated amount of each administration."""
        number = self.count * max(len(self.days), 1)
        first = self.amount if self.loading is None else self.loading
        return [first] + [self.amount] * (number - 1)

    def shifted(self, by: float) -> Dose:
        """Return the rule delayed by some days."""
        return replace(self, start=self.start + by)

    def before(self, time: float) -> tuple[Dose, ...]:
        """Return the rules for the administrations before a time in days."""
        number = sum(t < time - _TIME_TOLERANCE for t in self.times())
        if not number:
            return ()
        if not self.days:
            return (replace(self, count=number),)
        cycles, rest = divmod(number, len(self.days))
        whole = (replace(self, count=cycles),) if cycles else ()
        cut = replace(
            self,
            start=self.start + cycles * self.every,
            count=1,
            days=self.days[:rest],
            loading=None if cycles else self.loading,
        )
        return (*whole, cut) if rest else whole


def _working_times(start: float, every: float, count: int) -> list[float]:
    """Return `count` times that skip weekends.

    With intervals of a day or more, a dose on a weekend moves to Monday at the same hour, and the later doses move with it.
    With shorter intervals, doses on weekends are left out and the others keep their times.
    """
    times, origin, step = list[float](), start, 0
    while len(times) < count:
        time = origin + step * every
        to_monday = _days_to_monday(time)
        if to_monday and every >= 1 or to_monday and not every:
            origin, step, time = time + to_monday, 0, time + to_monday
        elif to_monday:
            midnight = math.floor(time + _TIME_TOLERANCE) + to_monday
            step += math.ceil((midnight - time) / every - _TIME_TOLERANCE)
            time = origin + step * every
        times.append(time)
        step += 1
    return times


def _days_to_monday(time: float) -> int:
    """Return the days until Monday on a weekend, otherwise 0."""
    day = math.floor(time + _TIME_TOLERANCE) % WEEK
    return WEEK - day if day >= WORKING_DAYS else 0


def amount_basis(unit: str, target: str, where: str) -> tuple[str, float]:
    """Return the basis of an amount ("flat", "weight", "surface_area" or "exposure") and the factor to the input's unit.

    Raises
    ------
    RegimenError
        If the unit fits none of these.
    """
    if not unit:
        return "flat", 1.0
    ratio = "/" in unit and not units.dimension(unit)  # mg/kg has no dimension, but is not a plain number either
    for kind, per in (("flat", ""), ("weight", "*kg"), ("surface_area", "*m**2")):
        whole = f"({unit}){per}"
        fits = units.dimension(whole) == units.dimension(target)
        if fits and not (kind == "flat" and ratio) and (kind == "flat" or "/" in unit or "-" in unit):
            return kind, units.factor(whole, target)
    if units.dimension(f"({unit})*mL/min") == units.dimension(target):
        return "exposure", units.factor(f"({unit})*mL/min", target)
    raise RegimenError(
        Problem(
            where, f"is in {unit!r}, which cannot be converted to {target!r}", f"an amount like '1 {target}', per kg or per m2"
        )
    )
