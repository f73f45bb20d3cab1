"""Reading of SBML models: compartments, species, parameters, rules and reactions become the parts of a model."""

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
from immunoode.interop.sbml_symbols import Symbols, days_per_unit, has_kinetic_law
from immunoode.interop.sbml_to_model import ModelBuilder
from immunoode.model.check import check
from immunoode.model.components import Parameter
from immunoode.model.expressions import RESERVED, ExpressionError
from immunoode.model.model import Model
from immunoode.units import SECONDS_PER_DAY

MAX_NOTES = 4000
"""The largest number of characters of notes that are kept."""


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
        Roles of species: {"T": "tumour", "E": "effector"}. Therapies attach to roles.
    modifiable : mapping or sequence of str, optional
        Constants that other models may change: ids, or {"d": "checkpoint_brake"} with the names that other models use. The
        number in the file becomes the parameter `d` (`d_base` if no other name is given).
    time_unit : str, optional
        The model's unit of time ("day", "hour"). By default, the unit in the file, or days; with a warning if the file states
        none, or seconds.
    name : str, optional
        The model's name; by default its id.

    Returns
    -------
    Model
        Of kind "published". Species that reactions or rules change are compartments, in amounts or concentrations as in the
        file; variables of assignment rules are derived; everything else is a parameter. Numbers are as in the file, without
        units, because units of SBML files are rarely consistent; declared units are in the titles. The parameter
        `time_units_per_day` converts rates to days. Initial assignments remain formulas. Events are not part of the model:
        `read_sbml_events` returns them as a regimen, for which the model has inputs.

    Raises
    ------
    ModelError
        If the file is invalid, or has something that is not supported: algebraic rules, delays, fast reactions, packages, or
        functions that the language does not have.

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
        raise ModelError(Problem(where, "has too long a chain of values that depend on each other", "shorter chains")) from None
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
    builder = ModelBuilder(symbols, given, bases)
    builder.build()
    _check_kinds(builder, symbols, given, bases)
    constants = {symbols.scale: Parameter(1 / days, "1/day", title="units of time of the file per day"), **builder.parameters}
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
    ModelError.raise_if(problems)
    if sbml.getNumEvents():
        warnings.warn(f"{where} has {sbml.getNumEvents()} events, which read_sbml_events returns as a regimen", stacklevel=4)
    return made


def _refuse(sbml: Any, symbols: Symbols) -> None:
    """Raise an error with all unsupported features of a model."""
    problems = list[Problem]()
    without_law = [r.getId() for r in symbols.reactions if not has_kinetic_law(r)]
    if without_law and len(without_law) == len(symbols.reactions) and not symbols.rate_rules:
        problems.append(Problem(symbols.where, "has no kinetic law for any reaction", "rates"))
    elif without_law:
        what = f"{symbols.where}: the reactions {', '.join(without_law)} have no effect, because they have no kinetic law"
        warnings.warn(what, stacklevel=5)
    for k in range(sbml.getNumSpecies()):
        species = sbml.getSpecies(k)
        if sbml.getCompartment(species.getCompartment()) is None:
            problems.append(
                Problem(symbols.where, f"the species {species.getId()!r} has no compartment", "a compartment of the model")
            )
    ModelError.raise_if(problems)


def _days(sbml: Any, where: str, time_unit: str | None) -> float:
    """Return the length in days of the model's unit of time."""
    if time_unit is not None:
        try:
            return units.factor(time_unit, "day")
        except UnitError as error:
            raise ModelError(Problem("time_unit", str(error), "day, hour, second, ...")) from None
    found = days_per_unit(sbml)
    if found is None:
        warnings.warn(
            f"{where} states no unit of time: days are assumed; use time_unit='hour' for example if it is another", stacklevel=5
        )
        return 1.0
    if math.isclose(found, 1 / SECONDS_PER_DAY):
        warnings.warn(
            f"{where}: the unit of time is the second, stated or by default: 20 days are {20 * SECONDS_PER_DAY:,.0f} units; "
            "use time_unit='day' if its numbers are per day",
            stacklevel=5,
        )
    return found


def _modifiable(symbols: Symbols, given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Return the parameter for the base of each modifiable constant, and rename the constant in formulas."""
    wanted = dict(given) if isinstance(given, Mapping) else dict.fromkeys([given] if isinstance(given, str) else given, "")
    unknown = [
        Problem(f"{symbols.where}: modifiable", f"{n!r} does not exist", nearest(str(n), list(symbols.names)))
        for n in wanted
        if n not in symbols.names
    ]
    ModelError.raise_if(unknown)
    found = dict[str, str]()
    for sbml_id, name in wanted.items():
        own = symbols.names[sbml_id]
        taken = {*symbols.names.values(), symbols.scale} - {own}
        new, base = (name, own) if name and name != own else (own, f"{own}_base")
        clash = [n for n in (new, base) if n in taken or n in RESERVED or not n.isidentifier()]
        if clash:
            raise ModelError(
                Problem(f"{symbols.where}: modifiable", f"{clash[0]!r} is in use or not a valid name", "another name")
            )
        symbols.names[sbml_id], found[sbml_id] = new, base
    return found


def _check_kinds(builder: ModelBuilder, symbols: Symbols, roles: Mapping[str, Any], modifiable: Mapping[str, str]) -> None:
    """Refuse roles of quantities that are not states, and modifiables that are not constants."""
    states = builder.compartments
    wrong = [
        Problem(
            f"{symbols.where}: roles",
            f"{s!r} is not a state but a constant or a quantity of a rule",
            "species that change; imo.io.read_sbml(modifiable=...) lets other models change a constant",
        )
        for s in roles
        if builder.amounts.get(s, symbols.name(s)) not in states
    ]
    wrong += [
        Problem(f"{symbols.where}: modifiable", f"{s!r} is not a constant", "parameters with a number that nothing changes")
        for s in modifiable
        if symbols.name(s) not in builder.modifiables
    ]
    ModelError.raise_if(wrong)


def _roles(sbml: Any, where: str, roles: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    known = [sbml.getSpecies(k).getId() for k in range(sbml.getNumSpecies())]
    known += [sbml.getCompartment(k).getId() for k in range(sbml.getNumCompartments())]
    known += [sbml.getParameter(k).getId() for k in range(sbml.getNumParameters())]
    wrong = [Problem(f"{where}: roles", f"{s!r} is not a species", nearest(str(s), known)) for s in roles if s not in known]
    ModelError.raise_if(wrong)
    return {s: (r,) if isinstance(r, str) else tuple(r) for s, r in roles.items()}


def _notes(sbml: Any) -> str:
    """Return the notes without tags."""
    text = re.sub(r"<[^>]*>", " ", sbml.getNotesString() or "")
    return " ".join(html.unescape(text).split())[:MAX_NOTES]
