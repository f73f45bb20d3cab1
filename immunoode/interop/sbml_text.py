"""Texts and expressions as SBML has them: printable characters, conditions, amounts of doses."""

from __future__ import annotations

import ast
import re

from immunoode.model.expressions import function_of

ARRIVED = "dose"


def condition_of(text: str) -> ast.expr:
    """Return the condition of an expression that is 1 if it holds, otherwise 0."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Call) and function_of(node) == "piecewise" and len(node.args) == 3:
        if [ast.unparse(node.args[k]) for k in (0, 2)] == ["1", "0"]:
            return node.args[1]
    return ast.parse(f"({text}) > 0.5", mode="eval").body


def with_dose(text: str, amount: float) -> str:
    """Return an expression with the amount of a dose substituted."""
    tree = ast.parse(text, mode="eval").body
    return ast.unparse(_Dose(amount).visit(tree))


class _Dose(ast.NodeTransformer):
    def __init__(self, amount: float) -> None:
        self.amount = amount

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self.amount) if node.id == ARRIVED else node


_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(text: str) -> str:
    """Return a text without characters that XML does not allow or discourages."""
    return _UNPRINTABLE.sub("", text)
