"""Values of an objective and of limits for given numbers, with their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from immunoode.optimisation.dosages import Dosage, FloatArray
from immunoode.optimisation.endpoints import Endpoint
from immunoode.optimisation.limits import Limit, Quantity
from immunoode.optimisation.schedules import ChosenDoses
from immunoode.optimisation.simulations import Courses, Simulations
from immunoode.optimisation.statistics import MEAN, Statistic


@dataclass(frozen=True)
class Objective:
    """The quantity that is minimised or maximised.

    Attributes
    ----------
    quantity : Endpoint or Dosage
    maximise : bool
    over : Statistic
        The statistic over a cohort.
    """

    quantity: Quantity
    maximise: bool
    over: Statistic

    @property
    def sign(self) -> float:
        """The sign that makes it an objective to be minimised."""
        return -1.0 if self.maximise else 1.0

    def __str__(self) -> str:
        return str(self.quantity) if self.over.kind == MEAN else f"{self.over} of {self.quantity}"


@dataclass(frozen=True)
class ObjectiveValues:
    """The values for one set of n numbers.

    Attributes
    ----------
    objective : float
    limits : tuple of ndarray
        For each limit, the values of its quantity: one, or one per interval between doses.
    gradient : ndarray, shape (n,), or None
    limit_gradients : tuple of ndarray, each (values, n), or None
    """

    objective: float
    limits: tuple[FloatArray, ...]
    gradient: FloatArray | None = None
    limit_gradients: tuple[FloatArray, ...] | None = None


@dataclass
class Evaluator:
    """The objective and the limits as functions of the numbers.

    Attributes
    ----------
    simulations : Simulations
    times : ndarray, shape (T,)
    outputs : sequence of str
    weights : ndarray, shape (P,)
        Weights of the patients; they add up to 1.
    objective : Objective
    limits : sequence of Limit
    baselines : mapping of str to ndarray, shape (P,)
        Values before any dose of the outputs whose change is requested.
    count : int
        The number of simulated sets of numbers.
    """

    simulations: Simulations
    times: FloatArray
    outputs: Sequence[str]
    weights: FloatArray
    objective: Objective
    limits: Sequence[Limit]
    baselines: Mapping[str, FloatArray] = field(default_factory=dict)
    count: int = 0

    def __call__(self, x: FloatArray, gradients: bool = False) -> ObjectiveValues:
        """Evaluate numbers (n,)."""
        self.count += 1
        return self._evaluation(self.simulations.columns(x), self.simulations(x, gradients), x.size if gradients else 0)

    @property
    def limits_need_no_simulation(self) -> bool:
        """Whether all limits depend only on the schedule."""
        return all(isinstance(one.quantity, Dosage) for one in self.limits)

    def limits_of_schedule(self, x: FloatArray) -> ObjectiveValues:
        """Return the values of limits that depend only on the schedule, with gradients; the objective is not evaluated."""
        columns, none = self.simulations.columns(x), Courses(np.zeros((0, 0, 0)), None)
        each = [self._number(one.quantity, one.over, not one.above, columns, none, x.size) for one in self.limits]
        return ObjectiveValues(np.nan, tuple(v for v, _ in each), None, tuple(g for _, g in each))

    def several(self, many: FloatArray) -> list[ObjectiveValues]:
        """Evaluate many sets of numbers (c, n)."""
        self.count += len(many)
        found = self.simulations.several(many)
        return [self._evaluation(self.simulations.columns(x), courses, 0) for x, courses in zip(many, found, strict=True)]

    def of_patients(self, x: FloatArray) -> FloatArray:
        """Return the endpoint of the objective for each patient, shape (P,)."""
        of = self.objective.quantity
        if isinstance(of, Dosage):
            return np.full(self.weights.size, of.of(self.simulations.columns(x).doses).sum())
        return self._each(of, self.simulations(x).values)

    def endpoints(self, x: FloatArray, wanted: Sequence[Quantity]) -> list[FloatArray]:
        """Return the values of each endpoint for all patients, shape (P,)."""
        courses = self.simulations(x).values
        return [self._each(of, courses) for of in wanted if isinstance(of, Endpoint)]

    def _evaluation(self, columns: ChosenDoses, courses: Courses, n: int) -> ObjectiveValues:
        aim = self.objective
        value, gradient = self._number(aim.quantity, aim.over, not aim.maximise, columns, courses, n)
        each = [self._number(one.quantity, one.over, not one.above, columns, courses, n) for one in self.limits]
        if not n:
            return ObjectiveValues(float(value.sum()), tuple(v for v, _ in each))
        return ObjectiveValues(float(value.sum()), tuple(v for v, _ in each), gradient.sum(axis=0), tuple(g for _, g in each))

    def _number(
        self, of: Quantity, over: Statistic, worst_is_large: bool, columns: ChosenDoses, courses: Courses, n: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the values (c,) of a quantity, and their gradients (c, n) if n is not zero."""
        if isinstance(of, Dosage):
            values, by_times, by_amounts = of.with_gradient(columns.doses)
            if not n:
                return values, np.zeros((0, 0))
            name = of.therapy
            return values, by_times @ columns.by_times[name] + by_amounts @ columns.by_amounts[name]
        if not n or courses.derivatives is None:
            each = self._each(of, courses.values)
            return np.array([each @ over.weights(each, self.weights, worst_is_large)]), np.zeros((0, 0))
        of_courses, baseline = self._of(of, courses.values), self.baselines.get(of.output)
        each, slopes = of.with_gradient(self.times, of_courses, self._of(of, courses.derivatives), baseline)
        shares = over.weights(each, self.weights, worst_is_large)
        return np.array([each @ shares]), (shares @ slopes)[None]

    def _each(self, of: Endpoint, courses: FloatArray) -> FloatArray:
        return of.of(self.times, self._of(of, courses), self.baselines.get(of.output))

    def _of(self, of: Endpoint, courses: FloatArray) -> FloatArray:
        return courses[:, :, self.outputs.index(of.reported)]
