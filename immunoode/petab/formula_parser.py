"""Parser of the mathematical expressions of PEtab into SymEngine trees, by recursive descent; text is never evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.model.symbolic import Expr, maximum, minimum

LONGEST, DEEPEST = 200_000, 60
"""Largest number of characters and of nested brackets of a formula."""
_NUMBER = r"\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|([A-Za-z_]\w*)|(\*\*|<=|>=|==|!=|&&|\|\||[-+*/^()<>!,]))")
_EXACT, _EXACT_POWER = 1, 64
_LEVELS = {1: ("||", "&&"), 2: ("==", "!=", "<", "<=", ">", ">="), 3: ("+", "-"), 4: ("*", "/"), 6: ("^", "**")}
_BINDING = {sign: level for level, signs in _LEVELS.items() for sign in signs}
"""Precedence of operators; a sign before a term is between products and powers."""
_SIGN = 5


@dataclass(frozen=True)
class _Term:
    """A tree, and whether it is a Boolean instead of a number."""

    tree: Expr
    logical: bool = False


def parse_formula(text: str, of_name: Callable[[str], Expr], where: str) -> Expr:
    """Return a formula as a SymEngine tree.

    Parameters
    ----------
    text : str
        In the syntax of PEtab: + - * / ^, comparisons, && || !, functions; `log` is the natural logarithm.
    of_name : callable
        Returns the tree of a name, or raises.
    where : str
        The place in messages.

    Raises
    ------
    DataError
        If the text is not a formula.
    """
    return _Parser(text, of_name, where).whole()


class _Parser:
    def __init__(self, text: str, of_name: Callable[[str], Expr], where: str) -> None:
        import symengine as se

        self.se, self.text, self.of_name, self.where = se, text, of_name, where
        self.tokens = self._tokens()
        self.at = 0

    def refuse(self, what: str, right: str = "a formula such as scale * A + offset") -> DataError:
        return DataError(Problem(self.where, f"the formula {self.text.strip()[:60]!r} {what}", right))

    def _tokens(self) -> list[tuple[str, str]]:
        if len(self.text) > LONGEST:
            raise self.refuse(f"has {len(self.text)} characters", f"at most {LONGEST}")
        found, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self.refuse(f"cannot be read at {self.text[at : at + 10].strip()!r}")
            number, name, sign = match.groups()
            found.append(("number", number) if number else ("name", name) if name else ("sign", sign))
            at = match.end()
        return found

    def whole(self) -> Expr:
        if not self.tokens:
            raise self.refuse("is empty")
        found = self.number(self.expression(0, 0))
        if self.at < len(self.tokens):
            raise self.refuse(f"cannot be read at {self.tokens[self.at][1]!r}")
        return found

    def sign(self) -> str:
        """Return the sign at the current position, "" for other tokens."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" else ""

    def take(self, sign: str) -> None:
        if self.sign() != sign:
            found = self.tokens[self.at][1] if self.at < len(self.tokens) else "its end"
            raise self.refuse(f"has {found!r} where {sign!r} is expected")
        self.at += 1

    def expression(self, binding: int, depth: int) -> _Term:
        """Return the expression up to the first operator with lower precedence."""
        if depth > DEEPEST:
            raise self.refuse("is nested too deep", f"at most {DEEPEST} nested brackets")
        left = self.prefix(depth)
        while True:
            operator = self.sign()
            own = _BINDING.get(operator, 0)
            if own <= binding:
                return left
            self.at += 1
            to_the_right = operator in ("^", "**")
            exact = to_the_right and self.at < len(self.tokens) and self.tokens[self.at][0] == "number"
            right = self.expression(own - 1 if to_the_right else own, depth + 1)
            left = self.joined(operator, left, right, exact)

    def prefix(self, depth: int) -> _Term:
        if self.at >= len(self.tokens):
            raise self.refuse("ends too early")
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return _Term(self.literal(float(word), _EXACT))
        if kind == "name":
            return self.call(word, depth) if self.sign() == "(" else self.name(word)
        if word in "+-":
            inner = self.number(self.expression(_SIGN, depth + 1))
            return _Term(-inner if word == "-" else inner)
        if word == "!":
            return _Term(self.se.Not(self.truth(self.expression(_SIGN, depth + 1))), True)
        if word == "(":
            inner_term = self.expression(0, depth + 1)
            self.take(")")
            return inner_term
        raise self.refuse(f"cannot be read at {word!r}")

    def literal(self, value: float, exact: int) -> Expr:
        if not math.isfinite(value):
            raise self.refuse("has a number that is not finite")
        return self.se.Integer(int(value)) if value.is_integer() and abs(value) <= exact else self.se.RealDouble(value)

    def name(self, word: str) -> _Term:
        lower = word.lower()
        if lower in ("true", "false"):
            return _Term(self.se.true if lower == "true" else self.se.false, True)
        if lower == "inf":
            return _Term(self.se.oo)
        if lower == "nan":
            raise self.refuse("has NaN, which is not allowed in formulas", "a number")
        return _Term(self.of_name(word))

    def joined(self, operator: str, left: _Term, right: _Term, exact: bool) -> _Term:
        se = self.se
        if operator in ("&&", "||"):
            return _Term((se.And if operator == "&&" else se.Or)(self.truth(left), self.truth(right)), True)
        a, b = self.number(left), self.number(right)
        if operator in ("<", "<=", ">", ">="):
            a, b = (b, a) if operator.startswith(">") else (a, b)
            return _Term(a <= b if "=" in operator else a < b, True)
        if operator in ("==", "!="):
            same = se.And(a <= b, b <= a)
            return _Term(same if operator == "==" else se.Not(same), True)
        if operator in ("^", "**"):
            whole = exact and b.is_Number and float(b).is_integer() and abs(float(b)) <= _EXACT_POWER
            return _Term(a ** (se.Integer(int(float(b))) if whole else b))
        return _Term({"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[operator]())

    def number(self, term: _Term) -> Expr:
        """Return a term as a number; true is 1."""
        se = self.se
        return se.Piecewise((se.Integer(1), term.tree), (se.Integer(0), True)) if term.logical else term.tree

    def truth(self, term: _Term) -> Any:
        """Return a term as a condition; every number except 0 is true."""
        return term.tree if term.logical else self.se.Or(term.tree < 0, self.se.Integer(0) < term.tree)

    def call(self, word: str, depth: int) -> _Term:
        self.take("(")
        given = [self.expression(0, depth + 1)]
        while self.sign() == ",":
            self.at += 1
            given.append(self.expression(0, depth + 1))
        self.take(")")
        if word == "piecewise":
            return self.piecewise(given)
        functions = _functions()
        if word not in functions:
            raise self.refuse(f"calls {word!r}, which PEtab does not have", nearest(word, [*functions, "piecewise"]))
        fewest, most, made = functions[word]
        if not fewest <= len(given) <= most:
            raise self.refuse(f"gives {word} {len(given)} arguments", f"{fewest}" if fewest == most else f"{fewest} or {most}")
        return _Term(made(*map(self.number, given)))

    def piecewise(self, given: list[_Term]) -> _Term:
        if len(given) % 2 == 0:
            raise self.refuse("has a piecewise without a value for all other cases", "value, condition, ..., otherwise")
        pairs = [(self.number(v), self.truth(c)) for v, c in zip(given[0:-1:2], given[1::2], strict=True)]
        return _Term(self.se.Piecewise(*pairs, (self.number(given[-1]), True)) if pairs else self.number(given[-1]))


def _functions() -> Mapping[str, tuple[int, int, Callable[..., Expr]]]:
    """Return the functions of PEtab by name: least and largest number of arguments, and the function."""
    import symengine as se

    two, half = se.Integer(2), se.Rational(1, 2)

    def log(x: Expr, base: Expr | None = None) -> Expr:
        return se.log(x) if base is None else se.log(x) / se.log(base)

    def sign(x: Expr) -> Expr:
        return se.Piecewise((se.Integer(1), 0 < x), (se.Integer(-1), x < 0), (se.Integer(0), True))

    one_argument: dict[str, Callable[[Expr], Expr]] = {
        "exp": se.exp,
        "sqrt": se.sqrt,
        "ln": se.log,
        "log2": lambda x: se.log(x) / se.log(two),
        "log10": lambda x: se.log(x) / se.log(se.Integer(10)),
        "abs": lambda x: maximum(x, -x),
        "sign": sign,
        "sin": se.sin,
        "cos": se.cos,
        "tan": lambda x: se.sin(x) / se.cos(x),
        "cot": lambda x: se.cos(x) / se.sin(x),
        "sec": lambda x: 1 / se.cos(x),
        "csc": lambda x: 1 / se.sin(x),
        "arcsin": se.asin,
        "arccos": se.acos,
        "arctan": se.atan,
        "arccot": lambda x: se.atan(1 / x),
        "arcsec": lambda x: se.acos(1 / x),
        "arccsc": lambda x: se.asin(1 / x),
        "sinh": se.sinh,
        "cosh": se.cosh,
        "tanh": se.tanh,
        "coth": lambda x: 1 / se.tanh(x),
        "sech": lambda x: 1 / se.cosh(x),
        "csch": lambda x: 1 / se.sinh(x),
        "arcsinh": se.asinh,
        "arccosh": se.acosh,
        "arctanh": se.atanh,
        "arccoth": lambda x: half * se.log((x + 1) / (x - 1)),
        "arcsech": lambda x: se.acosh(1 / x),
        "arccsch": lambda x: se.asinh(1 / x),
    }
    found: dict[str, tuple[int, int, Callable[..., Expr]]] = {name: (1, 1, f) for name, f in one_argument.items()}
    return found | {"log": (1, 2, log), "pow": (2, 2, lambda a, b: a**b), "min": (2, 2, minimum), "max": (2, 2, maximum)}
