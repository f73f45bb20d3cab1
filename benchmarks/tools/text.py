"""Expressions as text in the language of a tool."""

from __future__ import annotations

from typing import Any


def render(expression: Any, names: dict[str, str], power: str = "pow({}, {})") -> str:
    """Return an expression as text: quotients and small whole powers as such, other powers as `power` says."""
    if expression.is_Symbol:
        return names.get(str(expression), str(expression))
    if expression.is_Number:
        return repr(float(expression)) if float(expression) >= 0 else f"({float(expression)!r})"
    kind, args = type(expression).__name__, expression.args
    if kind == "Add":
        return "(" + " + ".join(render(a, names, power) for a in args) + ")"
    if kind == "Mul":
        return _product(args, names, power)
    if kind == "Pow":
        return _power(*args, names, power)
    if kind in ("Exp", "exp"):
        return f"exp({render(args[0], names, power)})"
    if kind in ("Log", "log"):
        return f"log({render(args[0], names, power)})"
    raise ValueError(f"{kind} is not needed by these problems")


def _product(args: Any, names: dict[str, str], power: str) -> str:
    below = [a for a in args if type(a).__name__ == "Pow" and a.args[1].is_Number and float(a.args[1]) < 0]
    above = [a for a in args if a not in below]
    text = " * ".join(render(a, names, power) for a in above) or "1.0"
    for a in below:
        text += f" / {_power(a.args[0], -a.args[1], names, power)}"
    return f"({text})"


def _power(base: Any, exponent: Any, names: dict[str, str], power: str) -> str:
    text = render(base, names, power)
    if exponent.is_Number:
        value = float(exponent)
        if value < 0:
            return f"(1.0 / {_power(base, -exponent, names, power)})"
        if value in (1.0, 2.0, 3.0):
            return "(" + " * ".join([text] * int(value)) + ")"
    return power.format(text, render(exponent, names, power))


def assignments(problem: Any, state: str, parameter: str, step: str, power: str = "pow({}, {})") -> tuple[Any, list[str]]:
    """Return [(name, text)] of common subexpressions and the texts of the rates; names are patterns such as "y[{}]"."""
    names = {s: state.format(i) for i, s in enumerate(problem.states)}
    names |= {p: parameter.format(i) for i, p in enumerate(problem.parameters)}
    found, rates = problem.steps
    names |= {str(symbol): step.format(i) for i, (symbol, _) in enumerate(found)}
    steps = [(step.format(i), render(e, names, power)) for i, (_, e) in enumerate(found)]
    return steps, [render(r, names, power) for r in rates]
