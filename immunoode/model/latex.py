"""Expressions and equations of a model as LaTeX."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from immunoode.model.components import BARE_KINDS, Flow, ModelTables
from immunoode.model.expressions import DOSE, SELF, SINCE_FIRST, TIME, dose_of, function_of, parse, role_of
from immunoode.model.resistances import transfers
from immunoode.model.schema import VALUES

_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}\d*(?![A-Za-z])")
"""Letters of a symbol that form a word, such as TV or max; they are set upright, so that they do not look like a product."""
_SUM, _PRODUCT, _UNARY, _POWER, _ATOM = range(5)
_PLAIN = {
    "exp": "\\exp",
    "log": "\\ln",
    "log10": "\\log_{10}",
    "tanh": "\\tanh",
    "sin": "\\sin",
    "cos": "\\cos",
    "asin": "\\arcsin",
    "acos": "\\arccos",
    "atan": "\\arctan",
    "floor": "\\operatorname{floor}",
    "min": "\\min",
    "max": "\\max",
}
_NESTED = {"\\left": 1, "\\right": -1, "\\begin": 1, "\\end": -1, "{": 1, "}": -1}
"""The change of depth by each opening and closing bracket of LaTeX."""
_RELATIONS = {ast.Lt: "<", ast.LtE: "\\leq", ast.Gt: ">", ast.GtE: "\\geq"}


def symbols(model: ModelTables) -> dict[str, str]:
    """Return the LaTeX symbol of every name: its own or its words, with the instance name if it belongs to a therapy."""
    found = {TIME: "t", DOSE: "d"}
    for table in VALUES:
        for name, part in getattr(model, table).items():
            found[name] = _symbol(model, name, part.symbol, part.owner)
    return {**{name: _words(name) for name in model.needs}, **found}


def _symbol(model: ModelTables, name: str, symbol: str, owner: str) -> str:
    member = model.members.get(owner)
    symbol = symbol if _is_plain(symbol) else ""
    upright = re.sub(r"_(\d{2,})", r"_{\1}", _WORD.sub(lambda found: f"\\mathrm{{{found[0]}}}", symbol))
    if member is None or member.kind in BARE_KINDS:
        return upright or _words(name)
    own = upright or _words(name.removeprefix(f"{owner}_"))
    return _indexed(own, _words(owner))


_INDEX = re.compile(r"_(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^{}\\\s]))$")
"""The index at the end of a symbol, with at most one pair of braces inside."""


def _indexed(symbol: str, owner: str) -> str:
    """Return a symbol with its owner as an index, after the index that it has: an exponent would look like a power."""
    found = _INDEX.search(symbol)
    if found:
        return f"{symbol[: found.start()]}_{{{found[1] or found[2]},\\,{owner}}}"
    whole = f"{{{symbol}}}" if "_" in symbol else symbol  # an index in its middle cannot be continued
    return f"{whole}_{{{owner}}}"


def _product(*factors: str) -> str:
    """Return a product: a thin space between symbols, a multiplication sign next to words and before brackets and numbers."""
    text = factors[0]
    for left, right in zip(factors, factors[1:], strict=False):
        plain = not right.startswith(("\\left(", *"0123456789")) and "\\text{" not in left + right
        text += ("\\," if plain else " \\cdot ") + right
    return text


_SYMBOL = re.compile(r"(?:[A-Za-z0-9 _^{}'*+.,()/<>=|-]|\\[,;: !])*")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_COMMANDS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho sigma "
    "varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar infty "
    "partial nabla star ast prime circ bullet dagger pm times cdot hat bar tilde dot ddot vec overline underline widehat "
    "widetilde mathrm mathit mathbf mathsf mathcal mathbb text textrm textit operatorname rm it bf cal max min log ln exp tot "
    "left right frac sqrt to".split()
)
"""The commands that symbols may use; others could read files, run programs or link to scripts."""


def _is_plain(symbol: str) -> bool:
    """Return whether a symbol has only allowed characters and commands."""
    bare = _COMMAND.sub("", symbol)
    return bool(_SYMBOL.fullmatch(bare)) and _balanced(bare) and set(_COMMAND.findall(symbol)) <= _COMMANDS


def _balanced(text: str) -> bool:
    depth = 0
    for c in text:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0


def _words(name: str) -> str:
    return "\\text{" + re.sub(r"[\W_]+", " ", name) + "}"


def latex(text: str, names: Mapping[str, str]) -> str:
    """Return an expression as LaTeX.

    Parameters
    ----------
    text : str
    names : mapping
        The symbol of each name; missing ones are written as words.
    """
    return _Printer(names).show(parse(text), _SUM)


class _Printer:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def show(self, node: ast.expr, least: int) -> str:
        """Return a node, in brackets if its precedence is lower than `least`."""
        text, level = self.visit(node)
        return text if level >= least else f"\\left({text}\\right)"

    def visit(self, node: ast.expr) -> tuple[str, int]:
        if isinstance(node, ast.Constant):
            text = _number(node.value)  # type: ignore[arg-type]
            return text, _SUM if text.startswith("-") else _PRODUCT if "times" in text else _POWER if "^" in text else _ATOM
        if isinstance(node, ast.Name):
            symbol = self.names.get(node.id, _words(node.id))
            return symbol, _UNARY if "^" in symbol else _ATOM
        if isinstance(node, ast.UnaryOp):
            return "-" + self.show(node.operand, _PRODUCT), _SUM
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        assert isinstance(node, ast.Call)
        return self.call(node)

    def binary(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Add):
            return f"{self.show(node.left, _SUM)} + {self.show(node.right, _SUM)}", _SUM
        if isinstance(node.op, ast.Sub):
            return f"{self.show(node.left, _SUM)} - {self.show(node.right, _PRODUCT)}", _SUM
        if isinstance(node.op, ast.Mult):
            if isinstance(node.left, ast.UnaryOp) and isinstance(node.left.op, ast.USub):
                product = _product(self.show(node.left.operand, _PRODUCT), self.show(node.right, _PRODUCT))
                return f"-{product}", _SUM
            return _product(self.show(node.left, _PRODUCT), self.show(node.right, _PRODUCT)), _PRODUCT
        if isinstance(node.op, ast.Div):
            return f"\\frac{{{self.show(node.left, _SUM)}}}{{{self.show(node.right, _SUM)}}}", _POWER
        return f"{self.show(node.left, _ATOM)}^{{{self.show(node.right, _SUM)}}}", _POWER

    def call(self, node: ast.Call) -> tuple[str, int]:
        name = function_of(node)
        if name == "total":
            return f"\\textstyle\\sum \\text{{{role_of(node)}}}", _PRODUCT
        if name == SINCE_FIRST:
            return f"t_{{{_words('since first ' + dose_of(node))}}}", _ATOM
        if name == "piecewise":
            return self.cases(node), _UNARY
        inner = [self.show(a, _SUM) for a in node.args]
        if name in _PLAIN:
            return f"{_PLAIN[name]}\\left({', '.join(inner)}\\right)", _POWER
        tight = [self.show(a, _PRODUCT) for a in node.args]
        power = [self.show(a, _ATOM) for a in node.args]
        return {
            "sqrt": lambda: (f"\\sqrt{{{inner[0]}}}", _ATOM),
            "abs": lambda: (f"\\left|{inner[0]}\\right|", _ATOM),
            "saturation": lambda: (f"\\frac{{{inner[0]}}}{{{inner[1]} + {inner[0]}}}", _POWER),
            "emax": lambda: (f"\\frac{{{_product(tight[1], tight[0])}}}{{{inner[2]} + {inner[0]}}}", _POWER),
            "hill": lambda: (
                f"\\frac{{{power[0]}^{{{inner[2]}}}}}{{{power[1]}^{{{inner[2]}}} + {power[0]}^{{{inner[2]}}}}}",
                _POWER,
            ),
            "gompertz": lambda: (f"{_product(tight[1], tight[0])}\\,\\ln\\frac{{{inner[2]}}}{{{inner[0]}}}", _PRODUCT),
            "logistic": lambda: (
                _product(tight[1], tight[0], f"\\left(1 - \\frac{{{inner[0]}}}{{{inner[2]}}}\\right)"),
                _PRODUCT,
            ),
        }[name]()

    def cases(self, node: ast.Call) -> str:
        rows = [f"{self.show(v, _SUM)} & {self.condition(c)}" for v, c in zip(node.args[0:-1:2], node.args[1::2], strict=True)]
        rows.append(f"{self.show(node.args[-1], _SUM)} & \\text{{otherwise}}")
        return "\\begin{cases}" + " \\\\ ".join(rows) + "\\end{cases}"

    def condition(self, node: ast.expr) -> str:
        if isinstance(node, ast.BoolOp):
            word = " \\text{ and } " if isinstance(node.op, ast.And) else " \\text{ or } "
            return word.join(self.condition(v) for v in node.values)
        if isinstance(node, ast.UnaryOp):
            return "\\text{not }" + self.condition(node.operand)
        assert isinstance(node, ast.Compare)
        relation = _RELATIONS[type(node.ops[0])]  # type: ignore[index]
        return f"{self.show(node.left, _SUM)} {relation} {self.show(node.comparators[0], _SUM)}"


def _number(value: float) -> str:
    text = f"{value:.10g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else f"{mantissa} \\times {power}"


def state_equations(model: ModelTables) -> dict[str, str]:
    """Return the differential equation of each compartment as LaTeX."""
    known = symbols(model)
    terms: dict[str, list[str]] = {name: [] for name in model.compartments}
    for flow in model.flows.values():
        for transfer in transfers(model, flow)[0]:
            source, target = transfer.source, transfer.target
            rate = _rate(transfer.part, source or target, known)
            if source in terms:
                terms[source].append(f"- {rate}")
            if target in terms:
                own = _Printer({**known, SELF: known.get(source or target, "")})
                gain = own.show(parse(flow.gain), _PRODUCT) if flow.gain else ""
                terms[target].append(f"+ {_product(gain, rate)}" if gain else f"+ {rate}")
    return {name: f"\\frac{{d\\,{known[name]}}}{{dt}} = {_joined(found)}" for name, found in terms.items()}


def _rate(flow: Flow, end: str, known: Mapping[str, str]) -> str:
    names = {**known, SELF: known.get(end, _words(end))}
    if flow.rate:
        return _Printer(names).show(parse(flow.rate), _PRODUCT)
    return _product(_Printer(names).show(parse(flow.per_capita), _PRODUCT), names[SELF])


def _joined(terms: list[str]) -> str:
    if not terms:
        return "0"
    return " ".join(terms).removeprefix("+ ")


def break_lines(equation: str, width: int = 84) -> str:
    """Return an equation in as many lines as needed, broken before signs, or between factors of long terms.

    Parameters
    ----------
    equation : str
        LaTeX of the form "left = right".
    width : int
        The approximate number of printed characters per line.
    """
    left, sign, right = equation.partition(" = ")
    if not sign or _printed_length(equation) <= width:
        return equation
    lines, room = [""], width - min(_printed_length(left), width // 2)
    for piece in _line_parts(right, room):
        if lines[-1] and _printed_length(lines[-1] + piece) > room:
            lines.append("")
        lines[-1] += piece
    if len(lines) == 1:
        return equation
    broken = " \\\\ & ".join(re.sub(r"^(?:\\,|\\cdot )", r"\\times ", line.strip()) for line in lines)
    return f"\\begin{{aligned}} {left} = {{}} & {broken} \\end{{aligned}}"


def _line_parts(text: str, room: int) -> list[str]:
    """Return the parts between which lines may be broken: terms, and factors of terms that are too long."""
    pieces = []
    for term in _split(text, (" + ", " - ")):
        pieces += _split(term, ("\\,", " \\cdot ")) if _printed_length(term) > room else [term]
    return pieces


def _split(text: str, marks: tuple[str, ...]) -> list[str]:
    """Return a text split before each of the marks that is not in brackets."""
    cuts, depth, k = [0], 0, 0
    while k < len(text):
        if depth == 0 and k > cuts[-1] and text.startswith(marks, k):
            cuts.append(k)
        step = next((m for m in _NESTED if text.startswith(m, k)), text[k])
        depth += _NESTED.get(step, 0)
        k += len(step)
    return [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _printed_length(text: str) -> int:
    """Return the approximate number of printed characters of a LaTeX text."""
    return len(re.sub(r"\\[A-Za-z]+|\\.|[{}^_\s]", "", text))


def definitions(model: ModelTables) -> dict[str, str]:
    """Return the definition of each modifiable and derived quantity as LaTeX."""
    known, found = symbols(model), dict[str, str]()
    for name, modifiable in model.modifiables.items():
        adds = [latex(m.add, known) for m in model.modifiers.values() if m.of == name and m.add]
        factors = [latex(m.factor, known) for m in model.modifiers.values() if m.of == name and m.factor]
        base = " + ".join([latex(modifiable.base, known), *adds])
        base = f"\\left({base}\\right)" if factors and (adds or not modifiable.base.isalnum()) else base
        found[name] = f"{known[name]} = " + _product(base, *(f"\\left({f}\\right)" for f in factors))
    return found | {name: f"{known[name]} = {latex(d.expr, known)}" for name, d in model.derived.items()}


def dose_effects(model: ModelTables) -> list[str]:
    """Return the pulses at doses as LaTeX: the input, the dose d, and the transfer between compartments."""
    known, found = symbols(model), []
    for pulse in model.pulses.values():
        for transfer in transfers(model, pulse)[0]:
            source, target = transfer.source, transfer.target
            part = _Printer({**known, SELF: known.get(source, "")}).show(parse(transfer.part.fraction), _PRODUCT)
            goes = f"{known[source]} \\to {known[target]}" if target else f"{known[source]} \\to"
            when = f"\\text{{dose }} d \\text{{ of {pulse.on.replace('_', ' ')}: }}"
            found.append(f"{when}\\quad {goes}:\\quad {_product(part, known[source])}")
    return found
