"""Expressions of parameters that come from a file: arithmetic and nothing else is handed to lmfit's interpreter."""

from __future__ import annotations

import ast
from collections.abc import Collection

LONGEST = 10_000
"""Characters; a sum over some hundred subjects' parameters is shorter."""
DEEPEST = 100
"""Levels of parts within parts."""
FUNCTIONS = frozenset(
    "abs arccos arccosh arcsin arcsinh arctan arctan2 arctanh ceil cos cosh exp expm1 floor log log10 log1p log2 max maximum "
    "min minimum sin sinh sqrt tan tanh where".split()
)
CONSTANTS = frozenset(("pi", "e", "inf", "nan"))
_NODES = (
    ast.Expression,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Pow,
    ast.Call,
    ast.Compare,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Eq,
    ast.NotEq,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.IfExp,
)
_LARGEST_POWER = 100


def fault(text: str, names: Collection[str]) -> str:
    """Return why a text is no arithmetic of these names, or "".

    Examples
    --------
    >>> fault("2 * exp(log_rate)", {"log_rate"})
    ''
    >>> fault("open('/etc/passwd').read()", {"log_rate"})
    'is more than arithmetic'
    """
    if len(text) > LONGEST:
        return f"has {len(text)} characters, more than {LONGEST}"
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "is no expression"
    return _fault(tree, names, 0)


def _fault(node: ast.AST, names: Collection[str], depth: int) -> str:
    if depth > DEEPEST:
        return f"is nested deeper than {DEEPEST}"
    if not isinstance(node, _NODES):
        return "is more than arithmetic"
    if isinstance(node, ast.Constant) and not isinstance(node.value, (bool, int, float)):
        return f"has {node.value!r:.40}"
    if isinstance(node, ast.Name) and node.id not in names and node.id not in CONSTANTS:
        return f"uses {node.id!r:.40}, which is no parameter"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _of_numbers(node.left) and not _small(node.right):
        return "has a power of numbers that may have no end"
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            return "is more than arithmetic"
        parts = list(node.args)
    return next((why for part in parts if (why := _fault(part, names, depth + 1))), "")


def _of_numbers(node: ast.expr) -> bool:
    """Return whether nothing but whole numbers can come out: these grow without bound, others overflow."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def _small(node: ast.expr) -> bool:
    bare = node.operand if isinstance(node, ast.UnaryOp) else node
    number = bare.value if isinstance(bare, ast.Constant) else None
    return isinstance(number, (int, float)) and abs(number) <= _LARGEST_POWER or not _of_numbers(node)
