"""Amounts and times of doses that vary: their rows in schedules, and the columns with other values for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.solve.problem.moved_doses import DoseColumns
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.sensitivities import AMOUNT, TIME, SensitivityParameter


class VariedDoses:
    """The doses among the varied quantities; false if there are none.

    Raises
    ------
    SolveError
        If a schedule lacks a dose that varies.
    """

    def __init__(self, varied: Sequence[SensitivityParameter], schedules: Sequence[Schedule | None]) -> None:
        self._varied = [(k, by) for k, by in enumerate(varied) if by.kind in (AMOUNT, TIME)]
        self._first = list(schedules)
        problems = [
            Problem(f"vary: {str(by)!r}", f"is not given: the regimen has {count} doses of it", "one of its doses, from 0")
            for _, by in self._varied
            for count in sorted({len(_rows(s, by.name)) for s in schedules})
            if count <= (by.which or 0)
        ]
        SolveError.raise_if(problems)
        made = {id(s): [_rows(s, by.name) for _, by in self._varied] for s in schedules}
        self._places = [made[id(s)] for s in schedules]

    def __bool__(self) -> bool:
        return bool(self._varied)

    @property
    def columns_of_values(self) -> list[int]:
        """Which of the varied quantities are amounts or times of doses."""
        return [k for k, _ in self._varied]

    def fill(self, values: FloatArray) -> None:
        """Put the stated amounts and times into values (P, m)."""
        for k, by in self._varied:
            for row, schedule in zip(values, self._first, strict=True):
                row[k] = _column(schedule, by)[_rows(schedule, by.name)[by.which or 0]]

    def columns(self, p: int, schedule: Schedule, values: FloatArray, derivatives: bool) -> DoseColumns:
        """Return the times and amounts of subject p's schedule with the doses in values (m,).

        The amounts in `schedule` may differ from those of the subject's first schedule.

        Raises
        ------
        SolveError
            If an amount is negative; with `derivatives`, if a dose is moved past another dose of the same input, so that
            their numbers would be exchanged.
        """
        found = DoseColumns(schedule.times.copy(), schedule.amounts.copy())
        for (k, by), rows in zip(self._varied, self._places[p], strict=True):
            stated = _column(schedule, by)[rows]
            column, value = found.amounts if by.kind == AMOUNT else found.times, values[k]
            if by.which is None:
                column[rows] += value - stated[0]
                column[rows[0]] = value
            else:
                column[rows[by.which]] = value
            if by.kind == AMOUNT and column[rows].min() < 0:
                raise SolveError(Problem(f"values: {str(by)!r}", f"is {value:g}, which makes a dose negative", "zero or more"))
            if derivatives and by.kind == TIME and (np.diff(column[rows]) < 0).any():
                what = f"is {value:g}, past another dose of {by.name}"
                raise SolveError(Problem(f"values: {str(by)!r}", what, "keep the doses of one input in their order"))
        return found


def _rows(schedule: Schedule | None, name: str) -> NDArray[np.int64]:
    """Return the rows of the doses of one input."""
    if schedule is None:
        return np.zeros(0, dtype=np.int64)
    pairs = zip(schedule.inputs, schedule.actions, strict=True)
    return np.array([i for i, (n, action) in enumerate(pairs) if n == name and action == DOSE], dtype=np.int64)


def _column(schedule: Schedule | None, by: SensitivityParameter) -> FloatArray:
    assert schedule is not None
    return schedule.amounts if by.kind == AMOUNT else schedule.times
