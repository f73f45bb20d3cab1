"""The symbols of an SBML model: names, rules, initial assignments and initial values."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass, field
from typing import Any

from immunoode.errors import ModelError, Problem
from immunoode.interop.evaluate import evaluate
from immunoode.interop.mathml import expression
from immunoode.model.expressions import RESERVED
from immunoode.units import SECONDS_PER_DAY

STATE, CONSTANT, DERIVED = "state", "constant", "derived"
TIME_SCALE = "time_units_per_day"
"""The name of the parameter for the number of the model's units of time per day."""


@dataclass
class Symbols:
    """The symbols of one model of libsbml.

    Attributes
    ----------
    model : libsbml.Model
    where : str
        The source, in messages.
    assignment_rules, rate_rules, initial_assignments : dict
        Formulas (ASTNode) of assignment rules, rate rules and initial assignments, by SBML id.
    event_targets : set of str
        Ids that events assign to.
    names : dict
        The name in the model of each id.
    rates_used : dict
        The name in the model of the rate of change of each id, if a formula uses it.
    """

    model: Any
    where: str
    assignment_rules: dict[str, Any] = field(default_factory=dict)
    rate_rules: dict[str, Any] = field(default_factory=dict)
    initial_assignments: dict[str, Any] = field(default_factory=dict)
    event_targets: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    rates_used: dict[str, str] = field(default_factory=dict)
    scale: str = TIME_SCALE
    _values: dict[str, float] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, model: Any, where: str) -> Symbols:
        """Read rules, initial assignments and the targets of events.

        Raises
        ------
        ModelError
            If there are algebraic rules.
        """
        found = cls(model, where)
        algebraic = [model.getRule(k) for k in range(model.getNumRules()) if model.getRule(k).isAlgebraic()]
        if algebraic:
            what = f"has {len(algebraic)} algebraic rules"
            raise ModelError(Problem(where, what, "assignment rules or rate rules"))
        for k in range(model.getNumRules()):
            rule = model.getRule(k)
            if rule.getMath() is None:  # Level 3 Version 2 ignores such a rule
                continue
            (found.rate_rules if rule.isRate() else found.assignment_rules)[rule.getVariable()] = rule.getMath()
        for k in range(model.getNumInitialAssignments()):
            first = model.getInitialAssignment(k)
            if first.getMath() is not None:
                found.initial_assignments[first.getSymbol()] = first.getMath()
        for k in range(model.getNumEvents()):
            event = model.getEvent(k)
            found.event_targets |= {event.getEventAssignment(j).getVariable() for j in range(event.getNumEventAssignments())}
        found._name()
        return found

    def _name(self) -> None:
        tables = (self.model.getListOfCompartments(), self.model.getListOfSpecies(), self.model.getListOfParameters())
        taken = set(RESERVED)
        for thing in (t.get(k) for t in tables for k in range(t.size())):
            self.names[thing.getId()] = _free(thing.getId(), taken)
        for reaction in self.reactions:
            self.names[reaction.getId()] = _free(reaction.getId(), taken)
            for reference in self.references(reaction):
                if reference.isSetId():
                    self.names[reference.getId()] = _free(reference.getId(), taken)
        self.scale = _free(TIME_SCALE, taken)

    @property
    def reactions(self) -> list[Any]:
        """The reactions."""
        return [self.model.getReaction(k) for k in range(self.model.getNumReactions())]

    def references(self, reaction: Any) -> list[Any]:
        """Return the references to reactants and products of a reaction."""
        reactants = [reaction.getReactant(k) for k in range(reaction.getNumReactants())]
        return reactants + [reaction.getProduct(k) for k in range(reaction.getNumProducts())]

    def text(self, node: Any, place: str) -> str:
        """Return a formula as an expression of names in the model."""
        return expression(node, self.name, f"(time * {self.scale})", f"{self.where}: {place}", self.rate)

    def condition(self, node: Any, place: str) -> str:
        """Return a condition as an expression that is 1 if it holds, otherwise 0."""
        text = self.text(node, place)
        return text if node.isBoolean() else f"piecewise(1, {text} > 0.5, 0)"

    def rate(self, sbml_id: str) -> str:
        """Return the name in the model of the rate of change of a symbol, in the file's unit of time.

        Raises
        ------
        ModelError
            If the symbol is unknown, or is the variable of an assignment rule.
        """
        if sbml_id in self.assignment_rules:
            raise ModelError(
                Problem(self.where, f"has the rateOf {sbml_id!r}, which has an assignment rule", "the rate written out")
            )
        if sbml_id not in self.rates_used:
            self.rates_used[sbml_id] = _free(f"rate_of_change_of_{self.name(sbml_id)}", set(self.names.values()))
        return self.rates_used[sbml_id]

    def name(self, sbml_id: str) -> str:
        """Return the name in the model of an id.

        Raises
        ------
        ModelError
            If there is no such symbol.
        """
        if sbml_id not in self.names:
            raise ModelError(Problem(self.where, f"has a formula with {sbml_id!r}, which does not exist", "an id of the model"))
        return self.names[sbml_id]

    def size_varies(self, compartment: str) -> bool:
        """Whether the size of a compartment changes in time."""
        return compartment in self.rate_rules or compartment in self.assignment_rules or compartment in self.event_targets

    def is_concentration(self, species: Any) -> bool:
        """Whether the symbol of a species is its concentration."""
        compartment = self.model.getCompartment(species.getCompartment())
        flat = compartment is not None and compartment.isSetSpatialDimensions() and compartment.getSpatialDimensions() == 0
        return not species.getHasOnlySubstanceUnits() and not flat

    def kept_as_amount(self, species: Any) -> bool:
        """Whether a species is a concentration that becomes an amount, because the size of its compartment changes."""
        ruled = species.getId() in self.assignment_rules
        # A rate rule of the concentration suffices, unless events change the size and keep the amount.
        ruled |= species.getId() in self.rate_rules and species.getCompartment() not in self.event_targets
        return self.is_concentration(species) and self.size_varies(species.getCompartment()) and not ruled

    def amount(self, sbml_id: str) -> str:
        """Return the name in the model of the amount of a species."""
        wanted, taken = f"{self.name(sbml_id)}_amount", set(self.names.values())
        while wanted in taken:
            wanted += "_"
        return wanted

    def value(self, sbml_id: str) -> float:
        """Return the value of a symbol at time zero, or NaN if it has none.

        Raises
        ------
        ModelError
            If initial values depend on themselves.
        """
        if sbml_id in self._values:
            return self._values[sbml_id]
        if sbml_id in self._open:
            circle = " -> ".join([*self._open[self._open.index(sbml_id) :], sbml_id])
            raise ModelError(Problem(self.where, f"has values that depend on themselves: {circle}", "rules without a circle"))
        self._open.append(sbml_id)
        try:
            self._values[sbml_id] = self._first(sbml_id)
        finally:
            self._open.pop()
        return self._values[sbml_id]

    def _first(self, sbml_id: str) -> float:
        node = self.initial_assignments.get(sbml_id, self.assignment_rules.get(sbml_id))
        if node is not None:
            return self.number(node, f"the initial value of {sbml_id}")
        species = self.model.getSpecies(sbml_id)
        if species is not None:
            return self._amount(species)
        compartment = self.model.getCompartment(sbml_id)
        if compartment is not None:
            return float(compartment.getSize()) if compartment.isSetSize() else 1.0
        reaction = self.model.getReaction(sbml_id)
        if reaction is not None:
            if not has_kinetic_law(reaction):
                what = f"has a formula with the rate of {sbml_id!r}, which has none"
                raise ModelError(Problem(self.where, what, "a kinetic law"))
            return self.number(reaction.getKineticLaw().getMath(), f"the rate of {sbml_id}")
        parameter = self.model.getParameter(sbml_id)
        if parameter is not None:
            return float(parameter.getValue()) if parameter.isSetValue() else math.nan
        return self._stoichiometry(sbml_id)

    def _amount(self, species: Any) -> float:
        """Return the initial value of a species from its attributes."""
        size = self.value(species.getCompartment()) if self.model.getCompartment(species.getCompartment()) else 1.0
        dense = self.is_concentration(species)
        if species.isSetInitialConcentration():
            given = float(species.getInitialConcentration())
            return given if dense else given * size
        if species.isSetInitialAmount():
            given = float(species.getInitialAmount())
            if dense and size == 0:
                what = f"the species {species.getId()!r} is in the compartment {species.getCompartment()!r} of size 0"
                raise ModelError(Problem(self.where, what, "a size, or a species in substance units only"))
            return given / size if dense else given
        return math.nan

    def _stoichiometry(self, sbml_id: str) -> float:
        found = [r for reaction in self.reactions for r in self.references(reaction) if r.getId() == sbml_id]
        return float(found[0].getStoichiometry()) if found and found[0].isSetStoichiometry() else 1.0

    def number(self, node: Any, place: str) -> float:
        """Return the value of a formula at time zero."""
        back = {ours: theirs for theirs, ours in self.names.items()}

        def known(name: str) -> float:
            if name not in back and name not in ("time", self.scale):
                return math.nan  # a rate of change, which is known only with the equations
            return 0.0 if name == "time" else 1.0 if name == self.scale else self.value(back[name])

        return evaluate(self.text(node, place), known)


def _free(wanted: str, taken: set[str]) -> str:
    """Return a valid unused name that is as similar to the requested one as possible, and mark it as used."""
    name = wanted if wanted.isidentifier() else "x_" + wanted
    while name in taken or keyword.iskeyword(name):
        name += "_"
    taken.add(name)
    return name


def has_kinetic_law(reaction: Any) -> bool:
    """Whether a reaction has a kinetic law."""
    return reaction.getKineticLaw() is not None and reaction.getKineticLaw().getMath() is not None


def days_per_unit(model: Any) -> float | None:
    """Return the length in days of a model's unit of time, or None if it is not stated or not a time."""
    import libsbml

    stated = model.getTimeUnits()
    definition = model.getUnitDefinition(stated) if stated else model.getUnitDefinition("time")
    if definition is None:
        return 1 / SECONDS_PER_DAY if stated == "second" else None
    seconds = 1.0
    for k in range(definition.getNumUnits()):
        unit = definition.getUnit(k)
        if unit.getKind() == libsbml.UNIT_KIND_DIMENSIONLESS:
            continue
        if unit.getKind() != libsbml.UNIT_KIND_SECOND:
            return None
        try:
            seconds *= (unit.getMultiplier() * 10.0 ** unit.getScale()) ** unit.getExponentAsDouble()
        except (ArithmeticError, ValueError):
            return None
    found = seconds / SECONDS_PER_DAY
    usable = isinstance(found, float) and 1e-30 < found < 1e30
    return found if usable else None
