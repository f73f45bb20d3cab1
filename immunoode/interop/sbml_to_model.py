"""Conversion of the symbols of an SBML model to the tables of a model: states, constants, derived quantities, flows."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from immunoode.errors import ModelError, Problem
from immunoode.interop.mathml import INFINITE
from immunoode.interop.sbml_symbols import Symbols, has_kinetic_law
from immunoode.model.components import Compartment, Derived, Flow, Input, Modifiable, Parameter
from immunoode.model.expressions import ExpressionError, names_in, parse


class ModelBuilder:
    """Fills the tables of a model from the symbols of an SBML model."""

    def __init__(self, symbols: Symbols, roles: Mapping[str, tuple[str, ...]], modifiable: Mapping[str, str]) -> None:
        self.symbols, self.sbml, self.roles, self.modifiable = symbols, symbols.model, roles, modifiable
        self.modifiables: dict[str, Modifiable] = {}
        self.parameters: dict[str, Parameter] = {}
        self.compartments: dict[str, Compartment] = {}
        self.derived: dict[str, Derived] = {}
        self.flows: dict[str, Flow] = {}
        self.inputs: dict[str, Input] = {}
        self.amounts: dict[str, str] = {}
        self.of_events: frozenset[str] = frozenset()

    def build(self) -> None:
        """Fill all tables."""
        reacting = self._reacting()
        for table in (self.sbml.getListOfCompartments(), self.sbml.getListOfParameters(), self.sbml.getListOfSpecies()):
            for k in range(table.size()):
                self._place(table.get(k), table.get(k).getId() in reacting)
        self._references()
        for sbml_id, node in self.symbols.rate_rules.items():
            name = self.symbols.names.get(sbml_id, "")
            text = self.symbols.text(node, f"the rate of {sbml_id}")
            if sbml_id in self.amounts:
                text = self._of_amount(sbml_id, text)
            if name in self.compartments or sbml_id in self.amounts:
                target = self.amounts.get(sbml_id, name)
                self._flow(f"rate_of_{name}", Flow(target=target, rate=f"({text}) * {self.symbols.scale}"))
        for reaction in filter(has_kinetic_law, self.symbols.reactions):
            self._reaction(reaction)
        self._note_names_in_events()
        self._rates()
        self._rates_of_change()
        if not self.compartments:
            self.compartments["elapsed"] = Compartment("day", title="time, for a model without rates")
            self._flow("clock", Flow(target="elapsed", rate="1"))
        for sbml_id in sorted(self.symbols.event_targets):
            name = self.symbols.names.get(sbml_id, "")
            if name in self.compartments:
                self.inputs[f"{name}_event"] = Input(name, "1", title=f"events that change {sbml_id}")

    def _of_amount(self, sbml_id: str, rate: str) -> str:
        """Return the rate of the amount of a species with a rate rule for its concentration; the size may have one as well."""
        size = self.sbml.getSpecies(sbml_id).getCompartment()
        own = self.symbols.name(size)
        grows = self.symbols.rate_rules.get(size)
        growth = f" + {self.symbols.name(sbml_id)} * ({self.symbols.text(grows, f'the rate of {size}')})" if grows else ""
        return f"{own} * ({rate}){growth}"

    def _reacting(self) -> set[str]:
        """Return the species that reactions change."""
        used = {r.getSpecies() for reaction in self.symbols.reactions for r in self.symbols.references(reaction)}
        return {s for s in used if self._changes(s)}

    def _changes(self, sbml_id: str) -> bool:
        species = self.sbml.getSpecies(sbml_id)
        if species is None or self._ruled(sbml_id):
            return False
        return not species.getBoundaryCondition() and not species.getConstant()

    def _ruled(self, sbml_id: str) -> bool:
        return sbml_id in self.symbols.assignment_rules or sbml_id in self.symbols.rate_rules

    def _place(self, thing: Any, reacts: bool) -> None:
        """Add a compartment, parameter or species to the right table."""
        sbml_id, name = thing.getId(), self.symbols.name(thing.getId())
        title = _title(thing)
        if sbml_id in self.symbols.assignment_rules:
            text = self.symbols.text(self.symbols.assignment_rules[sbml_id], f"the rule of {sbml_id}")
            self.derived[name] = Derived(text, "1", title=title)
        elif reacts or sbml_id in self.symbols.rate_rules or sbml_id in self.symbols.event_targets:
            self._state(thing, name, title, reacts)
        elif self._diluted(sbml_id):
            self._state(thing, name, title, True)
        elif self._variable(sbml_id):
            self._state(thing, name, title, False)
        elif (followed := self._of_constants(sbml_id)) is not None:
            self.derived[name] = Derived(followed, "1", title=title)
        elif (start := self._start(sbml_id)) is not None:
            self.compartments[name] = Compartment("1", start, title=title)
        else:
            value = self.symbols.value(sbml_id)
            if math.isfinite(value):
                self._constant_number(sbml_id, name, value, title)
            elif sbml_id in self.symbols.initial_assignments:  # infinite or NaN by intention
                text = self.symbols.text(self.symbols.initial_assignments[sbml_id], f"the initial value of {sbml_id}")
                self.derived[name] = Derived(text, "1", title=title)
            elif math.isinf(value):
                self.derived[name] = Derived(INFINITE if value > 0 else f"(-{INFINITE})", "1", title=title)
            elif self._used(sbml_id):
                problem = Problem(self.symbols.where, f"{sbml_id!r} has no value", "a value, an initial assignment or a rule")
                raise ModelError(problem)

    def _constant_number(self, sbml_id: str, name: str, value: float, title: str) -> None:
        """Add a constant to the parameters; if it is modifiable, its base value."""
        if sbml_id in self.modifiable:
            self.parameters[self.modifiable[sbml_id]] = Parameter(value, "1", title=title)
            self.modifiables[name] = Modifiable(self.modifiable[sbml_id], "1", title=title)
        else:
            self.parameters[name] = Parameter(value, "1", title=title)

    def _diluted(self, sbml_id: str) -> bool:
        """Whether a species is a concentration in a compartment of changing size."""
        species = self.sbml.getSpecies(sbml_id)
        return species is not None and self._in_amounts(species)

    def _variable(self, sbml_id: str) -> bool:
        """Whether a symbol is a species with a value that is not declared constant."""
        species = self.sbml.getSpecies(sbml_id)
        return species is not None and not species.getConstant() and math.isfinite(self.symbols.value(sbml_id))

    def _used(self, sbml_id: str) -> bool:
        name = self.symbols.name(sbml_id)
        texts = [d.expr for d in self.derived.values()]
        texts += [
            self.symbols.text(n, "a rule") for n in (*self.symbols.assignment_rules.values(), *self.symbols.rate_rules.values())
        ]
        texts += [
            self.symbols.text(r.getKineticLaw().getMath(), r.getId()) for r in filter(has_kinetic_law, self.symbols.reactions)
        ]
        return any(name in names_in(text) for text in texts)

    def _state(self, thing: Any, name: str, title: str, reacts: bool) -> None:
        sbml_id = thing.getId()
        value, start = self.symbols.value(sbml_id), self._start(sbml_id)
        if start is None and not math.isfinite(value):
            right = "an amount, a concentration or an assignment"
            raise ModelError(Problem(self.symbols.where, f"{sbml_id!r} has no initial value", right))
        species, roles = self.sbml.getSpecies(sbml_id), self.roles.get(sbml_id, ())
        if species is not None and self.symbols.kept_as_amount(species):
            amount = self.amounts[sbml_id] = self.symbols.amount(sbml_id)
            size = species.getCompartment()
            first = value * self.symbols.value(size) if start is None else f"({start}) * {self.symbols.name(size)}"
            self.compartments[amount] = Compartment("1", first, roles, title=title)
            self.derived[name] = Derived(f"{amount} / {self.symbols.name(size)}", "1", title=title)
            return
        self.compartments[name] = Compartment("1", value if start is None else start, roles, title=title)

    def _start(self, sbml_id: str) -> str | None:
        """Return the initial value of a quantity as an expression, or None if it is a number."""
        if sbml_id in self.symbols.initial_assignments:
            self.symbols.value(sbml_id)  # raises if initial values depend on themselves
            text = self.symbols.text(self.symbols.initial_assignments[sbml_id], f"the initial value of {sbml_id}")
            return text if names_in(text) - {self.symbols.scale} else None
        species = self.sbml.getSpecies(sbml_id)
        size = species.getCompartment() if species is not None else ""
        if size not in self.symbols.initial_assignments and size not in self.symbols.assignment_rules:
            return None
        dense, own = self.symbols.is_concentration(species), self.symbols.name(size)
        if species.isSetInitialConcentration():
            return None if dense else f"{float(species.getInitialConcentration())!r} * {own}"
        return f"{float(species.getInitialAmount())!r} / {own}" if dense and species.isSetInitialAmount() else None

    def _of_constants(self, sbml_id: str) -> str | None:
        """Return an initial assignment as an expression if it depends only on constants, otherwise None."""
        if sbml_id not in self.symbols.initial_assignments:
            return None
        self.symbols.value(sbml_id)  # raises if initial values depend on themselves
        text = self.symbols.text(self.symbols.initial_assignments[sbml_id], f"the initial value of {sbml_id}")
        return text if self._ids_of(text) and all(map(self._constant, self._ids_of(text))) else None

    def _ids_of(self, text: str) -> list[str]:
        """Return the ids in an expression, with "" for the time."""
        back = {ours: theirs for theirs, ours in self.symbols.names.items()}
        return [back.get(name, "") for name in names_in(text) - {self.symbols.scale}]

    def _constant(self, sbml_id: str) -> bool:
        """Whether a symbol is constant and a number, or depends only on such constants."""
        if sbml_id in self.symbols.assignment_rules:
            self.symbols.value(sbml_id)  # raises if rules are circular
            text = self.symbols.text(self.symbols.assignment_rules[sbml_id], f"the rule of {sbml_id}")
            return all(map(self._constant, self._ids_of(text)))
        moved = not sbml_id or self._ruled(sbml_id) or sbml_id in self.symbols.event_targets or self._changes(sbml_id)
        species = self.sbml.getSpecies(sbml_id)
        if moved or (species is not None and self._diluted(sbml_id)) or self.sbml.getReaction(sbml_id) is not None:
            return False
        if sbml_id not in self.symbols.initial_assignments:
            return True
        text = self.symbols.text(self.symbols.initial_assignments[sbml_id], f"the initial value of {sbml_id}")
        return not self._ids_of(text) or self._of_constants(sbml_id) is not None

    def _in_amounts(self, species: Any) -> bool:
        """Whether a species is a concentration in a compartment of changing size."""
        return self.symbols.is_concentration(species) and self.symbols.size_varies(species.getCompartment())

    def _references(self) -> None:
        """Add named stoichiometries to the right tables."""
        for reaction in self.symbols.reactions:
            for reference in self.symbols.references(reaction):
                sbml_id = reference.getId()
                if not sbml_id:
                    continue
                name = self.symbols.name(sbml_id)
                if sbml_id in self.symbols.assignment_rules:
                    self.derived[name] = Derived(self.symbols.text(self.symbols.assignment_rules[sbml_id], sbml_id), "1")
                elif sbml_id in self.symbols.rate_rules or sbml_id in self.symbols.event_targets:
                    start = self._start(sbml_id)
                    self.compartments[name] = Compartment("1", self.symbols.value(sbml_id) if start is None else start)
                elif (followed := self._of_constants(sbml_id)) is not None:
                    self.derived[name] = Derived(followed, "1")
                elif (start := self._start(sbml_id)) is not None:
                    self.compartments[name] = Compartment("1", start)
                else:
                    self.parameters[name] = Parameter(self.symbols.value(sbml_id), "1")

    def _reaction(self, reaction: Any) -> None:
        law = self.symbols.text(reaction.getKineticLaw().getMath(), f"the rate of {reaction.getId()}")
        parse(law)
        changes = list(self._changes_of(reaction))
        leaving = [c for c in changes if c[1].startswith("-")]
        arriving = [c for c in changes if not c[1].startswith("-")]
        name = re.sub(r"\W", "_", reaction.getId()) or "reaction"
        title = reaction.getName()
        if len(leaving) == len(arriving) == 1 and leaving[0][1][1:] == arriving[0][1] and leaving[0][0] != arriving[0][0]:
            rate = _times(arriving[0][1], law, self.symbols.scale)
            self._flow(name, Flow(leaving[0][0], arriving[0][0], rate=rate, title=title))
            return
        for state, factor in changes:
            negative = factor.startswith("-")
            rate = _times(factor.removeprefix("-"), law, self.symbols.scale)
            ends = {"source": state} if negative else {"target": state}
            self._flow(f"{name}_{state}", Flow(**ends, rate=rate, title=title))

    def _note_names_in_events(self) -> None:
        """Collect the names in events; their problems are reported when they are read."""
        for k in range(self.sbml.getNumEvents()):
            event = self.sbml.getEvent(k)
            parts = [event.getTrigger(), event.getDelay(), event.getPriority()]
            parts += [event.getEventAssignment(j) for j in range(event.getNumEventAssignments())]
            for part in parts:
                if part is not None and part.getMath() is not None:
                    with contextlib.suppress(ModelError, ExpressionError):
                        self.of_events |= names_in(self.symbols.text(part.getMath(), "an event"))

    def _rates_of_change(self) -> None:
        """Add rates of change that formulas use to the derived quantities, in the file's unit of time."""
        for sbml_id, name in self.symbols.rates_used.items():
            state = self.amounts.get(sbml_id, self.symbols.name(sbml_id))
            text = self._rate_of_change(state)
            species = self.sbml.getSpecies(sbml_id)
            if sbml_id in self.amounts:
                if species.getCompartment() in self.symbols.assignment_rules:
                    what = f"has the rateOf {sbml_id!r}, in a compartment whose size has an assignment rule"
                    raise ModelError(Problem(self.symbols.where, what, "the rate written out"))
                size = self.symbols.name(species.getCompartment())
                own = self.symbols.name(sbml_id)
                text = f"(({text}) - {own} * ({self._rate_of_change(size)})) / {size}"
            self.derived[name] = Derived(f"({text}) / {self.symbols.scale}", "1", title=f"rate of change of {sbml_id}")

    def _rate_of_change(self, state: str) -> str:
        terms = [f"- ({f.rate})" for f in self.flows.values() if f.source == state]
        terms += [f"+ ({f.rate})" for f in self.flows.values() if f.target == state]
        return " ".join(terms).removeprefix("+ ") or "0"

    def _rates(self) -> None:
        """Add rates of reactions that formulas use to the derived quantities."""
        texts = [*(d.expr for d in self.derived.values()), *(f.rate for f in self.flows.values())]
        texts += [c.initial for c in self.compartments.values() if isinstance(c.initial, str)]
        used = self.of_events | {name for text in texts for name in names_in(text)}
        for reaction in self.symbols.reactions:
            name = self.symbols.name(reaction.getId())
            if name in used and not has_kinetic_law(reaction):
                what = f"has a formula with the rate of {reaction.getId()!r}, which has none"
                raise ModelError(Problem(self.symbols.where, what, "a kinetic law"))
            if name in used:
                law = self.symbols.text(reaction.getKineticLaw().getMath(), f"the rate of {reaction.getId()}")
                self.derived[name] = Derived(law, "1", title=f"rate of {reaction.getName() or reaction.getId()}")

    def _changes_of(self, reaction: Any) -> Iterator[tuple[str, str]]:
        """Yield each state that a reaction changes, and the factor of the rate: "2", "-1 / volume"."""
        count = reaction.getNumReactants()
        for k, reference in enumerate(self.symbols.references(reaction)):
            species = self.sbml.getSpecies(reference.getSpecies())
            if species is None:
                what = f"the reaction {reaction.getId()!r} uses {reference.getSpecies()!r}, which is not a species"
                raise ModelError(Problem(self.symbols.where, what, "a species of the model"))
            if not self._changes(species.getId()):
                continue
            factor = self._stoichiometry(reference) + self._conversion(species)
            name = self.symbols.name(species.getId())
            if species.getId() in self.amounts:
                name = self.amounts[species.getId()]
            elif self.symbols.is_concentration(species):
                factor += f" / {self.symbols.name(species.getCompartment())}"
            yield name, ("-" if k < count else "") + factor

    def _stoichiometry(self, reference: Any) -> str:
        if reference.getId() and self.symbols.names.get(reference.getId()) not in self.parameters:
            return self.symbols.name(reference.getId())
        value = self.symbols.value(reference.getId()) if reference.getId() else float(reference.getStoichiometry())
        if not reference.getId() and not reference.isSetStoichiometry():
            value = 1.0
        return f"({value!r})" if value < 0 else repr(value)

    def _conversion(self, species: Any) -> str:
        factor = species.getConversionFactor() or self.sbml.getConversionFactor()
        return f" * {self.symbols.name(factor)}" if factor else ""

    def _flow(self, name: str, flow: Flow) -> None:
        while name in self.flows:
            name += "_"
        self.flows[name if name.isidentifier() else f"r_{name}"] = flow


def _times(factor: str, law: str, scale: str) -> str:
    """Return factor x law x scale, without a factor of 1."""
    return f"{law} * {scale}" if factor == "1.0" else f"{factor} * {law} * {scale}"


def _title(thing: Any) -> str:
    """Return the name of an element, and its declared unit."""
    declared = str(getattr(thing, "getUnits", lambda: "")() or getattr(thing, "getSubstanceUnits", lambda: "")() or "")
    return " ".join(filter(None, [thing.getName(), f"[{declared}]" if declared else ""]))
