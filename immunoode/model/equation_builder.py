"""Building of equations: one SymEngine expression per state, with roles, modifiers and totals resolved."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping

from immunoode import units
from immunoode.errors import ModelError, Problem
from immunoode.model.components import Flow, Pulse
from immunoode.model.equations import Equations, InputTarget, PulseTarget
from immunoode.model.expression_units import NUMBER
from immunoode.model.expressions import DOSE, SELF, TIME, doses_in, first_dose, function_of, names_in, parse
from immunoode.model.model import Model
from immunoode.model.resistances import Part, Transfer, leaving, transfers
from immunoode.model.roles import compartments_with_role, source_target_pairs
from immunoode.model.schema import expressions_of
from immunoode.model.symbolic import Expr, symbolic
from immunoode.model.unit_check import fraction_measure


class EquationBuilder:
    """Builds the expressions of one closed model; each name is resolved once."""

    def __init__(self, model: Model, key: str) -> None:
        import symengine as se

        self.se, self.model, self.key = se, model, key
        self.states = tuple(model.compartments)
        self.index = {name: i for i, name in enumerate(self.states)}
        used = {name for *_, text, _ in expressions_of(model) for name in doses_in(text)}
        self.counted = tuple(name for name in model.inputs if name in used)
        own = (*self.states, *model.constants, TIME, DOSE, *map(first_dose, self.counted))
        self.symbols = {name: se.Symbol(name) for name in own}
        self.resolved: dict[str, Expr] = {}

    def build(self) -> Equations:
        model = self.model
        for name in self.in_order():
            self.name(name)
        outputs = {name: self.name(name) for name in (*model.derived, *model.modifiables)}
        output_units = {name: part.unit for table in (model.derived, model.modifiables) for name, part in table.items()}
        return Equations(
            key=self.key,
            states=self.states,
            units=tuple(c.unit for c in model.compartments.values()),
            parameters=tuple(model.constants),
            values=tuple(p.value for p in model.constants.values()),
            rhs=self.rhs(),
            initial=self.initial(),
            outputs=outputs,
            output_units=output_units,
            inputs={name: self.input(name) for name in model.inputs},
            pulses=tuple(p for pulse in model.pulses.values() for p in self.pulse(pulse)),
            extinct_below=tuple(c.extinct_below or 0.0 for c in model.compartments.values()),
            break_times=self.break_times(),
            conditions=self.conditions(),
            exchanges=self.exchanges(),
            clock=self.clock(),
            counted=self.counted,
        )

    def in_order(self) -> list[str]:
        """Return the defined quantities in the order of their dependencies, so that long chains need no deep recursion."""
        found: dict[str, None] = {}
        waiting = [*self.model.modifiables, *self.model.derived]
        while waiting:
            name = waiting[-1]
            used = {n for text in self.defining(name) for n in names_in(text)}
            missing = [n for n in used - found.keys() if self.defining(n)]
            if name in found or not missing:
                found[waiting.pop()] = None
            else:
                waiting += missing
        return list(found)

    def name(self, name: str) -> Expr:
        """Return the expression of a name."""
        if name in self.symbols:
            return self.symbols[name]
        if name not in self.resolved:
            self.resolved[name] = self.quantity(name)
        return self.resolved[name]

    def quantity(self, name: str) -> Expr:
        model = self.model
        if name in model.derived:
            return self.tree(model.derived[name].expr)
        if name in model.modifiables:
            return self.modifiable(name)
        value = model.needs[name].value
        assert value is not None  # a closed model
        return self.se.RealDouble(value)

    def modifiable(self, name: str) -> Expr:
        value, product = self.tree(self.model.modifiables[name].base), self.se.Integer(1)
        for modifier in self.model.modifiers.values():
            if modifier.of == name and modifier.add:
                value = value + self.tree(modifier.add)
            elif modifier.of == name:
                product = product * self.tree(modifier.factor)
        return value * product

    def role(self, role: str) -> Expr:
        total = self.se.Integer(0)
        for name in compartments_with_role(self.model, role):
            total = total + self.symbols[name]
        return total

    def tree(self, text: str, own: Mapping[str, Expr] | None = None) -> Expr:
        own = own or {}
        return symbolic(text, lambda name: own[name] if name in own else self.name(name), self.role)

    def own(self, source: str, target: str) -> dict[str, Expr]:
        end = source or target
        return {SELF: self.symbols[end]}

    def rhs(self) -> tuple[Expr, ...]:
        rates = [self.se.Integer(0) for _ in self.states]
        for flow in self.model.flows.values():
            for transfer in self.transfers(flow):
                source, target = transfer.source, transfer.target
                rate = self.rate(transfer)
                if source:
                    rates[self.index[source]] -= rate
                if target:
                    rates[self.index[target]] += rate * self.tree(flow.gain, self.own(source, target)) if flow.gain else rate
        return tuple(rates)

    def rate(self, transfer: Transfer[Flow]) -> Expr:
        own, flow = self.own(transfer.source, transfer.target), transfer.part
        if flow.rate:
            return self.tree(flow.rate, own)
        return self.tree(flow.per_capita, own) * own[SELF]

    def transfers(self, part: Part) -> list[Transfer[Part]]:
        """Return the transfers of a flow or pulse; each end is a compartment of this model or ""."""
        found, unclear = transfers(self.model, part)
        for transfer in found:
            ends = (transfer.source, transfer.target)
            unclear += [f"{end!r} is not a compartment" for end in ends if end and end not in self.index]
            unclear += self.unit_mismatch(*ends, part)
        if isinstance(part, Flow) and part.producer:
            pairs, _ = source_target_pairs(self.model, leaving(part))
            unclear += [text for pair in pairs for text in self.unit_mismatch(*pair, part)]
        ModelError.raise_if(
            Problem(f"{self.model.name}: {part.owner}", text, "see docs/model_files.md on roles") for text in unclear
        )
        return found

    def unit_mismatch(self, source: str, target: str, part: Flow | Pulse) -> list[str]:
        if part.gain or source not in self.index or target not in self.index:
            return []
        a, b = (self.model.compartments[end].unit for end in (source, target))
        if units.dimension(a) == units.dimension(b) and abs(units.factor(a, b) - 1) < 1e-9:
            return []
        return [f"the flow from {source!r} ({a}) to {target!r} ({b}) needs a gain, because their units differ"]

    def input(self, name: str) -> InputTarget:
        given = self.model.inputs[name]
        if given.into not in self.index:
            raise ModelError(
                Problem(
                    f"{self.model.name}: inputs.{name}", f"{given.into!r} is not a compartment", "the name of a compartment"
                )
            )
        one = self.se.Integer(1)
        scale = self.tree(given.fraction) if given.fraction else one
        alike = fraction_measure(self.model, given) == NUMBER
        share = scale if alike else one
        if given.bioavailability:
            share = self.tree(given.bioavailability)
            scale = scale * share
        if alike:
            scale = scale * self.se.RealDouble(units.factor(given.unit, self.model.compartments[given.into].unit))
        known = {str(s) for s in share.free_symbols} <= self.model.constants.keys()
        lag = self.tree(given.lag) if given.lag else self.se.Integer(0)
        rate, duration = (self.tree(text) if text else None for text in (given.rate, given.duration))
        return InputTarget(self.index[given.into], given.unit, scale, lag, share if known else None, rate, duration)

    def pulse(self, pulse: Pulse) -> list[PulseTarget]:
        result = []
        for transfer in self.transfers(pulse):
            own = self.own(transfer.source, transfer.target)
            gain = self.tree(pulse.gain, own) if pulse.gain else self.se.Integer(1)
            target = self.index[transfer.target] if transfer.target else None
            fraction = self.tree(transfer.part.fraction, own)
            result.append(PulseTarget(pulse.on, self.index[transfer.source], target, fraction, gain))
        return result

    def initial(self) -> tuple[Expr, ...]:
        """Return the initial values as expressions of parameters; a compartment in one stands for its own initial value."""
        starts: dict[str, Expr] = {}
        for name in self.states:
            self.start(name, starts)
        return tuple(starts[name] for name in self.states)

    def start(self, name: str, starts: dict[str, Expr]) -> Expr:
        if name not in starts:
            initial = self.model.compartments[name].initial
            tree = self.tree(initial) if isinstance(initial, str) else self.se.RealDouble(initial)
            used = {str(s) for s in tree.free_symbols} & self.index.keys()
            starts[name] = tree.xreplace({self.symbols[u]: self.start(u, starts) for u in used}) if used else tree
        return starts[name]

    def break_times(self) -> tuple[Expr, ...]:
        """Return the times at which comparisons that are linear in time switch, for example after lags or in pulse trains."""
        found: list[Expr] = []
        for _, _, _, text, _ in expressions_of(self.model):
            for node in ast.walk(parse(text)):
                if isinstance(node, ast.Compare) and TIME in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}:
                    found += self.switch(ast.unparse(node.left), ast.unparse(node.comparators[0]))
        return tuple(dict.fromkeys(found))

    def switch(self, left: str, right: str) -> list[Expr]:
        own = {SELF: self.se.Symbol(SELF)}
        difference = self.tree(left, own) - self.tree(right, own)
        slope = difference.diff(self.symbols[TIME])
        free = {str(s) for s in slope.free_symbols} | {str(s) for s in difference.free_symbols} - {TIME}
        if slope == 0 or free - self.model.constants.keys():
            return []
        return [-difference.xreplace({self.symbols[TIME]: self.se.Integer(0)}) / slope]

    def exchanges(self) -> tuple[tuple[int, int], ...]:
        """Return the pairs of states that a flow connects."""
        found = [t for flow in self.model.flows.values() for t in self.transfers(flow)]
        return tuple((self.index[t.source], self.index[t.target]) for t in found if t.source and t.target)

    def conditions(self) -> tuple[Expr, ...]:
        """Return the differences whose sign switches rates: of sides of comparisons, and of arguments of min, max and abs."""
        found: list[Expr] = []
        for text, own in self.dynamic():
            for a, b in _alternatives(parse(text)):
                difference = self.tree(a, own) - (self.tree(b, own) if b else self.se.Integer(0))
                if {str(s) for s in difference.free_symbols} & (self.index.keys() | set(map(first_dose, self.counted))):
                    found.append(difference)
        return tuple(dict.fromkeys(found))

    def clock(self) -> tuple[tuple[bool, Expr], ...]:
        """Return, if there are steps, their arguments and the differences of comparisons that depend on time alone."""
        steps: list[Expr] = []
        differences: list[Expr] = []
        for text, own in self.dynamic():
            for node in ast.walk(parse(text)):
                if isinstance(node, ast.Call) and function_of(node) == "floor":
                    steps.append(self.tree(ast.unparse(node.args[0]), own))
                elif isinstance(node, ast.Compare):
                    sides = (self.tree(ast.unparse(side), own) for side in (node.left, node.comparators[0]))
                    differences.append(next(sides) - next(sides))
        if not steps:
            return ()
        found = [(True, e) for e in steps] + [(False, e) for e in differences]
        moving = {str(s) for s in self.index}
        alone = [(step, e) for step, e in found if TIME in (free := {str(s) for s in e.free_symbols}) and not free & moving]
        return tuple(dict.fromkeys(alone))

    def dynamic(self) -> Iterator[tuple[str, dict[str, Expr]]]:
        """Yield all expressions that rates depend on, each with the expression of `self` in it."""
        waiting: list[str] = []
        for flow in self.model.flows.values():
            waiting += _texts(flow)
            for transfer in self.transfers(flow):
                waiting += _texts(transfer.part) if transfer.part is not flow else []
                yield from ((text, self.own(transfer.source, transfer.target)) for text in _texts(transfer.part))
        seen: set[str] = set()
        while waiting:
            for name in sorted(names_in(waiting.pop()) - seen):
                seen.add(name)
                texts = self.defining(name)
                waiting += texts
                yield from ((text, {}) for text in texts)

    def defining(self, name: str) -> list[str]:
        """Return the expressions that define a quantity."""
        model = self.model
        if name in model.derived:
            return [model.derived[name].expr]
        if name in model.modifiables:
            return [model.modifiables[name].base, *(m.factor or m.add for m in model.modifiers.values() if m.of == name)]
        return []


def _texts(flow: Flow) -> list[str]:
    return [text for text in (flow.rate, flow.per_capita, flow.gain) if text]


def _alternatives(tree: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the pairs of expressions ("" is zero) whose order matters in an expression."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield ast.unparse(node.left), ast.unparse(node.comparators[0])
        elif isinstance(node, ast.Call) and function_of(node) in ("min", "max"):
            texts = [ast.unparse(a) for a in node.args]
            yield from ((a, b) for i, a in enumerate(texts) for b in texts[i + 1 :])
        elif isinstance(node, ast.Call) and function_of(node) == "floor":
            yield f"sin({math.pi!r} * ({ast.unparse(node.args[0])}))", ""  # changes its sign at whole numbers
        elif isinstance(node, ast.Call) and function_of(node) == "abs":
            yield ast.unparse(node.args[0]), ""
