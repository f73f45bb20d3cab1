"""Changes that are no doses: a compartment replaced or multiplied, everything reset, at stated times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from immunoode.errors import Problem, RegimenError
from immunoode.regimen.parsing import checked_amount, checked_name, checked_number, checked_times
from immunoode.regimen.schedule import MULTIPLY, REPLACE, RESET

_SLACK = 1e-6
"""Days, as for doses: what is due at the end of a span is not in it."""


@dataclass(frozen=True)
class Change:
    """What happens to a compartment, or to all, at some times.

    Attributes
    ----------
    action : str
        "replace", "multiply" or "reset".
    therapy : str
        The name of an input of a model, whose compartment is changed; "" for a reset.
    amount, unit : float, str
        As stated; a factor without a unit for "multiply", 0 for "reset".
    at : tuple of float
        Days.
    """

    action: str
    therapy: str
    amount: float
    unit: str
    at: tuple[float, ...]

    def times(self) -> list[float]:
        """Return when it happens, days, in the order given."""
        return list(self.at)

    def amounts(self) -> list[float]:
        """Return the amount at each of the times, as stated."""
        return [self.amount] * len(self.at)

    def shifted(self, by: float) -> Change:
        """Return the change so many days later."""
        return replace(self, at=tuple(time + by for time in self.at))

    def before(self, time: float) -> tuple[Change, ...]:
        """Return what of it happens before a time, days."""
        kept = tuple(t for t in self.at if t < time - _SLACK)
        return (replace(self, at=kept),) if kept else ()


_At = str | float | Sequence[str | float]


def replacement(therapy: str, amount: str | float, at: _At) -> Change:
    """Return a checked replacement; see `Regimen.replace`."""
    problems: list[Problem] = []
    name = _therapy("replacement of", therapy, problems)
    value, unit = checked_amount(f"replacement of {name}: amount {amount!r}", amount, problems)
    return _change(REPLACE, name, value, unit, f"replacement of {name}", at, problems)


def multiplication(therapy: str, factor: float, at: _At) -> Change:
    """Return a checked multiplication; see `Regimen.multiply`."""
    problems: list[Problem] = []
    name = _therapy("multiplication of", therapy, problems)
    where = f"multiplication of {name}: factor {factor!r}"
    value = checked_number(where, factor, problems)
    if value < 0:
        problems.append(Problem(where, "is negative", "zero or more"))
    return _change(MULTIPLY, name, value, "", f"multiplication of {name}", at, problems)


def reset(at: _At) -> Change:
    """Return a checked reset; see `Regimen.reset`."""
    return _change(RESET, "", 0.0, "", "reset", at, [])


def _therapy(what: str, therapy: str, problems: list[Problem]) -> str:
    return checked_name(what, therapy, "therapy", "the name of a model's input, such as 'pembrolizumab'", problems)


def _change(action: str, name: str, amount: float, unit: str, where: str, at: _At, problems: list[Problem]) -> Change:
    times = checked_times(f"{where}: at={at!r}", at, problems)
    if problems:
        raise RegimenError(problems)
    return Change(action, name, amount, unit, times)
