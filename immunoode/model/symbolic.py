"""Expressions as SymEngine trees, built node by node, because SymEngine's own parser can crash the process."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Protocol

from immunoode.model.expressions import SINCE_FIRST, TIME, dose_of, first_dose, function_of, parse, role_of

Expr = Any
"""A SymEngine expression; the library has no types."""


_EXACT, _EXACT_POWER = 1, 64
"""The largest integer, and integer exponent, that SymEngine treats exactly."""


class Switches(Protocol):
    """Replacements of comparisons and steps (floor) in a tree."""

    def comparison(self, left: Expr, right: Expr, strict: bool) -> Expr:
        """Return a condition for left < right, or left <= right."""

    def step(self, argument: Expr) -> Expr:
        """Return an expression for the floor of the argument."""


def symbolic(
    text: str, of_name: Callable[[str], Expr], of_role: Callable[[str], Expr], switches: Switches | None = None
) -> Expr:
    """Return an expression as a SymEngine tree.

    Parameters
    ----------
    text : str
        A valid expression.
    of_name, of_role : callable
        Return the tree of a name, and of the sum over a role.
    switches : Switches, optional
        Replacements of comparisons and steps; by default there are none.
    """
    return _Builder(of_name, of_role, switches).visit(parse(text))


def minimum(a: Expr, b: Expr) -> Expr:
    """Return min(a, b) as a piecewise, which has a derivative, unlike SymEngine's Min."""
    import symengine as se

    return se.Piecewise((a, a <= b), (b, True))


def maximum(a: Expr, b: Expr) -> Expr:
    """Return max(a, b) as a piecewise."""
    import symengine as se

    return se.Piecewise((a, a >= b), (b, True))


def size_of_terms(expression: Expr) -> Expr:
    """Return the sum of the absolute values of the terms that are added up in an expression: what its rounding error is
    relative to."""
    kind = type(expression).__name__
    if kind == "Add":
        total = size_of_terms(expression.args[0])
        for term in expression.args[1:]:
            total = total + size_of_terms(term)
        return total
    if kind == "Mul":
        product = size_of_terms(expression.args[0])
        for factor in expression.args[1:]:
            product = product * size_of_terms(factor)
        return product
    if not expression.free_symbols:
        return abs(expression)
    return maximum(expression, -expression)


def derivative(expression: Expr, symbol: Expr) -> Expr:
    """Return the derivative of an expression with respect to a symbol.

    SymEngine's derivative of (a x) ** p is p (a x) ** p / x, which is 0 / 0 at x = 0; here it is p a (a x) ** (p - 1).
    """
    import symengine as se

    steps = expression.atoms(se.floor)
    if steps:  # constant between their jumps
        stairs = {step: se.Symbol(f"step {k}") for k, step in enumerate(steps)}
        between = derivative(expression.xreplace(stairs), symbol)
        return between.xreplace({name: step for step, name in stairs.items()})
    parts = _special_parts(expression, symbol)
    if not parts:
        return expression.diff(symbol)
    names = {part: se.Symbol(f"part {k}") for k, part in enumerate(parts)}
    without = expression.xreplace(names)
    back = {name: part for part, name in names.items()}
    total = without.diff(symbol).xreplace(back)
    for part, name in names.items():
        total = total + without.diff(name).xreplace(back) * _special_derivative(part, symbol)
    return total


def _special_derivative(part: Expr, symbol: Expr) -> Expr:
    """Return the derivative of a power, or of each branch of a piecewise, so that no branch is used where it is undefined."""
    import symengine as se

    if isinstance(part, se.Piecewise):
        branches = zip(part.args[::2], part.args[1::2], strict=True)
        return se.Piecewise(*((derivative(value, symbol), condition) for value, condition in branches))
    base, exponent = part.args
    return exponent * base ** (exponent - 1) * base.diff(symbol)


def _special_parts(expression: Expr, symbol: Expr) -> list[Expr]:
    """Return the outermost parts that need special treatment.

    They are powers with a symbolic exponent and a base proportional to the symbol, and piecewise expressions with such powers.
    """
    import symengine as se

    if not expression.args or symbol not in expression.free_symbols:
        return []
    if expression.is_Pow and not expression.args[1].is_Number and symbol not in expression.args[1].free_symbols:
        slope = expression.args[0].diff(symbol)
        return [] if symbol in slope.free_symbols else [expression]
    found = list(dict.fromkeys(p for part in expression.args for p in _special_parts(part, symbol)))
    return [expression] if found and isinstance(expression, se.Piecewise) else found


class _Builder:
    def __init__(self, of_name: Callable[[str], Expr], of_role: Callable[[str], Expr], switches: Switches | None) -> None:
        import symengine as se

        self.se, self.of_name, self.of_role, self.switches = se, of_name, of_role, switches

    def visit(self, node: ast.expr) -> Expr:
        if isinstance(node, ast.Constant):
            return self.number(node.value, _EXACT)
        if isinstance(node, ast.Name):
            return self.of_name(node.id)
        if isinstance(node, ast.UnaryOp):
            inner = self.visit(node.operand)
            return -inner if isinstance(node.op, ast.USub) else inner
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        assert isinstance(node, ast.Call)
        return self.call(node)

    def number(self, value: Any, exact: int) -> Expr:
        """Return a number; integers up to `exact` stay exact, because large powers of large integers would fill the memory."""
        whole = isinstance(value, int) and abs(value) <= exact
        return self.se.Integer(value) if whole else self.se.RealDouble(float(value))

    def binary(self, node: ast.BinOp) -> Expr:
        left = self.visit(node.left)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            return left ** self.number(node.right.value, _EXACT_POWER)
        right = self.visit(node.right)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            return left / right
        return left**right

    def call(self, node: ast.Call) -> Expr:
        name = function_of(node)
        if name == "total":
            return self.of_role(role_of(node))
        if name == SINCE_FIRST:
            return maximum(self.of_name(TIME) - self.of_name(first_dose(dose_of(node))), self.se.Integer(0))
        if name == "piecewise":
            return self.piecewise(node.args)
        arguments = [self.visit(a) for a in node.args]
        if name in ("min", "max"):
            choose = minimum if name == "min" else maximum
            result = arguments[0]
            for other in arguments[1:]:
                result = choose(result, other)
            return result
        own = getattr(self, f"_{name}", None)
        return own(*arguments) if own else getattr(self.se, name)(*arguments)

    def piecewise(self, arguments: list[ast.expr]) -> Expr:
        pairs = [(self.visit(v), self.condition(c)) for v, c in zip(arguments[0:-1:2], arguments[1::2], strict=True)]
        return self.se.Piecewise(*pairs, (self.visit(arguments[-1]), True))

    def condition(self, node: ast.expr) -> Expr:
        if isinstance(node, ast.BoolOp):
            join = self.se.And if isinstance(node.op, ast.And) else self.se.Or
            return join(*(self.condition(v) for v in node.values))
        if isinstance(node, ast.UnaryOp):
            return self.se.Not(self.condition(node.operand))
        assert isinstance(node, ast.Compare)
        left, right = self.visit(node.left), self.visit(node.comparators[0])
        operator = type(node.ops[0])
        if operator in (ast.Gt, ast.GtE):
            left, right = right, left
        strict = operator in (ast.Lt, ast.Gt)
        if self.switches is not None:
            return self.switches.comparison(left, right, strict)
        return left < right if strict else left <= right

    def guarded(self, x: Expr, value: Expr) -> Expr:
        """Return value if x > 0, otherwise 0, so that powers and logarithms have a value and a derivative at zero."""
        return self.se.Piecewise((value, x > 0), (self.se.Integer(0), True))

    def _floor(self, x: Expr) -> Expr:
        return self.switches.step(x) if self.switches is not None else self.se.floor(x)

    def _log10(self, x: Expr) -> Expr:
        return self.se.log(x) / self.se.log(self.se.Integer(10))

    def _abs(self, x: Expr) -> Expr:
        return maximum(x, -x)

    def _hill(self, x: Expr, half: Expr, exponent: Expr) -> Expr:
        rising, falling = (x / half) ** exponent, (half / x) ** exponent  # neither overflows on its side of half
        pairs = ((1 / (1 + falling), x > half), (rising / (1 + rising), x > 0), (self.se.Integer(0), True))
        return self.se.Piecewise(*pairs)

    def _saturation(self, x: Expr, half: Expr) -> Expr:
        return x / (half + x)

    def _emax(self, x: Expr, most: Expr, half: Expr) -> Expr:
        return most * x / (half + x)

    def _gompertz(self, x: Expr, rate: Expr, capacity: Expr) -> Expr:
        return self.guarded(x, rate * x * self.se.log(capacity / x))

    def _logistic(self, x: Expr, rate: Expr, capacity: Expr) -> Expr:
        return rate * x * (1 - x / capacity)
