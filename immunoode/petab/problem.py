"""A PEtab problem as an objective: simulated in every condition, held against its measurements, fitted through lmfit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.interop.evaluate import evaluate
from immunoode.interop.events import read_sbml_events
from immunoode.interop.mathml import expression
from immunoode.interop.sbml import read_sbml
from immunoode.model.expressions import names
from immunoode.model.parts import Compartment, Model, Parameter
from immunoode.petab.noise import DISTRIBUTIONS, PRIORS, TRANSFORMATIONS, log_likelihood, log_prior
from immunoode.petab.tables import Tables, open_tables
from immunoode.regimen.occurrences import Events
from immunoode.regimen.regimen import Regimen
from immunoode.solve.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

FORMULAS = {"formula": "observableFormula", "noise": "noiseFormula"}
SCALES = ("lin", "log", "log10")
START = "_at_start"
"""Ends the name of a parameter that a condition's initial value becomes."""
RTOL, ATOL = 1e-8, 1e-12


@dataclass(frozen=True)
class PetabProblem:
    """A parameter estimation problem.

    Attributes
    ----------
    title : str
    model : Model
    events : Regimen or Events
        Of the SBML file.
    parameters : DataFrame
        By parameterId: scale, lower, upper (linear), nominal, estimate (bool), prior, first, second.
    conditions : DataFrame
        By conditionId: numbers, or names of parameters, for parameters of the model.
    observables : DataFrame
        By observableId: formula, noise (expressions), distribution, transformation.
    measurements : DataFrame
        Observable, condition, time (in the file's unit), value, and what stands for placeholders in each row.
    days : float
        The file's unit of time in days.
    """

    title: str
    model: Model
    events: Regimen | Events
    parameters: pd.DataFrame
    conditions: pd.DataFrame
    observables: pd.DataFrame
    measurements: pd.DataFrame
    days: float

    def nominal(self) -> dict[str, float]:
        """Return the nominal values of all parameters, on the linear scale."""
        return {str(k): float(v) for k, v in self.parameters["nominal"].items()}

    def predict(self, values: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the measurements with `predicted` and `noise` beside each.

        Parameters
        ----------
        values : mapping, optional
            Parameters on the linear scale; others are nominal.

        Raises
        ------
        DataError
            If a name is no parameter of the problem.
        """
        given = self._values(values)
        parts = []
        for condition, rows in self.measurements.groupby("condition", sort=False):
            parts.append(self._in_condition(str(condition), rows, given))
        import pandas as pd

        return pd.concat(parts).sort_index()

    def objective(self, values: Mapping[str, float] | None = None, *, priors: bool = True) -> float:
        """Return the negative log-likelihood (less the log of the priors) at values on the linear scale; nominal by default."""
        given = self._values(values)
        seen = self.predict(values)
        total = 0.0
        for name, rows in seen.groupby("observable", sort=False):
            how = self.observables.loc[name]
            value, predicted, noise = (rows[c].to_numpy(float) for c in ("value", "predicted", "noise"))
            each = log_likelihood(value, predicted, noise, how["distribution"], how["transformation"])
            total -= float(each.sum())
        return total - (self._log_priors(given) if priors else 0.0)

    def fit(self, values: Mapping[str, float] | None = None, *, method: str = "nelder", **options: Any) -> Any:
        """Minimise the objective over the estimated parameters, on their scales and within their bounds.

        Parameters
        ----------
        values : mapping, optional
            Where to begin, on the linear scale; nominal by default.
        method : str
            A scalar method of lmfit: "nelder", "powell", "differential_evolution", ... Methods that follow slopes stop early
            where a first step leaves what can be simulated.
        **options
            Of lmfit's `minimize`.

        Returns
        -------
        lmfit.MinimizerResult
            Its parameters are on their scales; `problem.unscaled(result.params)` brings them back.
        """
        import lmfit

        given = self._values(values)
        start = lmfit.Parameters()
        for name, row in self.parameters[self.parameters["estimate"]].iterrows():
            low, high, value = (_scaled(x, row["scale"]) for x in (row["lower"], row["upper"], given[str(name)]))
            start.add(str(name), value=min(max(value, low), high), min=low, max=high)

        def cost(parameters: Any) -> float:
            found = self.objective(given | self.unscaled(parameters))
            return found if math.isfinite(found) else 1e30

        return lmfit.minimize(cost, start, method=method, **options)

    def unscaled(self, parameters: Any) -> dict[str, float]:
        """Return values on the linear scale of lmfit parameters on their own."""
        return {name: _unscaled(float(p.value), self.parameters.loc[name, "scale"]) for name, p in parameters.items()}

    def _values(self, values: Mapping[str, float] | None) -> dict[str, float]:
        unknown = [k for k in values or {} if k not in self.parameters.index]
        if unknown:
            known = list(map(str, self.parameters.index))
            raise DataError([Problem(f"parameter {k!r}", "is not in the problem", nearest(k, known)) for k in unknown])
        return self.nominal() | {k: float(v) for k, v in (values or {}).items()}

    def _log_priors(self, values: Mapping[str, float]) -> float:
        rows = self.parameters[self.parameters["estimate"] & (self.parameters["prior"] != "")]
        return sum(
            log_prior(
                row["prior"], row["first"], row["second"], values[str(name)], _scaled(values[str(name)], row["scale"])
            )
            for name, row in rows.iterrows()
        )

    def _in_condition(self, condition: str, rows: pd.DataFrame, values: Mapping[str, float]) -> pd.DataFrame:
        """Return the measurements of one condition with predictions."""
        own = {k: v for k, v in values.items() if k in self.model.constants}
        own |= {str(k): _number(v, values) for k, v in self.conditions.loc[condition].items() if _given(v)}
        outputs = [*self.model.compartments, *self.model.derived]
        days, place = np.unique(rows["time"].to_numpy(float) * self.days, return_inverse=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = simulate(self.model, self.events, times=days, start=min(0.0, days[0]), parameters=own, outputs=outputs,
                           rtol=RTOL, atol=ATOL, extinction=False)  # fmt: skip
        table = dict(zip(run.names, run.values[0].T, strict=True))
        known = {name: p.value for name, p in self.model.constants.items()} | dict(values) | own
        predicted, noise = [], []
        for (_, row), k in zip(rows.iterrows(), place, strict=True):
            look = _lookup(row, k, table, known, values)
            how = self.observables.loc[row["observable"]]
            predicted.append(evaluate(how["formula"], look))
            noise.append(evaluate(how["noise"], look))
        return rows.assign(predicted=predicted, noise=noise)


def _lookup(row: Any, k: int, table: Mapping[str, Any], known: Mapping[str, float], values: Mapping[str, float]) -> Any:
    """Return what gives the value of a name in a formula: placeholders, outputs at the time, parameters."""

    def look(name: str) -> float:
        if name in row["placeholders"]:
            return _number(row["placeholders"][name], values)
        return float(table[name][k]) if name in table else float(known[name])

    return look


def _given(value: Any) -> bool:
    return not (isinstance(value, float) and math.isnan(value))


def _number(value: Any, values: Mapping[str, float]) -> float:
    """Return a number, or the value of the parameter that is named."""
    try:
        return float(value)
    except ValueError:
        return values[str(value).strip()]


def _scaled(value: float, scale: str) -> float:
    if scale == "lin":
        return value
    return (math.log(value) if scale == "log" else math.log10(value)) if value > 0 else -math.inf


def _unscaled(value: float, scale: str) -> float:
    return value if scale == "lin" else math.exp(value) if scale == "log" else 10.0**value


def read_petab(path: str | Path) -> PetabProblem:
    """Read a PEtab problem, version 1.

    Parameters
    ----------
    path : path
        Its yaml file.

    Returns
    -------
    PetabProblem
        With `objective` (negative log-likelihood and priors), `predict` and `fit`.

    Raises
    ------
    DataError
        If tables are broken, or there is what is not read: pre-equilibration, measurements at steady state, unknown scales,
        distributions or priors, formulas with names that there are not; all of a kind at once.
    ModelError
        If the SBML model cannot be read.

    Notes
    -----
    Schmiester et al. 2021, PLoS Comput Biol 17:e1008646, doi 10.1371/journal.pcbi.1008646.
    """
    tables = open_tables(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = read_sbml(tables.model)
        # Doses may follow parameters that conditions set or a fit varies: then they are events, whose formulas use them.
        events = read_sbml_events(tables.model, regimen=not _followed(tables))
    days = 1 / next(p.value for name, p in model.parameters.items() if name.startswith("time_units_per_day"))
    conditions = tables.condition.set_index("conditionId").drop(columns="conditionName", errors="ignore")
    model, conditions = _initial_by_condition(model, conditions, tables.where)
    problem = PetabProblem(
        Path(tables.where).stem, model, events, _parameters(tables), conditions, _observables(tables),
        _measurements(tables), days,
    )  # fmt: skip
    _check_names(problem, tables.where)
    return problem


def _followed(tables: Tables) -> bool:
    """Whether events use what conditions set or the parameter table has."""
    events = read_sbml_events(tables.model, regimen=False)
    moved = {*map(str, tables.condition.columns), *map(str, tables.parameter["parameterId"])}
    found = getattr(events, "events", ())
    texts = [t for e in found for t in (e.trigger, e.delay, e.priority, *(a.value for a in e.assignments))]
    return any(names(text) & moved for text in texts if text)


def _initial_by_condition(model: Model, conditions: pd.DataFrame, where: str) -> tuple[Model, pd.DataFrame]:
    """Make parameters of initial values that conditions set."""
    unknown = [c for c in conditions.columns if c not in model.constants and c not in model.compartments]
    if unknown:
        known = [*model.constants, *model.compartments]
        raise DataError(
            [Problem(where, f"conditions set {c!r}, which the model has not", nearest(c, known)) for c in unknown]
        )
    for name in [c for c in conditions.columns if c in model.compartments]:
        start = f"{name}{START}"
        compartment = model.compartments[name]
        initial = compartment.initial if isinstance(compartment.initial, float | int) else 0.0
        model = replace(
            model,
            parameters={**model.parameters, start: Parameter(float(initial), "1")},
            compartments={**model.compartments, name: replace(compartment, initial=start)},
        )
        conditions = conditions.rename(columns={name: start})
    assert all(isinstance(c, Compartment) for c in model.compartments.values())
    return model, conditions


def _column(table: pd.DataFrame, name: str, usual: str) -> pd.Series:
    """Return a column of words, the usual one where it or an entry is missing."""
    import pandas as pd

    return table[name].fillna(usual).astype(str) if name in table.columns else pd.Series(usual, index=table.index)


def _one_of(column: pd.Series, known: tuple[str, ...], what: str, where: str) -> list[Problem]:
    wrong = column[~column.isin((*known, ""))]
    return [Problem(where, f"{k}: the {what} {v!r} is unknown", nearest(v, known)) for k, v in wrong.items()]


def _parameters(tables: Tables) -> pd.DataFrame:
    import pandas as pd

    table = tables.parameter.set_index("parameterId")
    middle = (table["lowerBound"] + table["upperBound"]) / 2
    kind = _column(table, "objectivePriorType", "")
    text = _column(table, "objectivePriorParameters", "")
    problems = _one_of(table["parameterScale"], SCALES, "scale", tables.where) + _one_of(
        kind, PRIORS, "prior", tables.where
    )
    if problems:
        raise DataError(problems)
    numbers = [[float(x) for x in t.split(";")] if p and t else [0.0, 1.0] for p, t in zip(kind, text, strict=True)]
    columns = {
        "scale": table["parameterScale"],
        "lower": table["lowerBound"].astype(float),
        "upper": table["upperBound"].astype(float),
        "nominal": table.get("nominalValue", middle).astype(float),
        "estimate": table["estimate"].astype(int) == 1,
        "prior": kind,
        "first": [n[0] for n in numbers],
        "second": [n[1] for n in numbers],
    }
    return pd.DataFrame(columns)


def _observables(tables: Tables) -> pd.DataFrame:
    import pandas as pd

    table = tables.observable.set_index("observableId")
    distribution = _column(table, "noiseDistribution", "normal")
    transformation = _column(table, "observableTransformation", "lin")
    problems = _one_of(distribution, DISTRIBUTIONS, "distribution", tables.where)
    problems += _one_of(transformation, TRANSFORMATIONS, "transformation", tables.where)
    if problems:
        raise DataError(problems)
    formulas = {ours: [_formula(f, tables.where) for f in table[theirs]] for ours, theirs in FORMULAS.items()}
    return pd.DataFrame(formulas, index=table.index).assign(distribution=distribution, transformation=transformation)


def _formula(text: Any, where: str) -> str:
    """Return a formula of PEtab as an expression of ours; log is the natural logarithm."""
    import libsbml

    settings = libsbml.L3ParserSettings()
    settings.setParseLog(libsbml.L3P_PARSE_LOG_AS_LN)
    tree = libsbml.parseL3FormulaWithSettings(str(text), settings)
    if tree is None:
        raise DataError(Problem(where, f"the formula {str(text)[:60]!r} cannot be read", "a formula such as scale * A"))
    return expression(tree, str, "time", where)


def _measurements(tables: Tables) -> pd.DataFrame:
    import pandas as pd

    table = tables.measurement
    time = pd.to_numeric(table["time"], errors="coerce")
    if not np.isfinite(time).all():
        raise DataError(Problem(tables.where, "has measurements at steady state, or without a time", "numbers in time"))
    return pd.DataFrame(
        {
            "observable": table["observableId"], "condition": table["simulationConditionId"], "time": time.astype(float),
            "value": table["measurement"].astype(float), "placeholders": [_placeholders(row) for _, row in table.iterrows()],
        }
    )  # fmt: skip


def _placeholders(row: Any) -> dict[str, str]:
    """Return what stands for `observableParameter1_id` and the like in one row."""
    found = dict[str, str]()
    for column, stem in (("observableParameters", "observableParameter"), ("noiseParameters", "noiseParameter")):
        given = row.get(column)
        if given is not None and _given(given) and str(given) != "":
            found |= {f"{stem}{k + 1}_{row['observableId']}": part for k, part in enumerate(str(given).split(";"))}
    return found


def _check_names(problem: PetabProblem, where: str) -> None:
    known = {
        *problem.model.constants,
        *problem.model.compartments,
        *problem.model.derived,
        *problem.parameters.index,
        "time",
    }
    placed = {name for row in problem.measurements["placeholders"] for name in row}
    texts = [*problem.observables["formula"], *problem.observables["noise"]]
    unknown = sorted({n for text in texts for n in names(text)} - known - placed)
    if unknown:
        near = list(map(str, known))
        raise DataError([Problem(where, f"formulas use {n!r}, which there is not", nearest(n, near)) for n in unknown])
