"""Combination of models under their instance names: commutative, associative, and without silent overrides."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from immunoode import units
from immunoode.errors import ModelError, Problem
from immunoode.model.components import BARE_KINDS, COMBINED, KINDS, About, Member, Need, Parameter, ReferencePatient
from immunoode.model.instances import with_instance_names
from immunoode.model.library import load_model, models_offering
from immunoode.model.model import Model
from immunoode.model.schema import TABLES, VALUES


def combine(*models: Model | str) -> Model:
    """Combine models into one.

    Parameters
    ----------
    *models : Model or str
        Models, or names of shipped models, in any order. Combined models can be combined further.

    Returns
    -------
    Model
        A combined model. Names of therapies, terms and interactions begin with the name of the instance.

    Raises
    ------
    ModelError
        If two models have the same instance name or another name in common, different values of a covariate, or different
        defaults of a quantity that no model offers.

    Examples
    --------
    >>> import immunoode as imo
    >>> model = imo.combine("tumour_immune", imo.load_model("pd1_inhibitor", variant="pembrolizumab"))
    >>> "pembrolizumab_clearance" in model.parameters
    True
    """
    if not models:
        raise ModelError(Problem("combine", "was given no model", "for example combine('tumour_immune', 'radiotherapy')"))
    loaded = [load_model(m) if isinstance(m, str) else m for m in models]
    for model in loaded:
        if not isinstance(model, Model):
            raise ModelError(Problem("combine", f"was given {model!r}", "a Model, or the name of a shipped one"))
    whole = _union([with_instance_names(m) for m in loaded])
    _warn_of_needs(whole)
    return whole


def _warn_of_needs(whole: Model) -> None:
    """Warn of needs that are missing, if there is a base or published model; otherwise, further models are expected."""
    bases = [name for name, member in whole.members.items() if member.kind in BARE_KINDS]
    if not bases:
        return
    missing = {name: need for name, need in whole.needs.items() if need.value is None}
    if missing:
        owners = ", ".join(dict.fromkeys(need.owner for need in missing.values()))
        lacks = f"{owners} needs {', '.join(map(repr, missing))}, which {' + '.join(bases)} does not offer"
        warnings.warn(f"{lacks}: the model cannot be simulated; {_offered_by(missing, bases)}", stacklevel=3)


def _union(models: list[Model]) -> Model:
    members = _members(models)
    problems: list[Problem] = []
    order = {name: (KINDS.index(m.kind), name) for name, m in members.items()}
    tables: dict[str, Any] = {table: _table(table, models, order, problems) for table in TABLES}
    _shared_names(tables, models, problems)
    needs = _needs(models, {n: part for t in VALUES for n, part in tables[t].items()}, problems)
    patients = _patients(models, problems)
    ModelError.raise_if(problems)
    names = sorted(members, key=order.__getitem__)
    one = models[0] if len(models) == 1 else None
    references = tuple(sorted({r for m in models for r in m.references}))
    return Model(
        name=" + ".join(names),
        kind=COMBINED,
        title=one.title if one else "; ".join(members[n].title for n in names),
        description=one.description if one else "",
        references=references,
        about=_about(models),
        members={n: members[n] for n in names},
        needs=needs,
        reference_patients=patients,
        **tables,
    )


def _about(models: Iterable[Model]) -> About:
    """Return the words of all models, sorted, so that the order of the models makes no difference."""
    models = list(models)
    return About(**{f.name: tuple(sorted({word for m in models for word in getattr(m.about, f.name)})) for f in fields(About)})


def _members(models: Iterable[Model]) -> dict[str, Member]:
    members: dict[str, Member] = {}
    problems: list[Problem] = []
    for model in models:
        for name, member in model.members.items():
            if name in members:
                problems.append(
                    Problem(
                        "combine",
                        f"two models have the name {name!r} (files {members[name].file}, {member.file})",
                        f"another name for one of them: load_model({member.file!r}, instance=...)",
                    )
                )
            members[name] = member
    ModelError.raise_if(problems)
    return members


def _table(table: str, models: list[Model], order: Mapping[str, tuple[int, str]], problems: list[Problem]) -> dict[str, Any]:
    """Return the union of one table over the models, ordered by kind, then owner, then file."""
    entries = [(name, part) for m in models for name, part in getattr(m, table).items()]
    entries.sort(key=lambda entry: order[entry[1].owner])
    joined: dict[str, Any] = {}
    for name, part in entries:
        if name not in joined:
            joined[name] = part
        elif table != "covariates":
            problems.append(
                Problem(
                    "combine",
                    f"{joined[name].owner} and {part.owner} both have {name!r} in [{table}]",
                    _clash_advice(joined[name].owner, part.owner, models),
                )
            )
        elif not _same_covariate(joined[name], part):
            problems.append(
                Problem(
                    "combine",
                    f"{joined[name].owner} and {part.owner} have different values of the covariate {name!r} "
                    f"({joined[name].value:g} {joined[name].unit}, {part.value:g} {part.unit})",
                    "one value for both, because a subject has only one: change one model, or set the value after combining",
                )
            )
    return joined


def _clash_advice(a: str, b: str, models: Iterable[Model]) -> str:
    """Return advice on two models with a common name: another instance name, if their kind has one."""
    kinds = {name: member.kind for model in models for name, member in model.members.items()}
    free = [name for name in (a, b) if kinds.get(name) not in BARE_KINDS]
    if free:
        return f"another name for {free[-1]}: load_model(..., instance='other')"
    return "only one of the two: base and published models keep their names in a combination"


def _same_covariate(a: Parameter, b: Parameter) -> bool:
    return a.value == b.value and a.unit == b.unit


def _shared_names(tables: Mapping[str, Mapping[str, Any]], models: Iterable[Model], problems: list[Problem]) -> None:
    home: dict[str, str] = {}
    for table in VALUES:
        for name, part in tables[table].items():
            if name in home and home[name] != table:
                problems.append(
                    Problem(
                        "combine",
                        f"{name!r} of {part.owner} is in [{table}] and in [{home[name]}]",
                        _clash_advice(part.owner, tables[home[name]][name].owner, models),
                    )
                )
            home[name] = table


def _needs(models: list[Model], offered: Mapping[str, Any], problems: list[Problem]) -> dict[str, Need]:
    """Return the needs that no model offers; those that are offered must have the right dimension."""
    wanted: dict[str, Need] = {}
    for model in models:
        for name, need in model.needs.items():
            if name not in offered:
                wanted[name] = _merged_need(name, wanted[name], need, problems) if name in wanted else need
            elif need.unit and units.dimension(need.unit) != units.dimension(offered[name].unit):
                other = offered[name]
                what = f"{need.owner} needs {name!r} in {need.unit!r}, but {other.owner} offers it in {other.unit!r}"
                better = _shipped_models({name: need}) or f"a model that offers {name!r} in {need.unit!r}"
                right = f"leave {need.owner} out, or combine it with {better} instead of {other.owner}"
                problems.append(Problem("combine", what, right))
    return dict(sorted(wanted.items()))


def _patients(models: list[Model], problems: list[Problem]) -> dict[str, ReferencePatient]:
    """Return the reference patients of the models; two of the same name must be the same."""
    found: dict[str, ReferencePatient] = {}
    for model in models:
        for name, patient in model.reference_patients.items():
            if found.setdefault(name, patient) != patient:
                what = f"two models have different reference patients {name!r} ({model.name} is the second)"
                problems.append(Problem("combine", what, "another name for one of them, in its model file"))
    return dict(sorted(found.items()))


def _merged_need(name: str, a: Need, b: Need, problems: list[Problem]) -> Need:
    """Return the union of two needs of the same name: one without a default wins, and defaults must agree."""
    owner = ", ".join(sorted({*a.owner.split(", "), *b.owner.split(", ")}))
    if a.value is not None and b.value is not None and a.value != b.value:
        problems.append(
            Problem(
                "combine",
                f"{a.owner} has the default {name!r} = {a.value:g}, but {b.owner} has {b.value:g}",
                f"one default in both, or a further model that offers {name!r}",
            )
        )
    required = a.value is None or b.value is None
    return Need(None if required else a.value, max(a.unit, b.unit), owner)


def as_closed(model: Model) -> Model:
    """Return the model under its outside names, if nothing that it needs is missing.

    Raises
    ------
    ModelError
        If a needed quantity is offered by nobody.
    """
    whole = with_instance_names(model)
    missing = {name: need for name, need in whole.needs.items() if need.value is None}
    if missing:
        raise ModelError(
            [
                Problem(
                    f"{whole.name}: needs.{name}",
                    f"{need.owner} needs {name!r}, which no model of this combination offers",
                    _offered_by({name: need}, [n for n, m in whole.members.items() if m.kind in BARE_KINDS]),
                )
                for name, need in missing.items()
            ]
        )
    return whole


def _offered_by(needs: Mapping[str, Need], bases: Sequence[str] = ()) -> str:
    """Return advice with the shipped models that offer some names; only one base or published model can be in a combination."""
    found = _shipped_models(needs)
    if found and bases:
        return f"combine it with {found} instead of {' + '.join(map(repr, bases))}, or leave it out"
    return f"combine it with {found}" if found else "combine it with a model that offers it; no shipped model does"


def _shipped_models(needs: Mapping[str, Need]) -> str:
    """Return up to three shipped models that offer some names, as text; "" if there are none."""
    return " or ".join(map(repr, models_offering(needs)[:3]))
