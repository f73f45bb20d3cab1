"""PEtab version 2: conditions in long form, experiments with several periods, declared placeholders, several models."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.petab.common_tables import (
    NameScope,
    PetabModel,
    PetabParameter,
    check_measurements,
    check_unique,
    check_word,
    make_observable,
    read_bounds,
    read_measurements,
    read_nominal,
    read_prior_parameters,
)
from immunoode.petab.components import STEADY, Experiment, Observable, Period
from immunoode.petab.dual_numbers import Formula
from immunoode.petab.noise import DISTRIBUTIONS_2
from immunoode.petab.petab_files import RIGHT, file_names, parse_number, read_petab_table, resolve_file
from immunoode.petab.priors import FAMILIES_2, PetabPrior, parameter_count
from immunoode.petab.sbml_entities import PetabEntities, read_entities

if TYPE_CHECKING:
    import pandas as pd

_KEYS = (
    "format_version",
    "id",
    "parameter_files",
    "model_files",
    "measurement_files",
    "condition_files",
    "experiment_files",
    "observable_files",
    "mapping_files",
    "extensions",
)
_TABLES = {
    "parameter": ("parameterId", "estimate"),
    "condition": ("conditionId", "targetId", "targetValue"),
    "experiment": ("experimentId", "time", "conditionId"),
    "observable": ("observableId", "observableFormula", "noiseFormula"),
    "measurement": ("observableId", "experimentId", "measurement", "time"),
    "mapping": ("petabEntityId", "modelEntityId"),
}
WIDE = 1e3
"""Ratio of the bounds of a positive parameter above which it is fitted on a log scale."""


def read_version_2(path: Path, content: Mapping[str, Any]) -> tuple[tuple[PetabParameter, ...], tuple[PetabModel, ...]]:
    """Read the parameters and models of a problem.

    Raises
    ------
    DataError, ModelError
        If something does not conform to the specification, or a model is in a language other than SBML.
    """
    folder, where = path.parent, path.name
    problems = [Problem(where, f"has the key {k!r}", nearest(str(k), _KEYS)) for k in content if k not in _KEYS]
    problems += _extensions(content.get("extensions"), where)
    DataError.raise_if(problems)
    tables = {}
    for kind, needed in _TABLES.items():
        files = file_names(content.get(f"{kind}_files"), f"{kind}_files", where)
        if not files and kind in ("parameter", "observable", "measurement"):
            raise DataError(Problem(where, f"names no {kind} file", RIGHT))
        tables[kind] = read_petab_table(folder, files, where, needed)
    check_unique(tables["parameter"]["parameterId"], "parameter", where)
    check_unique(tables["observable"]["observableId"], "observable", where)
    parameters = _parameters(tables["parameter"], where)
    known = [p.name for p in parameters]
    models = _models(content.get("model_files"), folder, where)
    measured = tables["measurement"]
    of_model = _model_of_rows(measured, list(models), where)
    aliases = {r["petabEntityId"]: r["modelEntityId"] for r in tables["mapping"].to_dict("records") if r["modelEntityId"]}
    parts = []
    for model, file in models.items():
        rows = measured[[m == model for m in of_model]]
        if len(rows):
            parts.append(_model(model, file, {**tables, "measurement": rows}, known, aliases, where))
    return parameters, tuple(parts)


def _extensions(given: Any, where: str) -> list[Problem]:
    if given is None:
        return []
    if not isinstance(given, dict):
        return [Problem(where, "has extensions that are not a mapping", "names of extensions, each with version and required")]
    needed = [n for n, e in given.items() if not isinstance(e, dict) or e.get("required", True)]
    return [Problem(where, f"needs the extension {n!r}", "a problem without extensions") for n in needed]


def _models(given: Any, folder: Path, where: str) -> dict[str, Path]:
    if not isinstance(given, dict) or not given or not all(isinstance(m, dict) for m in given.values()):
        raise DataError(Problem(where, "names no model file", RIGHT))
    other = [
        Problem(where, f"the model {n!r} is in {m.get('language')!r}", "a model in SBML")
        for n, m in given.items()
        if str(m.get("language")).lower() != "sbml"
    ]
    DataError.raise_if(other)
    return {str(n): resolve_file(folder, m.get("location"), where) for n, m in given.items()}


def _model_of_rows(measured: pd.DataFrame, models: list[str], where: str) -> list[str]:
    given = list(measured["modelId"]) if "modelId" in measured else [""] * len(measured)
    unknown = sorted({m for m in given if m and m not in models})
    if unknown:
        raise DataError(Problem(where, f"measurements name the model {unknown[0]!r}", nearest(unknown[0], models)))
    if "" in given and len(models) > 1:
        raise DataError(
            Problem(where, "has several models, but measurements without a modelId", "a modelId for each measurement")
        )
    return [m or models[0] for m in given]


def _model(
    model: str, file: Path, tables: Mapping[str, pd.DataFrame], parameters: list[str], aliases: Mapping[str, str], where: str
) -> PetabModel:
    measured = tables["measurement"]
    used = set(measured["observableId"])
    observed = {r["observableId"]: r for r in tables["observable"].to_dict("records") if r["observableId"] in used}
    entities = read_entities(file, aliases)
    sequences = _sequences(tables["experiment"], set(measured["experimentId"]) - {""}, where)
    rows = tables["condition"].to_dict("records")
    conditions: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        conditions.setdefault(row["conditionId"], []).append(row)
    needed = {c for sequence in sequences.values() for _, ids in sequence for c in ids}
    unknown = sorted(needed - conditions.keys())
    if unknown:
        raise DataError(
            Problem(
                where, f"experiments name {unknown[0]!r}, which is not in the condition table", nearest(unknown[0], conditions)
            )
        )
    entities = entities.with_parameters(
        _condition_parameters([r for r in rows if r["conditionId"] in needed], observed, entities)
    )
    names = NameScope(entities, parameters, where)
    experiments = {name: _experiment(name, sequence, conditions, names, where) for name, sequence in sequences.items()}
    experiments[""] = Experiment("", (Period(0.0, {}, ""),), False)
    observables = {name: _observable(row, names, where) for name, row in observed.items()}
    seen = read_measurements(measured, where, list(measured["experimentId"]))
    part = PetabModel(model, entities, experiments, observables, seen)
    check_measurements(part, parameters, where)
    return part


def _condition_parameters(
    rows: list[dict[str, str]], observed: Mapping[str, Mapping[str, str]], entities: PetabEntities
) -> list[str]:
    """Return targets that are not in the model but used by formulas: parameters of the problem."""
    texts = [t for r in observed.values() for t in (r["observableFormula"], r["noiseFormula"])]
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join([*texts, *(r["targetValue"] for r in rows)])))
    targets = dict.fromkeys(r["targetId"] for r in rows)
    return [t for t in targets if t not in entities.names and t in used]


def _sequences(table: pd.DataFrame, wanted: set[str], where: str) -> dict[str, list[tuple[float, list[str]]]]:
    """Return times and conditions of each experiment, in order of time."""
    found: dict[str, dict[float, list[str]]] = {}
    for row in table.to_dict("records"):
        name = row["experimentId"]
        time = parse_number(row["time"], f"the time of experiment {name!r}", where)
        if math.isnan(time) or time == math.inf:
            raise DataError(Problem(where, f"the time of experiment {name!r} is {row['time']!r}", "a number, or -inf"))
        ids = found.setdefault(name, {}).setdefault(time, [])
        if row["conditionId"]:
            ids.append(row["conditionId"])
    unknown = sorted(wanted - found.keys())
    if unknown:
        raise DataError(
            Problem(
                where, f"measurements name {unknown[0]!r}, which is not in the experiment table", nearest(unknown[0], found)
            )
        )
    return {name: sorted(found[name].items()) for name in found if name in wanted}


def _experiment(
    name: str,
    sequence: list[tuple[float, list[str]]],
    conditions: Mapping[str, list[dict[str, str]]],
    names: NameScope,
    where: str,
) -> Experiment:
    periods = []
    for time, ids in sequence:
        changes: dict[str, Formula] = {}
        for row in (r for i in ids for r in conditions[i]):
            place = f"{where}: condition {row['conditionId']!r}"
            if row["targetId"] in names.parameters:
                what = f"conditions set {row['targetId']!r}, which is in the parameter table"
                raise DataError(Problem(place, what, "a target in the model that is not in the parameter table"))
            target = names.target(row["targetId"], place)
            if target in changes:
                what = f"{row['targetId']!r} is set twice at time {time:g} of experiment {name!r}"
                raise DataError(Problem(place, what, "conditions with different targets"))
            changes[target] = names.formula(row["targetValue"], place, {})
        periods.append(Period(time if time != -math.inf else STEADY, changes, ", ".join(ids)))
    return Experiment(name, tuple(periods), False)


def _observable(row: Mapping[str, str], names: NameScope, where: str) -> Observable:
    place = f"{where}: {row['observableId']}"
    kind = check_word(row.get("noiseDistribution", "") or "normal", tuple(DISTRIBUTIONS_2), "distribution", place)
    own, of_noise = (_listed(row.get(f"{stem}Placeholders", "")) for stem in ("observable", "noise"))
    return make_observable(names, row, *DISTRIBUTIONS_2[kind], own, of_noise, lambda word: None)


def _listed(text: str) -> list[str]:
    return [t.strip() for t in text.split(";")] if text else []


def _parameters(table: pd.DataFrame, where: str) -> tuple[PetabParameter, ...]:
    rows = table.to_dict("records")
    any_prior = any(row.get("priorDistribution") for row in rows)
    return tuple(_parameter(row, any_prior, where) for row in rows)


def _parameter(row: Mapping[str, str], any_prior: bool, where: str) -> PetabParameter:
    name = row["parameterId"]
    place = f"{where}: {name}"
    if row["estimate"].lower() not in ("true", "false"):
        raise DataError(Problem(place, f"estimate is {row['estimate']!r}", "true or false"))
    estimate = row["estimate"].lower() == "true"
    lower, upper = read_bounds(row, estimate, place)
    nominal = read_nominal(row, estimate, place)
    prior = _prior(row, (lower, upper), any_prior, place) if estimate else None
    scale = "log10" if estimate and lower > 0 and upper / lower >= WIDE else "lin"
    return PetabParameter(name, scale, lower, upper, nominal, estimate, prior, prior if row.get("priorDistribution") else None)


def _prior(row: Mapping[str, str], limits: tuple[float, float], any_prior: bool, where: str) -> PetabPrior | None:
    word = row.get("priorDistribution", "")
    if not word:
        if not any_prior:
            return None
        if not all(map(math.isfinite, limits)):
            raise DataError(
                Problem(where, "has no prior and infinite bounds", "bounds or a prior, as other parameters have priors")
            )
        return PetabPrior("uniform", "lin", limits)
    check_word(word, tuple(FAMILIES_2), "prior", where)
    shape, logarithmic = FAMILIES_2[word]
    numbers = read_prior_parameters(row.get("priorParameters", ""), parameter_count(shape), f"prior {word}", where)
    valid = numbers[0] < numbers[1] if shape == "uniform" else numbers[-1] > 0 and (shape != "gamma" or numbers[0] > 0)
    if word == "log-uniform":
        valid = 0 < numbers[0] < numbers[1]
        numbers = tuple(map(math.log, numbers)) if valid else numbers
    if not valid:
        what = f"the prior {word} has the numbers {row.get('priorParameters')!r}"
        raise DataError(Problem(where, what, "valid parameters of the prior"))
    return PetabPrior(shape, "log" if logarithmic else "lin", numbers, True, *limits)
