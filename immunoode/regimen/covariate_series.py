"""The course of a covariate: a parameter that belongs to the patient and changes in time, as it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from immunoode.errors import Problem, RegimenError
from immunoode.regimen.parsing import checked_days, checked_name, checked_number

LOCF, NOCB = "locf", "nocb"
RULES = (LOCF, NOCB)
_START = 0.0
"""Day from which the first value of "nocb" holds, unless it was measured earlier."""


@dataclass(frozen=True)
class Course:
    """Measured values of a parameter, and what holds between them.

    Attributes
    ----------
    parameter : str
        The name of a parameter of a model.
    values : tuple of float
        In the parameter's unit.
    measured : tuple of float
        When, days, increasing.
    rule : str
        "locf" (last observation carried forward): a value holds from its time until the next. "nocb" (next observation
        carried backward): a value holds from the time of the one before until its own; the last goes on.
    since : float
        Day from which the first value of "nocb" holds.
    """

    parameter: str
    values: tuple[float, ...]
    measured: tuple[float, ...]
    rule: str
    since: float = _START

    def steps(self) -> list[tuple[float, float]]:
        """Return from which day on each value holds, in order; a value that holds for no time is left out."""
        starts = self.measured if self.rule == LOCF else (self.since, *self.measured[:-1])
        return list(dict(zip(starts, self.values, strict=True)).items())

    def at(self, time: float) -> float | None:
        """Return the value at a time, days, that a dose stated by it is worked out with; None before there is one."""
        pairs = list(zip(self.measured, self.values, strict=True))
        if self.rule == LOCF:
            return next((value for start, value in reversed(pairs) if start <= time), None)
        if time < self.since:
            return None
        return next((value for end, value in pairs if end >= time), self.values[-1])

    def shifted(self, by: float) -> Course:
        """Return the course so many days later."""
        return replace(self, measured=tuple(time + by for time in self.measured), since=self.since + by)


def course(parameter: str, values: Any, times: Any, rule: str) -> Course:
    """Return a checked course; see `Regimen.set`.

    Raises
    ------
    RegimenError
        With everything that is wrong.
    """
    problems: list[Problem] = []
    name = checked_name("set of", parameter, "parameter", "a covariate of a model, such as 'weight'", problems)
    numbers = [checked_number(f"set of {name}: value {v!r}", v, problems) for v in _listed(values)]
    days = [checked_days(f"set of {name}: time {t!r}", t, problems, signed=True) for t in _listed(times)]
    where = f"set of {name}"
    if not numbers or len(numbers) != len(days):
        problems.append(Problem(where, f"has {len(numbers)} values and {len(days)} times", "one time for each value"))
    if any(b <= a for a, b in zip(days, days[1:], strict=False)):
        problems.append(Problem(f"{where}: times", "do not increase", "sort them, and leave one value at each time"))
    if rule not in RULES:
        right = "'locf' (a value holds until the next) or 'nocb' (since the one before)"
        problems.append(Problem(f"{where}: rule {rule!r}", "is not known", right))
    if problems:
        raise RegimenError(problems)
    return Course(name, tuple(numbers), tuple(days), rule, min(_START, days[0]))


def _listed(values: Any) -> Sequence[Any]:
    """Return one value as a list of one."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        return [values]
    return list(values)
