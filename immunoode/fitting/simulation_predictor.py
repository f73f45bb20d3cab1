"""The predictor that simulates: every subject with its own schedule, start and observation times, prepared once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.covariates import with_model_names
from immunoode.fitting.finite_differences import by_differences
from immunoode.fitting.observations import FloatArray, IntArray, Observations
from immunoode.fitting.parameterisation import Parameterisation
from immunoode.fitting.subject_simulator import SubjectSimulator
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.tables.cells import as_numbers
from immunoode.tables.identifiers import index_by_subject

if TYPE_CHECKING:
    from pandas import DataFrame

RTOL = 1e-7
"""Ten times tighter than the default of simulations, because the gain of a step of the fit is a difference of such numbers."""


@dataclass
class Simulated:
    """Predictions by simulation; see `immunoode.fitting.prediction.Predictor`.

    `base` (S, P) are the values of all of the model's parameters in each subject; those of the `parameterisation` vary.
    """

    model: Model
    observations: Observations
    schedules: tuple[Schedule | None, ...]
    base: FloatArray
    parameterisation: Parameterisation
    engine: str = "compiled"
    threads: int | None = None
    rtol: float = RTOL
    _simulator: SubjectSimulator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options = SolverOptions(engine=self.engine, rtol=self.rtol, threads=self.threads)
        names = tuple(self.parameterisation.names)
        self._simulator = SubjectSimulator(self.model, self.observations, self.schedules, self.base, names, options)

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return (B, N) predictions at the observations."""
        return self._simulator.predictions(values)

    def curves(self, values: FloatArray, times: FloatArray) -> FloatArray:
        """Return (B, S, T, Q) the observed outputs at `times`; NaN before a subject's start."""
        return self._simulator.curves(values, times)

    def derivatives(self, values: FloatArray) -> tuple[FloatArray, FloatArray, int]:
        """Return predictions (N,), derivatives (K, N) and the number of simulations; by sensitivity equations if possible.

        A subject whose sensitivities cannot be solved, for example because a derivative has no value, gets finite differences
        instead.
        """
        reacts = any(s.triggers for s in self.schedules if s is not None)
        if self.engine != "compiled" or reacts:
            return by_differences(self, self.parameterisation, values, self.observations.subject)
        (f,), (by,), (ok,) = self._simulator.derivatives(values[None])
        if ok.all():
            return f, by.T, 1
        g, differences, count = by_differences(self, self.parameterisation, values, self.observations.subject)
        lost = ~ok[self.observations.subject]
        return np.where(lost, g, f), np.where(lost, differences, by.T), 1 + count

    def single_threaded(self) -> Simulated:
        """Return the same in one thread."""
        return self if self.threads == 1 else replace(self, threads=1)

    def take(self, subjects: IntArray, observations: Observations, parameterisation: Parameterisation) -> Simulated:
        """Return the same for some of the subjects, each any number of times."""
        chosen = tuple(self.schedules[s] for s in subjects)
        return replace(
            self, observations=observations, schedules=chosen, base=self.base[subjects], parameterisation=parameterisation
        )


def base_values(
    model: Model,
    observations: Observations,
    covariates: DataFrame | None,
    parameters: Mapping[str, float] | DataFrame | None,
    varied: Sequence[str],
) -> FloatArray:
    """Return (S, P) the values of all parameters in each subject.

    The model's, the subject's covariates, values fixed by the user, and baselines from the data.

    Raises
    ------
    FitError
        If a name is not a parameter, or a subject has no value.
    """
    covariates = with_model_names(covariates, model.constants)
    names, base = resolve(model).parameters, np.tile(resolve(model).values, (len(observations.subjects), 1))
    if covariates is not None:
        known = [c for c in covariates.columns if c in model.constants]
        _fill(base, names, _by_subject(covariates[known], observations, "covariates"))
    if parameters is not None:
        _fill(base, names, _fixed(model, parameters, observations, varied))
    _fill(base, names, dict(observations.baselines))
    return base


def _fill(base: FloatArray, names: Sequence[str], columns: Mapping[str, FloatArray]) -> None:
    for name, values in columns.items():
        given = np.isfinite(values)
        base[given, names.index(name)] = values[given]


def _fixed(
    model: Model, parameters: Mapping[str, float] | DataFrame, observations: Observations, varied: Sequence[str]
) -> dict[str, FloatArray]:
    if hasattr(parameters, "columns"):
        parameters = index_by_subject(parameters, "parameters")
    given = list(parameters.columns) if hasattr(parameters, "columns") else list(parameters)
    problems = [
        Problem("parameters", f"{n!r} is not a parameter of model {model.name!r}", nearest(str(n), model.constants))
        for n in given
        if n not in model.constants
    ]
    problems += [
        Problem("parameters", f"{n!r} varies as well", "fix it or fit it; starting values belong in initial=")
        for n in given
        if n in varied
    ]
    FitError.raise_if(problems)
    if hasattr(parameters, "columns"):
        return _by_subject(parameters, observations, "parameters")
    return {n: np.full(len(observations.subjects), float(v)) for n, v in parameters.items()}


def _by_subject(table: DataFrame, observations: Observations, where: str) -> dict[str, FloatArray]:
    """Return columns as (S,) arrays; one row per subject or per arm.

    Raises
    ------
    FitError
        If a subject has no row or no value, because the model's own value would be used for it.
    """
    if not len(table.columns):
        return {}
    table = index_by_subject(table, where)
    index = {name: n for n, name in enumerate(table.index)}
    rows = [index.get(s, index.get(a, -1)) for s, a in zip(observations.subjects, observations.arms, strict=True)]
    known = list(index)
    problems = [
        Problem(where, f"no row for subject {s!r} or its arm", f"index the table by subject or arm; {nearest(s, known)}")
        for s, r in zip(observations.subjects, rows, strict=True)
        if r < 0
    ]
    FitError.raise_if(problems[:20])
    columns = {str(c): as_numbers(table[c]).values.to_numpy()[rows] for c in table.columns}
    for name, values in columns.items():
        lost = [s for s, v in zip(observations.subjects, values, strict=True) if not np.isfinite(v)]
        right = "one value per subject; or leave these subjects out with data.select"
        what = f"{name!r} is not a number for {len(lost)} subjects ({', '.join(map(repr, lost[:3]))})"
        problems += [Problem(where, what, right)] if lost else []
    FitError.raise_if(problems)
    return columns


def subject_schedules(model: Model, observations: Observations, regimens: Any, base: FloatArray) -> tuple[Schedule | None, ...]:
    """Return the schedule of each subject, in their order; `base` (S, P) are all parameters' values in each."""
    names, subjects = resolve(model).parameters, observations.subjects
    values = {s: dict(zip(names, map(float, row), strict=True)) for s, row in zip(subjects, base, strict=True)}
    made = schedules(model, dict(zip(subjects, observations.arms, strict=True)), regimens, values)
    return tuple(made[s] for s in subjects)


def schedules(
    model: Model, observations_arms: Mapping[str, str], regimens: Any, values: Mapping[str, Mapping[str, float]]
) -> dict[str, Schedule | None]:
    """Return the schedule of each subject.

    Parameters
    ----------
    observations_arms : the arm of each subject
    regimens : one Regimen (or Schedule) for all, or one by arm or subject (None: untreated); None: nobody is treated
    values : each subject's parameter values, for amounts by weight or surface

    Raises
    ------
    FitError
        If an arm has no regimen, or an arm is named that is not in the data.
    """
    chosen = chosen_regimens(observations_arms, regimens)
    return {s: _schedule(r, resolve(model).input_units, values.get(s, {})) for s, r in chosen.items()}


def chosen_regimens(arms: Mapping[str, str], regimens: Any) -> dict[str, Any]:
    """Return the regimen of each subject (None: untreated)."""
    if not isinstance(regimens, Mapping):
        return dict.fromkeys(arms, regimens)
    known = {*arms, *arms.values()}
    problems = [
        Problem(f"regimens[{k!r}]", "is not an arm or subject of the data", nearest(str(k), known))
        for k in regimens
        if str(k) not in known
    ]
    given = {str(k): v for k, v in regimens.items()}
    missing = dict.fromkeys(a for s, a in arms.items() if s not in given and a not in given)
    problems += [
        Problem("regimens", f"arm {a!r} has none", f"add {a!r}: a Regimen, or None if the arm is untreated") for a in missing
    ]
    FitError.raise_if(problems)
    return {s: given[s] if s in given else given[a] for s, a in arms.items()}


def _schedule(regimen: Any, inputs: Mapping[str, str], values: Mapping[str, float]) -> Schedule | None:
    if regimen is None or isinstance(regimen, Schedule):
        return regimen
    if not hasattr(regimen, "schedule"):
        raise FitError(Problem("regimens", f"{type(regimen).__name__} is not a Regimen", "build one with immunoode.Regimen()"))
    made: Schedule = regimen.schedule(inputs, values)
    return made
