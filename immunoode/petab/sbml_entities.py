"""The entities of an SBML model for PEtab: the name of each id in our model, in which all ids that may be set can be set."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from immunoode.errors import DataError, Problem, nearest
from immunoode.interop.open_sbml import open_document
from immunoode.interop.sbml import read_sbml
from immunoode.interop.sbml_event_reader import read_sbml_events
from immunoode.interop.sbml_symbols import Symbols, days_per_unit
from immunoode.model.closed_model import resolve
from immunoode.model.components import Parameter
from immunoode.model.equations import Equations
from immunoode.model.expressions import TIME
from immunoode.model.model import Model
from immunoode.model.symbolic import Expr, symbolic
from immunoode.petab.dual_numbers import Formula
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.sbml_event import Events

START = "_at_start"
"""Suffix of the name of a parameter that is the initial value of a state."""


@dataclass(frozen=True)
class PetabEntities:
    """A model read from SBML, for simulations with values that are set from outside.

    Attributes
    ----------
    model : Model
        Constant quantities with initial assignments are parameters in it.
    regimen : Regimen or Events
        Doses at stated times, as `simulate` takes them, or Events if they are more than doses.
    events : Events
        All of them as events.
    days : float
        The unit of time of the file in days.
    time_scale : str
        Name of the parameter 1 / days.
    names : mapping
        Name in the model of each id of the file.
    amounts : mapping
        For concentrations of states that are amounts: the state, and the name of the size of the compartment.
    assigned_constants : mapping
        Formulas of constants with initial assignments, which follow other constants until they are set.
    without_value : frozenset of str
        Parameters that only the problem has, which have no value until a condition sets one.
    assigned_states : mapping
        Initial assignments of states that use rules or other states, for which the model has numbers only.
    """

    where: str
    model: Model
    regimen: Regimen | Events
    events: Events
    days: float
    time_scale: str
    names: Mapping[str, str]
    amounts: Mapping[str, tuple[str, str]]
    assigned_constants: Mapping[str, Formula]
    without_value: frozenset[str] = frozenset()
    assigned_states: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def equations(self) -> Equations:
        """The equations of the model."""
        return resolve(self.model).equations

    def settable(self, name: str) -> bool:
        """Return whether a name of the model can be set."""
        return name in self.model.constants or name in self.model.compartments or name in self.amounts

    def expression(self, name: str) -> Expr | None:
        """Return a name of the model as an expression of states and constants; None if there is no such name."""
        import symengine as se

        if name in self.model.constants or name in self.model.compartments:
            return se.Symbol(name)
        return self.equations.outputs.get(name)

    def formula(self, name: str) -> Formula:
        """Return a derived quantity as a formula of states and constants."""
        return Formula(self.equations.outputs[name])

    @cached_property
    def initial(self) -> dict[str, Formula]:
        """Formulas of the initial values of the states in terms of constants."""
        import symengine as se

        own = dict(zip(self.equations.states, self.equations.initial, strict=True))
        found: dict[str, Expr] = {}

        def start(state: str) -> Expr:
            """Return the initial value of a state, with the initial values of the states that it uses substituted."""
            if state not in found:
                found[state] = own[state]  # in case of a cycle, which a model that was read does not have
                tree = symbolic(self.assigned_states[state], of_name, _no_role) if state in self.assigned_states else own[state]
                used = {str(s) for s in tree.free_symbols} & own.keys()
                tree = tree.xreplace({se.Symbol(u): start(u) for u in sorted(used)} | {se.Symbol(TIME): se.Integer(0)})
                found[state] = tree
            return found[state]

        def of_name(name: str) -> Expr:
            tree = self.expression(name)
            return se.Symbol(name) if tree is None else tree

        return {name: Formula(start(name)) for name in own}

    def with_parameters(self, names: Iterable[str]) -> PetabEntities:
        """Return the entities with parameters that only the problem has, which conditions set."""
        more = {name: Parameter(0.0, "1") for name in names}
        model = replace(self.model, parameters={**self.model.parameters, **more})
        return replace(self, model=model, names={**self.names, **{name: name for name in more}}, without_value=frozenset(more))

    def with_start_parameters(self, states: Iterable[str]) -> Model:
        """Return the model with parameters for the initial values of some states."""
        chosen = [name for name in self.model.compartments if name in set(states)]
        if not chosen:
            return self.model
        return replace(
            self.model,
            parameters={**self.model.parameters, **{f"{name}{START}": Parameter(0.0, "1") for name in chosen}},
            compartments={
                name: replace(c, initial=f"{name}{START}") if name in chosen else c
                for name, c in self.model.compartments.items()
            },
        )


def read_entities(path: Path, aliases: Mapping[str, str]) -> PetabEntities:
    """Read the SBML model of a problem.

    Parameters
    ----------
    path : Path
    aliases : mapping
        Ids of the model by their names in the problem.

    Raises
    ------
    ModelError, DataError
        If it cannot be read, or the id of an alias does not exist.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = read_sbml(path)
        regimen = read_sbml_events(path)
        events = read_sbml_events(path, regimen=False)
        document, where = open_document(path)
        symbols = Symbols.of(document.getModel(), where)
    names = dict(symbols.names)
    for alias, meant in aliases.items():
        found = meant if meant in names else meant.replace(".", "_")
        if found not in names:
            raise DataError(Problem(where, f"has no {meant!r}, for which {alias!r} stands", nearest(meant, names)))
        names[alias] = names[found]
    model = _with_size_dependence(model, symbols)
    model, assigned_constants = _with_constants(model, symbols)
    days = days_per_unit(symbols.model) or 1.0
    made_events = events if isinstance(events, Events) else Events(())
    return PetabEntities(
        where,
        model,
        regimen,
        made_events,
        days,
        symbols.scale,
        names,
        _amounts(model, symbols),
        assigned_constants,
        assigned_states=_assigned_states(model, symbols),
    )


def _assigned_states(model: Model, symbols: Symbols) -> dict[str, str]:
    """Return the initial assignments of states that have a number as initial value in the model."""
    amounts, found = _amounts(model, symbols), {}
    for sbml_id, node in symbols.initial_assignments.items():
        name = symbols.names.get(sbml_id, "")
        state = amounts[name][0] if name in amounts else name
        if state in model.compartments and not isinstance(model.compartments[state].initial, str):
            text = symbols.text(node, f"the initial value of {sbml_id}")
            found[state] = f"({text}) * {amounts[name][1]}" if name in amounts else text
    return found


def _amounts(model: Model, symbols: Symbols) -> dict[str, tuple[str, str]]:
    found = {}
    for k in range(symbols.model.getNumSpecies()):
        species = symbols.model.getSpecies(k)
        if symbols.kept_as_amount(species):
            amount = symbols.amount(species.getId())
            if amount in model.compartments:
                found[symbols.name(species.getId())] = amount, symbols.name(species.getCompartment())
    return found


def _with_size_dependence(model: Model, symbols: Symbols) -> Model:
    """Make initial values depend on sizes of compartments: concentrations given as amounts, and the converse."""
    changed = dict(model.compartments)
    for k in range(symbols.model.getNumSpecies()):
        species = symbols.model.getSpecies(k)
        name = symbols.name(species.getId())
        if species.getId() in symbols.initial_assignments or symbols.model.getCompartment(species.getCompartment()) is None:
            continue
        size, dense = symbols.name(species.getCompartment()), symbols.is_concentration(species)
        state = name if name in changed else symbols.amount(species.getId())
        if state not in changed or isinstance(changed[state].initial, str) or size not in (*model.constants, *changed):
            continue
        of_amount = species.isSetInitialAmount()
        given = species.getInitialAmount() if of_amount else species.getInitialConcentration()
        kept_as_amount = state != name or not dense
        if of_amount != kept_as_amount and (of_amount or species.isSetInitialConcentration()):
            changed[state] = replace(changed[state], initial=f"{float(given)!r} {'/' if of_amount else '*'} {size}")
    return replace(model, compartments=changed)


def _with_constants(model: Model, symbols: Symbols) -> tuple[Model, dict[str, Formula]]:
    """Turn constant derived quantities with initial assignments into parameters; return their formulas in order."""
    import symengine as se

    assigned = {symbols.name(s) for s in symbols.assignment_rules if s in symbols.names}
    initial = {symbols.name(s) for s in symbols.initial_assignments if s in symbols.names}
    chosen = [name for name in model.derived if name in initial - assigned]
    amounts = _amounts(model, symbols)
    chosen = [name for name in chosen if name not in amounts]
    if not chosen:
        return model, {}
    made = replace(
        model,
        parameters={**model.parameters, **{name: Parameter(0.0, "1", title=model.derived[name].title) for name in chosen}},
        derived={name: d for name, d in model.derived.items() if name not in chosen},
    )
    outputs, se_symbols = resolve(made).equations.outputs, {*made.constants, *made.compartments, TIME}

    def of_name(name: str) -> Expr:
        return se.Symbol(name) if name in se_symbols else outputs[name]

    found = {name: Formula(symbolic(model.derived[name].expr, of_name, _no_role)) for name in chosen}
    order = TopologicalSorter({name: set(f.names) & found.keys() for name, f in found.items()}).static_order()
    return made, {name: found[name] for name in order}


def _no_role(role: str) -> Expr:
    raise AssertionError(f"an imported model cannot sum a role ({role!r})")
