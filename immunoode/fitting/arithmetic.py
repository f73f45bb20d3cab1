"""Parameter expressions read from a file: only arithmetic is handed to lmfit's interpreter."""

from __future__ import annotations

import ast
from collections.abc import Collection

LONGEST = 10_000
"""Characters allowed; a sum over the parameters of some hundred subjects is shorter."""
DEEPEST = 100
"""Depth of nesting allowed."""
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
    """Return why a text is not an arithmetic expression of these names, or "".

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
        return "is not an expression"
    return _fault(tree, names, 0)


def _fault(node: ast.AST, names: Collection[str], depth: int) -> str:
    if depth > DEEPEST:
        return f"is nested more deeply than {DEEPEST} levels"
    if not isinstance(node, _NODES):
        return "is more than arithmetic"
    if isinstance(node, ast.Constant) and not isinstance(node.value, (bool, int, float)):
        return f"contains {node.value!r:.40}"
    if isinstance(node, ast.Name) and node.id not in names and node.id not in CONSTANTS:
        return f"uses {node.id!r:.40}, which is not a parameter"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _of_numbers(node.left) and not _small(node.right):
        return "has a power of numbers that may be too large to compute"
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
            return "is more than arithmetic"
        parts = list(node.args)
    return next((why for part in parts if (why := _fault(part, names, depth + 1))), "")


def _of_numbers(node: ast.expr) -> bool:
    """Return whether the value can only be an integer, which grows without bound where a float would overflow."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def _small(node: ast.expr) -> bool:
    bare = node.operand if isinstance(node, ast.UnaryOp) else node
    number = bare.value if isinstance(bare, ast.Constant) else None
    return isinstance(number, (int, float)) and abs(number) <= _LARGEST_POWER or not _of_numbers(node)
