"""A regimen in words: a line for each rule, and a calendar with a line for each week."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from immunoode.regimen.covariate_series import LOCF, Course
from immunoode.regimen.doses import WEEK, Dose
from immunoode.regimen.expand import Rule
from immunoode.regimen.schedule import MULTIPLY, REPLACE
from immunoode.regimen.state_change import Change

if TYPE_CHECKING:
    from immunoode.regimen.regimen import Regimen

_SPANS = ((7.0, "week"), (1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"))
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MOST_LINES, _LONGEST_PERIOD, _MOST_VALUES = 24, 12, 6
_SLACK = 1e-6
_Week = tuple[str, ...]


def calendar(regimen: Regimen) -> str:
    """Return the regimen as text: its title, its rules, its weeks."""
    if not regimen.rules and not regimen.reactions:
        return "Regimen without doses"
    head = [regimen.title] if regimen.title else []
    weeks = week_lines(regimen)
    return "\n".join([*head, *rule_lines(regimen), *(f"if {r}" for r in regimen.reactions), *(["", *weeks] if weeks else [])])


def rule_lines(regimen: Regimen) -> list[str]:
    """Return a line for each rule."""
    lines = [(subject(rule), describe(rule)) for rule in regimen.rules]
    width = max((len(name) for name, _ in lines), default=0)
    return [f"{name:<{width}}  {words}" for name, words in lines]


def subject(rule: Rule) -> str:
    """Return what a rule is about: a therapy, a parameter, or everything."""
    if isinstance(rule, Course):
        return rule.parameter
    return rule.therapy or "everything"


def week_lines(regimen: Regimen) -> list[str]:
    """Return a line for each week, a column for each therapy that is given; none for a single day.

    Weeks that are alike share a line, and a rhythm that goes on to the end is written once.
    """
    if len(regimen.doses) < 2 and all(len(d.times()) < 2 for d in regimen.doses):
        return []
    weeks = _weeks(regimen)
    therapies = tuple(dict.fromkeys(dose.therapy for dose in regimen.doses))
    cells = [tuple(_on(week.get(t)) for t in therapies) for week in weeks.values()]
    last, period = _rhythm(cells)
    rows = _runs(dict(zip(weeks, cells[:last], strict=False)))
    shown = rows[:_MOST_LINES]
    lines = _columns([("week", *therapies), *((label, *row) for label, row in shown)])
    if len(shown) < len(rows):
        return [*lines, f"... to week {max(weeks)}"]
    return lines + ([f"... and so on every {period} weeks, to week {max(weeks)}"] if last < len(cells) else [])


def _columns(table: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _rhythm(cells: list[_Week]) -> tuple[int, int]:
    """Return how many weeks tell all of a regimen that ends in a rhythm, and its period; all of them if there is none."""
    best, number = (len(cells), 0), len(cells)
    for period in range(2, _LONGEST_PERIOD + 1):
        start = number - period
        while start > 0 and cells[start - 1] == cells[start - 1 + period]:
            start -= 1
        if start + 2 * period < number and start + period < best[0]:
            best = (start + period, period)
    return best


def _weeks(regimen: Regimen) -> dict[int, dict[str, Counter[int]]]:
    """Return how often each therapy is given on each day (0 is Monday) of each week (1 is the first)."""
    weeks: dict[int, dict[str, Counter[int]]] = {}
    for dose in regimen.doses:
        for time in dose.times():
            number, day = divmod(math.floor(time + _SLACK), WEEK)
            weeks.setdefault(number + 1, {}).setdefault(dose.therapy, Counter())[day] += 1
    return {number: weeks.get(number, {}) for number in range(min(weeks), max(weeks) + 1)}


def _on(days: Counter[int] | None) -> str:
    """Return the days of a week as text: "Mo", "Mo-Fr", "Mo We", "Mo x3"."""
    if not days:
        return "."
    if len(set(days.values())) == 1 and len(days) > 2 and max(days) - min(days) == len(days) - 1:
        return f"{_DAYS[min(days)]}-{_DAYS[max(days)]}" + _times(days[min(days)])
    return " ".join(_DAYS[day] + _times(number) for day, number in sorted(days.items()))


def _times(number: int) -> str:
    return f" x{number}" if number > 1 else ""


def _runs(weeks: dict[int, _Week]) -> list[tuple[str, _Week]]:
    """Return the weeks with neighbours that are alike put together: "2" or "2-4"."""
    runs: list[tuple[int, int, _Week]] = []
    for number, cells in weeks.items():
        if runs and runs[-1][2] == cells:
            runs[-1] = (runs[-1][0], number, cells)
        else:
            runs.append((number, number, cells))
    return [(str(first) if first == last else f"{first}-{last}", cells) for first, last, cells in runs]


def describe(rule: Rule) -> str:
    """Return one rule in words: amount, duration, interval, count, days."""
    if isinstance(rule, Dose):
        return _dose(rule)
    return _course(rule) if isinstance(rule, Course) else _change(rule)


def _dose(dose: Dose) -> str:
    text = stated(dose.amount, dose.unit)
    if dose.loading is not None:
        text += f" (first {stated(dose.loading, dose.unit)})"
    if dose.over:
        text += f" over {span(dose.over)}"
    times = dose.times()
    days = f"day {times[0]:.4g}" if len(times) == 1 else f"days {times[0]:.4g} to {times[-1]:.4g}"
    return f"{text}{_in_cycles(dose) if dose.days else _repeated(dose)}{_steady(dose)}; {days}"


def _steady(dose: Dose) -> str:
    if not dose.steady:
        return ""
    if dose.count > 1:
        return ", the first at steady state"
    return f" at the steady state of every {span(dose.every).removeprefix('1 ')}"


def _change(change: Change) -> str:
    words = {REPLACE: f"replaced by {stated(change.amount, change.unit)}", MULTIPLY: f"multiplied by {change.amount:g}"}
    return f"{words.get(change.action, 'reset')}; {_on_days(change.at)}"


def _course(course: Course) -> str:
    """Return the measured values in words, the first and the last of many."""
    values = [f"{value:g}" for value in course.values]
    shown = values if len(values) <= _MOST_VALUES else [*values[: _MOST_VALUES - 2], "...", values[-1]]
    carried = "carried forward" if course.rule == LOCF else "carried backward"
    return f"{', '.join(shown)}, {carried}; {_on_days(course.measured)}"


def _on_days(times: Sequence[float]) -> str:
    """Return times as text: "day 3", "days 0, 21, 42", "days 0 to 420"."""
    if len(times) > _MOST_VALUES:
        return f"days {min(times):.4g} to {max(times):.4g}"
    return ("day " if len(times) == 1 else "days ") + ", ".join(f"{time:.4g}" for time in times)


def _in_cycles(dose: Dose) -> str:
    days = ", ".join(f"{day:g}" for day in dose.days)
    cycle = f" of each cycle of {span(dose.every)}" if dose.every else ""
    return f" on days {days}{cycle}" + (f", {dose.count} cycles" if dose.count > 1 else "")


def _repeated(dose: Dose) -> str:
    if dose.count == 1:
        return ""
    every = span(dose.every).removeprefix("1 ")
    return f" every {every}, {dose.count} doses" + (", weekdays only" if dose.weekdays else "")


def stated(amount: float, unit: str) -> str:
    """Return an amount as it is written in protocols: "200 mg", "2e6 cells/kg", "AUC 5"."""
    if unit == "mg*min/mL":
        return f"AUC {amount:g}"
    number = f"{amount:g}" if abs(amount) < 1e6 else f"{amount:g}".replace("e+0", "e").replace("e+", "e")
    return f"{number} {unit}".rstrip()


def span(days: float) -> str:
    """Return a duration in the largest unit that it is a multiple of: "3 weeks", "30 minutes"."""
    for size, name in _SPANS:
        number = days / size
        if number >= 1 - _SLACK and abs(number - round(number)) < 1e-6:
            return f"{round(number)} {name}" + ("s" if round(number) > 1 else "")
    return f"{days:g} days"
