"""The language of expressions, parsed by `ast` with a whitelist; text is never evaluated.

Arithmetic, powers, comparisons inside `piecewise`, and the functions of `FUNCTIONS`. `total("tumour")` is the sum over a role,
`time` the time in days, `time_since_first("dose")` the time since an input's first dose (0 before it), `self` the compartment
that a flow from a role leaves, and `dose` the amount of a dose (in pulses).
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache

from immunoode.errors import nearest
from immunoode.model.components import ROLES
from immunoode.number_checks import is_number

TIME, SELF, DOSE = "time", "self", "dose"
RESERVED = frozenset({TIME, SELF, DOSE})
UNLIMITED = 99
SINCE_FIRST = "time_since_first"
FUNCTIONS: dict[str, tuple[int, int]] = {
    "exp": (1, 1),
    "log": (1, 1),
    "log10": (1, 1),
    "sqrt": (1, 1),
    "abs": (1, 1),
    "tanh": (1, 1),
    "sin": (1, 1),
    "cos": (1, 1),
    "asin": (1, 1),
    "acos": (1, 1),
    "atan": (1, 1),
    "floor": (1, 1),
    "min": (2, UNLIMITED),
    "max": (2, UNLIMITED),
    "hill": (3, 3),
    "saturation": (2, 2),
    "emax": (3, 3),
    "gompertz": (3, 3),
    "logistic": (3, 3),
    "piecewise": (3, UNLIMITED),
    "total": (1, 1),
    "time_since_first": (1, 1),
}
"""The smallest and largest number of arguments of each function."""
MAX_LENGTH, MAX_DEPTH = 20_000, 150
_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionError(ValueError):
    """An invalid expression; the message says what is wrong and what would be right."""


@lru_cache(maxsize=16384)
def parse(text: str) -> ast.expr:
    """Return the syntax tree of an expression.

    Raises
    ------
    ExpressionError
        If the text is not an expression of the language.
    """
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError("is empty; write an expression such as 'rate * tumour'")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"has {len(text)} characters, more than {MAX_LENGTH}; define parts of it under [derived]")
    try:
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or type(error).__name__
        hint = "; powers are written **" if "^" in text else ""
        raise ExpressionError(f"{text[:80]!r} is not an expression ({reason}){hint}") from None
    _validate(tree, condition=False, depth=0)
    return tree


def _validate(node: ast.expr, condition: bool, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"is nested more than {MAX_DEPTH} deep; define parts of it under [derived]")
    if condition:
        _validate_condition(node, depth)
    elif isinstance(node, ast.Constant):
        _validate_number(node)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, _BINARY):
        _validate(node.left, False, depth + 1)
        _validate(node.right, False, depth + 1)
        _validate_constants(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        _validate(node.operand, False, depth + 1)
    elif isinstance(node, ast.Call):
        _validate_call(node, depth)
    elif not isinstance(node, ast.Name):
        raise ExpressionError(_outside(node))


def _outside(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        return "'^' is not in the language; powers are written **"
    if isinstance(node, (ast.Compare, ast.BoolOp)):
        return f"'{ast.unparse(node)[:60]}' is a comparison outside piecewise; write piecewise(value, condition, otherwise)"
    return f"'{ast.unparse(node)[:60]}' is not in the language; use + - * / ** and {', '.join(sorted(FUNCTIONS))}"


def _validate_number(node: ast.Constant) -> None:
    if not is_number(node.value):
        raise ExpressionError(f"{node.value!r} is not a number")
    try:
        finite = math.isfinite(float(node.value))
    except OverflowError:
        finite = False
    if not finite:
        raise ExpressionError("has a number that is not finite")


def _validate_constants(node: ast.BinOp) -> None:
    """Refuse divisions by a literal zero, and powers of numbers that are not finite."""
    if not isinstance(node.op, (ast.Div, ast.Pow)):
        return
    left, right = constant(node.left), constant(node.right)
    if isinstance(node.op, ast.Div) and right == 0.0:
        raise ExpressionError(f"'{ast.unparse(node)[:60]}' divides by zero")
    if left is not None and right is not None and constant(node) is None:
        raise ExpressionError(f"'{ast.unparse(node)[:60]}' is not a finite number")


def constant(node: ast.expr) -> float | None:
    """Return the value of an expression of numbers, or None if it has names or is not finite."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = constant(node.operand)
        return -inner if inner is not None and isinstance(node.op, ast.USub) else inner
    if not isinstance(node, ast.BinOp) or type(node.op) not in _ARITHMETIC:
        return None
    left, right = constant(node.left), constant(node.right)
    if left is None or right is None:
        return None
    try:
        value = _ARITHMETIC[type(node.op)](left, right)
    except ArithmeticError:
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _validate_condition(node: ast.expr, depth: int) -> None:
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _validate(value, True, depth + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _validate(node.operand, True, depth + 1)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _COMPARE):
        _validate(node.left, False, depth + 1)
        _validate(node.comparators[0], False, depth + 1)
    else:
        raise ExpressionError(f"'{ast.unparse(node)[:60]}' is not a condition; write for example tumour < limit")


def _validate_call(node: ast.Call, depth: int) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS:
        shown = name or ast.unparse(node.func)[:40]
        raise ExpressionError(f"function {shown!r} is not in the language; {nearest(shown, FUNCTIONS)}")
    fewest, most = FUNCTIONS[name]
    if node.keywords or not fewest <= len(node.args) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} or more"
        raise ExpressionError(f"{name} takes {wanted} arguments in order, not {len(node.args) + len(node.keywords)}")
    if name in ("total", SINCE_FIRST):
        (role_of if name == "total" else dose_of)(node)
        return
    if name == "piecewise" and len(node.args) % 2 == 0:
        raise ExpressionError("piecewise takes value, condition, value, condition, ..., otherwise: an odd number of arguments")
    for index, argument in enumerate(node.args):
        odd = name == "piecewise" and index % 2 == 1
        _validate(argument, odd, depth + 1)


def role_of(node: ast.Call) -> str:
    """Return the role in `total("...")`."""
    argument = node.args[0]
    role = argument.value if isinstance(argument, ast.Constant) else None
    if role not in ROLES:
        shown = ast.unparse(argument)
        raise ExpressionError(f"total takes a role in quotes, not {shown}; roles: {', '.join(ROLES)}")
    return str(role)


def dose_of(node: ast.Call) -> str:
    """Return the input in `time_since_first("...")`."""
    argument = node.args[0]
    name = argument.value if isinstance(argument, ast.Constant) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise ExpressionError(f"{SINCE_FIRST} takes an input in quotes, not {ast.unparse(argument)}; such as 'dose'")
    return name


def first_dose(name: str) -> str:
    """Return the internal name of the time of an input's first dose; no model can have such a name."""
    return f"first dose of {name}"


def function_of(node: ast.Call) -> str:
    """Return the name of the function in a valid call."""
    assert isinstance(node.func, ast.Name)
    return node.func.id


@lru_cache(maxsize=16384)
def names_in(text: str) -> frozenset[str]:
    """Return the names in an expression, without functions and roles."""
    tree = parse(text)
    functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    return frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in functions)


@lru_cache(maxsize=16384)
def doses_in(text: str) -> frozenset[str]:
    """Return the inputs in `time_since_first("...")` of an expression."""
    calls = (n for n in ast.walk(parse(text)) if isinstance(n, ast.Call))
    return frozenset(dose_of(call) for call in calls if function_of(call) == SINCE_FIRST)


def substitute_names(text: str, mapping: Mapping[str, str], inputs: Mapping[str, str] | None = None) -> str:
    """Return the expression with names, also of inputs, replaced; without replacements, the text itself."""
    inputs = inputs or {}
    if not names_in(text) & mapping.keys() and not doses_in(text) & inputs.keys():
        return text
    return ast.unparse(_Renamer(mapping, inputs).visit(ast.parse(" ".join(text.split()), mode="eval")))


class _Renamer(ast.NodeTransformer):
    def __init__(self, mapping: Mapping[str, str], inputs: Mapping[str, str]) -> None:
        self.mapping, self.inputs = mapping, inputs

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if function_of(node) == SINCE_FIRST:
            name = dose_of(node)
            node.args = [ast.Constant(self.inputs.get(name, name))]
        node.args = [self.visit(a) for a in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.mapping.get(node.id, node.id), node.ctx)
