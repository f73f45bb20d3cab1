"""From a call to a checked rule of dosing: texts become numbers, and everything that is wrong is found at once."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence

from immunoode import units
from immunoode.errors import Problem, RegimenError, UnitError
from immunoode.regimen.doses import MOST, Dose

EXPOSURE_UNIT = "mg*min/mL"
_EXPOSURE = re.compile(r"\s*AUC\s*(\d+\.?\d*)\s*", re.IGNORECASE)
_ADVICE_AMOUNT = "for example '200 mg', '2 mg/kg', '75 mg/m2', '2 Gy', '2e6 cells/kg' or 'AUC 5'"


def dose_rule(
    therapy: str,
    amount: str | float,
    *,
    every: str | float | None = None,
    count: int = 1,
    over: str | float = 0.0,
    start: str | float = 0.0,
    weekdays: bool = False,
    days: Sequence[float] = (),
    loading: str | float | None = None,
) -> Dose:
    """Return a checked dose rule; see `Regimen.dose`.

    Raises
    ------
    RegimenError
        With everything that is wrong.
    """
    problems: list[Problem] = []
    name = _name(therapy, problems)
    value, unit = _amount(name, "amount", amount, problems)
    first = _loading(name, loading, unit, problems)
    times = {k: _days(name, k, v, problems) for k, v in (("every", every), ("over", over), ("start", start))}
    within = _within(name, days, times["every"], problems)
    number = _count(name, count, max(len(within), 1), problems)
    if not isinstance(weekdays, bool):
        problems.append(Problem(f"dose of {name}: weekdays={weekdays!r}", "is neither True nor False", "weekdays=True"))
    if not problems:
        problems = _combination(name, number, within, times, weekdays)
    if problems:
        raise RegimenError(problems)
    return Dose(name, value, unit, times["start"], times["every"], number, times["over"], weekdays, within, first)


def _name(therapy: str, problems: list[Problem]) -> str:
    if isinstance(therapy, str) and therapy.isidentifier():
        return therapy
    name = therapy if isinstance(therapy, str) else repr(therapy)[:40]
    problems.append(
        Problem(
            f"dose of {name}", "is not the name of a therapy", "the name of a model's input, such as 'pembrolizumab'"
        )
    )
    return name


def _amount(name: str, key: str, amount: str | float, problems: list[Problem]) -> tuple[float, str]:
    """Return the number and unit of an amount, or of a loading dose."""
    where = f"dose of {name}: {key} {amount!r}"
    exposure = _EXPOSURE.fullmatch(amount) if isinstance(amount, str) else None
    if exposure:
        return float(exposure[1]), EXPOSURE_UNIT
    try:
        value, unit = _number(amount)
    except (UnitError, TypeError, ValueError) as error:
        problems.append(Problem(where, _what(error, "is not an amount"), _ADVICE_AMOUNT))
        return math.nan, ""
    if value < 0:
        problems.append(Problem(where, "is negative", "zero or more"))
    return value, unit


def _number(value: str | float) -> tuple[float, str]:
    if isinstance(value, bool):
        raise TypeError("True and False are not amounts")
    return units.split(value)


def _what(error: Exception, otherwise: str) -> str:
    return error.problems[0].what if isinstance(error, UnitError) else otherwise


def _loading(name: str, loading: str | float | None, unit: str, problems: list[Problem]) -> float | None:
    """Return a loading dose in the unit of the others."""
    if loading is None:
        return None
    value, own = _amount(name, "loading", loading, problems)
    if not own or not unit:
        if own:
            what = f"has the unit {own!r} where the other doses have none"
            problems.append(Problem(f"dose of {name}: loading {loading!r}", what, "units for both, or for neither"))
        return value
    try:
        return value * units.factor(own, unit)
    except UnitError as error:
        problems.append(Problem(f"dose of {name}: loading {loading!r}", error.problems[0].what, f"a dose in {unit}"))
        return None


def _days(name: str, key: str, value: str | float | None, problems: list[Problem]) -> float:
    if value is None and key == "every":
        return 0.0
    where = f"dose of {name}: {key}={value!r}"
    try:
        if value is None or isinstance(value, bool):
            raise TypeError("not a time")
        time = units.days(value)
    except (UnitError, TypeError, ValueError) as error:
        problems.append(
            Problem(where, _what(error, "is not a time"), "for example '3 weeks', '30 min' or a number of days")
        )
        return 0.0
    if time < 0 and key != "start":
        problems.append(Problem(where, "is negative", "a time of zero or more"))
    return time


def _count(name: str, count: int, each: int, problems: list[Problem]) -> int:
    """Return the number of doses, or of cycles of `each` doses."""
    try:
        number = 0 if isinstance(count, bool) else operator.index(count)
    except TypeError:
        number = 0
    if not 1 <= number * each <= MOST:
        kind = "cycles" if each > 1 else "doses"
        right = f"a whole number from 1 to {MOST // each}"
        problems.append(Problem(f"dose of {name}: count={count!r}", f"is not a number of {kind}", right))
        return 1
    return number


def _within(name: str, days: Sequence[float], every: float, problems: list[Problem]) -> tuple[float, ...]:
    """Return the days of a cycle."""
    try:
        found = tuple(map(float, () if isinstance(days, str) else days)) if days is not None else ()
        wrong = isinstance(days, str)
    except (TypeError, ValueError):
        found, wrong = (), True
    last = every + 1 if every > 0 else math.inf
    if wrong or not all(1 <= d < last and math.isfinite(d) for d in found) or list(found) != sorted(set(found)):
        what, right = "are not days of a cycle", "increasing, from day 1, within every=: for example days=(1, 8)"
        problems.append(Problem(f"dose of {name}: days={days!r}", what, right))
        return ()
    return found


def _combination(
    name: str, count: int, days: tuple[float, ...], times: dict[str, float], weekdays: bool
) -> list[Problem]:
    """Return what is wrong between options that are right one by one."""
    where, every, over = f"dose of {name}", times["every"], times["over"]
    problems = []
    if count > 1 and every <= 0:
        right = "add every=, for example every='3 weeks'"
        problems.append(Problem(where, f"is given {count} times without an interval", right))
    if days and weekdays:
        right = "leave weekdays out and state days that are weekdays; day 1 is a Monday where start is"
        problems.append(Problem(where, "has days of a cycle and weekdays", right))
    gap = _shortest(count, days, every)
    if over > gap > 0:
        what = f"lasts {over:g} days, longer than the {gap:g} days between doses"
        problems.append(Problem(where, what, "a shorter over=, or one dose that lasts"))
    return problems


def _shortest(count: int, days: tuple[float, ...], every: float) -> float:
    """Return the shortest time between two doses of a rule; infinite for one dose."""
    gaps = [b - a for a, b in zip(days, days[1:], strict=False)]
    if count > 1:
        gaps.append(every - (days[-1] - days[0]) if days else every)
    return min(gaps, default=math.inf)
