"""Flat expressions in the infix notation of libsbml and Antimony."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from immunoode.model.expressions import function_of


def infix(text: str) -> str:
    """Return a flat expression in infix notation: "a ** b" becomes "a^b", "and" becomes "&&"."""
    return Infix().visit(ast.parse(text, mode="eval").body)


class Infix:
    """Writes the syntax tree of an expression in infix notation."""

    def visit(self, node: ast.expr) -> str:
        """Return a tree as text, with brackets that keep its structure."""
        if isinstance(node, ast.Constant):
            return repr(node.value)
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.UnaryOp):
            sign = {ast.Not: "!", ast.USub: "-"}.get(type(node.op), "")
            return f"{sign}({self.visit(node.operand)})"
        if isinstance(node, ast.BinOp):
            return f"({self.visit(node.left)} {_SIGNS[type(node.op)]} {self.visit(node.right)})"
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            return "(" + sign.join(self.visit(v) for v in node.values) + ")"
        if isinstance(node, ast.Compare):
            return f"({self.visit(node.left)} {_COMPARED[type(node.ops[0])]} {self.visit(node.comparators[0])})"
        assert isinstance(node, ast.Call)
        called = function_of(node)
        arguments = [self.visit(a) for a in node.args]
        if called in ("min", "max"):
            return _extreme(arguments, "<=" if called == "min" else ">=")
        return f"{'ln' if called == 'log' else called}({', '.join(arguments)})"


def _extreme(arguments: list[str], sign: str) -> str:
    """Return the minimum or maximum as a piecewise, which every tool supports."""
    found = arguments[0]
    for other in arguments[1:]:
        found = f"piecewise({found}, {found} {sign} {other}, {other})"
    return found


_SIGNS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_COMPARED: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
