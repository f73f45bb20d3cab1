"""Time-varying covariates: measured values of a parameter of the subject, and interpolation between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from immunoode.errors import Problem, RegimenError
from immunoode.regimen.parsing import checked_days, checked_name, checked_number

LOCF, NOCB = "locf", "nocb"
RULES = (LOCF, NOCB)
_START = 0.0
"""Day from which the first value of "nocb" holds, unless it was measured before that day."""


@dataclass(frozen=True)
class CovariateSeries:
    """Measured values of a parameter, and the rule for the times between them.

    Attributes
    ----------
    parameter : str
        The name of a parameter of a model.
    values : tuple of float
        In the parameter's unit.
    measured : tuple of float
        The days of measurement, increasing.
    rule : str
        "locf" (last observation carried forward): a value holds from its time until the next. "nocb" (next observation
        carried backward): a value holds from the previous time until its own; the last one holds for ever.
    since : float
        Day from which the first value of "nocb" holds.
    """

    parameter: str
    values: tuple[float, ...]
    measured: tuple[float, ...]
    rule: str
    since: float = _START

    def steps(self) -> list[tuple[float, float]]:
        """Return the pairs of day and value at which the covariate changes, in order; values that never hold are left out."""
        starts = self.measured if self.rule == LOCF else (self.since, *self.measured[:-1])
        return list(dict(zip(starts, self.values, strict=True)).items())

    def at(self, time: float) -> float | None:
        """Return the value at a time in days, by which doses per kg or m2 are calculated; None before the first value."""
        pairs = list(zip(self.measured, self.values, strict=True))
        if self.rule == LOCF:
            return next((value for start, value in reversed(pairs) if start <= time), None)
        if time < self.since:
            return None
        return next((value for end, value in pairs if end >= time), self.values[-1])

    def shifted(self, by: float) -> CovariateSeries:
        """Return the series delayed by some days."""
        return replace(self, measured=tuple(time + by for time in self.measured), since=self.since + by)


def covariate_series(parameter: str, values: Any, times: Any, rule: str) -> CovariateSeries:
    """Return a checked covariate series; see `Regimen.set`.

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
        problems.append(Problem(where, f"has {len(numbers)} values and {len(days)} times", "one time per value"))
    if any(b <= a for a, b in zip(days, days[1:], strict=False)):
        problems.append(Problem(f"{where}: times", "do not increase", "sorted times, with one value per time"))
    if rule not in RULES:
        right = "'locf' (a value holds until the next one) or 'nocb' (a value holds from the previous one until its own time)"
        problems.append(Problem(f"{where}: rule {rule!r}", "is not known", right))
    RegimenError.raise_if(problems)
    return CovariateSeries(name, tuple(numbers), tuple(days), rule, min(_START, days[0]))


def _listed(values: Any) -> Sequence[Any]:
    """Return the values as a list; a single value becomes a list of one."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        return [values]
    return list(values)
