"""The simulations behind panels, prepared once per regimen and called with the values of the sliders."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.explorer.patients import ExplorerPatients, moved
from immunoode.explorer.setting import Setting
from immunoode.regimen.regimen import Regimen
from immunoode.solve.options import SolverOptions
from immunoode.solve.prepared import PreparedSimulation, prepare
from immunoode.solve.simulate import report_times
from immunoode.solve.status import Status

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
COHORT_RTOL = 1e-4
"""The relative tolerance for virtual patients: sizes at visits differ by less than 1e-5 from those with 1e-6."""
_MOST_PREPARED = 32


@dataclass(frozen=True)
class Span:
    """First and last day, and the days of the tumour assessments."""

    start: float
    end: float
    visits: tuple[float, ...]


@dataclass(frozen=True)
class Course:
    """One patient under one regimen: days (T,), outputs by name (T,), and how it ended."""

    days: FloatArray
    values: Mapping[str, FloatArray]
    status: Status


@dataclass(frozen=True)
class Assessed:
    """Virtual patients under each of R regimens: sizes in mm at the visits (R, P, V), and who was solved (R, P)."""

    sizes: FloatArray
    solved: NDArray[np.bool_]


class Simulations:
    """Prepared simulations of one setting; the last few are kept."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._made: OrderedDict[Any, PreparedSimulation] = OrderedDict()

    def course(self, regimen: Regimen | None, span: Span, outputs: Sequence[str], sliders: Mapping[str, float]) -> Course:
        """Return the course of the patient whose parameters are those of the sliders."""
        vary, values = self._varied(sliders)
        key = ("patient", regimen, span.start, span.end, tuple(outputs), vary, self._times_by(values))
        prepared = self._prepared(key, lambda: self._prepare_patient(regimen, span, outputs, vary, values))
        found = prepared.solve(values if len(values) else prepared.values)
        columns = {name: found.values[:, k] for k, name in enumerate(prepared.outputs)}
        return Course(prepared.times, columns, found.status[0])

    def assessed(self, regimens: Sequence[Regimen | None], span: Span, sliders: Mapping[str, float]) -> Assessed:
        """Return the sizes of the virtual patients at the visits, with their parameters moved as the sliders are."""
        patients = self._setting.patients
        assert patients is not None
        vary, values = self._varied(sliders)
        key = ("cohort", tuple(regimens), span, vary)
        prepared = self._prepared(key, lambda: self._prepare_cohort(regimens, span, vary, patients))
        rows = np.tile(self._rows(patients, vary, values), (len(regimens), 1)) if len(values) else prepared.values
        found = prepared.solve(rows)
        shape = len(regimens), len(patients)
        solved = np.array([status.ok for status in found.status]).reshape(shape)
        return Assessed(found.values[:, :, 0].reshape(*shape, -1) * self._setting.to_millimetres, solved)

    def _varied(self, sliders: Mapping[str, float]) -> tuple[tuple[str, ...], FloatArray]:
        """Return the names and values of what varies: without sliders, an initial value as it is."""
        if sliders:
            return tuple(sliders), np.array(list(sliders.values()), dtype=float)
        return (f"initial({self._setting.model.equations.states[0]})",), np.empty(0)

    def _rows(self, patients: ExplorerPatients, vary: Sequence[str], values: FloatArray) -> FloatArray:
        """Return what varies, shape (patients, varied)."""
        table = patients.parameters
        columns = [
            moved(table[name].to_numpy(float), self._setting.slider(name), to) if name in table else np.full(len(table), to)
            for name, to in zip(vary, values.tolist(), strict=True)
        ]
        return np.column_stack(columns)

    def _times_by(self, values: FloatArray) -> bytes:
        """Return the values on which the times of doses depend.

        The values of the sliders, if lags or durations are expressions.
        """
        inputs = self._setting.model.model.inputs.values()
        return values.tobytes() if any(i.lag or i.duration or i.rate or i.bioavailability for i in inputs) else b""

    def _prepared(self, key: Any, make: Callable[[], PreparedSimulation]) -> PreparedSimulation:
        if key not in self._made:
            self._made[key] = make()
            while len(self._made) > _MOST_PREPARED:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]

    def _prepare_patient(
        self, regimen: Regimen | None, span: Span, outputs: Sequence[str], vary: tuple[str, ...], values: FloatArray
    ) -> PreparedSimulation:
        model, fixed = self._setting.model.model, self._setting.values
        now = {**fixed, **dict(zip(vary, values.tolist(), strict=True))} if len(values) else dict(fixed)
        times = report_times(model, regimen, span.end, start=span.start, parameters=now or None)
        return prepare(
            model, regimen, times=times, vary=vary, outputs=outputs, parameters=dict(fixed) or None, start=span.start
        )

    def _prepare_cohort(
        self, regimens: Sequence[Regimen | None], span: Span, vary: tuple[str, ...], patients: ExplorerPatients
    ) -> PreparedSimulation:
        """Prepare all patients under the first regimen, then all under the next."""
        import pandas as pd

        table = with_values(patients.parameters, self._setting.values)
        return prepare(
            self._setting.model.model,
            [regimen for regimen in regimens for _ in range(len(table))],
            times=span.visits,
            vary=vary,
            outputs=self._setting.measure,
            parameters=pd.concat([table] * len(regimens), ignore_index=True),
            start=span.start,
            solver=SolverOptions(rtol=COHORT_RTOL),
        )


def with_values(table: pd.DataFrame, values: Mapping[str, float]) -> pd.DataFrame:
    """Return the table of patients, with the values that it has no column for."""
    return table.assign(**{name: value for name, value in values.items() if name not in table})
