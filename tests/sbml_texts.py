"""Small SBML models as text, made of a few words each."""

from __future__ import annotations

from typing import Any

import libsbml


def math(node: Any, formula: str) -> None:
    """Give a part its formula."""
    tree = libsbml.parseL3Formula(formula)
    assert tree is not None, libsbml.getLastParseL3Error()
    assert node.setMath(tree) == libsbml.LIBSBML_OPERATION_SUCCESS


class Made:
    """An SBML model that is put together part by part; `text()` is the file."""

    def __init__(self, level: int = 3, version: int = 2, time: str = "day") -> None:
        self.document = libsbml.SBMLDocument(level, version)
        self.model = self.document.createModel()
        self.model.setId("made")
        if time == "day":
            unit = self.model.createUnitDefinition()
            unit.setId("day" if level == 3 else "time")
            part = unit.createUnit()
            part.setKind(libsbml.UNIT_KIND_SECOND)
            part.setExponent(1)
            part.setScale(0)
            part.setMultiplier(86400)
            if level == 3:
                self.model.setTimeUnits("day")

    def compartment(self, name: str = "c", size: float | None = 1.0, dimensions: float = 3, constant: bool = True) -> Made:
        made = self.model.createCompartment()
        made.setId(name)
        made.setSpatialDimensions(int(dimensions))
        made.setConstant(constant)
        if size is not None:
            made.setSize(size)
        return self

    def species(self, name: str, amount: float | None = None, concentration: float | None = None, **options: Any) -> Made:
        made = self.model.createSpecies()
        made.setId(name)
        made.setCompartment(options.get("compartment", "c"))
        made.setHasOnlySubstanceUnits(options.get("substance", False))
        made.setBoundaryCondition(options.get("boundary", False))
        made.setConstant(options.get("constant", False))
        if amount is not None:
            made.setInitialAmount(amount)
        if concentration is not None:
            made.setInitialConcentration(concentration)
        if "conversion" in options:
            made.setConversionFactor(options["conversion"])
        return self

    def parameter(self, name: str, value: float | None = None, constant: bool = True) -> Made:
        made = self.model.createParameter()
        made.setId(name)
        made.setConstant(constant)
        if value is not None:
            made.setValue(value)
        return self

    def reaction(
        self, law: str, reactants: str = "", products: str = "", name: str = "", local: dict[str, float] | None = None
    ) -> Made:
        """Add a reaction; "2 A B" are two of A and one of B; "s:A" has the stoichiometry named s."""
        made = self.model.createReaction()
        made.setId(name or f"r{self.model.getNumReactions()}")
        made.setReversible(False)
        if self.document.getLevel() == 3 and self.document.getVersion() == 1:
            made.setFast(False)
        for words, create in ((reactants.split(), made.createReactant), (products.split(), made.createProduct)):
            number = 1.0
            for word in words:
                if word.replace(".", "").isdigit():
                    number = float(word)
                    continue
                reference = create()
                own, _, species = word.rpartition(":")
                reference.setSpecies(species)
                reference.setStoichiometry(number)
                if self.document.getLevel() == 3:
                    reference.setConstant(not own)
                if own:
                    reference.setId(own)
                number = 1.0
        kinetic = made.createKineticLaw()
        math(kinetic, law)
        for parameter, value in (local or {}).items():
            own_parameter = kinetic.createLocalParameter() if self.document.getLevel() == 3 else kinetic.createParameter()
            own_parameter.setId(parameter)
            own_parameter.setValue(value)
        return self

    def lawless(self, reactant: str, product: str) -> Made:
        """Add a reaction without a kinetic law."""
        made = self.model.createReaction()
        made.setId(f"r{self.model.getNumReactions()}")
        made.setReversible(False)
        for species, create in ((reactant, made.createReactant), (product, made.createProduct)):
            reference = create()
            reference.setSpecies(species)
            reference.setStoichiometry(1.0)
            reference.setConstant(True)
        return self

    def converted(self, factor: str) -> Made:
        """Set the conversion factor of the whole model."""
        self.model.setConversionFactor(factor)
        return self

    def assign(self, name: str, formula: str) -> Made:
        rule = self.model.createAssignmentRule()
        rule.setVariable(name)
        math(rule, formula)
        return self

    def rate(self, name: str, formula: str) -> Made:
        rule = self.model.createRateRule()
        rule.setVariable(name)
        math(rule, formula)
        return self

    def initial(self, name: str, formula: str) -> Made:
        first = self.model.createInitialAssignment()
        first.setSymbol(name)
        math(first, formula)
        return self

    def function(self, name: str, formula: str) -> Made:
        made = self.model.createFunctionDefinition()
        made.setId(name)
        math(made, formula)
        return self

    def event(
        self,
        trigger: str,
        delay: str = "",
        priority: str = "",
        starts: bool = True,
        persistent: bool = True,
        at_firing: bool = True,
        **assignments: str,
    ) -> Made:
        made = self.model.createEvent()
        made.setId(f"e{self.model.getNumEvents()}")
        made.setUseValuesFromTriggerTime(at_firing)
        fires = made.createTrigger()
        fires.setInitialValue(starts)
        fires.setPersistent(persistent)
        math(fires, trigger)
        for formula, create in ((delay, made.createDelay), (priority, made.createPriority)):
            if formula:
                math(create(), formula)
        for name, formula in assignments.items():
            given = made.createEventAssignment()
            given.setVariable(name)
            math(given, formula)
        return self

    def text(self) -> str:
        """Return the file."""
        return str(libsbml.writeSBMLToString(self.document))
