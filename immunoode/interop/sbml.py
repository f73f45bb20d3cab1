"""Models from SBML: compartments, species, parameters, rules and reactions as states, constants, derived and flows."""

from __future__ import annotations

import html
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from immunoode import units
from immunoode.errors import ModelError, Problem, UnitError, nearest
from immunoode.interop.flatten import identifier
from immunoode.interop.open_sbml import open_document
from immunoode.interop.sbml_symbols import Symbols, days_per_unit, lawful
from immunoode.interop.sbml_to_model import Builder
from immunoode.model.check import check
from immunoode.model.components import Parameter
from immunoode.model.expressions import RESERVED, ExpressionError
from immunoode.model.model import Model
from immunoode.units import SECONDS_PER_DAY

NOTES = 4000
"""Letters of a file's notes that are kept."""


def read_sbml(
    source: str | Path,
    *,
    roles: Mapping[str, str | Sequence[str]] | None = None,
    modifiable: Mapping[str, str] | Sequence[str] = (),
    time_unit: str | None = None,
    name: str | None = None,
) -> Model:
    """Read a model from SBML, Level 2 or 3 core.

    Parameters
    ----------
    source : path or str
        A file, or its text.
    roles : mapping, optional
        What species are to other models: {"T": "tumour", "E": "effector"}. With roles, therapies attach.
    modifiable : mapping or sequence of str, optional
        Constants that other models may change: ids, or {"d": "checkpoint_brake"}, the names by which others know them. The
        number in the file is then the parameter `d` (`d_base` where no other name is given).
    time_unit : str, optional
        The model's unit of time ("day", "hour"). Left out: as the file states it, else days; with a warning where it states
        none, or seconds.
    name : str, optional
        The model's name; by default its id.

    Returns
    -------
    Model
        Of kind "published". Species that reactions or rules change are compartments, in amounts or concentrations as the file
        has them; quantities of rules are derived; everything else is a parameter. Numbers are as in the file and have no units,
        for units of SBML files seldom close; what the file declares is in the titles. `time_units_per_day` brings rates to
        days. Initial assignments stay formulas: they follow what they use, through rules and other initial values. Events are
        not in a model: `read_sbml_events` makes a regimen of them, for which the model has inputs.

    Raises
    ------
    ModelError
        If the file is broken, or has what is not read: algebraic rules, delays, fast reactions, packages, formulas with
        functions that the language does not have. Each message names it.

    Warns
    -----
    UserWarning
        If the unit of time is assumed, or there are events.
    """
    document, where = open_document(source)
    try:
        made = _model(document.getModel(), where, roles or {}, modifiable, time_unit, name)
    except ExpressionError as error:
        raise ModelError(Problem(where, str(error), "shorter formulas")) from None
    except RecursionError:
        raise ModelError(Problem(where, "its values build on each other in too long a chain", "shorter chains")) from None
    return made


def _model(
    sbml: Any,
    where: str,
    roles: Mapping[str, Any],
    modifiable: Mapping[str, str] | Sequence[str],
    time_unit: str | None,
    name: str | None,
) -> Model:
    symbols = Symbols.of(sbml, where)
    bases = _modifiable(symbols, modifiable)
    _refuse(sbml, symbols)
    days = _days(sbml, where, time_unit)
    given = _roles(sbml, where, roles)
    builder = Builder(symbols, given, bases)
    builder.build()
    _check_kinds(builder, symbols, given, bases)
    constants = {symbols.scale: Parameter(1 / days, "1/day", title="units of time of the file in a day"), **builder.parameters}
    made = Model(
        name=identifier(name or sbml.getId() or Path(where).stem),
        kind="published",
        title=sbml.getName() or sbml.getId() or where,
        description=_notes(sbml),
        parameters=constants,
        compartments=builder.compartments,
        derived=builder.derived,
        modifiables=builder.modifiables,
        flows=builder.flows,
        inputs=builder.inputs,
    )
    problems = check(made, where)
    if problems:
        raise ModelError(problems)
    if sbml.getNumEvents():
        warnings.warn(f"{where} has {sbml.getNumEvents()} events: read_sbml_events makes a regimen of them", stacklevel=4)
    return made


def _refuse(sbml: Any, symbols: Symbols) -> None:
    """Raise with everything in a model that is not read."""
    problems = list[Problem]()
    lawless = [r.getId() for r in symbols.reactions if not lawful(r)]
    if lawless and len(lawless) == len(symbols.reactions) and not symbols.rated:
        problems.append(Problem(symbols.where, "has no kinetic law for any reaction", "rates"))
    elif lawless:
        what = f"{symbols.where}: nothing happens by the reactions {', '.join(lawless)}, which have no kinetic law"
        warnings.warn(what, stacklevel=5)
    for k in range(sbml.getNumSpecies()):
        species = sbml.getSpecies(k)
        if sbml.getCompartment(species.getCompartment()) is None:
            problems.append(
                Problem(symbols.where, f"the species {species.getId()!r} is in no compartment", "one that there is")
            )
    if problems:
        raise ModelError(problems)


def _days(sbml: Any, where: str, time_unit: str | None) -> float:
    """Return the days in the model's unit of time."""
    if time_unit is not None:
        try:
            return units.factor(time_unit, "day")
        except UnitError as error:
            raise ModelError(Problem("time_unit", str(error), "day, hour, second, ...")) from None
    found = days_per_unit(sbml)
    if found is None:
        warnings.warn(
            f"{where} states no unit of time: taken for days, so that 20 days are 20 of its units; say time_unit='hour' if it "
            "is another",
            stacklevel=5,
        )
        return 1.0
    if math.isclose(found, 1 / SECONDS_PER_DAY):
        warnings.warn(
            f"{where}: its unit of time is the second, stated or by default: 20 days are {20 * SECONDS_PER_DAY:,.0f} of its "
            "units; say time_unit='day' if its numbers are per day",
            stacklevel=5,
        )
    return found


def _modifiable(symbols: Symbols, given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Return the parameter that each modifiable constant is without others; formulas get the name that others know."""
    wanted = dict(given) if isinstance(given, Mapping) else dict.fromkeys([given] if isinstance(given, str) else given, "")
    unknown = [
        Problem(f"{symbols.where}: modifiable", f"there is no {n!r}", nearest(str(n), list(symbols.names)))
        for n in wanted
        if n not in symbols.names
    ]
    if unknown:
        raise ModelError(unknown)
    found = dict[str, str]()
    for sbml_id, name in wanted.items():
        own = symbols.names[sbml_id]
        taken = {*symbols.names.values(), symbols.scale} - {own}
        new, base = (name, own) if name and name != own else (own, f"{own}_base")
        clash = [n for n in (new, base) if n in taken or n in RESERVED or not n.isidentifier()]
        if clash:
            raise ModelError(Problem(f"{symbols.where}: modifiable", f"{clash[0]!r} is taken, or no name", "another name"))
        symbols.names[sbml_id], found[sbml_id] = new, base
    return found


def _check_kinds(builder: Builder, symbols: Symbols, roles: Mapping[str, Any], modifiable: Mapping[str, str]) -> None:
    """Refuse roles of what is no state, and modifiables that are no constants: they would do nothing."""
    states = builder.compartments
    wrong = [
        Problem(
            f"{symbols.where}: roles",
            f"{s!r} is no state: a constant, or a quantity of a rule",
            "species that change; imo.io.read_sbml(modifiable=...) lets others change a constant",
        )
        for s in roles
        if builder.amounts.get(s, symbols.name(s)) not in states
    ]
    wrong += [
        Problem(f"{symbols.where}: modifiable", f"{s!r} is no constant", "parameters with a number that nothing changes")
        for s in modifiable
        if symbols.name(s) not in builder.modifiables
    ]
    if wrong:
        raise ModelError(wrong)


def _roles(sbml: Any, where: str, roles: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    known = [sbml.getSpecies(k).getId() for k in range(sbml.getNumSpecies())]
    known += [sbml.getCompartment(k).getId() for k in range(sbml.getNumCompartments())]
    known += [sbml.getParameter(k).getId() for k in range(sbml.getNumParameters())]
    wrong = [Problem(f"{where}: roles", f"{s!r} is no species", nearest(str(s), known)) for s in roles if s not in known]
    if wrong:
        raise ModelError(wrong)
    return {s: (r,) if isinstance(r, str) else tuple(r) for s, r in roles.items()}


def _notes(sbml: Any) -> str:
    """Return the notes without their tags."""
    text = re.sub(r"<[^>]*>", " ", sbml.getNotesString() or "")
    return " ".join(html.unescape(text).split())[:NOTES]
