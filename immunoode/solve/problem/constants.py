"""Constant expressions in the rates of a subject, which are computed only once: 1 / volume, weight ** 0.6."""

from __future__ import annotations

from collections.abc import Iterable

from immunoode.model.symbolic import Expr


class Constants:
    """Expressions of parameters alone, each with the symbol that stands for it.

    Attributes
    ----------
    table : dict
        Expression to symbol, in the order found.
    """

    def __init__(self, parameters: Iterable[str]) -> None:
        import symengine as se
        from symengine.lib.symengine_wrapper import Boolean

        self.se, self.boolean, self.parameters = se, Boolean, frozenset(parameters)
        self.table: dict[Expr, Expr] = {}
        self._seen: dict[Expr, tuple[Expr, bool]] = {}

    def without(self, expression: Expr) -> Expr:
        """Return an expression in which symbols replace constant subexpressions."""
        return self._visit(expression)[0]

    def _visit(self, expression: Expr) -> tuple[Expr, bool]:
        """Return the new expression, and whether the old one contains only parameters and numbers."""
        if expression not in self._seen:
            self._seen[expression] = self._made(expression)
        return self._seen[expression]

    def _made(self, expression: Expr) -> tuple[Expr, bool]:
        if expression.is_Symbol:
            return expression, str(expression) in self.parameters
        parts = expression.args
        if not parts:
            return expression, True
        found = [self._visit(part) for part in parts]
        if all(fixed for _, fixed in found):
            return expression, True
        if expression.is_Add or expression.is_Mul:  # numbers stay outside: a and -a share all else with their neighbours
            fixed = [part for part in parts if self._seen[part][1] and not part.is_Number]
            others = [new for part, (new, is_fixed) in zip(parts, found, strict=True) if not is_fixed or part.is_Number]
            return expression.func(*([self._symbol(expression.func(*fixed))] if fixed else []), *others), False
        new = [self._symbol(part) if fixed else made for part, (made, fixed) in zip(parts, found, strict=True)]
        if isinstance(expression, self.se.Piecewise):
            return self.se.Piecewise(*zip(new[::2], new[1::2], strict=True)), False
        made = type(expression) if isinstance(expression, self.boolean) else expression.func
        return made(*new), False

    def _symbol(self, expression: Expr) -> Expr:
        """Return the replacement of a constant; numbers, single parameters and conditions are not replaced."""
        if not expression.args or isinstance(expression, self.boolean):
            return expression
        if expression not in self.table:
            self.table[expression] = self.se.Symbol(f"constant {len(self.table)}")
        return self.table[expression]
