"""The measure of an expression: its dimension and its scale, so that hours are not mixed with days.

A simulation carries no units; therefore every expression is checked for dimension and scale when a model is loaded.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass

from immunoode import units
from immunoode.model.expressions import SINCE_FIRST, ExpressionError, constant, function_of, parse, role_of

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Measure:
    """A factor to base units, and the exponents of the base dimensions."""

    factor: float
    dimension: tuple[tuple[str, float], ...]

    def times(self, other: Measure, power: float = 1.0) -> Measure:
        """Return the measure of a product with a power of another."""
        exponents = dict(self.dimension)
        for name, value in other.dimension:
            exponents[name] = exponents.get(name, 0.0) + power * value
        kept = tuple(sorted((k, round(v, 9)) for k, v in exponents.items() if abs(v) > _TOLERANCE))
        return Measure(self.factor * other.factor**power, kept)

    def agrees(self, other: Measure) -> bool:
        """Whether values of both measures may be added."""
        return self.dimension == other.dimension and math.isclose(self.factor, other.factor, rel_tol=_TOLERANCE)

    def __str__(self) -> str:
        parts = [f"{name.strip('[]')}^{power:g}" for name, power in self.dimension]
        return f"{' '.join(parts) or 'dimensionless'} (scale {self.factor:.6g})"


NUMBER = Measure(1.0, ())
Lookup = Callable[[str], "Measure | None"]
"""Returns the measure of a name, or None if it is open (a quantity of another model)."""


def measure_of_unit(unit: str) -> Measure:
    """Return the measure of a unit text."""
    return Measure(*units._base(unit))


DAY = measure_of_unit("day")


def measure(text: str, of_name: Lookup, of_role: Lookup) -> Measure | None:
    """Return the measure of an expression, or None if it is open (a literal zero, or an open name).

    Raises
    ------
    ExpressionError
        If units are inconsistent; the message names the part.
    """
    return _Measurer(of_name, of_role).visit(parse(text))


class _Measurer:
    def __init__(self, of_name: Lookup, of_role: Lookup) -> None:
        self.of_name, self.of_role = of_name, of_role

    def visit(self, node: ast.expr) -> Measure | None:
        if isinstance(node, ast.Constant):
            return None if node.value == 0 else NUMBER
        if isinstance(node, ast.Name):
            return self.of_name(node.id)
        if isinstance(node, ast.UnaryOp):
            return self.visit(node.operand)
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        assert isinstance(node, ast.Call)
        return self.call(node)

    def binary(self, node: ast.BinOp) -> Measure | None:
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return self.same(node, [node.left, node.right])
        if isinstance(node.op, ast.Pow):
            return self.power(node)
        left, right = self.visit(node.left), self.visit(node.right)
        if left is None or right is None:
            return None
        return left.times(right, 1.0 if isinstance(node.op, ast.Mult) else -1.0)

    def power(self, node: ast.BinOp) -> Measure | None:
        base = self.visit(node.left)
        self.plain(node.right, "an exponent")
        if base is None:
            return None
        exponent = constant(node.right)
        if exponent is not None:
            return NUMBER.times(base, exponent)
        if not base.agrees(NUMBER):
            raise ExpressionError(
                f"'{ast.unparse(node.left)[:60]}' has a unit ({base}) and an exponent that is not a "
                "number; divide it by a reference of the same unit first"
            )
        return NUMBER

    def same(self, node: ast.expr, parts: list[ast.expr]) -> Measure | None:
        known = [(p, m) for p in parts if (m := self.visit(p)) is not None]
        for part, found in known[1:]:
            if not found.agrees(known[0][1]):
                raise ExpressionError(
                    f"in '{ast.unparse(node)[:80]}' the units differ: '{ast.unparse(known[0][0])[:40]}' is "
                    f"{known[0][1]}, '{ast.unparse(part)[:40]}' is {found}"
                )
        return known[0][1] if known else None

    def plain(self, node: ast.expr, what: str) -> None:
        found = self.visit(node)
        if found is not None and not found.agrees(NUMBER):
            raise ExpressionError(f"'{ast.unparse(node)[:60]}' is {found}, but {what} must be dimensionless with scale 1")

    def call(self, node: ast.Call) -> Measure | None:
        name, arguments = function_of(node), node.args
        if name == "total":
            return self.of_role(role_of(node))
        if name == SINCE_FIRST:
            return DAY
        if name == "piecewise":
            for condition in arguments[1::2]:
                self.condition(condition)
            return self.same(node, arguments[0::2] if len(arguments) % 2 == 0 else [*arguments[0:-1:2], arguments[-1]])
        if name in ("min", "max"):
            return self.same(node, arguments)
        if name in ("abs", "sqrt"):
            found = self.visit(arguments[0])
            return found if name == "abs" or found is None else NUMBER.times(found, 0.5)
        if name in _SHAPES:
            return self.shape(name, node)
        self.plain(arguments[0], f"the argument of {name}")
        return NUMBER

    def shape(self, name: str, node: ast.Call) -> Measure | None:
        x, *rest = node.args
        self.same(node, [x, rest[_SHAPES[name]]])
        if name == "hill":
            self.plain(rest[1], "the exponent of hill")
        if name in ("hill", "saturation"):
            return NUMBER
        first = self.visit(rest[0])
        if name == "emax" or first is None:
            return first
        of_x = self.visit(x)
        return None if of_x is None else first.times(of_x)

    def condition(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self.condition(value)
        elif isinstance(node, ast.UnaryOp):
            self.condition(node.operand)
        else:
            assert isinstance(node, ast.Compare)
            self.same(node, [node.left, node.comparators[0]])


_SHAPES = {"hill": 0, "saturation": 0, "emax": 1, "gompertz": 1, "logistic": 1}
"""The index, after the first argument, of the one that has the unit of the first."""
