"""Schedules as functions of the choices: times and amounts of doses, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.model.closed_model import ClosedModel
from immunoode.optimisation.dosages import Doses, FloatArray
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.solve.simulate import Expansion

_STEP = 1e-4
"""Step of finite differences for schedules that are not affine, as a fraction of the range of a number."""
_SAME = 1e-9


@dataclass(frozen=True)
class ChosenDoses:
    """The doses of a schedule by input, in order of time, and their derivatives with respect to n numbers.

    Attributes
    ----------
    doses : dict of str to Doses
    by_times, by_amounts : dict of str to ndarray, shape (k, n)
    """

    doses: dict[str, Doses]
    by_times: dict[str, FloatArray]
    by_amounts: dict[str, FloatArray]


class ScheduleFunction:
    """The schedule of one patient as a function of n numbers.

    Parameters
    ----------
    regimen_of : callable
        A function that takes numbers (n,) and returns a Regimen.
    model : ClosedModel
    parameters : ndarray
        Parameters of the patient, because doses may be per kilogram.
    low, high : ndarray, shape (n,)
        Bounds of the numbers.
    """

    def __init__(
        self,
        regimen_of: Callable[[FloatArray], Any],
        model: ClosedModel,
        parameters: FloatArray,
        low: FloatArray,
        high: FloatArray,
    ) -> None:
        self._regimen_of, self._model, self._parameters = regimen_of, model, parameters
        self._low, self._span = low, high - low
        self.stated = self.schedule(low + self._span / 2)
        self.rows = {name: _rows(self.stated, name) for name in dict.fromkeys(_dosed(self.stated))}
        self.smooth = self._is_smooth()
        self._affine = self._as_affine() if self.smooth else None

    @property
    def middle(self) -> FloatArray:
        """Numbers halfway between their bounds."""
        return self._low + self._span / 2

    @property
    def latest(self) -> float:
        """The latest day to which the numbers can move a dose; minus infinity if they do not move any."""
        if self._affine is None:
            return self._latest_at_corners()
        found, at = [-np.inf], 0
        base, slopes = self._affine
        for rows in self.rows.values():
            own = slopes[at : at + rows.size] * self._span
            found += (base[at : at + rows.size] + np.maximum(own, 0.0).sum(axis=1))[(own != 0).any(axis=1)].tolist()
            at += 2 * rows.size
        return max(found)

    @property
    def is_affine(self) -> bool:
        """Whether times and amounts are affine functions of the numbers."""
        return self._affine is not None

    def _latest_at_corners(self) -> float:
        """Return the latest dose at the lower or upper bounds that is not at one of the stated times."""
        made = [s.times[_rows(s, name)] for s in map(self.schedule, (self._low, self._low + self._span)) for name in _dosed(s)]
        times = np.unique(np.concatenate([np.zeros(0), *made]))
        moved = [t for t in times if not np.isclose(t, self.stated.times, rtol=0, atol=_SAME).any()]
        return max(moved, default=-np.inf)

    def changes(self, kind: str, name: str) -> NDArray[np.bool_]:
        """Return which doses of an input have a "time" or an "amount" that the numbers change; all if the order may change."""
        columns = self(self.middle)
        moved = (columns.by_times[name] != 0).any(axis=1)
        amounts = columns.doses[name].amounts
        own = moved if kind == "time" else (columns.by_amounts[name] != 0).any(axis=1)
        reordered = moved.any() and np.ptp(columns.by_times[name], axis=0).any()
        if not self.is_affine or (reordered and (kind == "time" or own.any() or np.ptp(amounts) > 0)):
            return np.ones(len(amounts), dtype=bool)
        return own

    def depends_on_patient(self, patients: FloatArray) -> bool:
        """Whether doses depend on parameters (P, n) that differ between patients."""
        made = Expansion(self._regimen_of(self.middle), self._model)
        made.schedule(self._parameters)
        return bool(np.ptp(patients[:, made.columns], axis=0).any()) if made.columns else False

    def schedule(self, x: FloatArray) -> Schedule:
        """Return the schedule for numbers (n,)."""
        made = Expansion(self._regimen_of(x), self._model).schedule(self._parameters)
        return made if made is not None else Schedule(np.zeros(0), (), np.zeros(0), np.zeros(0))

    def __call__(self, x: FloatArray) -> ChosenDoses:
        """Return the doses for numbers (n,) with their derivatives."""
        if self._affine is not None:
            base, slopes = self._affine
            return self._ordered(base + slopes @ (x - self._low), slopes)
        return self._ordered(self._columns(self.schedule(x)), self._differences(x))

    def stated_columns(self, x: FloatArray) -> ChosenDoses:
        """Return any number of doses for numbers (n,), without derivatives."""
        made, none = self.schedule(x), dict[str, FloatArray]()
        rows = {name: _rows(made, name) for name in dict.fromkeys(_dosed(made))}
        return ChosenDoses({name: Doses(made.times[r], made.amounts[r]) for name, r in rows.items()}, none, none)

    def _columns(self, schedule: Schedule) -> FloatArray:
        """Return times and amounts of each input in one array."""
        parts = [c[_rows(schedule, name)] for name in self.rows for c in (schedule.times, schedule.amounts)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _is_smooth(self) -> bool:
        """Whether schedules differ only in times and amounts, at the bounds and between them."""
        if self.stated.triggers:
            return False
        places = [0.13, 0.5, 0.87]
        grids = [np.full(self._low.size, p) for p in places] + [1 - np.linspace(0.1, 0.9, self._low.size)]
        return all(self._alike(self.schedule(self._low + self._span * g)) for g in grids)

    def _alike(self, other: Schedule) -> bool:
        def kept(schedule: Schedule) -> dict[str, list[tuple[float, float, float]]]:
            rows = {name: _rows(schedule, name) for name in dict.fromkeys(_dosed(schedule))}
            return {
                n: list(zip(schedule.durations[r], schedule.steady[r], schedule.rates[r], strict=True)) for n, r in rows.items()
            }

        return kept(self.stated) == kept(other) and len(self.stated.times) == len(other.times) and not other.triggers

    def _as_affine(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the columns at the lower bounds and their slopes, or None if columns are not affine."""
        n = self._low.size
        middle = self._columns(self.schedule(self._low + self._span / 2))
        slopes = np.empty((middle.size, n))
        for i in range(n):
            up = self._low + self._span / 2
            up[i] += self._span[i] / 4
            slopes[:, i] = (self._columns(self.schedule(up)) - middle) / (self._span[i] / 4)
        base = middle - slopes @ (self._span / 2)
        elsewhere = self._span * np.linspace(0.15, 0.85, n)
        tried = self._columns(self.schedule(self._low + elsewhere))
        found = base + slopes @ elsewhere
        scale = np.abs(tried) + np.abs(slopes) @ self._span + 1e-300
        return (base, slopes) if (np.abs(tried - found) <= _SAME * scale).all() else None

    def _differences(self, x: FloatArray) -> FloatArray:
        slopes = []
        for i, span in enumerate(self._span):
            up, down = x.copy(), x.copy()
            up[i] += _STEP * span
            down[i] -= _STEP * span
            slopes.append((self._columns(self.schedule(up)) - self._columns(self.schedule(down))) / (2 * _STEP * span))
        return np.array(slopes).T

    def _ordered(self, columns: FloatArray, slopes: FloatArray) -> ChosenDoses:
        """Return the doses of each input in order of time; doses of one input are exchangeable."""
        doses, by_times, by_amounts, at = dict[str, Doses](), dict[str, FloatArray](), dict[str, FloatArray](), 0
        for name, rows in self.rows.items():
            times, amounts = slice(at, at + rows.size), slice(at + rows.size, at + 2 * rows.size)
            order = np.argsort(columns[times], kind="stable")
            doses[name] = Doses(columns[times][order], np.maximum(columns[amounts][order], 0.0))
            by_times[name], by_amounts[name] = slopes[times][order], slopes[amounts][order]
            at += 2 * rows.size
        return ChosenDoses(doses, by_times, by_amounts)


def _dosed(schedule: Schedule) -> list[str]:
    return [name for name, action in zip(schedule.inputs, schedule.actions, strict=True) if action == DOSE]


def _rows(schedule: Schedule, name: str) -> Any:
    pairs = zip(schedule.inputs, schedule.actions, strict=True)
    return np.array([i for i, (n, action) in enumerate(pairs) if n == name and action == DOSE], dtype=np.int64)
