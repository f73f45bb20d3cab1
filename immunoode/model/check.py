"""The checks of a model: names, endpoints, units, bounds, sources. They return problems; the caller raises."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

from immunoode import units
from immunoode.errors import Problem, UnitError, nearest
from immunoode.model.components import COMBINED, ROLES, Flow, Parameter, Pulse
from immunoode.model.expressions import DOSE, RESERVED, SELF, TIME, ExpressionError, doses_in, names_in
from immunoode.model.model import Model
from immunoode.model.references import ESTIMATE, cited_in_full, key_at_start
from immunoode.model.resistances import cause_problems, resistance_problems
from immunoode.model.roles import ROLE, role_in
from immunoode.model.schema import KNOWN_BEFORE_START, TABLES, VALUES, expressions_of
from immunoode.model.unit_check import unit_problems


def check(model: Model, where: str = "", bib: frozenset[str] | None = None, values: bool = True) -> list[Problem]:
    """Return all problems of a model; an empty list means that it is valid.

    Parameters
    ----------
    model : Model
    where : str
        The file or name with which the place of each problem begins.
    bib : frozenset of str, optional
        The keys of the bibliography; if given, sources are checked against it.
    values : bool
        Whether values must lie within their bounds, as in files; callers who set other values are only warned.
    """
    where = where or model.name
    problems = [*_names(model), *_units(model), *_parameters(model, bib, values), *_endpoints(model), *_expressions(model)]
    problems += [*_patients(model, bib), *_measured(model)]
    if not problems:
        problems = [*_cycles(model)]
    if not problems:
        problems = [*unit_problems(model)]
    return [Problem(f"{where}: {p.where}", p.what, p.right) for p in problems]


def check_sources(model: Model) -> list[Problem]:
    """Return a problem for each parameter and covariate without a source; shipped models must have none."""
    return [
        Problem(f"{model.file}: {name}", "has no source", f"a key of the bibliography, or '{ESTIMATE} reason'")
        for name, p in model.constants.items()
        if not p.source
    ]


def scope(model: Model) -> dict[str, str]:
    """Return the names that expressions of a model may use, each with its table."""
    found = {name: table for table in VALUES for name in getattr(model, table)}
    return {**{name: "needs" for name in model.needs}, **found, TIME: "reserved"}


def _names(model: Model) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for table in (*VALUES, "needs"):
        for name in getattr(model, table):
            place = f"{table}.{name}"
            if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
                yield Problem(place, "is not a valid name", "letters, digits and _; not a Python keyword, time, dose or self")
            if name in seen:
                yield Problem(place, f"is also in [{seen[name]}]", "a name may be in one table only")
            seen[name] = table
    for table in (name for name in TABLES if name not in VALUES):
        for name in getattr(model, table):
            if not name.isidentifier() or keyword.iskeyword(name):
                yield Problem(f"{table}.{name}", "is not a valid name", "letters, digits and _; not a Python keyword")


def _units(model: Model) -> Iterator[Problem]:
    for table in (*VALUES, "inputs", "needs"):
        for name, part in getattr(model, table).items():
            try:
                units.dimension(part.unit)
            except UnitError as error:
                yield Problem(f"{table}.{name}.unit", error.problems[0].what, error.problems[0].right)


def _parameters(model: Model, bib: frozenset[str] | None, values: bool) -> Iterator[Problem]:
    tables: dict[str, Mapping[str, Parameter]] = {"covariates": model.covariates, "parameters": model.parameters}
    tables |= {f"variants.{name}": changed for name, changed in model.variants.items()}
    for table, parameters in tables.items():
        for name, parameter in parameters.items():
            yield from _bounds(f"{table}.{name}", parameter, values)
            if bib is not None:
                yield from source_problems(f"{table}.{name}.source", parameter.source, bib)


def _patients(model: Model, bib: frozenset[str] | None) -> Iterator[Problem]:
    """Yield problems of reference patients: their values are of covariates, or of quantities that the model uses."""
    if model.kind == COMBINED:
        return
    used = [name for name, need in model.needs.items() if need.value is not None]
    for who, patient in model.reference_patients.items():
        place = f"reference_patients.{who}"
        for name, value in patient.covariates.items():
            if name in model.covariates:
                yield from _bounds(f"{place}.{name}", replace(model.covariates[name], value=value), True)
            elif name not in used:
                right = nearest(name, [*model.covariates, *used])
                yield Problem(f"{place}.{name}", "is not a covariate of this model", right)
        if bib is not None:
            yield from source_problems(f"{place}.source", patient.source, bib)


def _bounds(place: str, parameter: Parameter, values: bool) -> Iterator[Problem]:
    if parameter.bounds is None:
        return
    lower, upper = parameter.bounds
    if not lower < upper:
        yield Problem(f"{place}.bounds", f"[{lower:g}, {upper:g}] are not increasing", "[lower, upper]")
    elif values and not lower <= parameter.value <= upper:
        yield Problem(
            place,
            f"value {parameter.value:g} is outside its bounds [{lower:g}, {upper:g}]",
            "widen the bounds or correct the value",
        )


def source_problems(place: str, source: str, bib: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong with a stated source: it must begin with a key of the bibliography, or be found without one."""
    if not source:
        return
    if source.startswith(ESTIMATE):
        if len(source) < len(ESTIMATE) + 4:
            yield Problem(place, "is an estimate without a reason", f"'{ESTIMATE} why this number'")
        return
    key = key_at_start(source)
    if not key and not cited_in_full(source):
        right = f"'key2017, table 2', a DOI ('doi:10.1000/182'), authors, journal and year, or '{ESTIMATE} reason'"
        yield Problem(place, f"{source[:60]!r} does not begin with a key of the bibliography", right)
    elif key and key not in bib:
        close = difflib.get_close_matches(key, bib, n=1, cutoff=0.9)
        meant = f"did you mean {close[0]!r}? Otherwise " if close else ""
        right = f"{meant}add its entry to a references.bib beside the model file, or state a DOI instead ('doi:10.1000/182')"
        yield Problem(place, f"{key!r} is not in references.bib", right)


def _measured(model: Model) -> Iterator[Problem]:
    known = [*model.compartments, *model.derived]
    for name in model.about.measured:
        if name not in known:
            yield Problem("about.measured", f"{name!r} is not a compartment or derived quantity", nearest(name, known))


def _endpoints(model: Model) -> Iterator[Problem]:
    places = {*model.compartments, *model.needs}
    for name, compartment in model.compartments.items():
        if compartment.extinct_below is not None and compartment.extinct_below < 0:
            yield Problem(
                f"compartments.{name}.extinct_below", "is negative", "the number of cells below which a population is extinct"
            )
        for role in compartment.roles:
            if role not in ROLES:
                yield Problem(f"compartments.{name}.roles", f"{role!r} is not a role", nearest(role, ROLES))
    for name, flow in model.flows.items():
        yield from _flow(f"flows.{name}", flow, places)
    for name, pulse in model.pulses.items():
        yield from _known(f"pulses.{name}.on", pulse.on, model.inputs, "an input")
        yield from _endpoint(f"pulses.{name}.from", pulse.source, places)
        yield from _endpoint(f"pulses.{name}.to", pulse.target, places)
        yield from cause_problems(f"pulses.{name}.cause", pulse)
    for name, given in model.inputs.items():
        yield from _known(f"inputs.{name}.into", given.into, places, "a compartment")
    for name, modifier in model.modifiers.items():
        yield from _known(f"modifiers.{name}.of", modifier.of, {*model.modifiables, *model.needs}, "a modifiable")
        if bool(modifier.factor) == bool(modifier.add):
            yield Problem(
                f"modifiers.{name}", "has " + ("both" if modifier.add else "neither") + " of factor and add", "one of them"
            )
    for name, resistance in model.resistances.items():
        yield from resistance_problems(f"resistances.{name}", resistance, model)
    for name, derived in model.derived.items():
        if derived.baseline:
            yield from _known(f"derived.{name}.baseline", derived.baseline, model.constants, "a parameter")


def _flow(place: str, flow: Flow, places: set[str]) -> Iterator[Problem]:
    yield from _endpoint(f"{place}.from", flow.source, places)
    yield from _endpoint(f"{place}.to", flow.target, places)
    yield from _endpoint(f"{place}.producer", flow.producer, places)
    if flow.producer and (flow.source or flow.rate):
        yield Problem(
            f"{place}.producer", "stands beside " + ("from" if flow.source else "rate"), "producer with per_capita and to"
        )
    if flow.producer and (_uses_self(flow.per_capita) or _uses_self(flow.gain)):
        yield Problem(f"{place}.producer", "is self in an expression", "the names of what the rate depends on")
    if not flow.source and not flow.target:
        yield Problem(place, "has neither from nor to", "the compartment that it leaves or enters")
    if bool(flow.rate) == bool(flow.per_capita):
        yield Problem(place, "has " + ("both" if flow.rate else "neither") + " of rate and per_capita", "one of them")
    if flow.per_capita and not (flow.source or flow.producer) and role_in(flow.target) is None:
        yield Problem(f"{place}.per_capita", "has no compartment to leave", "add from, or use rate")
    if flow.gain and not flow.target:
        yield Problem(f"{place}.gain", "has no target", "add to, or omit gain")
    yield from cause_problems(f"{place}.cause", flow)


def _uses_self(text: str) -> bool:
    """Whether `self` is in an expression; one that cannot be read is reported with all others."""
    try:
        return bool(text) and SELF in names_in(text)
    except ExpressionError:
        return False


def _known(place: str, name: str, known: Any, what: str) -> Iterator[Problem]:
    if name not in known:
        yield Problem(place, f"{name!r} is not {what} of this model", nearest(name, known))


def _endpoint(place: str, name: str, places: set[str]) -> Iterator[Problem]:
    if not name:
        return
    if name.startswith(ROLE):
        role = name.removeprefix(ROLE)
        if role not in ROLES:
            yield Problem(place, f"{role!r} is not a role", nearest(role, ROLES))
    elif name not in places:
        yield Problem(place, f"{name!r} is neither a compartment of this model nor in needs", nearest(name, places))


def _expressions(model: Model) -> Iterator[Problem]:
    known = scope(model)
    yield from _empty(model)
    for table, name, field, text, part in expressions_of(model):
        place = f"{table}.{name}.{field}"
        try:
            used = names_in(text)
        except ExpressionError as error:
            yield Problem(place, str(error))
            continue
        for unknown in sorted(used - known.keys() - _local_names(part)):
            if unknown in RESERVED:
                yield Problem(place, f"uses {unknown!r}, which is not allowed here", _allowed_where(unknown))
            else:
                yield Problem(
                    place,
                    f"uses the unknown name {unknown!r}",
                    f"{nearest(unknown, known)} (names that other models offer belong in needs or uses)",
                )
        if table == "inputs" and field in KNOWN_BEFORE_START:
            yield from _known_before(place, used & known.keys() - model.constants.keys(), doses_in(text))
        for unknown in sorted(doses_in(text) - model.inputs.keys()):
            yield Problem(
                place,
                f"uses the time since the first dose of {unknown!r}, which is not an input",
                nearest(unknown, model.inputs),
            )


def _known_before(place: str, used: Set[str], counted: Set[str]) -> Iterator[Problem]:
    """Yield problems of an expression that is evaluated before the simulation, when only parameters have values."""
    for name in sorted(used | counted):
        yield Problem(place, f"uses {name!r}, which is not a parameter or covariate", "parameters and numbers only")


def _empty(model: Model) -> Iterator[Problem]:
    for table, spec in TABLES.items():
        for field in set(spec.required) & set(spec.expressions):
            for name, part in getattr(model, table).items():
                if not getattr(part, field):
                    yield Problem(f"{table}.{name}.{spec.key(field)}", "is empty", "an expression such as 'rate * tumour'")


def _allowed_where(name: str) -> str:
    return "dose is allowed only in pulses" if name == DOSE else "self is allowed only if from (or to without from) is a role"


def _local_names(part: Any) -> frozenset[str]:
    """Return the reserved names that expressions of a part may use."""
    extra = {DOSE} if isinstance(part, Pulse) else set[str]()
    if isinstance(part, (Flow, Pulse)) and (role_in(part.source) or (not part.source and role_in(part.target))):
        extra.add(SELF)
    return frozenset(extra)


def _cycles(model: Model) -> Iterator[Problem]:
    """Yield a problem for each circular definition."""
    uses: dict[str, set[str]] = {name: set(names_in(d.expr)) for name, d in model.derived.items()}
    uses |= {name: set(names_in(m.base)) for name, m in model.modifiables.items()}
    for modifier in model.modifiers.values():
        if modifier.of in uses:
            uses[modifier.of] |= names_in(modifier.factor or modifier.add)
    loops = list(_cycles_in(uses))
    for loop in loops:
        yield Problem(
            f"derived.{loop[0]}", f"is defined by itself: {' -> '.join(loop)}", "a compartment that breaks the circle"
        )
    if not loops:
        starts = {n: set(names_in(c.initial)) for n, c in model.compartments.items() if isinstance(c.initial, str)}
        for loop in _cycles_in(uses | starts):
            yield Problem(
                f"compartments.{loop[0]}.initial",
                f"is defined by itself: {' -> '.join(loop)}",
                "a parameter as one of the initial values",
            )


def _cycles_in(uses: Mapping[str, set[str]]) -> Iterator[list[str]]:
    done: set[str] = set()
    for start in uses:
        path, stack = [start], [iter(sorted(uses[start]))]
        while stack and start not in done:
            name = next(stack[-1], None)
            if name is None:
                done.add(path.pop())
                stack.pop()
            elif name in path:
                yield [*path[path.index(name) :], name]
                done.update(path)
                stack.clear()
            elif name in uses and name not in done:
                path.append(name)
                stack.append(iter(sorted(uses[name])))
