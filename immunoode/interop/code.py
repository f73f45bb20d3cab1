"""Export of a model's equations as code for other tools (Python, Antimony, rxode2, NONMEM) and as LaTeX."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from immunoode.atomic import write_whole
from immunoode.errors import ModelError, Problem, nearest
from immunoode.interop.flatten import FlatModel, flatten
from immunoode.interop.infix import infix
from immunoode.interop.reserved import ANTIMONY, NONMEM, PYTHON, RXODE2
from immunoode.model.expressions import TIME, function_of, substitute_names
from immunoode.model.latex import definitions, latex, state_equations, symbols
from immunoode.model.model import Model


def write_code(model: Model, language: str, path: str | Path | None = None, *, overwrite: bool = False) -> str:
    """Return a model's equations as code.

    Parameters
    ----------
    model : Model
        Any model without missing needs, also a combined one.
    language : {"python", "antimony", "rxode2", "nonmem", "latex"}
        "python": a module with `rates(t, y, p)` for `scipy.integrate.solve_ivp`, initial values and parameters. "antimony": a
        model of rate rules. "rxode2": the text of a model. "nonmem": a control stream for ADVAN13, with names of at most 20
        letters. "latex": a document with equations, initial values and a table of parameters. Names that a language reserves
        (S1, F1 or AMT in NONMEM, `rate` in rxode2) are changed, each with a comment.
    path : path, optional
        The file to write, completely or not at all.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    str
        The code, without doses and their pulses, which `imo.io.write_sbml` writes; time is in days. The day of the first dose
        of an input, if it is used, is a parameter such as `nivolumab_first_dose`, with the value 0.

    Raises
    ------
    ModelError
        If the language is unknown, or no model offers a quantity that the model needs.
    FileError
        If the file cannot be written, or exists and must not be replaced.

    Examples
    --------
    >>> import immunoode as imo
    >>> print(imo.io.write_code(imo.load_model("claret2009"), "rxode2").splitlines()[0])
    # Claret 2009: tumour size in colorectal cancer under capecitabine
    """
    writers: Mapping[str, Callable[[FlatModel], str]] = {
        "python": _python,
        "antimony": _antimony,
        "rxode2": _rxode2,
        "nonmem": _nonmem,
        "latex": _latex,
    }
    if language not in writers:
        raise ModelError(Problem("language", f"is {language!r}", nearest(str(language), writers)))
    text = writers[language](flatten(model))
    if path is not None:
        write_whole(path, text, overwrite=overwrite)
    return text


def _title(whole: FlatModel) -> str:
    return _words(whole.model.title or whole.model.name)


def _unit(whole: FlatModel, name: str) -> str:
    model = whole.model
    tables = (model.constants, model.compartments, model.derived, model.modifiables)
    return _words(next((t[name].unit for t in tables if name in t), "1"))


def _words(text: str) -> str:
    """Return a text of a model as a single line that is safe in a comment of any language."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line.rstrip("\\& ")  # these continue a line in some languages


def _docstring(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{quoted}"""'


class _Python(ast.NodeTransformer):
    """Replaces piecewise by conditional expressions."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        called = function_of(node)
        if called != "piecewise":
            prefix = "" if called in ("min", "max", "abs") else "math."
            return ast.Call(ast.Name(f"{prefix}{called}", ast.Load()), node.args, [])
        found = node.args[-1]
        for value, condition in reversed(list(zip(node.args[0:-1:2], node.args[1::2], strict=True))):
            found = ast.IfExp(condition, value, found)
        return found


def _as_python(text: str) -> str:
    return ast.unparse(_Python().visit(ast.parse(text, mode="eval").body))


def _python(whole: FlatModel) -> str:
    names = PYTHON.names(_all_names(whole))

    def write(text: str) -> str:
        return _as_python(substitute_names(text, names))

    def given(table: Mapping[str, object]) -> list[str]:
        return [f'    {names[name]} = p["{name}"]' for name in table]

    states = ", ".join(names[n] for n in whole.initial)
    lines = [_docstring(f"{_title(whole)}: rates of change per day."), "", "import math", ""]
    lines += [f"# {remark}" for remark in PYTHON.comments(names)]
    lines += ["PARAMETERS = {"]
    lines += [f'    "{name}": {value!r},  # {_unit(whole, name)}' for name, value in whole.constants.items()]
    lines += ["}", f"STATES = {tuple(whole.initial)!r}", "", "", "def initial(p=PARAMETERS):"]
    lines += ['    """Return the initial values."""', *given(whole.constants)]
    lines += [f"    {names[name]} = {write(whole.initial[name])}" for name in _initial_order(whole)]
    lines += [f"    return [{states}]", "", "", "def rates(t, y, p=PARAMETERS):"]
    lines += ['    """Return the rates of change of the states y at day t."""', "    time = t", f"    {states}, = y"]
    lines += given(whole.constants)
    lines += [f"    {names[name]} = {write(text)}" for name, text in whole.derived.items()]
    rates = [f"        {write(text)}," for text in whole.rates().values()]
    return "\n".join([*lines, "    return [", *rates, "    ]", ""])


def _all_names(whole: FlatModel) -> list[str]:
    """Return all names of a model."""
    return [*whole.constants, *whole.initial, *whole.derived]


def _initial_order(whole: FlatModel) -> list[str]:
    """Return the states in the order in which their initial values depend on each other."""
    used = {n: set(re.findall(r"[A-Za-z_]\w*", t)) & whole.initial.keys() - {n} for n, t in whole.initial.items()}
    placed: list[str] = []
    while len(placed) < len(used):
        placed += [n for n in used if n not in placed and used[n] <= set(placed)]
    return placed


def _latex(whole: FlatModel) -> str:
    model = whole.model
    known = symbols(model)
    lines = [
        "\\documentclass{article}",
        "\\usepackage{amsmath,amssymb,longtable}",
        "\\begin{document}",
        f"\\section*{{{_escaped(_title(whole))}}}",
        "Time in days.",
    ]
    starts = {n: f"{known[n]}(0) = {latex(str(c.initial), known)}" for n, c in model.compartments.items()}
    for equations in (state_equations(model), definitions(model), starts):
        if equations:
            rows = [e.replace(" = ", " &= ", 1) for e in equations.values()]
            lines += ["\\begin{align*}", " \\\\\n".join(rows), "\\end{align*}"]
    lines += ["\\begin{longtable}{llll}", "symbol & value & unit & source \\\\ \\hline"]
    for name, p in model.constants.items():
        lines.append(f"${known[name]}$ & ${latex(repr(p.value), known)}$ & {_escaped(p.unit)} & {_escaped(p.source)} \\\\")
    return "\n".join([*lines, "\\end{longtable}", "\\end{document}", ""])


def _escaped(text: str) -> str:
    """Return a text escaped for LaTeX."""
    signs = {"\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}"}
    return "".join(signs.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in _words(text))


def _antimony(whole: FlatModel) -> str:
    names = ANTIMONY.names(_all_names(whole))

    def write(text: str) -> str:
        return infix(substitute_names(text, names))

    lines = [f"// {_title(whole)}", "// Time in days.", *(f"// {remark}" for remark in ANTIMONY.comments(names))]
    lines += [f"model {whole.identifier}()"]
    lines += [f"  {names[n]} = {value!r};" for n, value in whole.constants.items()]
    lines += [f"  {names[n]} = {write(text)};" for n, text in whole.initial.items()]
    lines += [f"  {names[n]} := {write(text)};" for n, text in whole.derived.items()]
    lines += [f"  {names[n]}' = {write(text)};" for n, text in whole.rates().items()]
    lines += [f'  {ours} is "{name}";' for name, ours in sorted(names.items()) if ours != name]
    return "\n".join([*lines, "end", ""])


@dataclass
class _Statements:
    """Writes expressions of a language without conditional expressions: a piecewise becomes a variable that if and else set."""

    power: str
    join: Mapping[type[ast.boolop], str]
    compare: Mapping[type[ast.cmpop], str]
    negate: str
    choose: Callable[[str, list[tuple[str, str]], str], list[str]]
    functions: Mapping[str, str]
    names: Callable[[str], str]
    prefix: str
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def write(self, text: str) -> str:
        """Return an expression; statements that must precede it are added to `lines`."""
        return self._visit(ast.parse(text, mode="eval").body)

    def _visit(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return repr(float(node.value)) if isinstance(node.value, int) else repr(node.value)  # no integer division
        if isinstance(node, ast.Name):
            return self.names(node.id)
        if isinstance(node, ast.UnaryOp):
            sign = self.negate if isinstance(node.op, ast.Not) else "-" if isinstance(node.op, ast.USub) else ""
            return f"({sign}({self._visit(node.operand)}))"
        if isinstance(node, ast.BinOp):
            sign = self.power if isinstance(node.op, ast.Pow) else _SIGNS[type(node.op)]
            return f"({self._visit(node.left)} {sign} {self._visit(node.right)})"
        if isinstance(node, ast.BoolOp):
            return "(" + f" {self.join[type(node.op)]} ".join(self._visit(v) for v in node.values) + ")"
        if isinstance(node, ast.Compare):
            return f"({self._visit(node.left)} {self.compare[type(node.ops[0])]} {self._visit(node.comparators[0])})"
        assert isinstance(node, ast.Call)
        return self._call(node)

    def _call(self, node: ast.Call) -> str:
        called = function_of(node)
        arguments = [self._visit(a) for a in node.args]
        if called == "piecewise":
            pairs = list(zip(arguments[0:-1:2], arguments[1::2], strict=True))
            return self._chosen(pairs, arguments[-1])
        if called in ("min", "max"):
            sign = self.compare[ast.LtE if called == "min" else ast.GtE]
            found = arguments[0]
            for other in arguments[1:]:
                found = self._chosen([(found, f"({found} {sign} {other})")], other)
            return found
        if called not in self.functions:
            raise ModelError(Problem("the model", f"uses {called}, which NONMEM does not have", "another language"))
        return f"{self.functions[called]}({', '.join(arguments)})"

    def _chosen(self, pairs: list[tuple[str, str]], otherwise: str) -> str:
        self.count += 1
        name = f"{self.prefix}{self.count}"
        self.lines += self.choose(name, pairs, otherwise)
        return name


_SIGNS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_PLAIN = ("exp", "log", "log10", "sqrt", "abs", "tanh", "sin", "cos", "asin", "acos", "atan", "floor")


def _rxode2(whole: FlatModel) -> str:
    names = RXODE2.names(_all_names(whole))

    def choose(name: str, pairs: list[tuple[str, str]], otherwise: str) -> list[str]:
        lines = []
        for k, (value, condition) in enumerate(pairs):
            lines += [f"{'if' if k == 0 else '} else if'} {condition} {{", f"  {name} <- {value}"]
        return [*lines, "} else {", f"  {name} <- {otherwise}", "}"]

    write = _Statements(
        "^",
        {ast.And: "&&", ast.Or: "||"},
        {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
        "!",
        choose,
        {name: name for name in _PLAIN},
        lambda name: "t" if name == TIME else names[name],
        "chosen_",
    )
    lines = [f"# {_title(whole)}", "# Time in days.", *(f"# {remark}" for remark in RXODE2.comments(names))]
    lines += [f"{names[name]} <- {value!r}" for name, value in whole.constants.items()]
    for name, text in (whole.initial | _initial_expanded(whole)).items():
        start = write.write(text)
        lines += [*_take_lines(write), f"{names[name]}(0) <- {start}"]
    for name, text in whole.derived.items():
        value = write.write(text)
        lines += [*_take_lines(write), f"{names[name]} <- {value}"]
    for name, text in whole.rates().items():
        value = write.write(text)
        lines += [*_take_lines(write), f"d/dt({names[name]}) <- {value}"]
    return "\n".join([*lines, ""])


def _uses(whole: FlatModel, name: str) -> bool:
    """Whether the initial value of a state depends on other states."""
    return bool(set(re.findall(r"[A-Za-z_]\w*", whole.initial[name])) & whole.initial.keys())


def _initial_expanded(whole: FlatModel) -> dict[str, str]:
    """Return the initial values that depend on other states, with those values substituted."""
    texts: dict[str, str] = {}
    for name in _initial_order(whole):
        own = {other: f"({texts[other]})" for other in texts}
        texts[name] = re.sub(r"[A-Za-z_]\w*", lambda m, own=own: own.get(m[0], m[0]), whole.initial[name])  # type: ignore[misc]
    return {name: text for name, text in texts.items() if _uses(whole, name)}


def _take_lines(write: _Statements) -> list[str]:
    lines, write.lines = write.lines, []
    return lines


def _nonmem(whole: FlatModel) -> str:
    names = NONMEM.names([*whole.constants, *whole.derived])
    places = {name: f"A({k + 1})" for k, name in enumerate(whole.initial)}

    def choose(name: str, pairs: list[tuple[str, str]], otherwise: str) -> list[str]:
        lines = [f"{name} = {otherwise}"]
        for value, condition in reversed(pairs):
            lines.append(f"IF {condition} {name} = {value}")
        return lines

    def writer(prefix: str, states: Mapping[str, str]) -> _Statements:
        return _Statements(
            "**",
            {ast.And: ".AND.", ast.Or: ".OR."},
            {ast.Lt: ".LT.", ast.LtE: ".LE.", ast.Gt: ".GT.", ast.GtE: ".GE."},
            ".NOT.",
            choose,
            {name: name.upper() for name in _PLAIN if name != "floor"},
            lambda name: "T" if name == TIME else states.get(name) or names[name],
            prefix,
        )

    start, des = writer("PC", {}), writer("DC", places)
    lines = [f"$PROBLEM {_title(whole)[:60]}", "$INPUT ID TIME AMT RATE CMT EVID DV MDV", "$DATA data.csv IGNORE=@"]
    lines += ["$SUBROUTINES ADVAN13 TOL=9", "$MODEL"]
    lines += [f"  COMP=({short})" for short in NONMEM.names(whole.initial).values()]
    lines += ["$PK", *(f"; {remark}" for remark in NONMEM.comments(names))]
    lines += [f"{names[name]} = THETA({k + 1}) ; {name} ({_unit(whole, name)})" for k, name in enumerate(whole.constants)]
    written = whole.initial | _initial_expanded(whole)
    for k, name in enumerate(whole.initial):
        value = start.write(written[name])
        lines += [*_take_lines(start), f"A_0({k + 1}) = {value}"]
    lines.append("$DES")
    for name, text in whole.derived.items():
        value = des.write(text)
        lines += [*_take_lines(des), f"{names[name]} = {value}"]
    for k, (name, text) in enumerate(whole.rates().items()):
        value = des.write(text)
        lines += [*_take_lines(des), f"DADT({k + 1}) = {value} ; {name}"]
    lines += ["$ERROR", "Y = A(1) + ERR(1)"]
    lines += ["$THETA", *(f"  {value!r} FIX ; {name}" for name, value in whole.constants.items())]
    return "\n".join([*lines, "$SIGMA 1 FIX", ""])
