"""Simulation of the quantities in plausibility criteria: the values of patients, and their distances beyond the limits."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import OutOfBoundsWarning, PopulationError, Problem, nearest
from immunoode.model.closed_model import ClosedModel, resolve
from immunoode.model.model import Model
from immunoode.solve.simulate import as_model, report_times, simulate
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.marginals import FloatArray

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 5_000
"""The number of patients whose time courses are in memory at once."""
FOLLOWS = ("times", "parameters", "outputs", "progress", "sensitivities", "before")
"""Options of `simulate` that the caller must not give here."""
FAILED = 1e6
"""The distance beyond the limits, in units of their width, for patients who cannot be simulated or have an infinite value."""


@dataclass(frozen=True)
class PlausibilityValues:
    """The values that C criteria bound, for P patients.

    Attributes
    ----------
    extremes : ndarray, shape (P, C, 2)
        The smallest and the largest value; NaN for patients whose simulation failed.
    limits : ndarray, shape (C, 2)
    status : tuple of str
        How the simulation of each patient ended; "" if it succeeded.
    units : tuple of str
        The unit of each value; () if they are not known.
    """

    extremes: FloatArray
    limits: FloatArray
    status: tuple[str, ...]
    units: tuple[str, ...] = ()

    @property
    def simulated(self) -> NDArray[np.bool_]:
        """Which patients were simulated to the end, shape (P,)."""
        return np.array([not s for s in self.status])

    @property
    def below(self) -> NDArray[np.bool_]:
        """Which values are below the lower limit, shape (P, C)."""
        return self.extremes[:, :, 0] < self.limits[:, 0]

    @property
    def above(self) -> NDArray[np.bool_]:
        """Which values are above the upper limit, shape (P, C)."""
        return self.extremes[:, :, 1] > self.limits[:, 1]

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which criteria fail, including undefined values (0 / 0), shape (P, C); none for patients without a simulation."""
        undefined = np.isnan(self.extremes).any(axis=2) & self.simulated[:, None]
        return self.below | self.above | undefined

    @property
    def plausible(self) -> NDArray[np.bool_]:
        """Which patients were simulated and satisfy all criteria, shape (P,)."""
        return self.simulated & ~self.failed.any(axis=1)

    @property
    def excess(self) -> FloatArray:
        """Sum over criteria of the squared distances beyond the limits, in units of their width, shape (P,)."""
        low, high = self.limits.T
        ends = np.where(np.isfinite(self.limits), np.abs(self.limits), 0.0).max(axis=1)
        width = np.where(np.isfinite(high - low) & (high > low), high - low, np.where(ends > 0, ends, 1.0))
        least, most = self.extremes[:, :, 0], self.extremes[:, :, 1]
        with np.errstate(invalid="ignore"):
            distance = np.maximum(np.where(self.below, low - least, 0.0), np.where(self.above, most - high, 0.0)) / width
        beyond = np.where(self.failed, np.minimum(np.nan_to_num(distance, nan=FAILED), FAILED), 0.0)
        beyond[self.failed] = np.maximum(beyond[self.failed], np.finfo(float).tiny ** 0.25)
        return np.where(self.simulated, np.sum(beyond**2, axis=1), FAILED**2)


@dataclass(frozen=True)
class PlausibilitySimulation:
    """Criteria, and the simulations that they need.

    Attributes
    ----------
    model : Model
    criteria : tuple of PlausibilityCriterion
    regimens : mapping of str to regimen
        By arm; "" if there is only one.
    until : float, optional
        Days.
    options : mapping
        Options of `simulate`.
    """

    model: Model
    criteria: tuple[PlausibilityCriterion, ...]
    regimens: Mapping[str, Any]
    until: float | None
    options: Mapping[str, Any]

    @cached_property
    def resolved(self) -> ClosedModel:
        """The model with its equations."""
        return resolve(self.model)

    @cached_property
    def limits(self) -> FloatArray:
        """The limits of each criterion in the model's units, shape (C, 2)."""
        return np.array([c.limits(self._unit(c.output)) for c in self.criteria]).reshape(-1, 2)

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each bounded value."""
        own = [(c, c.unit(self._unit(c.output))) for c in self.criteria]
        return tuple(units.times_day(unit) if c.reduce == "area" else unit for c, unit in own)

    def _unit(self, output: str) -> str:
        constants = self.resolved.constants
        return constants[output].unit if output in constants else self.resolved.output_units[output]

    @cached_property
    def times(self) -> dict[str, FloatArray]:
        """Output times in days of each simulated arm."""
        found = {}
        for arm, regimen in self.regimens.items():
            own = [c for c in self._simulated if c.arm == arm]
            if own:
                stated = {day for c in own for day in c.needed_times}
                stated |= {self._start} if any(c.relative_to_start for c in own) else set()
                course = [c for c in own if c.needs_course]
                grid = report_times(self.model, regimen, self._end(course), start=self._start) if course else ()
                found[arm] = np.array(sorted({*stated, *map(float, grid)}))
        return found

    @property
    def _start(self) -> float:
        return units.days(self.options.get("start", 0.0))

    def _end(self, course: Sequence[PlausibilityCriterion]) -> float:
        ends = [c.window[1] for c in course if np.isfinite(c.window[1])]
        return max([*ends, *([] if self.until is None else [self.until])])

    @property
    def _simulated(self) -> list[PlausibilityCriterion]:
        return [c for c in self.criteria if c.output not in self.resolved.constants]

    def values(self, patients: pd.DataFrame) -> PlausibilityValues:
        """Return the bounded values of patients with these parameters."""
        extremes = np.full((len(patients), len(self.criteria), 2), np.nan)
        status = np.full(len(patients), "", dtype=object)
        for k, criterion in enumerate(self.criteria):
            if criterion.output in self.resolved.constants:
                extremes[:, k] = self._parameter(patients, criterion.output)[:, None]
        for first in range(0, len(patients), BLOCK):
            rows = slice(first, first + BLOCK)
            for arm, grid in self.times.items():
                self._simulate(patients.iloc[rows], arm, grid, extremes[rows], status[rows])
        extremes[status != ""] = np.nan
        return PlausibilityValues(extremes, self.limits, tuple(status), self.units)

    def _parameter(self, patients: pd.DataFrame, name: str) -> FloatArray:
        if name in patients:
            return patients[name].to_numpy(dtype=float)
        return np.full(len(patients), self.resolved.constants[name].value)

    def _simulate(self, patients: pd.DataFrame, arm: str, grid: FloatArray, extremes: FloatArray, status: Any) -> None:
        """Fill in the values of the criteria of an arm, and the status of patients that failed."""
        own = {k: c for k, c in enumerate(self.criteria) if c.arm == arm and c in self._simulated}
        outputs = list(dict.fromkeys(c.output for c in own.values()))
        with warnings.catch_warnings():  # failures are rows of the result here; bounds were checked for the whole table
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("ignore", OutOfBoundsWarning)
            run = simulate(
                self.model, self.regimens[arm], times=grid, parameters=patients, outputs=outputs, progress=False, **self.options
            )
        good = np.array([s.ok for s in run.status])
        status[~good] = [s.message for s in run.status if not s.ok]
        for k, criterion in own.items():
            course = run.values[good, :, run.names.index(criterion.output)]
            extremes[good, k] = criterion.extremes(run.times, course)


def plausibility_simulation(
    model: Model | str,
    criteria: PlausibilityCriterion | Iterable[PlausibilityCriterion],
    regimen: Any,
    until: str | float | None,
    options: Mapping[str, Any],
) -> PlausibilitySimulation:
    """Return the simulations that criteria need, after checking them.

    Raises
    ------
    PopulationError
        With all problems.
    """
    whole = as_model(model)
    stated = (criteria,) if isinstance(criteria, PlausibilityCriterion) else tuple(criteria)
    regimens = dict(regimen) if isinstance(regimen, Mapping) else {"": regimen}
    resolved = resolve(whole)
    known = [*resolved.output_units, *resolved.constants]
    problems = [] if stated else [Problem("criteria", "are empty", "at least one PlausibilityCriterion")]
    problems += [Problem(name, "is determined by the criteria here", "leave it out") for name in FOLLOWS if name in options]
    if any(isinstance(one, (list, tuple)) for one in regimens.values()):
        problems.append(Problem("regimen", "is a list", "one regimen for all patients, or a mapping of arm to regimen"))
    for k, one in enumerate(stated):
        place = f"criteria[{k}]"
        if not isinstance(one, PlausibilityCriterion):
            problems.append(Problem(place, f"is {type(one).__name__}", "a PlausibilityCriterion"))
            continue
        if one.output not in known:
            problems.append(
                Problem(
                    place, f"{one.output!r} is neither an output nor a parameter of {whole.name!r}", nearest(one.output, known)
                )
            )
        elif one.output in resolved.constants and _of_course(one):
            right = "no at, reduce, between or relative_to_start"
            problems.append(Problem(place, f"{one.output!r} is a parameter, which is the same at all times", right))
        elif one.arm not in regimens and one.output not in resolved.constants:
            problems.append(
                Problem(place, f"arm {one.arm!r} has no regimen", nearest(one.arm, regimens) if one.arm else "state arm=")
            )
        if until is None and one.needs_course and one.between is None and one.output not in resolved.constants:
            problems.append(Problem(place, "applies to a whole time course", "until=, or between= or at= in the criterion"))
    PopulationError.raise_if(problems)
    made = PlausibilitySimulation(whole, stated, regimens, None if until is None else units.days(until), dict(options))
    _check_limits(made)
    return made


def _of_course(one: PlausibilityCriterion) -> bool:
    return bool(one.at is not None or one.reduce or one.between is not None or one.relative_to_start)


def _check_limits(made: PlausibilitySimulation) -> None:
    """Refuse limits with wrong units, all at once."""
    problems = []
    for k, criterion in enumerate(made.criteria):
        try:
            criterion.limits(made._unit(criterion.output))
        except PopulationError as error:
            problems += [Problem(f"criteria[{k}]: {p.where}", p.what, p.right) for p in error.problems]
    PopulationError.raise_if(problems)
