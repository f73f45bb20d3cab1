"""Numerical evaluation of expressions."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from immunoode.errors import ImmunoodeError
from immunoode.model.expressions import TIME, function_of, names_in, parse

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _exp(x: float) -> float:
    """Return exp(x), or infinity on overflow, as compiled code does."""
    return math.exp(x) if x < 709.0 else math.inf


_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "exp": _exp,
    "log": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "abs": abs,
    "tanh": math.tanh,
    "sin": math.sin,
    "cos": math.cos,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "floor": math.floor,
    "min": min,
    "max": max,
}


Values = Callable[[str], float]
"""Returns the value of a name."""


def evaluate(text: str, value: Values, tolerance: float = 0.0) -> float:
    """Return the value of an expression, or NaN if it is undefined (division by zero, logarithm of zero).

    Parameters
    ----------
    text : str
        An expression with arithmetic, elementary functions and piecewise.
    value : callable
        Returns the value of a name.
    tolerance : float
        Relative tolerance for equality of the sides of comparisons with time.
    """
    try:
        found = _number(parse(text), value, tolerance)
        return float(found) if not isinstance(found, complex) else math.nan
    except ImmunoodeError:
        raise
    except (ArithmeticError, ValueError):
        return math.nan


def values_of(given: Mapping[str, float], formulas: Mapping[str, str], tolerance: float = 0.0) -> Values:
    """Return the function of a name's value: a given value, or that of its formula."""
    known = dict(given)

    def value(name: str) -> float:
        if name not in known:
            known[name] = evaluate(formulas[name], value, tolerance)
        return known[name]

    return value


def dependencies(text: str, formulas: Mapping[str, str]) -> set[str]:
    """Return all names that an expression depends on, directly or through formulas."""
    found, waiting = set[str](), [text]
    while waiting:
        new = names_in(waiting.pop()) - found
        found |= new
        waiting += [formulas[name] for name in new if name in formulas]
    return found


def _number(node: ast.expr, value: Values, tolerance: float = 0.0) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return value(node.id)
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_number(node.left, value, tolerance), _number(node.right, value, tolerance))
    if isinstance(node, ast.UnaryOp):
        inner = _number(node.operand, value, tolerance)
        return -inner if isinstance(node.op, ast.USub) else inner
    assert isinstance(node, ast.Call)
    if function_of(node) == "piecewise":
        return _piecewise(node.args, value, tolerance)
    return _FUNCTIONS[function_of(node)](*(_number(a, value, tolerance) for a in node.args))


def _piecewise(arguments: list[ast.expr], value: Values, tolerance: float) -> Any:
    for part, condition in zip(arguments[0:-1:2], arguments[1::2], strict=True):
        if holds(condition, value, tolerance):
            return _number(part, value, tolerance)
    return _number(arguments[-1], value, tolerance)


def holds(node: ast.expr, value: Values, tolerance: float = 0.0) -> bool:
    """Return whether a condition holds; `tolerance` is as for `evaluate`."""
    if isinstance(node, ast.BoolOp):
        together = all if isinstance(node.op, ast.And) else any
        return together(holds(part, value, tolerance) for part in node.values)
    if isinstance(node, ast.UnaryOp):
        return not holds(node.operand, value, tolerance)
    assert isinstance(node, ast.Compare)
    left, right = (_number(side, value, tolerance) for side in (node.left, node.comparators[0]))
    if tolerance and _timed(node) and math.isfinite(right) and abs(left - right) <= tolerance * max(abs(left), abs(right)):
        left = right
    return _COMPARE[type(node.ops[0])](left, right)


def _timed(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == TIME for part in ast.walk(node))
