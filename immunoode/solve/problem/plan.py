"""`SimulationPlan`: subjects with their schedules and times, the input of all solvers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen.schedule import Schedule
from immunoode.solve.options import SolverOptions
from immunoode.solve.problem.codegen import NativeFunction
from immunoode.solve.problem.compiled_model import CompiledModel
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.sensitivities import SensitivityParameter
from immunoode.solve.problem.solution import Solution, empty_solution
from immunoode.solve.problem.subject_events import SubjectEvents
from immunoode.solve.problem.trigger_table import TriggerTable

if TYPE_CHECKING:
    from immunoode.solve.problem.codegen_simd import VectorFunction


@dataclass(frozen=True)
class SimulationPlan:
    """A model with the schedules and times of P subjects.

    Attributes
    ----------
    names : tuple of str
        The K outputs.
    times : ndarray, shape (P, T)
        Days; rows shorter than T repeat their last time (`lengths` says how many count).
    orders : ndarray, shape (P, T)
        The rows of the schedule at the same time after which an output is taken: those that precede it in the table; all rows
        if it is infinite.
    grids : ndarray, shape (P,)
        Subjects who share times and orders have the same number.
    schedules : tuple of Schedule or None
        One per subject.
    atol : ndarray, optional
        The stated absolute tolerance, () or (n,).
    """

    system: CompiledModel
    names: tuple[str, ...]
    times: FloatArray
    lengths: NDArray[np.int64]
    orders: FloatArray
    grids: NDArray[np.int64]
    starts: FloatArray
    schedules: tuple[Schedule | None, ...]
    options: SolverOptions
    atol: FloatArray | None
    triggers: TriggerTable

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the columns that `run` takes."""
        return self.system.equations.parameters

    @property
    def by(self) -> tuple[SensitivityParameter, ...]:
        """The quantities with respect to which sensitivities are computed."""
        return self.system.by

    def empty_solution(self) -> Solution:
        """Return a solution of all subjects whose arrays are to be filled."""
        sizes = len(self.schedules), self.times.shape[1], len(self.names), len(self.by), len(self.triggers.quantities)
        return empty_solution(self.system.equations.states, *sizes)

    def compile(self) -> None:
        """Create all native functions now, because subjects are solved in threads, which must all use the same functions."""
        self.system.compile()
        _ = self.watch, self.lane_rates, self.thresholds, self.events, self.system.outputs(self.names)

    @cached_property
    def events(self) -> SubjectEvents:
        """The events of the subjects."""
        return SubjectEvents(
            self.system, self.schedules, self.starts, self.times, self.lengths, self.orders, self.grids, self.end
        )

    @cached_property
    def end(self) -> float:
        """The last time of all."""
        return float(self.times.max())

    @cached_property
    def watch(self) -> NativeFunction:
        """The function for the quantities that triggers watch; for the first state if there are none."""
        return self.system.outputs(self.triggers.quantities or self.system.equations.states[:1])

    @cached_property
    def lane_rates(self) -> VectorFunction | None:
        """The rates of eight subjects at once, if subjects of this plan are integrated in lanes."""
        if self.options.engine == "compiled" and not self.triggers.continuous and not self.system.conditions.size:
            return self.system.lane_rates
        return None

    @cached_property
    def thresholds(self) -> FloatArray:
        """The extinction threshold of each state; zeros if extinction is off."""
        return self.system.extinct_below * (1.0 if self.options.extinction else 0.0)
