"""Tables that both versions of PEtab have in common: formulas, parameters, measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.model.expressions import TIME
from immunoode.model.symbolic import Expr
from immunoode.number_checks import is_number_text
from immunoode.petab.components import Experiment, Observable
from immunoode.petab.dual_numbers import Formula
from immunoode.petab.formula_parser import parse_formula
from immunoode.petab.petab_files import parse_number
from immunoode.petab.priors import PetabPrior
from immunoode.petab.sbml_entities import PetabEntities

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PetabParameter:
    """One row of a parameter table.

    Attributes
    ----------
    name : str
    scale : {"lin", "log", "log10"}
        Scale on which the parameter is fitted.
    lower, upper, nominal : float
        On the linear scale; NaN without a nominal value.
    estimate : bool
    prior, start : PetabPrior or None
        Prior of the objective, and of starting points.
    """

    name: str
    scale: str
    lower: float
    upper: float
    nominal: float
    estimate: bool
    prior: PetabPrior | None = None
    start: PetabPrior | None = None


@dataclass(frozen=True)
class PetabModel:
    """One model with its experiments, observables and measurements.

    `measurements` has observable, experiment, time, value, and the values of the placeholders: `filled` and `noise_filled`,
    tuples of texts.
    """

    name: str
    entities: PetabEntities
    experiments: Mapping[str, Experiment]
    observables: Mapping[str, Observable]
    measurements: pd.DataFrame


class NameScope:
    """The meaning of the names in formulas of one model."""

    def __init__(self, entities: PetabEntities, parameters: Iterable[str], where: str) -> None:
        self.entities, self.parameters, self.where = entities, frozenset(parameters), where

    def of_model(self, name: str) -> Expr | None:
        """Return a name of the model or of the parameter table as an expression of states and constants."""
        import symengine as se

        if name == "time":
            return se.Symbol(TIME) * se.Symbol(self.entities.time_scale)
        in_model = self.entities.names.get(name)
        found = None if in_model is None else self.entities.expression(in_model)
        return se.Symbol(name) if found is None and name in self.parameters else found

    def formula(self, text: str, place: str, own: Mapping[str, Expr] | Callable[[str], Expr | None]) -> Formula:
        """Return a formula; `own` gives names with a meaning in this formula only.

        Raises
        ------
        DataError
            If it cannot be read, or uses an unknown name.
        """
        look = own if callable(own) else own.get

        def of_name(name: str) -> Expr:
            found = look(name)
            found = self.of_model(name) if found is None else found
            if found is None:
                known = [*self.entities.names, *self.parameters]
                raise DataError(Problem(place, f"uses {name!r}, which does not exist", nearest(name, known)))
            return found

        return Formula(parse_formula(text, of_name, place))

    def target(self, name: str, place: str) -> str:
        """Return the name in the model of the quantity that a condition sets.

        Raises
        ------
        DataError
            If it does not exist, or cannot be set.
        """
        in_model = self.entities.names.get(name)
        if in_model is None:
            right = nearest(name, self.entities.names)
            raise DataError(Problem(place, f"conditions set {name!r}, which is not in the model", right))
        if not self.entities.settable(in_model):
            right = "a constant, a species or a compartment"
            raise DataError(Problem(place, f"conditions set {name!r}, which a rule of the model assigns", right))
        return in_model


def make_observable(
    names: NameScope,
    row: Mapping[str, str],
    distribution: str,
    transformation: str,
    placeholders: Sequence[str],
    noise_placeholders: Sequence[str],
    others: Callable[[str], Expr | None],
) -> Observable:
    """Return the observable of a row; `others` gives the formulas of other observables that it may use."""
    import symengine as se

    name = row["observableId"]
    place = f"{names.where}: observable {name!r}"
    own = {p: se.Symbol(p) for p in (*placeholders, *noise_placeholders)}

    def of_value(word: str) -> Expr | None:
        return own[word] if word in own else others(word)

    value = names.formula(row["observableFormula"], place, of_value)

    def of_noise(word: str) -> Expr | None:
        return value.expression if word == name else of_value(word)

    noise = names.formula(row["noiseFormula"], f"{place}, noise", of_noise)
    return Observable(name, value, noise, distribution, transformation, tuple(placeholders), tuple(noise_placeholders))


def read_measurements(table: pd.DataFrame, where: str, experiment: Sequence[str]) -> pd.DataFrame:
    """Return the measurements in one form for both versions; `experiment` has the experiment of each row."""
    import pandas as pd

    time = [_time(t, k, where) for k, t in enumerate(table["time"])]
    value = [parse_number(m, f"the measurement in row {k + 1}", where) for k, m in enumerate(table["measurement"])]
    lost = [k + 1 for k, v in enumerate(value) if not math.isfinite(v)]
    if lost:
        raise DataError(Problem(where, f"the measurement in row {lost[0]} is not finite", "only rows with a measured value"))
    filled = [_tokens(table[c]) if c in table else [()] * len(table) for c in ("observableParameters", "noiseParameters")]
    columns = {"observable": list(table["observableId"]), "experiment": list(experiment), "time": time, "value": value}
    return pd.DataFrame({**columns, "filled": filled[0], "noise_filled": filled[1]})


def _time(text: str, row: int, where: str) -> float:
    found = parse_number(text, f"the time in row {row + 1}", where)
    if math.isnan(found) or found == -math.inf:
        raise DataError(Problem(where, f"the time in row {row + 1} is {text!r}", "a number, or inf for the steady state"))
    return found


def _tokens(column: Any) -> list[tuple[str, ...]]:
    return [tuple(t.strip() for t in text.split(";")) if text and text.lower() != "nan" else () for text in column]


def check_measurements(part: PetabModel, parameters: Iterable[str], where: str) -> None:
    """Raise an error with all inconsistencies between the measurements and other tables."""
    known, problems = frozenset(parameters), list[Problem]()
    usable = {*known, *(i for i, n in part.entities.names.items() if n in part.entities.model.constants)}
    seen: set[Any] = set()
    for row in part.measurements.itertuples(index=False):
        found = part.observables.get(row.observable)
        if found is None:
            problems.append(
                Problem(
                    where,
                    f"measurements name {row.observable!r}, which is not in the observable table",
                    nearest(row.observable, part.observables),
                )
            )
            continue
        pairs = (
            (row.filled, found.placeholders, "observableParameters"),
            (row.noise_filled, found.noise_placeholders, "noiseParameters"),
        )
        for given, wanted, column in pairs:
            if (row.observable, given, column) in seen:
                continue
            seen.add((row.observable, given, column))
            if len(given) != len(wanted):
                what = f"a measurement of {row.observable!r} has {len(given)} {column}"
                problems.append(Problem(where, what, f"{len(wanted)}, for " + (", ".join(wanted) or "it has no placeholders")))
            problems += [
                Problem(where, f"{column} name {t!r}, which does not exist", nearest(t, usable))
                for t in given
                if not is_number_text(t) and t not in usable
            ]
        if found.transformation != "lin" and row.value <= 0:
            what = f"a measurement of {row.observable!r} is {row.value:g}, which has no logarithm"
            problems.append(Problem(where, what, "values above zero, or errors on the linear scale"))
        first = next((p.time for p in part.experiments[row.experiment].periods if math.isfinite(p.time)), 0.0)
        if row.time < first:
            what = f"a measurement of {row.observable!r} at time {row.time:g} is before its experiment begins, at {first:g}"
            problems.append(Problem(where, what, "times from the start of the experiment on"))
    if problems:
        raise DataError(list(dict.fromkeys(problems))[:20])


def check_unique(column: Iterable[str], what: str, where: str) -> None:
    """Raise if an id is missing or repeated."""
    ids = list(column)
    twice = sorted({i for i in ids if ids.count(i) > 1}) if len(set(ids)) < len(ids) else []
    problems = [Problem(where, f"{what} {i!r} is repeated", "unique ids") for i in twice[:20]]
    problems += [Problem(where, f"a {what} has no id", "an id for each row")] if "" in ids else []
    DataError.raise_if(problems)


def check_word(text: str, known: Sequence[str], what: str, where: str) -> str:
    """Return a word if it is known.

    Raises
    ------
    DataError
        If it is not.
    """
    if text not in known:
        raise DataError(Problem(where, f"the {what} {text!r} is unknown", nearest(text, known)))
    return text


def parameters_frame(estimated: Iterable[PetabParameter]) -> pd.DataFrame:
    """Return a parameter table as a DataFrame."""
    import pandas as pd

    rows = list(estimated)
    priors = [f"{p.prior.shape} of {p.prior.on}{p.prior.numbers}" if p.prior else "" for p in rows]
    columns = {c: [getattr(p, c) for p in rows] for c in ("scale", "lower", "upper", "nominal", "estimate")}
    return pd.DataFrame(columns | {"prior": priors}, index=pd.Index([p.name for p in rows], name="parameterId"))


def read_bounds(row: Mapping[str, str], estimate: bool, where: str) -> tuple[float, float]:
    """Return the bounds of a parameter; infinite if it is not estimated and has none."""
    found = []
    for column, usual in (("lowerBound", -math.inf), ("upperBound", math.inf)):
        text = row.get(column, "")
        if not text and estimate:
            raise DataError(Problem(where, f"has no {column}", "a number for each estimated parameter"))
        found.append(parse_number(text, column, where) if text else usual)
    if estimate and not found[0] < found[1]:
        raise DataError(Problem(where, f"has the bounds {found[0]:g} and {found[1]:g}", "a lower bound below the upper bound"))
    return found[0], found[1]


def read_nominal(row: Mapping[str, str], estimate: bool, where: str) -> float:
    """Return the nominal value of a parameter; NaN if it is estimated and has none."""
    nominal = parse_number(row["nominalValue"], "nominalValue", where) if row.get("nominalValue") else math.nan
    if not estimate and math.isnan(nominal):
        raise DataError(Problem(where, "is not estimated and has no nominalValue", "a number"))
    return nominal


def read_prior_parameters(text: str, count: int, what: str, where: str) -> tuple[float, ...]:
    """Return the parameters of a prior, which are separated by semicolons."""
    found = tuple(parse_number(t.strip(), f"a number of the {what}", where) for t in text.split(";")) if text else ()
    if len(found) != count or not np.isfinite(found).all():
        raise DataError(Problem(where, f"the {what} has the numbers {text!r}", f"{count} numbers, separated by semicolons"))
    return found
