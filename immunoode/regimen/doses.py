"""One rule of dosing: a therapy's amount and when it is given, expanded without knowing the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from immunoode import units
from immunoode.errors import Problem, RegimenError

MOST = 100_000
"""The largest number of administrations of one rule."""
WEEK, WORKING_DAYS = 7, 5
_SLACK = 1e-6
"""Days (a tenth of a second): times that are sums of thirds of a day are not taken for the day before."""


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
        Days; `every` separates doses or cycles, `over` is the duration of each administration (0: at once).
    count : int
        Number of administrations; of cycles where `days` is given.
    weekdays : bool
        Whether Saturdays and Sundays are skipped; day 0 is a Monday.
    days : tuple of float
        Days within a cycle, the first is day 1 as in protocols.
    loading : float, optional
        The first amount, where it differs (in the same unit).
    steady : bool
        Whether the first comes at the steady state of doses `every` so many days.
    at_rate : bool
        Whether what was stated of an infusion is its rate, which holds if only a share of it arrives; else its duration holds.
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
        """Return when it is given, days, in order."""
        if self.days:
            found = [self.start + cycle * self.every + day - 1 for cycle in range(self.count) for day in self.days]
        elif self.weekdays:
            found = _working_times(self.start, self.every, self.count)
        else:
            found = [self.start + k * self.every for k in range(self.count)]
        return units.on_seconds(found).tolist()

    def amounts(self) -> list[float]:
        """Return the amount of each administration, as stated."""
        number = self.count * max(len(self.days), 1)
        first = self.amount if self.loading is None else self.loading
        return [first] + [self.amount] * (number - 1)

    def shifted(self, by: float) -> Dose:
        """Return the rule so many days later."""
        return replace(self, start=self.start + by)

    def before(self, time: float) -> tuple[Dose, ...]:
        """Return the rules that give the administrations before a time, days."""
        number = sum(t < time - _SLACK for t in self.times())
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

    Intervals of a day or more: what falls on a weekend moves to Monday at the same hour, and the rest follows it.
    Shorter intervals: what falls on a weekend is left out of an unchanged rhythm.
    """
    times, origin, step = list[float](), start, 0
    while len(times) < count:
        time = origin + step * every
        to_monday = _days_to_monday(time)
        if to_monday and every >= 1 or to_monday and not every:
            origin, step, time = time + to_monday, 0, time + to_monday
        elif to_monday:
            midnight = math.floor(time + _SLACK) + to_monday
            step += math.ceil((midnight - time) / every - _SLACK)
            time = origin + step * every
        times.append(time)
        step += 1
    return times


def _days_to_monday(time: float) -> int:
    """Return 0 on weekdays, else the days until Monday."""
    day = math.floor(time + _SLACK) % WEEK
    return WEEK - day if day >= WORKING_DAYS else 0


def basis(unit: str, target: str, where: str) -> tuple[str, float]:
    """Return what an amount is stated by ("flat", "weight", "surface_area", "exposure") and its factor to the input's unit.

    Raises
    ------
    RegimenError
        If the unit is none of these.
    """
    if not unit:
        return "flat", 1.0
    ratio = "/" in unit and not units.dimension(unit)  # mg/kg has no dimension, but is no plain number either
    for kind, per in (("flat", ""), ("weight", "*kg"), ("surface_area", "*m**2")):
        whole = f"({unit}){per}"
        fits = units.dimension(whole) == units.dimension(target)
        if fits and not (kind == "flat" and ratio) and (kind == "flat" or "/" in unit or "-" in unit):
            return kind, units.factor(whole, target)
    if units.dimension(f"({unit})*mL/min") == units.dimension(target):
        return "exposure", units.factor(f"({unit})*mL/min", target)
    raise RegimenError(
        Problem(where, f"is in {unit!r}, which cannot become {target!r}", f"an amount like '1 {target}', per kg or per m2")
    )
