"""Simulations of schedules for one patient or a cohort: outputs over time, and derivatives with respect to choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.model.closed_model import ClosedModel
from immunoode.optimisation.dosages import Doses, FloatArray
from immunoode.optimisation.schedules import ChosenDoses, ScheduleFunction
from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.prepared import PreparedSimulation, prepare
from immunoode.solve.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Courses:
    """Outputs of P patients at T times.

    Attributes
    ----------
    values : ndarray, shape (P, T, K)
    derivatives : ndarray, shape (P, T, K, n), or None
        Derivatives with respect to the chosen numbers.
    """

    values: FloatArray
    derivatives: FloatArray | None


class SmoothSimulations:
    """Simulations whose schedules differ only in times and amounts of doses.

    Parameters
    ----------
    model : ClosedModel
    patients : ndarray, shape (P, parameters)
    functions : sequence of ScheduleFunction
        One for all patients, or one per patient.
    times : ndarray, shape (T,)
    outputs : sequence of str
    """

    def __init__(
        self,
        model: ClosedModel,
        patients: FloatArray,
        functions: Sequence[ScheduleFunction],
        times: FloatArray,
        outputs: Sequence[str],
        solver: SolverOptions | None,
    ) -> None:
        self._functions, self._count = functions, len(patients)
        self._terms = _terms(functions[0])
        frame = _frame(model, patients)
        regimens: list[Schedule] | Schedule = functions[0].stated if len(functions) == 1 else [one.stated for one in functions]
        vary = [str(term) for term in self._terms]
        self._prepared: PreparedSimulation = prepare(
            model.model, regimens, times=times, vary=vary, outputs=outputs, parameters=frame, solver=solver
        )

    def columns(self, x: FloatArray) -> ChosenDoses:
        """Return the doses of the first patient."""
        return self._functions[0](x)

    def __call__(self, x: FloatArray, derivatives: bool = False) -> Courses:
        """Simulate all patients with numbers (n,)."""
        each = [function(x) for function in self._functions]
        rows = np.array([[term.value(columns.doses) for term in self._terms] for columns in each])
        given = rows[0] if len(each) == 1 else rows
        found = self._prepared(given, derivatives=derivatives)
        if not derivatives:
            return Courses(self._whole(found, 3), None)
        slopes = np.array([[term.slope(columns) for term in self._terms] for columns in each])
        by = self._whole(found[1], 4)
        chained = by @ slopes[0] if len(each) == 1 else np.einsum("ptkm,pmn->ptkn", by, slopes)
        return Courses(self._whole(found[0], 3), chained)

    def several(self, many: FloatArray) -> list[Courses]:
        """Simulate many sets of numbers (c, n), together if there is only one patient."""
        if self._count > 1:
            return [self(x) for x in many]
        rows = np.array([[term.value(self._functions[0](x).doses) for term in self._terms] for x in many])
        return [Courses(values[None], None) for values in self._prepared(rows)]

    @staticmethod
    def _whole(found: FloatArray, dimensions: int) -> FloatArray:
        return found if found.ndim == dimensions else found[None]


@dataclass(frozen=True)
class _Term:
    """The amount or time of one dose of an input, or of all of them, that the choices change."""

    kind: str
    name: str
    which: int | None

    def value(self, doses: dict[str, Doses]) -> float:
        own = doses[self.name]
        return float((own.amounts if self.kind == "amount" else own.times)[self.which or 0])

    def slope(self, columns: ChosenDoses) -> FloatArray:
        by = columns.by_amounts if self.kind == "amount" else columns.by_times
        return by[self.name][self.which or 0]

    def __str__(self) -> str:
        return f"{self.kind}({self.name})" if self.which is None else f"{self.kind}({self.name}, {self.which})"


def _terms(function: ScheduleFunction) -> list[_Term]:
    """Return the parts of a schedule that the choices change; all doses of an input count as one if they change equally."""
    columns = function(function.middle)
    found = []
    for name in function.rows:
        for kind, by in (("amount", columns.by_amounts[name]), ("time", columns.by_times[name])):
            changed = np.flatnonzero(function.changes(kind, name))
            alike = len(changed) == len(by) and np.ptp(by, axis=0).max(initial=0.0) == 0 and function.is_affine
            found += [_Term(kind, name, None)] if alike and len(by) else [_Term(kind, name, int(k)) for k in changed]
    if not found:
        raise SolveError(
            Problem("choose", "does not change any dose of the regimen", "choices that amounts or times depend on")
        )
    return found


def _frame(model: ClosedModel, patients: FloatArray) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(patients, columns=list(model.parameters))


class SearchedSimulations:
    """Simulations of arbitrary schedules (with different numbers of doses, or triggers), without derivatives.

    Parameters
    ----------
    model : ClosedModel
    patients : ndarray, shape (P, parameters)
    functions : sequence of ScheduleFunction
        One for all patients, or one per patient.
    times : ndarray, shape (T,)
    outputs : sequence of str
    """

    def __init__(
        self,
        model: ClosedModel,
        patients: FloatArray,
        functions: Sequence[ScheduleFunction],
        times: FloatArray,
        outputs: Sequence[str],
        solver: SolverOptions | None,
    ) -> None:
        self._model, self._patients, self._functions = model, patients, functions
        self._how = {"times": times, "outputs": tuple(outputs), "solver": solver, "progress": False}

    def columns(self, x: FloatArray) -> ChosenDoses:
        """Return the doses of the first patient."""
        return self._functions[0].stated_columns(x)

    def __call__(self, x: FloatArray, derivatives: bool = False) -> Courses:
        """Simulate all patients with numbers (n,)."""
        schedules = [function.schedule(x) for function in self._functions]
        regimen = schedules[0] if len(schedules) == 1 else schedules
        return Courses(self._simulate(regimen, self._patients), None)

    def several(self, many: FloatArray) -> list[Courses]:
        """Simulate many sets of numbers (c, n), together if there is only one patient."""
        if len(self._patients) > 1 or self._functions[0].stated.triggers:  # subjects of one run share their triggers
            return [self(x) for x in many]
        schedules = [self._functions[0].schedule(x) for x in many]
        found = self._simulate(schedules, np.repeat(self._patients, len(many), axis=0))
        return [Courses(values[None], None) for values in found]

    def _simulate(self, regimen: object, patients: FloatArray) -> FloatArray:
        found = simulate(self._model.model, regimen, parameters=_frame(self._model, patients), **self._how)  # type: ignore[arg-type]
        found.raise_for_status()
        return found.values


Simulations = SmoothSimulations | SearchedSimulations
