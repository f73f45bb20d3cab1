"""Flat models: equations as text, with roles, modifiers and special functions replaced by elementary expressions."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from immunoode import units
from immunoode.errors import ModelError, Problem
from immunoode.model.closed_model import resolve
from immunoode.model.components import Flow, Pulse
from immunoode.model.expression_units import NUMBER
from immunoode.model.expressions import SELF, SINCE_FIRST, dose_of, doses_in, function_of, parse, role_of
from immunoode.model.model import Model
from immunoode.model.resistances import transfers
from immunoode.model.roles import compartments_with_role
from immunoode.model.schema import expressions_of
from immunoode.model.unit_check import fraction_measure

SHAPES = {
    "hill": "piecewise(0, {0} <= 0, 1 / (1 + ({1} / {0}) ** {2}))",
    "saturation": "({0} / ({1} + {0}))",
    "emax": "({1} * {0} / ({2} + {0}))",
    "gompertz": "piecewise(0, {0} <= 0, {1} * {0} * log({2} / {0}))",
    "logistic": "({1} * {0} * (1 - {0} / {2}))",
}
"""Special functions of the language as elementary expressions."""


@dataclass(frozen=True)
class FlatFlow:
    """A flow from `source` to `target` ("" for none) at a `rate` per day; `gain` ("" for 1) multiplies what arrives."""

    name: str
    source: str
    target: str
    rate: str
    gain: str
    title: str = ""


@dataclass(frozen=True)
class FlatInput:
    """The target of doses: the state, its increase per unit of dose, the lag in days ("" for none), the bioavailability."""

    into: str
    scale: str
    lag: str
    share: str


@dataclass(frozen=True)
class FlatPulse:
    """A transfer of a fraction of `source` to `target`, times `gain`, at a dose of `on`; both expressions may use `dose`."""

    on: str
    source: str
    target: str
    fraction: str
    gain: str


@dataclass(frozen=True)
class FlatModel:
    """The equations of a model as text; expressions consist of arithmetic, elementary functions, min, max and piecewise only.

    Attributes
    ----------
    model : Model
        The closed model.
    constants : mapping of str to float
    initial : mapping
        The initial value of each state, an expression of constants.
    derived : mapping
        Derived and modifiable quantities, in the order of their dependencies.
    flows, inputs, pulses
    """

    model: Model
    constants: dict[str, float]
    initial: dict[str, str]
    derived: dict[str, str]
    flows: tuple[FlatFlow, ...]
    inputs: Mapping[str, FlatInput]
    pulses: tuple[FlatPulse, ...]

    @property
    def identifier(self) -> str:
        """The name of the model as an identifier: "tumour_immune + vaccine" becomes tumour_immune_vaccine."""
        return identifier(self.model.name)

    def rates(self) -> dict[str, str]:
        """Return the rate of change per day of each state."""
        found = {name: list[str]() for name in self.initial}
        for flow in self.flows:
            if flow.source:
                found[flow.source].append(f"- ({flow.rate})")
            if flow.target:
                found[flow.target].append(f"+ ({flow.rate})" + (f" * ({flow.gain})" if flow.gain else ""))
        return {name: " ".join(terms).removeprefix("+ ") or "0" for name, terms in found.items()}


def identifier(text: str) -> str:
    """Return a text as an identifier that begins with a letter and is not a keyword of Python."""
    cleaned = re.sub(r"\W+", "_", text).strip("_").lower() or "model"
    return cleaned if cleaned[0].isalpha() and not keyword.iskeyword(cleaned) else f"model_{cleaned}"


def _check_names(model: Model) -> None:
    """Refuse invalid names, which models built in Python may have."""
    tables = (model.constants, model.needs, model.compartments, model.derived, model.modifiables, model.inputs, model.flows)
    wrong = [name for table in tables for name in table if not name.isidentifier() or keyword.iskeyword(name)]
    if wrong:
        right = "letters, digits and _; not a Python keyword"
        raise ModelError([Problem(model.name, f"has the name {name!r:.60}", right) for name in dict.fromkeys(wrong)])


def first_dose_parameter(name: str) -> str:
    """Return the name of the parameter for the day of an input's first dose."""
    return f"{name}_first_dose"


def flatten(model: Model) -> FlatModel:
    """Return a flat model; the day of an input's first dose becomes a parameter with the value 0.

    Raises
    ------
    ModelError
        If no model offers a quantity that the model needs.
    """
    whole = resolve(model).model
    _check_names(whole)
    constants = {name: p.value for name, p in whole.constants.items()}
    constants |= {name: float(n.value) for name, n in whole.needs.items() if n.value is not None}
    constants |= {first_dose_parameter(n): 0.0 for *_, text, _ in expressions_of(whole) for n in sorted(doses_in(text))}
    write = _Writer(whole)
    texts = {name: write.text(d.expr) for name, d in whole.derived.items()}
    texts |= {name: write.modifiable(name) for name in whole.modifiables}
    starts = {name: write.text(c.initial) for name, c in whole.compartments.items() if isinstance(c.initial, str)}
    return FlatModel(
        model=whole,
        constants=constants,
        initial={name: _written_out(write.text(str(c.initial)), texts | starts) for name, c in whole.compartments.items()},
        derived=_in_order(texts),
        flows=tuple(f for name, flow in whole.flows.items() for f in write.flows(name, flow)),
        inputs={name: write.input(name) for name in whole.inputs},
        pulses=tuple(p for pulse in whole.pulses.values() for p in write.pulses(pulse)),
    )


class _Writer:
    def __init__(self, model: Model) -> None:
        self.model = model

    def text(self, text: str, own: Mapping[str, str] | None = None) -> str:
        """Return an expression with roles, special functions and `self` replaced."""
        return ast.unparse(_Plain(self.model, own or {}).visit(ast.parse(ast.unparse(parse(text)), mode="eval").body))

    def modifiable(self, name: str) -> str:
        terms = [self.text(self.model.modifiables[name].base)]
        modifiers = [m for m in self.model.modifiers.values() if m.of == name]
        terms += [self.text(m.add) for m in modifiers if m.add]
        factors = [f"({self.text(m.factor)})" for m in modifiers if m.factor]
        total = " + ".join(f"({t})" for t in terms) if len(terms) > 1 else terms[0]
        return " * ".join([f"({total})", *factors]) if factors else total

    def flows(self, name: str, flow: Flow) -> list[FlatFlow]:
        found, _ = transfers(self.model, flow)
        made = []
        for transfer in found:
            end, per_capita = transfer.source or transfer.target, transfer.part.per_capita
            own = {SELF: end}
            text = transfer.part.rate
            rate = self.text(text, own) if text else f"({self.text(per_capita, own)}) * {end}"
            gain = self.text(flow.gain, own) if flow.gain else ""
            full = name if len(found) == 1 else f"{name}_{end}"
            made.append(FlatFlow(full, transfer.source, transfer.target, rate, gain, flow.title))
        return made

    def input(self, name: str) -> FlatInput:
        given = self.model.inputs[name]
        terms = [f"({self.text(given.fraction)})"] if given.fraction else []
        terms += [f"({self.text(given.bioavailability)})"] if given.bioavailability else []
        alike = fraction_measure(self.model, given) == NUMBER
        if alike:
            factor = units.factor(given.unit, self.model.compartments[given.into].unit)
            terms += [repr(factor)] if factor != 1 else []
        share = given.bioavailability or (given.fraction if alike else "")
        lag = self.text(given.lag) if given.lag else ""
        return FlatInput(given.into, " * ".join(terms) or "1", lag, self.text(share) if share else "1")

    def pulses(self, pulse: Pulse) -> list[FlatPulse]:
        made = []
        for transfer in transfers(self.model, pulse)[0]:
            own = {SELF: transfer.source}
            gain = self.text(pulse.gain, own) if pulse.gain else ""
            fraction = self.text(transfer.part.fraction, own)
            made.append(FlatPulse(pulse.on, transfer.source, transfer.target, fraction, gain))
        return made


class _Plain(ast.NodeTransformer):
    def __init__(self, model: Model, own: Mapping[str, str]) -> None:
        self.model, self.own = model, own

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.own.get(node.id, node.id), node.ctx)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = function_of(node)
        if called == "total":
            return _tree(" + ".join(compartments_with_role(self.model, role_of(node))) or "0")
        node.args = [self.visit(a) for a in node.args]
        if called == SINCE_FIRST:
            return _tree(f"max(time - {first_dose_parameter(dose_of(node))}, 0)")
        if called in SHAPES:
            return _tree(SHAPES[called].format(*(f"({ast.unparse(a)})" for a in node.args)))
        return node


def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _written_out(text: str, definitions: Mapping[str, str]) -> str:
    """Return an expression with defined names replaced by their definitions."""
    tree = _Defined(definitions).visit(_tree(text))
    return ast.unparse(tree)


class _Defined(ast.NodeTransformer):
    def __init__(self, definitions: Mapping[str, str]) -> None:
        self.definitions = definitions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.visit(_tree(self.definitions[node.id])) if node.id in self.definitions else node  # type: ignore[no-any-return]


def _in_order(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the definitions in the order of their dependencies."""
    used = {n: {x.id for x in ast.walk(_tree(t)) if isinstance(x, ast.Name)} & texts.keys() for n, t in texts.items()}
    placed: dict[str, str] = {}

    def place(name: str) -> None:
        if name not in placed:
            for other in sorted(used[name] - {name}):
                place(other)
            placed[name] = texts[name]

    for name in texts:
        place(name)
    return placed
