"""Changes of the state other than doses: a compartment replaced or multiplied, or a reset of all, at stated times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from immunoode.errors import Problem, RegimenError
from immunoode.regimen.parsing import checked_amount, checked_name, checked_number, checked_times
from immunoode.regimen.schedule import MULTIPLY, REPLACE, RESET

_TIME_TOLERANCE = 1e-6
"""Days, as for doses: an event at the end of an interval is not part of it."""


@dataclass(frozen=True)
class StateChange:
    """A change of one compartment, or of all, at given times.

    Attributes
    ----------
    action : str
        "replace", "multiply" or "reset".
    therapy : str
        The input of a model whose compartment changes; "" for a reset.
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
        """Return the times of the change in days, in the order given."""
        return list(self.at)

    def amounts(self) -> list[float]:
        """Return the stated amount at each of the times."""
        return [self.amount] * len(self.at)

    def shifted(self, by: float) -> StateChange:
        """Return the change delayed by some days."""
        return replace(self, at=tuple(time + by for time in self.at))

    def before(self, time: float) -> tuple[StateChange, ...]:
        """Return the part of the change before a time in days, or nothing."""
        kept = tuple(t for t in self.at if t < time - _TIME_TOLERANCE)
        return (replace(self, at=kept),) if kept else ()


_At = str | float | Sequence[str | float]


def replacement(therapy: str, amount: str | float, at: _At) -> StateChange:
    """Return a checked replacement; see `Regimen.replace`."""
    problems: list[Problem] = []
    name = _therapy("replacement of", therapy, problems)
    value, unit = checked_amount(f"replacement of {name}: amount {amount!r}", amount, problems)
    return _change(REPLACE, name, value, unit, f"replacement of {name}", at, problems)


def multiplication(therapy: str, factor: float, at: _At) -> StateChange:
    """Return a checked multiplication; see `Regimen.multiply`."""
    problems: list[Problem] = []
    name = _therapy("multiplication of", therapy, problems)
    where = f"multiplication of {name}: factor {factor!r}"
    value = checked_number(where, factor, problems)
    if value < 0:
        problems.append(Problem(where, "is negative", "zero or more"))
    return _change(MULTIPLY, name, value, "", f"multiplication of {name}", at, problems)


def reset(at: _At) -> StateChange:
    """Return a checked reset; see `Regimen.reset`."""
    return _change(RESET, "", 0.0, "", "reset", at, [])


def _therapy(what: str, therapy: str, problems: list[Problem]) -> str:
    return checked_name(what, therapy, "therapy", "the name of a model's input, such as 'pembrolizumab'", problems)


def _change(action: str, name: str, amount: float, unit: str, where: str, at: _At, problems: list[Problem]) -> StateChange:
    times = checked_times(f"{where}: at={at!r}", at, problems)
    RegimenError.raise_if(problems)
    return StateChange(action, name, amount, unit, times)
