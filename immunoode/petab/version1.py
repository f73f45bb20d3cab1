"""PEtab version 1: one row per condition, placeholders recognised by name, parameters with scales."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.model.symbolic import Expr
from immunoode.number_checks import is_number_text
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
from immunoode.petab.noise import DISTRIBUTIONS, TRANSFORMATIONS
from immunoode.petab.petab_files import RIGHT, file_names, parse_number, read_petab_table, resolve_file
from immunoode.petab.priors import FAMILIES_1, SCALES, PetabPrior, parameter_count, to_scale
from immunoode.petab.sbml_entities import PetabEntities, read_entities

if TYPE_CHECKING:
    import pandas as pd

_PARAMETER = ("parameterId", "parameterScale", "estimate")
_CONDITION = ("conditionId",)
_OBSERVABLE = ("observableId", "observableFormula", "noiseFormula")
_MEASUREMENT = ("observableId", "simulationConditionId", "measurement", "time")
_ON_SCALE = "parameterScale"


def read_version_1(path: Path, content: Mapping[str, Any]) -> tuple[tuple[PetabParameter, ...], tuple[PetabModel, ...]]:
    """Read the parameters and models of a problem.

    Raises
    ------
    DataError, ModelError
        If something does not conform to the specification.
    """
    folder, where = path.parent, path.name
    problems = content.get("problems")
    if not isinstance(problems, list) or not problems or not all(isinstance(p, dict) for p in problems):
        raise DataError(Problem(where, "has no list of problems", RIGHT))
    named = file_names(content.get("parameter_file"), "parameter_file", where)
    _check_files_named({"parameter": named}, where)
    table = read_petab_table(folder, named, where, _PARAMETER)
    check_unique(table["parameterId"], "parameter", where)
    parameters = tuple(_parameter(row, where) for row in _rows(table))
    known = [p.name for p in parameters]
    return parameters, tuple(_model(folder, where, one, known, f"problem_{k + 1}") for k, one in enumerate(problems))


def _rows(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    yield from ({str(k): v for k, v in row.items()} for row in table.to_dict("records"))


def _check_files_named(files: Mapping[str, list[Any]], where: str) -> None:
    missing = [Problem(where, f"names no {name} file", RIGHT) for name, found in files.items() if not found]
    DataError.raise_if(missing)


def _model(folder: Path, where: str, content: Mapping[str, Any], parameters: list[str], name: str) -> PetabModel:
    files = {
        kind: file_names(content.get(f"{kind}_files"), f"{kind}_files", where)
        for kind in ("condition", "measurement", "observable", "sbml")
    }
    _check_files_named(files, where)
    if len(files["sbml"]) > 1:
        raise DataError(Problem(where, f"has {len(files['sbml'])} SBML files in one problem", "one problem per model"))
    condition = read_petab_table(folder, files["condition"], where, _CONDITION).drop(columns="conditionName", errors="ignore")
    observed = read_petab_table(folder, files["observable"], where, _OBSERVABLE)
    measured = read_petab_table(folder, files["measurement"], where, _MEASUREMENT)
    check_unique(condition["conditionId"], "condition", where)
    check_unique(observed["observableId"], "observable", where)
    entities = read_entities(resolve_file(folder, files["sbml"][0], where), {})
    entities = entities.with_parameters(_condition_parameters(condition, observed, entities))
    names = NameScope(entities, parameters, where)
    before = measured["preequilibrationConditionId"] if "preequilibrationConditionId" in measured else [""] * len(measured)
    before = ["" if b.lower() == "nan" else b for b in before]
    conditions = _conditions(condition, names, where)
    pairs = list(zip(before, measured["simulationConditionId"], strict=True))
    unknown = sorted({c for pair in pairs for c in pair} - {*conditions, ""})
    if unknown or any(not simulated for _, simulated in pairs):
        what = f"measurements name {unknown[0]!r}, which is not in the condition table" if unknown else "a row has no condition"
        raise DataError(Problem(where, what, nearest(unknown[0] if unknown else "", conditions)))
    experiments = {_experiment_name(*pair): _experiment(pair, conditions) for pair in dict.fromkeys(pairs)}
    seen = read_measurements(measured, where, [_experiment_name(*pair) for pair in pairs])
    part = PetabModel(name, entities, experiments, _observables(observed, names, where), seen)
    check_measurements(part, parameters, where)
    return part


def _experiment_name(before: str, condition: str) -> str:
    return f"{condition} after {before}" if before else condition


def _condition_parameters(condition: pd.DataFrame, observed: pd.DataFrame, entities: PetabEntities) -> list[str]:
    """Return columns of the condition table that are not in the model but used by observables: parameters of the problem."""
    texts = " ".join([*observed["observableFormula"], *observed["noiseFormula"]])
    used = set(re.findall(r"[A-Za-z_]\w*", texts))
    return [c for c in condition.columns if c != "conditionId" and c not in entities.names and c in used]


def _conditions(table: pd.DataFrame, names: NameScope, where: str) -> dict[str, dict[str, Formula]]:
    """Return the values that each condition sets, as formulas by name in the model. Empty cells and NaN set nothing."""
    targets = {c: names.target(str(c), where) for c in table.columns if c != "conditionId"}
    clash = [c for c in targets if c in names.parameters]
    if clash:
        what = f"{clash[0]!r} is in the condition table and in the parameter table"
        raise DataError(Problem(where, what, "another name for the parameter"))
    found = {}
    for row in _rows(table):
        place = f"{where}: condition {row['conditionId']!r}"
        given = {in_model: row[c] for c, in_model in targets.items() if row[c] and row[c].lower() != "nan"}
        found[row["conditionId"]] = {in_model: _cell(text, names, place) for in_model, text in given.items()}
    return found


def _cell(text: str, names: NameScope, place: str) -> Formula:
    import symengine as se

    if is_number_text(text):
        value = parse_number(text, "a cell", place)
        if not math.isfinite(value):
            raise DataError(Problem(place, f"sets a value to {text}", "a finite number"))
        return Formula(se.RealDouble(value))
    return names.formula(text, place, {})


def _experiment(pair: tuple[str, str], conditions: Mapping[str, Mapping[str, Formula]]) -> Experiment:
    before, simulated = pair
    periods = [Period(STEADY, conditions[before], before)] if before else []
    return Experiment(_experiment_name(*pair), (*periods, Period(0.0, conditions[simulated], simulated)), True)


def _observables(table: pd.DataFrame, names: NameScope, where: str) -> dict[str, Observable]:
    rows = {row["observableId"]: row for row in _rows(table)}
    open_now: list[str] = []
    made: dict[str, Observable] = {}

    def other(word: str) -> Expr | None:
        if word not in rows:
            return None
        if word in open_now:
            raise DataError(
                Problem(where, f"observables depend on each other in a cycle: {word!r}", "formulas without a cycle")
            )
        return one(word).value.expression

    def one(name: str) -> Observable:
        if name not in made:
            open_now.append(name)
            made[name] = _observable(rows[name], names, where, other)
            open_now.pop()
        return made[name]

    return {name: one(name) for name in rows}


def _observable(row: Mapping[str, str], names: NameScope, where: str, other: Any) -> Observable:
    name = row["observableId"]
    place = f"{where}: {name}"
    distribution = check_word(row.get("noiseDistribution", "") or "normal", DISTRIBUTIONS, "distribution", place)
    transformation = check_word(row.get("observableTransformation", "") or "lin", TRANSFORMATIONS, "transformation", place)
    formulas = row["observableFormula"], row["noiseFormula"]
    own, of_noise = (_placeholders(f"{stem}Parameter", name, formulas, place) for stem in ("observable", "noise"))
    return make_observable(names, row, distribution, transformation, own, of_noise, other)


def _placeholders(stem: str, name: str, formulas: tuple[str, str], where: str) -> list[str]:
    """Return the placeholders of a kind in the formulas of an observable, in order."""
    found = {int(n) for text in formulas for n in re.findall(rf"\b{stem}(\d+)_{re.escape(name)}\b", text)}
    if found and found != set(range(1, len(found) + 1)):
        raise DataError(Problem(where, f"has {stem}{max(found)}_{name}, but not all before it", "numbers from 1 without gaps"))
    return [f"{stem}{n}_{name}" for n in sorted(found)]


def _parameter(row: Mapping[str, str], where: str) -> PetabParameter:
    name = row["parameterId"]
    place = f"{where}: {name}"
    scale = check_word(row["parameterScale"] or "lin", SCALES, "scale", place)
    estimate = _flag(row["estimate"], place)
    lower, upper = read_bounds(row, estimate, place)
    nominal = read_nominal(row, estimate, place)
    if estimate and scale != "lin" and lower < 0:
        raise DataError(Problem(place, f"is on the scale {scale} but has the lower bound {lower:g}", "bounds above zero"))
    priors = [_prior(row, kind, scale, (lower, upper), place) if estimate else None for kind in ("objective", "initialization")]
    return PetabParameter(name, scale, lower, upper, nominal, estimate, *priors)


def _flag(text: str, where: str) -> bool:
    if text not in ("0", "1", "0.0", "1.0", "True", "False", "true", "false"):
        raise DataError(Problem(where, f"estimate is {text!r}", "0 or 1"))
    return text.lower() in ("1", "1.0", "true")


def _prior(row: Mapping[str, str], kind: str, scale: str, limits: tuple[float, float], where: str) -> PetabPrior | None:
    word = row.get(f"{kind}PriorType", "")
    if not word:
        return None
    on_scale = word.startswith(_ON_SCALE)
    family = word.removeprefix(_ON_SCALE)
    family = family[:1].lower() + family[1:] if on_scale else family
    if family not in FAMILIES_1 or (on_scale and FAMILIES_1[family][1]):
        known = [*FAMILIES_1, *(f"{_ON_SCALE}{f.title()}" for f in ("uniform", "normal", "laplace"))]
        check_word(word, known, "prior", where)
    shape, logarithmic = FAMILIES_1[family]
    on = scale if on_scale else "log" if logarithmic else "lin"
    text = row.get(f"{kind}PriorParameters", "")
    if not text and shape == "uniform":
        numbers: tuple[float, ...] = tuple(to_scale(x, on) for x in limits)
    else:
        numbers = read_prior_parameters(text, parameter_count(shape), f"prior {word}", where)
    ordered = numbers[0] < numbers[1] if shape == "uniform" else numbers[1] > 0
    if not ordered:
        raise DataError(
            Problem(where, f"the prior {word} has the numbers {text!r}", "a width or standard deviation above zero")
        )
    edges = limits if kind == "initialization" else (-math.inf, math.inf)
    return PetabPrior(shape, on, numbers, not on_scale, *edges)
