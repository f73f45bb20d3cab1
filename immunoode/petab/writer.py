"""Writing fits as PEtab problems, version 1 or 2: model, conditions, observables, measurements and parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.atomic import write_together
from immunoode.errors import DataError, FitError, Problem
from immunoode.fitting.error_weights import ERRORS
from immunoode.fitting.likelihood import ErrorModel, ratio_start
from immunoode.fitting.observations import MEASURED, FloatArray
from immunoode.fitting.priors import NORMAL
from immunoode.fitting.result import FitResult
from immunoode.interop.flatten import FlatModel, flatten
from immunoode.interop.sbml_writer import sbml_of_arms
from immunoode.model.closed_model import resolve
from immunoode.model.expressions import TIME, names_in
from immunoode.petab.to_version2 import to_version_2
from immunoode.regimen.schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd

FAR = 1e6
"""Distance of missing bounds from a value, as a factor or in units of the value, as PEtab needs numbers."""
NOISE = "noise_sd"
"""Prefix of the name of the standard deviation of the errors of a quantity."""
YAML = {
    1: "format_version: 1\nparameter_file: parameters.tsv\nproblems:\n- condition_files: [conditions.tsv]\n"
    "  measurement_files: [measurements.tsv]\n  observable_files: [observables.tsv]\n  sbml_files: [model.xml]\n",
    2: "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  model:\n    location: model.xml\n"
    "    language: sbml\nmeasurement_files: [measurements.tsv]\ncondition_files: [conditions.tsv]\n"
    "experiment_files: [experiments.tsv]\nobservable_files: [observables.tsv]\n",
}
"""The file that names the others, by version."""


def write_petab(result: FitResult, folder: str | Path, *, version: int = 1, overwrite: bool = False) -> Path:
    """Write a fit as a PEtab problem, version 1 or 2.

    Parameters
    ----------
    result : FitResult
        Its model, data, regimens, error models, bounds and priors are written; the estimates are the nominal values.
    folder : path
        Folder of the files, which is created. All files are written, or none.
    version : {1, 2}
    overwrite : bool
        Whether to replace an existing problem.

    Returns
    -------
    Path
        Path of problem.yaml, in the same folder as model.xml (SBML) and the tables. Time is in days from the start of each
        subject. Subjects without any difference share a condition; the doses of each arm are events of the model, which a
        parameter of the condition turns on. Standard deviations of errors are estimated parameters. Missing bounds are a factor
        of a million from the value.

    Raises
    ------
    DataError
        If the fit has features that PEtab cannot express: censored observations, Student's t, coefficients of covariates,
        constraints, an earlier fit as a prior, a model that depends on time with subjects who start on other days; all at once.
    RegimenError
        If a regimen has features that events of SBML cannot express.
    FileError
        If a file exists and is not to be replaced, or cannot be written.

    Notes
    -----
    Schmiester et al. 2021, PLoS Comput Biol 17:e1008646, doi 10.1371/journal.pcbi.1008646. The extinction of the last cells is
    left out, as SBML does not have it. Version 2 has densities of parameters, but not of their logarithms: the prior of a
    parameter that is fitted on a log scale is written as the log-normal density that is proportional to it.

    Examples
    --------
    >>> import tempfile
    >>> import immunoode as imo
    >>> trial = imo.load_example().select(arm="docetaxel")
    >>> result = imo.fit("tumour_immune", trial, ["growth_rate"], regimens=imo.Regimen(), progress=False)
    >>> problem = imo.io.read_petab(imo.io.write_petab(result, tempfile.mkdtemp()))
    >>> bool(abs(problem.objective() / (result.deviance / 2) - 1) < 1e-4)
    True
    """
    if version not in YAML:
        raise DataError(Problem("version", f"is {version!r}", "1 or 2"))
    problem = _PetabTables.of(result, flatten(result.model))
    tables = problem.tables() if version == 1 else to_version_2(problem.tables())
    texts = {f"{name}.tsv": table.to_csv(sep="\t", index=False, lineterminator="\n") for name, table in tables.items()}
    contents = {"model.xml": problem.sbml(), **texts, "problem.yaml": YAML[version]}
    return write_together(folder, contents, overwrite=overwrite)


def _refused(result: FitResult, whole: FlatModel) -> list[Problem]:
    """Return the features of a fit that PEtab cannot express."""
    seen, design, priors = result.observations, result.parameterisation, result.least_squares.priors
    censored = int((seen.censoring != MEASURED).sum())
    texts = [*whole.derived.values(), *(f.rate for f in whole.flows)]
    timed = any(TIME in names_in(text) for text in texts) and bool(np.any(seen.start))
    coefficients = [c for s in design.fitted_parameters for c in s.coefficients]
    found = [
        (censored, f"has {censored} censored observations", "observations that were measured"),
        (any(math.isfinite(e.degrees) for e in result.least_squares.errors), "has errors of Student's t", "normal errors"),
        (coefficients, f"has coefficients of covariates ({', '.join(coefficients[:3])})", "a fit without covariates"),
        (design.constraints, f"has constraints ({', '.join(design.constraints)})", "a fit without constraints"),
        (priors.from_fits, "has an earlier fit for a prior", "priors of single parameters"),
        (timed, "has a model that depends on time, and subjects who do not start on day 0", "start=0"),
    ]
    return [Problem("the fit", what, right) for there, what, right in found if there]


@dataclass(frozen=True)
class _PetabTables:
    """Content of the tables: arms by the names of their parameters, and the arm and condition of each subject."""

    result: FitResult
    whole: FlatModel
    arms: Mapping[str, Schedule]
    arm_of: tuple[str, ...]
    condition_of: tuple[str, ...]
    columns: Mapping[str, tuple[Any, ...]]

    @classmethod
    def of(cls, result: FitResult, whole: FlatModel) -> _PetabTables:
        problems = _refused(result, whole)
        DataError.raise_if(problems)
        arms, arm_of = _arms(result, whole)
        columns = _columns(result, whole, arms, arm_of)
        rows = list(zip(*columns.values(), strict=True)) if columns else [()] * len(result.observations.subjects)
        numbers = {row: k + 1 for k, row in enumerate(dict.fromkeys(rows))}
        return cls(result, whole, arms, arm_of, tuple(f"condition_{numbers[row]}" for row in rows), columns)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of version 1."""
        return {
            "parameters": self.parameters(),
            "conditions": self.conditions(),
            "observables": self.observables(),
            "measurements": self.measurements(),
        }

    def sbml(self) -> str:
        return sbml_of_arms(self.result.model, self.arms)

    def conditions(self) -> pd.DataFrame:
        import pandas as pd

        table = pd.DataFrame({"conditionId": self.condition_of, **self.columns})
        subjects = pd.Series(self.result.observations.subjects).groupby(table["conditionId"], sort=False)
        called = subjects.agg(lambda s: ", ".join(s) if len(s) < 4 else f"{s.iloc[0]} and {len(s) - 1} others")
        table = table.drop_duplicates("conditionId")
        table.insert(1, "conditionName", table["conditionId"].map(called))
        return table

    def measurements(self) -> pd.DataFrame:
        import pandas as pd

        seen = self.result.observations
        return pd.DataFrame(
            {
                "observableId": [_observable(seen.quantities[q]) for q in seen.quantity],
                "simulationConditionId": [self.condition_of[s] for s in seen.subject],
                "measurement": seen.value,
                "time": seen.time - seen.start[seen.subject],
                "datasetId": [seen.subjects[s] for s in seen.subject],
            }
        )

    def observables(self) -> pd.DataFrame:
        import pandas as pd

        seen = self.result.observations
        rows = [_noise(e, seen.outputs[q], self.noise(q)) for q, e in enumerate(self.result.least_squares.errors)]
        return pd.DataFrame(
            {
                "observableId": [_observable(q) for q in seen.quantities],
                "observableName": [f"{q} [{u}]" for q, u in zip(seen.quantities, seen.units, strict=True)],
                "observableFormula": [r[0] for r in rows],
                "observableTransformation": [r[2] for r in rows],
                "noiseFormula": [r[1] for r in rows],
                "noiseDistribution": "normal",
            }
        )

    def noise(self, quantity: int) -> str:
        """Return the name of the standard deviation of the errors of a quantity."""
        return NOISE if self.result.least_squares.pool else f"{NOISE}_{_word(self.result.observations.quantities[quantity])}"

    def parameters(self) -> pd.DataFrame:
        import pandas as pd

        columns = ["parameterId", "parameterScale", "lowerBound", "upperBound", "nominalValue", "estimate"]
        table = pd.DataFrame([*self._fitted(), *self._errors()], columns=columns)
        priors = {p.key: p for p in self.result.least_squares.priors.single}
        if priors:
            logged = {key for fitted in self.result.parameterisation.fitted_parameters if fitted.log for key in fitted.keys}
            pairs = [_prior(priors.get(name), name in logged) for name in table["parameterId"]]
            table["objectivePriorType"] = [kind for kind, _ in pairs]
            table["objectivePriorParameters"] = [numbers for _, numbers in pairs]
        return table

    def _fitted(self) -> list[tuple[Any, ...]]:
        found = self.result.lmfit.params
        return [
            _row(key, fitted.log, fitted.bounds, float(found[key].value))
            for fitted in self.result.parameterisation.fitted_parameters
            for key in fitted.keys
        ]

    def _errors(self) -> list[tuple[Any, ...]]:
        rows: dict[str, tuple[Any, ...]] = {}
        for q, model in enumerate(self.result.least_squares.errors):
            rows[self.noise(q)] = _row(self.noise(q), True, (0.0, math.inf), model.scale.s)
            if model.ratio_name:
                value = float(self.result.lmfit.params[model.ratio_name].value)
                rows[model.ratio_name] = _row(model.ratio_name, True, ratio_start(model)[1:], value)
        return list(rows.values())


def _arms(result: FitResult, whole: FlatModel) -> tuple[dict[str, Schedule], tuple[str, ...]]:
    """Return the distinct schedules from the start of a subject, by name of their parameter, and the name for each subject."""
    taken = {*whole.constants, *whole.initial, *whole.derived}
    found: dict[Schedule, str] = {}
    arm_of = []
    for schedule, start in zip(getattr(result.predictor, "schedules", ()), result.observations.start, strict=True):
        if schedule is None or not len(schedule.times):
            arm_of.append("")
            continue
        shifted = replace(schedule, times=schedule.times - start)
        if shifted not in found:
            name = f"regimen_{len(found) + 1}"
            while name in taken:
                name += "_"
            found[shifted] = name
        arm_of.append(found[shifted])
    return {name: schedule for schedule, name in found.items()}, tuple(arm_of)


def _columns(
    result: FitResult, whole: FlatModel, arms: Mapping[str, Schedule], arm_of: Sequence[str]
) -> dict[str, tuple[Any, ...]]:
    """Return the values that conditions set, one per subject: numbers, or names of parameters of groups of subjects."""
    base: FloatArray = getattr(result.predictor, "base")  # noqa: B009  # of the predictor that simulates
    fitted_parameters = {fitted.name: fitted for fitted in result.parameterisation.fitted_parameters}
    columns: dict[str, tuple[Any, ...]] = {}
    for k, name in enumerate(resolve(result.model).equations.parameters):
        fitted = fitted_parameters.get(name)
        if fitted is not None and fitted.keys != (name,):
            columns[name] = tuple(fitted.keys[g] for g in fitted.group)
        elif fitted is None and np.any(base[:, k] != whole.constants[name]):
            columns[name] = tuple(map(float, base[:, k]))
    for arm in arms:
        columns[arm] = tuple(float(arm == own) for own in arm_of)
    return columns


def _noise(model: ErrorModel, output: str, size: str) -> tuple[str, str, str]:
    """Return the formulas of an observable and its noise, and the transformation."""
    floor = repr(float(model.floor))
    if model.kind == "lognormal":
        return f"max({output}, {floor})", size, "log"
    if model.kind not in ERRORS:
        raise FitError(Problem("error", f"{model.kind!r} is an error model of your own", f"one of {', '.join(ERRORS)}"))
    weight = {
        "additive": "1",
        "proportional": f"max(abs({output}), {floor})",
        "combined": f"sqrt({model.ratio_name}^2 + {output}^2)",
    }[model.kind]
    return output, size if weight == "1" else f"{size} * {weight}", "lin"


def _row(name: str, logged: bool, bounds: Sequence[float], value: float) -> tuple[Any, ...]:
    low, high = bounds
    if logged:
        low, high = low if low > 0 else value / FAR, high if math.isfinite(high) else value * FAR
    reach = FAR * max(abs(value), 1.0)
    low, high = low if math.isfinite(low) else -reach, high if math.isfinite(high) else reach
    return name, "log" if logged else "lin", low, high, value, 1


def _prior(prior: Any, logged: bool) -> tuple[str, str]:
    """Return type and parameters of a prior; on the log scale if the parameter is fitted on it."""
    if prior is None:
        return "", ""
    if prior.kind == NORMAL:
        return "normal", f"{prior.centre!r};{prior.sd!r}"
    return "parameterScaleNormal" if logged else "logNormal", f"{math.log(prior.centre)!r};{prior.sd!r}"


def _observable(quantity: str) -> str:
    return f"observed_{_word(quantity)}"


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "quantity"
