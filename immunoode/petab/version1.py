"""PEtab version 1: conditions a row each, placeholders by their names, parameters with scales."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.model.symbolic import Expr
from immunoode.petab.components import STEADY, Experiment, Observable, Period
from immunoode.petab.dual_numbers import Formula
from immunoode.petab.entities import Entities, read_entities
from immunoode.petab.files import RIGHT, inside, names_of, number, open_table
from immunoode.petab.noise import DISTRIBUTIONS, TRANSFORMATIONS
from immunoode.petab.priors import FAMILIES_1, SCALES, Prior, numbers_of, scaled
from immunoode.petab.reading import (
    Estimated,
    Names,
    Part,
    bounds,
    check_measurements,
    is_number,
    measurements,
    numbers_in,
    observable,
    one_of,
    unique,
)

if TYPE_CHECKING:
    import pandas as pd

_PARAMETER = ("parameterId", "parameterScale", "estimate")
_CONDITION = ("conditionId",)
_OBSERVABLE = ("observableId", "observableFormula", "noiseFormula")
_MEASUREMENT = ("observableId", "simulationConditionId", "measurement", "time")
_ON_SCALE = "parameterScale"


def read_version_1(path: Path, content: Mapping[str, Any]) -> tuple[tuple[Estimated, ...], tuple[Part, ...]]:
    """Return parameters and parts of a problem.

    Raises
    ------
    DataError, ModelError
        If something in it is not as the specification says.
    """
    folder, where = path.parent, path.name
    problems = content.get("problems")
    if not isinstance(problems, list) or not problems or not all(isinstance(p, dict) for p in problems):
        raise DataError(Problem(where, "has no list of problems", RIGHT))
    named = names_of(content.get("parameter_file"), "parameter_file", where)
    _refuse_empty({"parameter": named}, where)
    table = open_table(folder, named, where, _PARAMETER)
    unique(table["parameterId"], "parameter", where)
    parameters = tuple(_parameter(row, where) for row in _rows(table))
    known = [p.name for p in parameters]
    return parameters, tuple(_part(folder, where, one, known, f"problem_{k + 1}") for k, one in enumerate(problems))


def _rows(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    yield from ({str(k): v for k, v in row.items()} for row in table.to_dict("records"))


def _refuse_empty(files: Mapping[str, list[Any]], where: str) -> None:
    missing = [Problem(where, f"names no {name} file", RIGHT) for name, found in files.items() if not found]
    if missing:
        raise DataError(missing)


def _part(folder: Path, where: str, content: Mapping[str, Any], parameters: list[str], name: str) -> Part:
    files = {
        kind: names_of(content.get(f"{kind}_files"), f"{kind}_files", where)
        for kind in ("condition", "measurement", "observable", "sbml")
    }
    _refuse_empty(files, where)
    if len(files["sbml"]) > 1:
        raise DataError(Problem(where, f"has {len(files['sbml'])} SBML files in one problem", "a problem for each model"))
    condition = open_table(folder, files["condition"], where, _CONDITION).drop(columns="conditionName", errors="ignore")
    observed = open_table(folder, files["observable"], where, _OBSERVABLE)
    measured = open_table(folder, files["measurement"], where, _MEASUREMENT)
    unique(condition["conditionId"], "condition", where)
    unique(observed["observableId"], "observable", where)
    entities = read_entities(inside(folder, files["sbml"][0], where), {})
    entities = entities.with_parameters(_own(condition, observed, entities))
    names = Names(entities, parameters, where)
    before = measured["preequilibrationConditionId"] if "preequilibrationConditionId" in measured else [""] * len(measured)
    before = ["" if b.lower() == "nan" else b for b in before]
    conditions = _conditions(condition, names, where)
    pairs = list(zip(before, measured["simulationConditionId"], strict=True))
    unknown = sorted({c for pair in pairs for c in pair} - {*conditions, ""})
    if unknown or any(not simulated for _, simulated in pairs):
        what = f"measurements name {unknown[0]!r}, which the condition table has not" if unknown else "a row has no condition"
        raise DataError(Problem(where, what, nearest(unknown[0] if unknown else "", conditions)))
    experiments = {_called(*pair): _experiment(pair, conditions) for pair in dict.fromkeys(pairs)}
    seen = measurements(measured, where, [_called(*pair) for pair in pairs])
    part = Part(name, entities, experiments, _observables(observed, names, where), seen)
    check_measurements(part, parameters, where)
    return part


def _called(before: str, condition: str) -> str:
    return f"{condition} after {before}" if before else condition


def _own(condition: pd.DataFrame, observed: pd.DataFrame, entities: Entities) -> list[str]:
    """Return columns of the condition table that the model has not, but observables use: parameters of these."""
    texts = " ".join([*observed["observableFormula"], *observed["noiseFormula"]])
    used = set(re.findall(r"[A-Za-z_]\w*", texts))
    return [c for c in condition.columns if c != "conditionId" and c not in entities.names and c in used]


def _conditions(table: pd.DataFrame, names: Names, where: str) -> dict[str, dict[str, Formula]]:
    """Return what each condition sets: our names and formulas. Empty cells and NaN set nothing."""
    targets = {c: names.target(str(c), where) for c in table.columns if c != "conditionId"}
    clash = [c for c in targets if c in names.parameters]
    if clash:
        what = f"{clash[0]!r} is in the condition table and in the parameter table"
        raise DataError(Problem(where, what, "in one of them: another name for the parameter"))
    found = {}
    for row in _rows(table):
        place = f"{where}: condition {row['conditionId']!r}"
        given = {ours: row[c] for c, ours in targets.items() if row[c] and row[c].lower() != "nan"}
        found[row["conditionId"]] = {ours: _cell(text, names, place) for ours, text in given.items()}
    return found


def _cell(text: str, names: Names, place: str) -> Formula:
    import symengine as se

    if is_number(text):
        value = number(text, "a cell", place)
        if not math.isfinite(value):
            raise DataError(Problem(place, f"sets a value to {text}", "a finite number"))
        return Formula(se.RealDouble(value))
    return names.formula(text, place, {})


def _experiment(pair: tuple[str, str], conditions: Mapping[str, Mapping[str, Formula]]) -> Experiment:
    before, simulated = pair
    periods = [Period(STEADY, conditions[before], before)] if before else []
    return Experiment(_called(*pair), (*periods, Period(0.0, conditions[simulated], simulated)), True)


def _observables(table: pd.DataFrame, names: Names, where: str) -> dict[str, Observable]:
    rows = {row["observableId"]: row for row in _rows(table)}
    open_now: list[str] = []
    made: dict[str, Observable] = {}

    def other(word: str) -> Expr | None:
        if word not in rows:
            return None
        if word in open_now:
            raise DataError(Problem(where, f"observables use each other in a circle: {word!r}", "formulas without a circle"))
        return one(word).value.expression

    def one(name: str) -> Observable:
        if name not in made:
            open_now.append(name)
            made[name] = _observable(rows[name], names, where, other)
            open_now.pop()
        return made[name]

    return {name: one(name) for name in rows}


def _observable(row: Mapping[str, str], names: Names, where: str, other: Any) -> Observable:
    name = row["observableId"]
    place = f"{where}: {name}"
    distribution = one_of(row.get("noiseDistribution", "") or "normal", DISTRIBUTIONS, "distribution", place)
    transformation = one_of(row.get("observableTransformation", "") or "lin", TRANSFORMATIONS, "transformation", place)
    formulas = row["observableFormula"], row["noiseFormula"]
    own, of_noise = (_placeholders(f"{stem}Parameter", name, formulas, place) for stem in ("observable", "noise"))
    return observable(names, row, distribution, transformation, own, of_noise, other)


def _placeholders(stem: str, name: str, formulas: tuple[str, str], where: str) -> list[str]:
    """Return the placeholders of a kind in an observable's formulas, in order."""
    found = {int(n) for text in formulas for n in re.findall(rf"\b{stem}(\d+)_{re.escape(name)}\b", text)}
    if found and found != set(range(1, len(found) + 1)):
        raise DataError(Problem(where, f"has {stem}{max(found)}_{name}, but not all before it", "numbers from 1 without gaps"))
    return [f"{stem}{n}_{name}" for n in sorted(found)]


def _parameter(row: Mapping[str, str], where: str) -> Estimated:
    name = row["parameterId"]
    place = f"{where}: {name}"
    scale = one_of(row["parameterScale"] or "lin", SCALES, "scale", place)
    estimate = _flag(row["estimate"], place)
    lower, upper = bounds(row, estimate, place)
    nominal = number(row["nominalValue"], "nominalValue", place) if row.get("nominalValue") else math.nan
    if not estimate and math.isnan(nominal):
        raise DataError(Problem(place, "is not estimated and has no nominalValue", "a number"))
    if estimate and scale != "lin" and lower < 0:
        raise DataError(Problem(place, f"is on the scale {scale} and has the lower bound {lower:g}", "bounds above zero"))
    priors = [_prior(row, kind, scale, (lower, upper), place) if estimate else None for kind in ("objective", "initialization")]
    return Estimated(name, scale, lower, upper, nominal, estimate, *priors)


def _flag(text: str, where: str) -> bool:
    if text not in ("0", "1", "0.0", "1.0", "True", "False", "true", "false"):
        raise DataError(Problem(where, f"estimate is {text!r}", "0 or 1"))
    return text.lower() in ("1", "1.0", "true")


def _prior(row: Mapping[str, str], kind: str, scale: str, limits: tuple[float, float], where: str) -> Prior | None:
    word = row.get(f"{kind}PriorType", "")
    if not word:
        return None
    on_scale = word.startswith(_ON_SCALE)
    family = word.removeprefix(_ON_SCALE)
    family = family[:1].lower() + family[1:] if on_scale else family
    if family not in FAMILIES_1 or (on_scale and FAMILIES_1[family][1]):
        known = [*FAMILIES_1, *(f"{_ON_SCALE}{f.title()}" for f in ("uniform", "normal", "laplace"))]
        one_of(word, known, "prior", where)
    shape, logarithmic = FAMILIES_1[family]
    on = scale if on_scale else "log" if logarithmic else "lin"
    text = row.get(f"{kind}PriorParameters", "")
    if not text and shape == "uniform":
        numbers: tuple[float, ...] = tuple(scaled(x, on) for x in limits)
    else:
        numbers = numbers_in(text, numbers_of(shape), f"prior {word}", where)
    ordered = numbers[0] < numbers[1] if shape == "uniform" else numbers[1] > 0
    if not ordered:
        raise DataError(Problem(where, f"the prior {word} has the numbers {text!r}", "a spread above zero"))
    edges = limits if kind == "initialization" else (-math.inf, math.inf)
    return Prior(shape, on, numbers, not on_scale, *edges)
