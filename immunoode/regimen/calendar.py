"""A regimen in words: a line for each rule, and the first weeks day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from immunoode.regimen.doses import Dose

if TYPE_CHECKING:
    from immunoode.regimen.regimen import Regimen

_SPANS = ((7.0, "week"), (1.0, "day"), (1 / 24, "hour"), (1 / 1440, "minute"))


def calendar(regimen: Regimen) -> str:
    """Return the regimen as text."""
    if not regimen.doses:
        return "Regimen without doses"
    head = [regimen.title] if regimen.title else []
    width = max(len(d.therapy) for d in regimen.doses)
    return "\n".join([*head, *(f"{d.therapy:<{width}}  {describe(d)}" for d in regimen.doses)])


def describe(dose: Dose) -> str:
    """Return one rule in words: amount, duration, interval, count, days."""
    text = f"{dose.amount:g} {dose.unit}".rstrip()
    if dose.loading is not None:
        text += f" (first {dose.loading:g} {dose.unit})"
    if dose.over:
        text += f" over {span(dose.over)}"
    if dose.days:
        text += (
            " on days "
            + ", ".join(f"{d:g}" for d in dose.days)
            + (f" of each {span(dose.every)} cycle" if dose.every else "")
        )
        text += f", {dose.count} cycles" if dose.count > 1 else ""
    elif dose.count > 1:
        text += f" every {span(dose.every)}, {dose.count} doses" + (", weekdays only" if dose.weekdays else "")
    times = dose.times()
    return text + (f"; day {times[0]:g}" if len(times) == 1 else f"; days {times[0]:g} to {times[-1]:g}")


def span(days: float) -> str:
    """Return a duration in the largest unit that it is a multiple of: "3 weeks", "30 minutes"."""
    for size, name in _SPANS:
        number = days / size
        if number >= 1 and abs(number - round(number)) < 1e-6:
            return f"{round(number)} {name}" + ("s" if round(number) > 1 else "")
    return f"{days:g} days"
