"""`Solution`: the result of a run of a simulator, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.solve.status import COUNTS, FINISHED, Status, status_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """Result of one run: output values, shape (P, T, K), NaN after a failure; status code, time reached, last state and counts
    of each subject.

    `derivatives` (P, T, m, K) are those of the values by the m sensitivity parameters, `fired` (P, R) the days at which the R
    triggers of the regimens first found their condition, infinite if they did not.
    """

    values: FloatArray
    derivatives: FloatArray
    codes: NDArray[np.int64]
    ended: FloatArray
    states: FloatArray
    counts: NDArray[np.int64]
    state_names: tuple[str, ...]
    fired: FloatArray

    def rows(self, rows: slice) -> Solution:
        """Return the solution of some subjects: views of the same arrays."""
        return Solution(
            self.values[rows],
            self.derivatives[rows],
            self.codes[rows],
            self.ended[rows],
            self.states[rows],
            self.counts[rows],
            self.state_names,
            self.fired[rows],
        )

    def copy(self) -> Solution:
        """Return a copy of the arrays."""
        return Solution(
            self.values.copy(),
            self.derivatives.copy(),
            self.codes.copy(),
            self.ended.copy(),
            self.states.copy(),
            self.counts.copy(),
            self.state_names,
            self.fired.copy(),
        )

    def status(self, subject: int) -> Status:
        """Return how one subject's integration ended."""
        if self.codes[subject] == FINISHED:
            return status_of(FINISHED, float(self.ended[subject]), {})
        state = dict(zip(self.state_names, map(float, self.states[subject]), strict=True))
        return status_of(int(self.codes[subject]), float(self.ended[subject]), state)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """How each subject's integration ended."""
        return tuple(map(self.status, range(len(self.codes))))

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which subjects finished, shape (P,)."""
        return self.codes == FINISHED


def empty_solution(states: tuple[str, ...], subjects: int, times: int, outputs: int, by: int, triggers: int) -> Solution:
    """Return a solution whose arrays are to be filled."""
    return Solution(
        np.empty((subjects, times, outputs)),
        np.empty((subjects, times, by, outputs)),
        np.zeros(subjects, np.int64),
        np.zeros(subjects),
        np.zeros((subjects, len(states))),
        np.zeros((subjects, len(COUNTS)), np.int64),
        states,
        np.full((subjects, triggers), np.inf),
    )
