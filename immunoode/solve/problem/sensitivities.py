"""The quantities that sensitivities refer to, and the chain rule that yields the sensitivity equations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.equations import Equations
from immunoode.model.expressions import first_dose
from immunoode.model.symbolic import Expr, derivative

PARAMETER, INITIAL, AMOUNT, TIME = "parameter", "initial", "amount", "time"
_BEFORE = 2
"""Padding before the states, so that they begin at a multiple of four."""
_SPOKEN = re.compile(r"(initial|amount|time)\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\)")


@dataclass(frozen=True)
class SensitivityParameter:
    """One quantity with respect to which outputs are differentiated.

    `kind` is "parameter"; "initial", the initial value of a state; "amount", that of an input's doses, in its unit; or
    "time", the time of the doses in days. It applies to all doses of the input if `which` is None, otherwise to one of them:
    0 is the first.
    """

    kind: str
    name: str
    which: int | None = None

    def __str__(self) -> str:
        if self.kind == PARAMETER:
            return self.name
        return f"{self.kind}({self.name})" if self.which is None else f"{self.kind}({self.name}, {self.which})"


def sensitivity_parameters(
    given: str | Iterable[str], equations: Equations, where: str = "sensitivities"
) -> tuple[SensitivityParameter, ...]:
    """Parse the requested quantities: "growth_rate", "initial(tumour)", "amount(pembrolizumab)", "time(pembrolizumab, 2)".

    Raises
    ------
    SolveError
        If one is unknown, or requested twice.
    """
    texts = [given] if isinstance(given, str) else list(given)
    known = {
        PARAMETER: equations.parameters,
        INITIAL: equations.states,
        AMOUNT: tuple(equations.inputs),
        TIME: tuple(equations.inputs),
    }
    found = [_read(str(text)) for text in texts]
    problems = [
        Problem(f"{where}: {str(by)!r}", f"{by.name!r} is not known", nearest(by.name, known[by.kind]))
        for by in found
        if by.name not in known[by.kind]
    ]
    problems += [
        Problem(where, f"{str(by)!r} is requested twice", "once")
        for by in dict.fromkeys(b for b in found if found.count(b) > 1)
    ]
    SolveError.raise_if(problems)
    return tuple(found)


def _read(text: str) -> SensitivityParameter:
    spoken = _SPOKEN.fullmatch(text.strip())
    if spoken is None:
        return SensitivityParameter(PARAMETER, text.strip())
    kind, name, which = spoken.groups()
    return SensitivityParameter(kind, name, None if which is None or kind == INITIAL else int(which))


class TotalDerivative:
    """The symbols of the packed input, and total derivatives over them."""

    def __init__(self, equations: Equations, by: tuple[SensitivityParameter, ...], filling: int) -> None:
        import symengine as se

        self.by = by
        self.zero = se.Integer(0)
        self.time, self.dose = se.Symbol("time"), se.Symbol("dose")
        self.states = [se.Symbol(name) for name in equations.states]
        self.parameters = [se.Symbol(name) for name in equations.parameters]
        self.clocks = [se.Symbol(first_dose(name)) for name in equations.counted]
        self._counted = equations.counted
        self._derivatives = [[se.Symbol(f"{s} by {k}") for s in equations.states] for k in range(len(by))]
        self._direction = [se.Symbol(f"along {s}") for s in equations.states] if by else []
        self._dose_rates = [se.Symbol(f"dose by {k}") for k in range(len(by))]
        self._filling = [se.Symbol(f"filling {i}") for i in range(_BEFORE + filling)]
        self._places = {str(s): i for i, s in enumerate(self.states)}
        self._names = equations.states

    def inputs(self, constants: Sequence[Expr]) -> list[Expr]:
        """Return the symbols of the packed input, in order."""
        every = [s for row in self._derivatives for s in row]
        before, after = self._filling[:_BEFORE], self._filling[_BEFORE:]
        states = [*before, *self.states, *every, *after]
        return [self.time, self.dose, *states, *self.parameters, *self.clocks, *constants, *self._direction, *self._dose_rates]

    @property
    def extra(self) -> int:
        """The number of symbols after the constants."""
        return len(self._direction) + len(self._dose_rates)

    def with_derivatives(self, values: Sequence[Expr], dosed: bool = False, start: bool = False) -> list[Expr]:
        """Return values followed by their derivatives with respect to the first of `by`, the second, and so on.

        With `dosed`, the dose may depend on them as well; at the `start`, one of `by` may be an initial value.
        """
        result = list(values)
        for k, by in enumerate(self.by):
            result += [self._derivative(value, k, dosed) for value in values]
            if start and by.kind == INITIAL:
                result[-len(values) + self._names.index(by.name)] += 1
        return result

    def derivatives(self, value: Expr) -> list[Expr]:
        """Return the total derivatives of one expression."""
        return [self._derivative(value, k, False) for k in range(len(self.by))]

    def _derivative(self, value: Expr, k: int, dosed: bool) -> Expr:
        used = {str(s) for s in value.free_symbols}
        total = self.explicit(value, k)
        for name in sorted(used & self._places.keys()):
            i = self._places[name]
            total = total + derivative(value, self.states[i]) * self._derivatives[k][i]
        if dosed and str(self.dose) in used:
            total = total + derivative(value, self.dose) * self._dose_rates[k]
        return total

    def explicit(self, value: Expr, k: int) -> Expr:
        """Return the derivative of an expression with respect to number k of `by`, at constant states."""
        by, total = self.by[k], self.zero
        if by.kind == PARAMETER and by.name in {str(s) for s in value.free_symbols}:
            total = total + derivative(value, self.parameters[self._parameter(by.name)])
        if by.kind == TIME and by.name in self._counted and by.which in (None, 0):
            total = total + derivative(value, self.clocks[self._counted.index(by.name)])
        return total

    def _parameter(self, name: str) -> int:
        return [str(p) for p in self.parameters].index(name)

    def along_direction(self, value: Expr) -> Expr:
        """Return the derivative with respect to the model's states along `direction`."""
        used = {str(s) for s in value.free_symbols}
        total = self.zero
        for name in sorted(used & self._places.keys()):
            i = self._places[name]
            total = total + derivative(value, self.states[i]) * self._direction[i]
        return total
