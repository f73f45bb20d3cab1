"""One rule of dosing: a therapy's amount and when it is given, expanded without knowing the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

from immunoode import units
from immunoode.errors import Problem, RegimenError, UnitError

MOST = 100_000
WEEK = 7.0
_ADVICE_AMOUNT = "for example '200 mg', '2 mg/kg', '75 mg/m2', '2 Gy', '2e6 cells/kg' or '5 mg*min/mL'"


@dataclass(frozen=True)
class Dose:
    """A therapy given `count` times.

    Attributes
    ----------
    therapy : str
        The name of an input of a model.
    amount, unit : float, str
        As stated: flat, a kg, a m2, or an area under the curve.
    start, every, over : float
        Days; `every` separates cycles, `over` is the duration of each administration (0: at once).
    count : int
        Number of administrations; of cycles where `days` is given.
    weekdays : bool
        Whether Saturdays and Sundays are skipped; day 0 is a Monday.
    days : tuple of float
        Days within a cycle, the first is day 1 as in protocols.
    loading : float, optional
        The first amount, where it differs (in the same unit).
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

    def times(self) -> list[float]:
        """Return when it is given, days, in order."""
        if self.days:
            return [self.start + cycle * self.every + day - 1 for cycle in range(self.count) for day in self.days]
        if not self.weekdays:
            return [self.start + k * self.every for k in range(self.count)]
        times, time = list[float](), self.start
        while len(times) < self.count:
            if time % WEEK < 5:
                times.append(time)
            time += self.every if time % WEEK < 5 or self.every < 1 else 1.0
        return times

    def amounts(self) -> list[float]:
        """Return the amount of each administration, as stated."""
        number = self.count * max(len(self.days), 1)
        first = self.amount if self.loading is None else self.loading
        return [first] + [self.amount] * (number - 1)


def dose_rule(
    therapy: str,
    amount: str | float,
    *,
    every: str | float | None = None,
    count: int = 1,
    over: str | float = 0.0,
    start: str | float = 0.0,
    weekdays: bool = False,
    days: tuple[float, ...] = (),
    loading: str | float | None = None,
) -> Dose:
    """Return a checked dose rule; see `Regimen.dose`.

    Raises
    ------
    RegimenError
        With everything that is wrong.
    """
    problems: list[Problem] = []
    name = therapy if isinstance(therapy, str) else repr(therapy)[:40]
    if not isinstance(therapy, str) or not therapy.isidentifier():
        problems.append(
            Problem(
                f"dose of {name}",
                "is not the name of a therapy",
                "the name of a model's input, such as 'pembrolizumab'",
            )
        )
    value, unit = _amount(name, amount, problems)
    times = {k: _days(name, k, v, problems) for k, v in (("every", every or 0.0), ("over", over), ("start", start))}
    _count(name, count, problems)
    first = _loading(name, loading, unit, problems)
    within = _within(name, days, times["every"], problems)
    if count != 1 and times["every"] <= 0:
        problems.append(
            Problem(
                f"dose of {name}",
                f"is given {count} times without an interval",
                "add every=, for example every='3 weeks'",
            )
        )
    if times["over"] > times["every"] > 0 and len(within) <= 1 and not problems:
        what = f"lasts {times['over']:g} days, longer than the {times['every']:g} days between doses"
        problems.append(Problem(f"dose of {name}", what, "a shorter over=, or one dose that lasts"))
    if problems:
        raise RegimenError(problems)
    return Dose(
        therapy, value, unit, times["start"], times["every"], int(count), times["over"], bool(weekdays), within, first
    )


def _amount(name: str, amount: str | float, problems: list[Problem]) -> tuple[float, str]:
    try:
        value, unit = units.split(amount)
    except (UnitError, TypeError, ValueError) as error:
        what = error.problems[0].what if isinstance(error, UnitError) else "is not an amount"
        problems.append(Problem(f"dose of {name}: amount {amount!r}", what, _ADVICE_AMOUNT))
        return math.nan, ""
    if value < 0:
        problems.append(Problem(f"dose of {name}: amount {amount!r}", "is negative", "zero or more"))
    return value, unit


def _loading(name: str, loading: str | float | None, unit: str, problems: list[Problem]) -> float | None:
    if loading is None:
        return None
    value, own = _amount(name, loading, problems)
    try:
        return value * units.factor(own, unit) if own and unit else value
    except UnitError as error:
        problems.append(Problem(f"dose of {name}: loading {loading!r}", error.problems[0].what, f"a dose in {unit}"))
        return None


def _days(name: str, key: str, value: str | float, problems: list[Problem]) -> float:
    try:
        time = units.days(value)
    except (UnitError, TypeError, ValueError) as error:
        what = error.problems[0].what if isinstance(error, UnitError) else "is not a time"
        problems.append(
            Problem(f"dose of {name}: {key}={value!r}", what, "for example '3 weeks', '30 min' or a number of days")
        )
        return 0.0
    if time < 0 and key != "start":
        problems.append(Problem(f"dose of {name}: {key}={value!r}", "is negative", "a time of zero or more"))
    return time


def _count(name: str, count: int, problems: list[Problem]) -> None:
    whole = isinstance(count, int) and not isinstance(count, bool)
    if not whole or not 1 <= count <= MOST:
        problems.append(
            Problem(f"dose of {name}: count={count!r}", "is not a number of doses", f"a whole number from 1 to {MOST}")
        )


def _within(name: str, days: tuple[float, ...], every: float, problems: list[Problem]) -> tuple[float, ...]:
    try:
        found = tuple(float(d) for d in days)
    except (TypeError, ValueError):
        found = (math.nan,)
    good = (
        all(d >= 1 for d in found)
        and list(found) == sorted(set(found))
        and (not every or all(d < every + 1 for d in found))
    )
    if not good:
        problems.append(
            Problem(
                f"dose of {name}: days={days!r}", "are not days of a cycle", "increasing, from day 1, within every="
            )
        )
    return found


def basis(unit: str, target: str, name: str) -> tuple[str, float]:
    """Return what an amount is stated by ("flat", "weight", "surface_area", "exposure") and its factor to the input's unit.

    Raises
    ------
    RegimenError
        If the unit is none of these.
    """
    if not unit:
        return "flat", 1.0
    for kind, per in (("flat", ""), ("weight", "*kg"), ("surface_area", "*m**2")):
        whole = f"({unit}){per}"
        if units.dimension(whole) == units.dimension(target):
            return kind, units.factor(whole, target)
    if units.dimension(f"({unit})*mL/min") == units.dimension(target):
        return "exposure", units.factor(f"({unit})*mL/min", target)
    raise RegimenError(Problem(f"dose of {name}", f"is in {unit!r}, which cannot become {target!r}",
                               f"an amount like '1 {target}', a kg, or a m2"))  # fmt: skip
