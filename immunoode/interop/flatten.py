"""A closed model as plain equations in text: roles, modifiers, shapes and what others offer written out."""

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
from immunoode.model.roles import compartments_with_role, source_target_pairs
from immunoode.model.schema import expressions_of
from immunoode.model.unit_check import fraction_measure

SHAPES = {
    "hill": "piecewise(0, {0} <= 0, 1 / (1 + ({1} / {0}) ** {2}))",
    "saturation": "({0} / ({1} + {0}))",
    "emax": "({1} * {0} / ({2} + {0}))",
    "gompertz": "piecewise(0, {0} <= 0, {1} * {0} * log({2} / {0}))",
    "logistic": "({1} * {0} * (1 - {0} / {2}))",
}
"""Shapes of the language by arithmetic."""


@dataclass(frozen=True)
class PlainFlow:
    """What leaves `source` and arrives in `target` ("" for the outside) a day, times `gain` ("" for 1)."""

    name: str
    source: str
    target: str
    rate: str
    gain: str
    title: str = ""


@dataclass(frozen=True)
class PlainInput:
    """Where doses arrive: the state, what one unit adds to it, how many days later ("" for none), which share arrives."""

    into: str
    scale: str
    lag: str
    share: str


@dataclass(frozen=True)
class PlainPulse:
    """What leaves `source` when a dose of `on` arrives: a fraction; `target` gets it times `gain`. Both may use `dose`."""

    on: str
    source: str
    target: str
    fraction: str
    gain: str


@dataclass(frozen=True)
class Plain:
    """Plain equations; every expression has arithmetic, plain functions, min, max and piecewise alone.

    Attributes
    ----------
    model : Model
        The closed model.
    constants : mapping of str to float
    initial : mapping
        Each state's initial value, an expression of constants.
    derived : mapping
        Quantities that others use or that are outputs, each after those that it uses.
    flows, inputs, pulses
    """

    model: Model
    constants: dict[str, float]
    initial: dict[str, str]
    derived: dict[str, str]
    flows: tuple[PlainFlow, ...]
    inputs: Mapping[str, PlainInput]
    pulses: tuple[PlainPulse, ...]

    @property
    def identifier(self) -> str:
        """The model's name as other tools can have it: "tumour_immune + vaccine" is tumour_immune_vaccine."""
        return identifier(self.model.name)

    def rates(self) -> dict[str, str]:
        """Return each state's rate of change a day."""
        found = {name: list[str]() for name in self.initial}
        for flow in self.flows:
            if flow.source:
                found[flow.source].append(f"- ({flow.rate})")
            if flow.target:
                found[flow.target].append(f"+ ({flow.rate})" + (f" * ({flow.gain})" if flow.gain else ""))
        return {name: " ".join(terms).removeprefix("+ ") or "0" for name, terms in found.items()}


def identifier(text: str) -> str:
    """Return a text as a name: letters, digits and _, a letter first, no keyword of Python."""
    cleaned = re.sub(r"\W+", "_", text).strip("_").lower() or "model"
    return cleaned if cleaned[0].isalpha() and not keyword.iskeyword(cleaned) else f"model_{cleaned}"


def _check_names(model: Model) -> None:
    """Refuse names that are none: a model that was built in Python may have been given any."""
    tables = (model.constants, model.needs, model.compartments, model.derived, model.modifiables, model.inputs, model.flows)
    wrong = [name for table in tables for name in table if not name.isidentifier() or keyword.iskeyword(name)]
    if wrong:
        right = "letters, digits and _, no Python keyword"
        raise ModelError([Problem(model.name, f"has the name {name!r:.60}", right) for name in dict.fromkeys(wrong)])


def first_dose_parameter(name: str) -> str:
    """Return the name of the parameter that takes the place of the day of an input's first dose."""
    return f"{name}_first_dose"


def plain(model: Model) -> Plain:
    """Return a model as plain equations. What counts from an input's first dose counts from a parameter, which is day 0.

    Raises
    ------
    ModelError
        If something that the model needs is missing.
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
    return Plain(
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
        """Return an expression with roles and shapes written out, and `self` by its name."""
        return ast.unparse(_Plain(self.model, own or {}).visit(ast.parse(ast.unparse(parse(text)), mode="eval").body))

    def modifiable(self, name: str) -> str:
        terms = [self.text(self.model.modifiables[name].base)]
        modifiers = [m for m in self.model.modifiers.values() if m.of == name]
        terms += [self.text(m.add) for m in modifiers if m.add]
        factors = [f"({self.text(m.factor)})" for m in modifiers if m.factor]
        total = " + ".join(f"({t})" for t in terms) if len(terms) > 1 else terms[0]
        return " * ".join([f"({total})", *factors]) if factors else total

    def flows(self, name: str, flow: Flow) -> list[PlainFlow]:
        found, _ = source_target_pairs(self.model, flow)
        made = []
        for source, target in found:
            own = {SELF: source or target}
            rate = self.text(flow.rate, own) if flow.rate else f"({self.text(flow.per_capita, own)}) * {own[SELF]}"
            gain = self.text(flow.gain, own) if flow.gain else ""
            full = name if len(found) == 1 else f"{name}_{source or target}"
            made.append(PlainFlow(full, source, target, rate, gain, flow.title))
        return made

    def input(self, name: str) -> PlainInput:
        given = self.model.inputs[name]
        terms = [f"({self.text(given.fraction)})"] if given.fraction else []
        terms += [f"({self.text(given.bioavailability)})"] if given.bioavailability else []
        alike = fraction_measure(self.model, given) == NUMBER
        if alike:
            factor = units.factor(given.unit, self.model.compartments[given.into].unit)
            terms += [repr(factor)] if factor != 1 else []
        share = given.bioavailability or (given.fraction if alike else "")
        lag = self.text(given.lag) if given.lag else ""
        return PlainInput(given.into, " * ".join(terms) or "1", lag, self.text(share) if share else "1")

    def pulses(self, pulse: Pulse) -> list[PlainPulse]:
        found, _ = source_target_pairs(self.model, pulse)
        made = []
        for source, target in found:
            own = {SELF: source}
            gain = self.text(pulse.gain, own) if pulse.gain else ""
            made.append(PlainPulse(pulse.on, source, target, self.text(pulse.fraction, own), gain))
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
    """Return an expression without names that are defined: what they stand for instead."""
    tree = _Defined(definitions).visit(_tree(text))
    return ast.unparse(tree)


class _Defined(ast.NodeTransformer):
    def __init__(self, definitions: Mapping[str, str]) -> None:
        self.definitions = definitions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.visit(_tree(self.definitions[node.id])) if node.id in self.definitions else node  # type: ignore[no-any-return]


def _in_order(texts: Mapping[str, str]) -> dict[str, str]:
    """Return definitions, each after those that it uses."""
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
