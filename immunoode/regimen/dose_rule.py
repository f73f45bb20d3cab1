"""The arguments of `Regimen.dose`, parsed and checked; all problems are reported at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from immunoode import units
from immunoode.errors import Problem, RegimenError, UnitError
from immunoode.number_checks import is_whole
from immunoode.regimen.doses import MAX_ADMINISTRATIONS, Dose
from immunoode.regimen.parsing import EXPOSURE_UNIT, checked_amount, checked_days, checked_name

_ADVICE_RATE = "an amount per time in the unit of the dose, for example '10 mg/h' or '0.1 mg/kg/h'"


def dose_rule(
    therapy: str,
    amount: str | float,
    *,
    every: str | float | None = None,
    count: int | None = None,
    over: str | float = 0.0,
    start: str | float = 0.0,
    weekdays: bool = False,
    days: Sequence[float] = (),
    loading: str | float | None = None,
    rate: str | float | None = None,
    steady_state: bool = False,
) -> Dose:
    """Return a checked dose rule; see `Regimen.dose`.

    Raises
    ------
    RegimenError
        With everything that is wrong.
    """
    problems: list[Problem] = []
    name = checked_name("dose of", therapy, "therapy", "the name of a model's input, such as 'pembrolizumab'", problems)
    where = f"dose of {name}"
    value, unit = checked_amount(f"{where}: amount {amount!r}", amount, problems)
    first = _loading_dose(name, loading, unit, problems)
    times = {
        "every": 0.0 if every is None else checked_days(f"{where}: every={every!r}", every, problems),
        "over": checked_days(f"{where}: over={over!r}", over, problems),
        "start": checked_days(f"{where}: start={start!r}", start, problems, signed=True),
    }
    if rate is not None:
        times["over"] = _duration_at_rate(name, value, unit, rate, times["over"], loading, problems)
    if isinstance(over, str) and times["over"] and over.strip().replace(".", "").isdecimal():
        problems.append(Problem(f"{where}: over={over!r}", "has no unit", f"'{over.strip()} min', or a number of days"))
    within = _cycle_days(name, days, times["every"], problems)
    number = _count(name, 1 if count is None else count, max(len(within), 1), problems)
    for key, flag in (("weekdays", weekdays), ("steady_state", steady_state)):
        if not isinstance(flag, bool):
            problems.append(Problem(f"{where}: {key}={flag!r}", "is neither True nor False", f"{key}=True"))
    if not problems:
        problems = _option_conflicts(name, number, within, times, weekdays)
        problems += _steady(name, within, times, weekdays, loading) if steady_state else []
        if count is None and every is not None and not steady_state:
            problems.append(
                Problem(where, f"has every={every!r} and no count", "the number of doses or cycles, for example count=9")
            )
    RegimenError.raise_if(problems)
    return Dose(
        name,
        value,
        unit,
        times["start"],
        times["every"],
        number,
        times["over"],
        weekdays,
        within,
        first,
        steady_state,
        rate is not None,
    )


def _duration_at_rate(
    name: str, amount: float, unit: str, rate: str | float, over: float, loading: object, problems: list[Problem]
) -> float:
    """Return the duration in days of an infusion of an amount at a rate; 0 if they are invalid."""
    where = f"dose of {name}: rate {rate!r}"
    if over or loading is not None:
        other = "over=" if over else "loading="
        right = "leave one out: the duration follows from the amount and the rate"
        problems.append(Problem(where, f"is given together with {other}", right))
    before = len(problems)
    value, own = checked_amount(where, rate, problems, _ADVICE_RATE)
    if len(problems) > before or math.isnan(amount):
        return 0.0
    if not value > 0:
        problems.append(Problem(where, "is zero", "a positive rate"))
        return 0.0
    try:
        return amount / value * _days_per_unit(unit, own)
    except UnitError:
        problems.append(Problem(where, f"is not in {unit or 'a plain number'} per time", _ADVICE_RATE))
        return 0.0


def _days_per_unit(unit: str, rate: str) -> float:
    """Return the days that one `unit` takes at one `rate`; rates of plain numbers are per day."""
    if bool(unit) != bool(rate) or unit == EXPOSURE_UNIT:
        raise UnitError(Problem(f"rate in {rate!r}", f"of an amount in {unit!r}", _ADVICE_RATE))
    return units.factor(f"({unit})/({rate})", "day") if unit else 1.0


def _loading_dose(name: str, loading: str | float | None, unit: str, problems: list[Problem]) -> float | None:
    """Return the loading dose in the unit of the other doses."""
    if loading is None:
        return None
    value, own = checked_amount(f"dose of {name}: loading {loading!r}", loading, problems)
    if not own or not unit:
        if own:
            what = f"has the unit {own!r}, but the other doses have none"
            problems.append(Problem(f"dose of {name}: loading {loading!r}", what, "units for both, or for neither"))
        return value
    try:
        return value * units.factor(own, unit)
    except UnitError as error:
        problems.append(Problem(f"dose of {name}: loading {loading!r}", error.problems[0].what, f"a dose in {unit}"))
        return None


def _count(name: str, count: int, each: int, problems: list[Problem]) -> int:
    """Return the number of doses, or of cycles of `each` doses."""
    number = int(count) if is_whole(count) else 0
    if not 1 <= number * each <= MAX_ADMINISTRATIONS:
        kind = "cycles" if each > 1 else "doses"
        right = f"a whole number from 1 to {MAX_ADMINISTRATIONS // each}"
        problems.append(Problem(f"dose of {name}: count={count!r}", f"is not a number of {kind}", right))
        return 1
    return number


def _cycle_days(name: str, days: Sequence[float], every: float, problems: list[Problem]) -> tuple[float, ...]:
    """Return the days of a cycle."""
    try:
        found = tuple(map(float, () if isinstance(days, str) else days)) if days is not None else ()
        wrong = isinstance(days, str)
    except (TypeError, ValueError):
        found, wrong = (), True
    last = every + 1 if every > 0 else math.inf
    if wrong or not all(1 <= d < last and math.isfinite(d) for d in found) or list(found) != sorted(set(found)):
        what, right = "are not days of a cycle", "increasing days, from day 1 and within every=, for example days=(1, 8)"
        problems.append(Problem(f"dose of {name}: days={days!r}", what, right))
        return ()
    return found


def _option_conflicts(name: str, count: int, days: tuple[float, ...], times: dict[str, float], weekdays: bool) -> list[Problem]:
    """Return the conflicts between options that are each valid."""
    where, every, over = f"dose of {name}", times["every"], times["over"]
    problems = []
    if count > 1 and every <= 0:
        right = "add every=, for example every='3 weeks'"
        problems.append(Problem(where, f"is given {count} times without an interval", right))
    if days and weekdays:
        right = "leave weekdays out and choose days that are weekdays; day 1 is a Monday if the start is"
        problems.append(Problem(where, "has both days of a cycle and weekdays", right))
    gap = _shortest_gap(count, days, every)
    if over > gap > 0:
        what = f"lasts {over:g} days, longer than the {gap:g} days between doses"
        problems.append(Problem(where, what, "a shorter over=, or a single long dose"))
    return problems


def _steady(name: str, days: tuple[float, ...], times: dict[str, float], weekdays: bool, loading: object) -> list[Problem]:
    """Return the conflicts of options with a steady state, which needs equal doses at equal intervals."""
    where, problems = f"dose of {name}: steady_state=True", []
    if times["every"] <= 0:
        problems.append(Problem(where, "has no interval", "add every=, for example every='3 weeks'"))
    elif times["over"] > times["every"]:
        what = f"lasts {times['over']:g} days, longer than the {times['every']:g} days between doses"
        problems.append(Problem(where, what, "a shorter over="))
    for given, what in ((days, "days of a cycle"), (weekdays, "weekdays"), (loading is not None, "a loading dose")):
        if given:
            right = "leave one out: a steady state needs equal doses at equal intervals"
            problems.append(Problem(where, f"is given together with {what}", right))
    return problems


def _shortest_gap(count: int, days: tuple[float, ...], every: float) -> float:
    """Return the shortest time between two doses of a rule, infinite if there is only one."""
    gaps = [b - a for a, b in zip(days, days[1:], strict=False)]
    if count > 1:
        gaps.append(every - (days[-1] - days[0]) if days else every)
    return min(gaps, default=math.inf)
