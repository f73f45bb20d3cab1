"""Regimens as text: one line per rule, and a calendar with one line per week."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from immunoode.regimen.covariate_series import LOCF, CovariateSeries
from immunoode.regimen.doses import WEEK, Dose
from immunoode.regimen.expand import Rule
from immunoode.regimen.schedule import MULTIPLY, REPLACE
from immunoode.regimen.state_change import StateChange
from immunoode.regimen.triggers import Trigger

_DURATION_UNITS = ((7.0, "week"), (1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"))
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MAX_LINES, _MAX_PERIOD, _MAX_VALUES = 24, 12, 6
_TIME_TOLERANCE = 1e-6
_Week = tuple[str, ...]


class RegimenParts(Protocol):
    """The parts of a `Regimen` that its text needs."""

    @property
    def title(self) -> str: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def triggers(self) -> tuple[Trigger, ...]: ...
    @property
    def doses(self) -> tuple[Dose, ...]: ...


def calendar(regimen: RegimenParts) -> str:
    """Return the regimen as text: title, rules, triggers and weeks."""
    if not regimen.rules and not regimen.triggers:
        return "Regimen without doses"
    head = [regimen.title] if regimen.title else []
    weeks = week_lines(regimen)
    return "\n".join([*head, *rule_lines(regimen), *(f"if {r}" for r in regimen.triggers), *(["", *weeks] if weeks else [])])


def rule_lines(regimen: RegimenParts) -> list[str]:
    """Return one line per rule."""
    lines = [(rule_name(rule), describe_rule(rule)) for rule in regimen.rules]
    width = max((len(name) for name, _ in lines), default=0)
    return [f"{name:<{width}}  {text}" for name, text in lines]


def rule_name(rule: Rule) -> str:
    """Return the name that a rule is about: a therapy, a parameter, or "everything"."""
    if isinstance(rule, CovariateSeries):
        return rule.parameter
    return rule.therapy or "everything"


def week_lines(regimen: RegimenParts) -> list[str]:
    """Return one line per week with one column per therapy; nothing for a single dose.

    Equal consecutive weeks share a line, and a pattern that repeats until the end is written once.
    """
    if len(regimen.doses) < 2 and all(len(d.times()) < 2 for d in regimen.doses):
        return []
    weeks = _weeks(regimen)
    therapies = tuple(dict.fromkeys(dose.therapy for dose in regimen.doses))
    cells = [tuple(_weekday_text(week.get(t)) for t in therapies) for week in weeks.values()]
    last, period = _repeating_pattern(cells)
    rows = _merge_equal_weeks(dict(zip(weeks, cells[:last], strict=False)))
    shown = rows[:_MAX_LINES]
    lines = _aligned([("week", *therapies), *((label, *row) for label, row in shown)])
    if len(shown) < len(rows):
        return [*lines, f"... to week {max(weeks)}"]
    return lines + ([f"... and so on every {period} weeks, to week {max(weeks)}"] if last < len(cells) else [])


def _aligned(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _repeating_pattern(cells: list[_Week]) -> tuple[int, int]:
    """Return the number of weeks up to the first repetition of a pattern that lasts until the end, and its period (0: none)."""
    best, number = (len(cells), 0), len(cells)
    for period in range(2, _MAX_PERIOD + 1):
        start = number - period
        while start > 0 and cells[start - 1] == cells[start - 1 + period]:
            start -= 1
        if start + 2 * period < number and start + period < best[0]:
            best = (start + period, period)
    return best


def _weeks(regimen: RegimenParts) -> dict[int, dict[str, Counter[int]]]:
    """Return the number of doses of each therapy per day (0 is Monday) of each week (1 is the first)."""
    weeks: dict[int, dict[str, Counter[int]]] = {}
    for dose in regimen.doses:
        for time in dose.times():
            number, day = divmod(math.floor(time + _TIME_TOLERANCE), WEEK)
            weeks.setdefault(number + 1, {}).setdefault(dose.therapy, Counter())[day] += 1
    return {number: weeks.get(number, {}) for number in range(min(weeks), max(weeks) + 1)}


def _weekday_text(days: Counter[int] | None) -> str:
    """Return the days of a week as text: "Mo", "Mo-Fr", "Mo We", "Mo x3"."""
    if not days:
        return "."
    if len(set(days.values())) == 1 and len(days) > 2 and max(days) - min(days) == len(days) - 1:
        return f"{_DAYS[min(days)]}-{_DAYS[max(days)]}" + _times_text(days[min(days)])
    return " ".join(_DAYS[day] + _times_text(number) for day, number in sorted(days.items()))


def _times_text(number: int) -> str:
    return f" x{number}" if number > 1 else ""


def _merge_equal_weeks(weeks: dict[int, _Week]) -> list[tuple[str, _Week]]:
    """Return the weeks with equal consecutive weeks merged: "2" or "2-4"."""
    runs: list[tuple[int, int, _Week]] = []
    for number, cells in weeks.items():
        if runs and runs[-1][2] == cells:
            runs[-1] = (runs[-1][0], number, cells)
        else:
            runs.append((number, number, cells))
    return [(str(first) if first == last else f"{first}-{last}", cells) for first, last, cells in runs]


def describe_rule(rule: Rule) -> str:
    """Return one rule as text: amount, duration, interval, count, days."""
    if isinstance(rule, Dose):
        return _dose(rule)
    return _series(rule) if isinstance(rule, CovariateSeries) else _change(rule)


def _dose(dose: Dose) -> str:
    text = amount_text(dose.amount, dose.unit)
    if dose.loading is not None:
        text += f" (first {amount_text(dose.loading, dose.unit)})"
    if dose.over:
        text += f" over {duration_text(dose.over)}"
    times = dose.times()
    days = f"day {times[0]:.4g}" if len(times) == 1 else f"days {times[0]:.4g} to {times[-1]:.4g}"
    return f"{text}{_cycles_text(dose) if dose.days else _repeats_text(dose)}{_steady(dose)}; {days}"


def _steady(dose: Dose) -> str:
    if not dose.steady:
        return ""
    if dose.count > 1:
        return ", the first at steady state"
    return f" at the steady state of every {duration_text(dose.every).removeprefix('1 ')}"


def _change(change: StateChange) -> str:
    texts = {REPLACE: f"replaced by {amount_text(change.amount, change.unit)}", MULTIPLY: f"multiplied by {change.amount:g}"}
    return f"{texts.get(change.action, 'reset')}; {_days_text(change.at)}"


def _series(series: CovariateSeries) -> str:
    """Return the measured values as text, shortened to the first and the last if there are many."""
    values = [f"{value:g}" for value in series.values]
    shown = values if len(values) <= _MAX_VALUES else [*values[: _MAX_VALUES - 2], "...", values[-1]]
    carried = "carried forward" if series.rule == LOCF else "carried backward"
    return f"{', '.join(shown)}, {carried}; {_days_text(series.measured)}"


def _days_text(times: Sequence[float]) -> str:
    """Return times as text: "day 3", "days 0, 21, 42", "days 0 to 420"."""
    if len(times) > _MAX_VALUES:
        return f"days {min(times):.4g} to {max(times):.4g}"
    return ("day " if len(times) == 1 else "days ") + ", ".join(f"{time:.4g}" for time in times)


def _cycles_text(dose: Dose) -> str:
    days = ", ".join(f"{day:g}" for day in dose.days)
    cycle = f" of each cycle of {duration_text(dose.every)}" if dose.every else ""
    return f" on days {days}{cycle}" + (f", {dose.count} cycles" if dose.count > 1 else "")


def _repeats_text(dose: Dose) -> str:
    if dose.count == 1:
        return ""
    every = duration_text(dose.every).removeprefix("1 ")
    return f" every {every}, {dose.count} doses" + (", weekdays only" if dose.weekdays else "")


def amount_text(amount: float, unit: str) -> str:
    """Return an amount as in protocols: "200 mg", "2e6 cells/kg", "AUC 5"."""
    if unit == "mg*min/mL":
        return f"AUC {amount:g}"
    number = f"{amount:g}" if abs(amount) < 1e6 else f"{amount:g}".replace("e+0", "e").replace("e+", "e")
    return f"{number} {unit}".rstrip()


def duration_text(days: float) -> str:
    """Return a duration in the largest unit of which it is a multiple: "3 weeks", "30 minutes"."""
    for size, name in _DURATION_UNITS:
        number = days / size
        if number >= 1 - _TIME_TOLERANCE and abs(number - round(number)) < 1e-6:
            return f"{round(number)} {name}" + ("s" if round(number) > 1 else "")
    return f"{days:g} days"
