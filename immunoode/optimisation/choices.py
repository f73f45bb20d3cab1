"""Decision variables: numbers within bounds, numbers on a calendar, or one of several options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.number_checks import is_number, is_whole

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A number, or several numbers, within bounds.

    Attributes
    ----------
    low, high : float
        Bounds, in the unit that the regimen expects.
    start : float or sequence, optional
        The starting value; by default the midpoint.
    step : float, optional
        The step if only low, low + step, low + 2 step, ... are allowed, such as whole days or vials.
    size : int, optional
        The number of values, if the regimen expects an array.

    Raises
    ------
    SolveError
        If bounds, start and step are inconsistent.
    """

    low: float
    high: float
    start: Any = None
    step: float | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        problems = self._of_wrong_kind()
        SolveError.raise_if(problems)
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            problems.append(Problem("Choice", f"is from {self.low!r} to {self.high!r}", "a lower bound below an upper one"))
        elif not ((self.begin >= self.low) & (self.begin <= self.high)).all():
            problems.append(Problem("Choice", f"starts at {self.start!r}", f"within {self.low:g} and {self.high:g}"))
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            right = f"a positive step of at most {self.high - self.low:g}, from one bound to the other"
            problems.append(Problem("Choice", f"has the step {self.step!r}", right))
        SolveError.raise_if(problems)

    def _of_wrong_kind(self) -> list[Problem]:
        """Return the problems of fields of the wrong kind."""
        right = "a plain number, in the unit that the regimen expects"
        fields = {"low": self.low, "high": self.high, "step": 0 if self.step is None else self.step}
        problems = [Problem(f"Choice: {n}", f"is {v!r:.60}", right) for n, v in fields.items() if not is_number(v)]
        if self.size is not None and not is_whole(self.size, 1):
            problems.append(Problem("Choice: size", f"is {self.size!r:.60}", "the number of values, 1 or more"))
        if problems:
            return problems
        try:
            _ = self.begin
        except (TypeError, ValueError):
            how_many = "one number" if self.size is None else f"one number, or {self.size} of them"
            return [Problem("Choice: start", f"is {self.start!r:.60}", how_many)]
        return []

    @property
    def count(self) -> int:
        """The number of values."""
        return 1 if self.size is None else self.size

    @property
    def begin(self) -> FloatArray:
        """The starting values, shape (count,)."""
        middle = (self.low + self.high) / 2 if self.start is None else self.start
        return np.broadcast_to(np.asarray(middle, float), (self.count,)).copy()


@dataclass(frozen=True)
class Choices:
    """All decision variables: numbers by name, and lists of options.

    Attributes
    ----------
    numbers : mapping of str to Choice
    options : mapping of str to tuple
    """

    numbers: Mapping[str, Choice]
    options: Mapping[str, tuple[Any, ...]]

    @property
    def low(self) -> FloatArray:
        """Lower bounds of all numbers, shape (n,)."""
        return self._joined([np.full(c.count, c.low) for c in self.numbers.values()])

    @property
    def high(self) -> FloatArray:
        """Upper bounds of all numbers, shape (n,)."""
        return self._joined([np.full(c.count, c.high) for c in self.numbers.values()])

    @property
    def begin(self) -> FloatArray:
        """The starting values, shape (n,)."""
        return self._joined([c.begin for c in self.numbers.values()])

    @property
    def steps(self) -> FloatArray:
        """Steps of calendars, 0 for numbers without a calendar, shape (n,)."""
        return self._joined([np.full(c.count, c.step or 0.0) for c in self.numbers.values()])

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each number: `dose`, or `dose[0]`, `dose[1]` if there are several."""
        return tuple(name if c.size is None else f"{name}[{k}]" for name, c in self.numbers.items() for k in range(c.count))

    def named(self, x: FloatArray) -> dict[str, Any]:
        """Return numbers (n,) by name, as the regimen expects them."""
        found, at = dict[str, Any](), 0
        for name, c in self.numbers.items():
            part = x[at : at + c.count]
            found[name], at = (float(part[0]) if c.size is None else part.copy()), at + c.count
        return found

    @staticmethod
    def _joined(parts: list[FloatArray]) -> FloatArray:
        return np.concatenate(parts) if parts else np.zeros(0)


def choices(given: Mapping[str, Any]) -> Choices:
    """Return the decision variables, from `Choice`, pairs of bounds, and lists of options.

    Raises
    ------
    SolveError
        If something is none of these, or there are no decision variables.
    """
    numbers, options, problems = dict[str, Choice](), dict[str, tuple[Any, ...]](), []
    for name, value in given.items() if isinstance(given, Mapping) else ():
        if isinstance(value, Choice):
            numbers[str(name)] = value
        elif isinstance(value, tuple) and len(value) == 2:
            try:
                numbers[str(name)] = Choice(*value)
            except SolveError as error:
                problems += [Problem(f"choose: {name!r}: {p.where}", p.what, p.right) for p in error.problems]
        elif isinstance(value, (list, range)) and len(value):
            options[str(name)] = tuple(value)
        else:
            right = "bounds (0, 100), Choice(0, 100, step=25), or a list of options [1, 2, 3]"
            problems.append(Problem(f"choose: {name!r}", f"is {value!r:.60}", right))
    if not (numbers or options or problems):
        problems.append(Problem("choose", "is empty", "for example {'dose': (0, 100)}"))
    SolveError.raise_if(problems)
    return Choices(numbers, options)
