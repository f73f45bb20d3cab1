"""Conversion of SBML formulas to expressions, by their trees; text is never evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from immunoode.errors import ModelError, Problem

Node = Any
"""An ASTNode of libsbml."""
Name = Callable[[str], str]
"""Returns the name in the model of an SBML id."""
MAX_NODES = 100_000
MAX_DEPTH = 120
MAX_TERMS = 40
"""The largest number of terms of a sum; longer sums are nested."""
_PLAIN = {
    "exp": "exp",
    "abs": "abs",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
    "floor": "floor",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
}
_WRITTEN = {
    "tan": "(sin({0}) / cos({0}))",
    "sec": "(1 / cos({0}))",
    "csc": "(1 / sin({0}))",
    "cot": "(cos({0}) / sin({0}))",
    "sinh": "((exp({0}) - exp(-({0}))) / 2)",
    "cosh": "((exp({0}) + exp(-({0}))) / 2)",
    "sech": "(2 / (exp({0}) + exp(-({0}))))",
    "csch": "(2 / (exp({0}) - exp(-({0}))))",
    "coth": "(1 / tanh({0}))",
    "arcsinh": "log({0} + sqrt(({0}) ** 2 + 1))",
    "arccosh": "log({0} + sqrt(({0}) ** 2 - 1))",
    "arctanh": "(log((1 + ({0})) / (1 - ({0}))) / 2)",
    "arcsec": "acos(1 / ({0}))",
    "arccsc": "asin(1 / ({0}))",
    "arccot": "atan(1 / ({0}))",
    "arcsech": "log((1 + sqrt(1 - ({0}) ** 2)) / ({0}))",
    "arccsch": "log(1 / ({0}) + sqrt(1 / ({0}) ** 2 + 1))",
    "arccoth": "(log((({0}) + 1) / (({0}) - 1)) / 2)",
    "ceiling": "(-floor(-({0})))",
}
"""Functions as expressions of those of the language."""
INFINITE, NAN = "exp(10000)", "sin(exp(10000))"
"""Expressions whose values are infinite and NaN."""
_LANCZOS = (
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)
"""Coefficients of Lanczos' approximation of the factorial (g = 7), accurate to fifteen digits."""
_COMPARED = {"lt": "<", "leq": "<=", "gt": ">", "geq": ">="}


def expression(node: Node, name: Name, time: str, where: str, rate: Name | None = None) -> str:
    """Return a formula as an expression of the model language.

    Parameters
    ----------
    node : ASTNode
    name : callable
        Returns the name in the model of an SBML id.
    time : str
        The time of the file as an expression.
    where : str
        The place in messages.
    rate : callable, optional
        Returns the name in the model of the rate of change of an SBML id.

    Raises
    ------
    ModelError
        If the formula has something that the language does not.
    """
    if node is None:
        raise ModelError(Problem(where, "has no formula", "MathML in its math element"))
    return _Writer(name, time, where, rate).number(node, 0)


class _Writer:
    def __init__(self, name: Name, time: str, where: str, rate: Name | None) -> None:
        self.name, self.time, self.where, self.rate, self.count = name, time, where, rate, 0

    def refuse(self, what: str, right: str = "functions of the language of expressions") -> ModelError:
        return ModelError(Problem(self.where, what, right))

    def number(self, node: Node, depth: int) -> str:
        """Return the expression of a numerical tree."""
        import libsbml as sb

        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise self.refuse("is too long or nested too deep", "parts of it as assignment rules")
        kind = node.getType()
        if node.isBoolean():
            return f"piecewise(1, {self.condition(node, depth)}, 0)"
        if node.isNumber():
            return self.literal(node)
        if kind in (sb.AST_NAME_TIME, sb.AST_NAME):
            return self.time if kind == sb.AST_NAME_TIME else self.name(node.getName())
        if kind in (sb.AST_NAME_AVOGADRO, sb.AST_CONSTANT_PI, sb.AST_CONSTANT_E):
            return {sb.AST_NAME_AVOGADRO: "6.02214179e23", sb.AST_CONSTANT_PI: repr(math.pi)}.get(kind, repr(math.e))
        if kind == sb.AST_FUNCTION_DELAY:
            raise self.refuse("has a delay (a value at an earlier time)", "ordinary differential equations")
        if kind == sb.AST_FUNCTION_RATE_OF:
            of = node.getChild(0)
            if self.rate is None or of is None or not of.isName():
                raise self.refuse("has a rateOf", "the rate written out")
            return self.rate(of.getName())
        return self.operation(node, depth)

    def literal(self, node: Node) -> str:
        value = float(node.getValue())
        if not math.isfinite(value):
            return NAN if math.isnan(value) else INFINITE if value > 0 else f"(-{INFINITE})"
        return f"({value!r})" if value < 0 else repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

    def operation(self, node: Node, depth: int) -> str:
        import libsbml as sb

        kind = node.getType()
        if kind == sb.AST_FUNCTION_PIECEWISE:
            return self.piecewise(node, depth)
        parts = _flat(node, kind) if kind in (sb.AST_PLUS, sb.AST_TIMES) else _children(node)
        arguments = [self.number(part, depth + 1) for part in parts]
        counts = {
            sb.AST_MINUS: (1, 2),
            sb.AST_DIVIDE: (2, 2),
            sb.AST_POWER: (2, 2),
            sb.AST_FUNCTION_POWER: (2, 2),
            sb.AST_FUNCTION_ROOT: (1, 2),
            sb.AST_FUNCTION_LN: (1, 1),
            sb.AST_FUNCTION_LOG: (1, 2),
        }
        fewest, most = counts.get(kind, (0, len(arguments)))
        if not fewest <= len(arguments) <= most:
            what = f"has {node.getOperatorName() or node.getName() or 'an operator'} of {len(arguments)} parts"
            raise self.refuse(what, f"{fewest}" if fewest == most else f"{fewest} or {most}")
        if kind == sb.AST_PLUS:
            return _joined(arguments, " + ") if arguments else "0"
        if kind == sb.AST_TIMES:
            return _joined(arguments, " * ") if arguments else "1"
        if kind == sb.AST_MINUS:
            return f"(-{arguments[0]})" if len(arguments) == 1 else f"({arguments[0]} - {arguments[1]})"
        if kind == sb.AST_DIVIDE:
            return f"({arguments[0]} / {arguments[1]})"
        if kind in (sb.AST_POWER, sb.AST_FUNCTION_POWER):
            return f"({arguments[0]} ** {arguments[1]})"
        if kind == sb.AST_FUNCTION_ROOT:
            degree, radicand = (arguments[0], arguments[1]) if len(arguments) == 2 else ("2", arguments[0])
            return f"sqrt({radicand})" if degree == "2" else f"({radicand} ** (1 / {degree}))"
        if kind == sb.AST_FUNCTION_LN:
            return f"log({arguments[0]})"
        if kind == sb.AST_FUNCTION_LOG:
            base, value = (arguments[0], arguments[1]) if len(arguments) == 2 else ("10", arguments[0])
            return f"log10({value})" if base == "10" else f"(log({value}) / log({base}))"
        return self.function(node, arguments)

    def function(self, node: Node, arguments: list[str]) -> str:
        called = str(node.getName() or node.getOperatorName() or "").lower()
        if called in ("min", "max") and arguments:
            return f"{called}({', '.join(arguments)})" if len(arguments) > 1 else arguments[0]
        if _PLAIN.get(called) and len(arguments) == 1:
            return f"{_PLAIN[called]}({arguments[0]})"
        if called in _WRITTEN and len(arguments) == 1:
            return _WRITTEN[called].format(arguments[0])
        if called in ("quotient", "rem") and len(arguments) == 2:
            return _integer_division(called, *arguments)
        if called == "factorial" and len(arguments) == 1:
            return self.factorial(arguments[0])
        raise self.refuse(f"uses {called or 'an unknown function'!r}, which is not in the language")

    def factorial(self, argument: str) -> str:
        if not re.fullmatch(r"\(?\d{1,3}(\.0*)?\)?", argument) or float(argument.strip("()")) > 170:
            series = " + ".join(f"{c!r} / ({argument} + {k})" for k, c in enumerate(_LANCZOS[1:], 1))
            whole = f"{math.sqrt(2 * math.pi)!r} * ({_LANCZOS[0]!r} + {series})"
            return f"({whole} * exp(({argument} + 0.5) * log({argument} + 7.5) - {argument} - 7.5))"
        return repr(float(math.factorial(int(float(argument.strip("()"))))))

    def piecewise(self, node: Node, depth: int) -> str:
        """Return a piecewise; without an otherwise, it is 0 if no piece holds."""
        count = node.getNumChildren()
        parts = []
        for k in range(0, count - 1, 2):
            parts += [self.number(node.getChild(k), depth + 1), self.condition(node.getChild(k + 1), depth + 1)]
        otherwise = self.number(node.getChild(count - 1), depth + 1) if count % 2 else "0"
        return f"piecewise({', '.join(parts)}, {otherwise})" if parts else otherwise

    def condition(self, node: Node, depth: int) -> str:
        """Return the condition of a logical tree."""
        import libsbml as sb

        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise self.refuse("is too long or nested too deep", "parts of it as assignment rules")
        kind = node.getType()
        if kind in (sb.AST_LOGICAL_NOT, sb.AST_LOGICAL_IMPLIES):
            if node.getNumChildren() != (1 if kind == sb.AST_LOGICAL_NOT else 2):
                raise self.refuse(f"has a condition of {node.getNumChildren()} parts", "not of one, implies of two")
        if kind in (sb.AST_CONSTANT_TRUE, sb.AST_CONSTANT_FALSE):
            return "1 > 0" if kind == sb.AST_CONSTANT_TRUE else "1 < 0"
        children = [node.getChild(k) for k in range(node.getNumChildren())]
        called = str(node.getName() or node.getOperatorName() or "").lower()
        if node.isRelational():
            return self.comparison(called or _relation(kind), children, depth)
        if not node.isLogical():
            return f"{self.number(node, depth)} > 0.5"
        parts = [f"({self.condition(child, depth + 1)})" for child in children]
        if kind == sb.AST_LOGICAL_NOT:
            return f"not {parts[0]}"
        if kind == sb.AST_LOGICAL_XOR:
            return _odd(parts)
        if kind == sb.AST_LOGICAL_IMPLIES:
            return f"(not {parts[0]}) or {parts[1]}"
        if not parts:
            return "1 > 0" if kind == sb.AST_LOGICAL_AND else "1 < 0"
        return (" and " if kind == sb.AST_LOGICAL_AND else " or ").join(parts)

    def comparison(self, called: str, children: list[Node], depth: int) -> str:
        if any(child.isBoolean() for child in children):
            sides = [f"piecewise(1, {self.condition(c, depth + 1)}, 0)" for c in children]
        else:
            sides = [self.number(child, depth + 1) for child in children]
        pairs = list(zip(sides[:-1], sides[1:], strict=True))
        if called in _COMPARED:
            return " and ".join(f"({a} {_COMPARED[called]} {b})" for a, b in pairs) or "1 > 0"
        same = " and ".join(f"(({a} <= {b}) and ({a} >= {b}))" for a, b in pairs) or "1 > 0"
        return same if called == "eq" else f"not ({same})"


def _children(node: Node) -> list[Node]:
    return [node.getChild(k) for k in range(node.getNumChildren())]


def _flat(node: Node, kind: int) -> list[Node]:
    """Return the terms of a sum or product, including those of nested sums or products."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        if one.getType() == kind and (one is node or one.getNumChildren() > 1):
            waiting += reversed(_children(one))
        else:
            found.append(one)
        if len(found) > MAX_NODES:
            break
    return found


def _joined(parts: list[str], sign: str) -> str:
    """Return a sum or product in brackets; long ones are nested, which limits the depth of the tree."""
    while len(parts) > MAX_TERMS:
        parts = ["(" + sign.join(parts[k : k + MAX_TERMS]) + ")" for k in range(0, len(parts), MAX_TERMS)]
    return "(" + sign.join(parts) + ")"


def _integer_division(called: str, a: str, b: str) -> str:
    """Return the quotient rounded towards zero, or the remainder."""
    cut = f"piecewise(floor({a} / {b}), ({a} / {b}) >= 0, -floor(-({a} / {b})))"
    return cut if called == "quotient" else f"({a} - {b} * {cut})"


def _relation(kind: int) -> str:
    import libsbml as sb

    names: Mapping[int, str] = {
        sb.AST_RELATIONAL_LT: "lt",
        sb.AST_RELATIONAL_LEQ: "leq",
        sb.AST_RELATIONAL_GT: "gt",
        sb.AST_RELATIONAL_GEQ: "geq",
        sb.AST_RELATIONAL_EQ: "eq",
        sb.AST_RELATIONAL_NEQ: "neq",
    }
    return names[kind]


def _odd(parts: list[str]) -> str:
    """Return a condition that holds if an odd number of the parts do."""
    found = parts[0] if parts else "1 < 0"
    for part in parts[1:]:
        found = f"(({found}) and not {part}) or (not ({found}) and {part})"
    return found
