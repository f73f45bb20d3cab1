"""The true time courses of patients in the arms of a trial, simulated once per arm and once per change of treatment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.solve.options import SolverOptions
from immunoode.solve.simulate import simulate
from immunoode.virtual_trial.arms import TrialArm
from immunoode.virtual_trial.patient_pool import PatientPool

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class TreatmentChange(NamedTuple):
    """A patient (row of the pool) in an arm whose treatment changes at a time of the grid, with or without crossover."""

    arm: int
    patient: int
    time: int
    crosses_over: bool


@dataclass
class TrueCourses:
    """Outputs of patients under the treatments of a trial, simulated when they are first needed and kept.

    Attributes
    ----------
    model : Model
    pool : PatientPool
    arms : dict of str to TrialArm
    times : ndarray, shape (T,)
    outputs : tuple of str
    solver : SolverOptions or None
    """

    model: Model
    pool: PatientPool
    arms: dict[str, TrialArm]
    times: FloatArray
    outputs: tuple[str, ...]
    solver: SolverOptions | None = None
    _rows: dict[tuple[int, int] | TreatmentChange, int] = field(default_factory=dict)
    _blocks: list[FloatArray] = field(default_factory=list)

    def of(self, arm: IntArray, patient: IntArray) -> dict[str, FloatArray]:
        """Return the outputs of patients under the regimens of their arms, shape (subjects, T) each."""
        keys = list(zip(arm.tolist(), patient.tolist(), strict=True))
        missing = [key for key in dict.fromkeys(keys) if key not in self._rows]
        for number, treated in enumerate(self.arms.values()):
            own = [key for key in missing if key[0] == number]
            self._simulate(own, [key[1] for key in own], treated.treatment())
        return self._values(keys)

    def after_changes(self, changes: list[TreatmentChange]) -> dict[str, FloatArray]:
        """Return the outputs of patients whose treatment changes, shape (changes, T) each.

        Up to the change, they are those of the arm's own regimen, which must have been requested before.
        """
        missing = [change for change in dict.fromkeys(changes) if change not in self._rows]
        if missing:
            arms, regimens = list(self.arms.values()), dict[Any, Regimen]()
            for one in missing:
                kind = (one.arm, one.time, one.crosses_over)
                if kind not in regimens:
                    day = float(self.times[one.time])
                    regimens[kind] = arms[one.arm].after_progression(day, one.crosses_over, self.arms)
            each = [regimens[(one.arm, one.time, one.crosses_over)] for one in missing]
            self._simulate(missing, [one.patient for one in missing], each)
            self._keep_course_before_change(missing)
        return self._values(changes)

    def _keep_course_before_change(self, changes: list[TreatmentChange]) -> None:
        """Insert the time course under the arm's own regimen before each change, so that earlier observations do not change."""
        before, block = self._blocks[0], self._blocks[-1]
        for row, one in enumerate(changes):
            block[row, : one.time + 1] = before[self._rows[one.arm, one.patient], : one.time + 1]

    def _simulate(self, keys: list[Any], patients: list[int], regimen: Regimen | list[Regimen]) -> None:
        """Simulate patients, and keep their outputs under these keys."""
        if not keys:
            return
        run = simulate(
            self.model,
            regimen,
            parameters=self.pool.parameters.iloc[patients].reset_index(drop=True),
            times=self.times,
            outputs=list(self.outputs),
            solver=self.solver,
            progress=False,
        )
        lost = ~np.isfinite(run.values).all(axis=(1, 2))
        if lost.any():
            who = ", ".join(str(self.pool.names[patients[k]]) for k in np.flatnonzero(lost)[:5])
            first = run.status[int(lost.argmax())]
            raise SolveError(Problem("population", f"{int(lost.sum())} simulations failed (patients {who}): {first}"))
        first_row = sum(map(len, self._blocks))
        self._rows |= {key: first_row + k for k, key in enumerate(keys)}
        self._blocks.append(np.array(run.values))

    def _values(self, keys: list[Any]) -> dict[str, FloatArray]:
        """Return the outputs of these keys."""
        if len(self._blocks) > 1:
            self._blocks[:] = [np.concatenate(self._blocks)]
        if not keys:
            return {name: np.empty((0, len(self.times))) for name in self.outputs}
        chosen = self._blocks[0][[self._rows[key] for key in keys]]
        return {name: chosen[:, :, k] for k, name in enumerate(self.outputs)}
