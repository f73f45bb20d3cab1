"""The problem of an optimal schedule: model, patients, choices, objective and limits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from immunoode.errors import Problem, SolveError, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.optimisation.accumulated import with_areas
from immunoode.optimisation.checks import check_dosages, check_horizon
from immunoode.optimisation.choices import Choices, choices
from immunoode.optimisation.dosages import FloatArray
from immunoode.optimisation.endpoints import Endpoint
from immunoode.optimisation.evaluation import Evaluator, Objective
from immunoode.optimisation.limits import Limit, limit, quantity
from immunoode.optimisation.named_doses import named_doses
from immunoode.optimisation.quantity_units import choice_units, quantity_units
from immunoode.optimisation.report_times import report_times
from immunoode.optimisation.schedules import ScheduleFunction
from immunoode.optimisation.simulations import SearchedSimulations, SmoothSimulations
from immunoode.optimisation.statistics import statistic
from immunoode.regimen.regimen import Regimen
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import as_model, parameter_values, simulate, warn_of_bounds

_MOST_OPTIONS = 500


@dataclass(frozen=True)
class ScheduleProblem:
    """The optimisation problem.

    Attributes
    ----------
    model : ClosedModel
    patients : ndarray, shape (P, parameters)
    weights : ndarray, shape (P,)
        Weights of the patients; they add up to 1.
    is_cohort : bool
    regimen_of : callable
        A function that takes all choices by name and returns a Regimen or a Schedule.
    choices : Choices
    aim : Objective
    limits : tuple of Limit
    times : ndarray
    solver : SolverOptions or None
    """

    model: ClosedModel
    patients: FloatArray
    weights: FloatArray
    is_cohort: bool
    regimen_of: Callable[[dict[str, Any]], Regimen | Schedule]
    choices: Choices
    aim: Objective
    limits: tuple[Limit, ...]
    times: FloatArray
    solver: SolverOptions | None

    def combinations(self) -> list[dict[str, Any]]:
        """Return every combination of the options."""
        names = list(self.choices.options)
        return [dict(zip(names, values, strict=True)) for values in product(*self.choices.options.values())]

    def evaluator(self, options: Mapping[str, Any]) -> Evaluator:
        """Return the objective and the limits as functions of the numbers, for some of the options."""
        low, high = self.choices.low, self.choices.high

        def regimen_of(x: FloatArray) -> Regimen | Schedule:
            return self.regimen_of({**self.choices.named(x), **options})

        first = ScheduleFunction(regimen_of, self.model, self.patients[0], low, high)
        check_horizon(first, options, self.times[-1])
        functions = [first]
        if self.is_cohort and first.depends_on_patient(self.patients):
            functions += [ScheduleFunction(regimen_of, self.model, row, low, high) for row in self.patients[1:]]
        check_dosages(functions, [self.aim.quantity, *(one.quantity for one in self.limits)])
        smooth = low.size > 0 and all(function.smooth for function in functions)
        kind = SmoothSimulations if smooth else SearchedSimulations
        made = kind(self.model, self.patients, functions, self.times, self.outputs, self.solver)
        return Evaluator(made, self.times, self.outputs, self.weights, self.aim, self.limits, self._baselines())

    def _baselines(self) -> dict[str, FloatArray]:
        """Return the values before any dose, (P,), of outputs whose change is requested."""
        changing = tuple(dict.fromkeys(e.output for e in self._endpoints() if e.is_change))
        if not changing:
            return {}
        import pandas as pd

        frame = pd.DataFrame(self.patients, columns=list(self.model.parameters))
        run = simulate(self.model.model, times=[0.0], outputs=changing, parameters=frame, progress=False)
        return {name: run.values[:, 0, k] for k, name in enumerate(changing)}

    def _endpoints(self) -> list[Endpoint]:
        quantities = [self.aim.quantity, *(one.quantity for one in self.limits)]
        return [q for q in quantities if isinstance(q, Endpoint)]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that the objective and the limits use."""
        named = dict.fromkeys(e.reported for e in self._endpoints())
        return tuple(named) or self.model.equations.states[:1]

    @property
    def units(self) -> dict[str, str]:
        """The units of inputs, of the objective, of what is limited, and of choices that the regimen states as they are."""
        quantities = [self.aim.quantity, *(one.quantity for one in self.limits)]
        found = quantity_units(quantities, self.model)
        choices = choice_units(self.regimen_of, self.choices, self.model)
        return {**self.model.input_units, str(self.aim): found[str(self.aim.quantity)], **found, **choices}

    def numbers_of(self, chosen: Mapping[str, Any]) -> FloatArray:
        """Return the numbers (n,) of choices by name."""
        parts = [np.atleast_1d(np.asarray(chosen[name], float)) for name in self.choices.numbers]
        return np.concatenate(parts) if parts else np.zeros(0)

    def options_of(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options among choices by name."""
        return {name: chosen[name] for name in self.choices.options}

    def of_some_patients(self, count: int) -> ScheduleProblem:
        """Return the problem for a smaller number of patients, drawn systematically by their weights."""
        ends = np.cumsum(self.weights)
        drawn = np.unique(np.searchsorted(ends, (np.arange(count) + 0.5) / count * ends[-1]).clip(0, len(ends) - 1))
        shares = self.weights[drawn] if np.ptp(self.weights) == 0 else np.diff(np.append(0.0, ends[drawn]))
        return replace(self, patients=self.patients[drawn], weights=shares / shares.sum())

    def of_typical_patient(self) -> ScheduleProblem:
        """Return the problem for the patient whose parameters are the weighted medians of the cohort."""
        typical = np.array([_median(column, self.weights) for column in self.patients.T])
        return replace(self, patients=typical[None], weights=np.ones(1), is_cohort=False)


def schedule_problem(
    model: Any,
    regimen: Any,
    until: str | float,
    choose: Mapping[str, Any],
    *,
    aim: Any,
    maximise: bool,
    over: Any,
    subject_to: Sequence[Any],
    parameters: Mapping[str, float] | None,
    patients: Any,
    times: Any,
    solver: SolverOptions | None,
) -> ScheduleProblem:
    """Return the problem from checked arguments; see `optimise`.

    Raises
    ------
    SolveError, ModelError
        If an argument is wrong.
    """
    whole = resolve(as_model(model))
    chosen = choices(choose)
    if len(list(product(*chosen.options.values()))) > _MOST_OPTIONS:
        raise SolveError(Problem("choose", f"has more than {_MOST_OPTIONS} combinations of options", "fewer combinations"))
    limits = tuple(limit(one) for one in subject_to)
    objective = Objective(quantity(aim), maximise, statistic(over))
    endpoints = [q for q in (objective.quantity, *(one.quantity for one in limits)) if isinstance(q, Endpoint)]
    problems = [
        Problem(f"output {e.output!r}", "is not an output of this model", nearest(e.output, whole.output_units))
        for e in endpoints
        if e.output not in whole.output_units
    ]
    SolveError.raise_if(problems)
    whole = with_areas(whole, endpoints)
    if solver is None and any(e.log for e in endpoints):  # the logarithm of a number of cells continues below one cell
        solver = SolverOptions(extinction=False)
    matrix, weights = _patients(whole, parameters, patients)
    return ScheduleProblem(
        whole,
        matrix,
        weights,
        patients is not None,
        _regimen_of(regimen, whole, matrix, chosen),
        chosen,
        objective,
        limits,
        report_times(until, times, endpoints),
        solver,
    )


def _patients(model: ClosedModel, parameters: Mapping[str, float] | None, patients: Any) -> tuple[FloatArray, FloatArray]:
    """Return parameter values (P, n) and weights (P,)."""
    if patients is None:
        matrix, _ = parameter_values(model, parameters, None)
        warn_of_bounds(model, matrix)
        return matrix, np.ones(1)
    weights = getattr(patients, "weights", None)
    table = getattr(patients, "patients", patients)
    if weights is None:
        weights = getattr(table, "prior", None)
    table = getattr(table, "parameters", table)
    if parameters:
        table = table.assign(**parameters)
    matrix, _ = parameter_values(model, table, None)
    warn_of_bounds(model, matrix)
    return matrix, np.full(len(matrix), 1 / len(matrix)) if weights is None else np.asarray(weights, float)


def _regimen_of(
    regimen: Any, model: ClosedModel, patients: FloatArray, chosen: Choices
) -> Callable[[dict[str, Any]], Regimen | Schedule]:
    if isinstance(regimen, (Regimen, Schedule)):
        return named_doses(regimen, model, patients, chosen)
    if not callable(regimen):
        right = "a Regimen, or a function of the choices that returns one"
        raise SolveError(Problem("regimen", f"is {type(regimen).__name__}", right))
    names = (*chosen.numbers, *chosen.options)
    try:
        inspect.signature(regimen).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        right = f"a function that takes the choices: {', '.join(names)}"
        raise SolveError(Problem("regimen", f"does not match the choices ({error})", right)) from error
    return lambda values: regimen(**values)


def _median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(ends, 0.5 * ends[-1])), len(values) - 1)])
