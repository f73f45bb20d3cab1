"""Many subjects, arrays in and arrays out: prepared once, run for any parameter values."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from immunoode.regimen.schedule import Schedule
from immunoode.solve.problem.moved_doses import DoseColumns
from immunoode.solve.problem.packed_input import FloatArray
from immunoode.solve.problem.plan import SimulationPlan
from immunoode.solve.problem.solution import Solution
from immunoode.solve.problem.subject_batch import InitialValues, SubjectBatch
from immunoode.solve.report_times import with_doses

_CHUNK = 256
"""Subjects that one thread solves at once, at most."""
_FEW = 4
"""Subjects up to which a second thread costs more than it gains."""
_SMALL = 200_000
"""Numbers in outputs up to which arrays are kept for the next run."""
_ROOM = 4_000_000
"""Numbers in the outputs that one thread writes at once, about."""


class Simulator(SimulationPlan):
    """A plan that is run, for any parameter values."""

    def run(
        self,
        parameters: FloatArray,
        threads: int | None = None,
        progress: bool = False,
        initial: InitialValues | None = None,
        doses: Sequence[DoseColumns | None] | None = None,
    ) -> Solution:
        """Solve every subject.

        Parameters
        ----------
        parameters : ndarray, shape (P, number of parameters)
            In the order of `self.parameters`; one row serves all where P rows are not given.
        threads : int, optional
            Default: that of the options. The result does not depend on it.
        progress : bool
            Show a progress bar.
        initial : InitialValues, optional
            Initial values of states that are set.
        doses : sequence of DoseColumns, optional
            Times and amounts of each subject's doses, in place of those of its schedule.

        Returns
        -------
        Solution
        """
        subjects, matrix = len(self.schedules), np.ascontiguousarray(parameters, dtype=float)
        shape = subjects, len(self.parameters)
        if matrix.shape != shape:
            matrix = np.ascontiguousarray(np.broadcast_to(matrix, shape))
        workers = threads or self.options.threads or _processors()
        if 0 < subjects <= (_CHUNK if workers == 1 else _FEW) and self.small and not progress:
            return self._run_small(matrix, initial, doses)
        solution = self.empty_solution()
        self.compile()
        share = -(-subjects // (4 * workers)) if workers > 1 else subjects
        size = max(1, min(_CHUNK, share, _ROOM // (self.times.shape[1] * self.system.outputs(self.names).size)))
        chunks = [slice(a, min(a + size, subjects)) for a in range(0, subjects, size)]

        def work(rows: slice) -> None:
            own = initial and initial._replace(values=initial.values[rows])
            SubjectBatch(self, rows, solution.rows(rows)).solve(matrix[rows], own, doses and doses[rows])

        _each(work, chunks, workers, progress)
        return solution

    def _run_small(
        self, matrix: FloatArray, initial: InitialValues | None, doses: Sequence[DoseColumns | None] | None
    ) -> Solution:
        """Solve all subjects at once, in arrays of an earlier run that no other thread uses now."""
        try:
            batch = self._idle.pop()
        except IndexError:
            self.compile()
            batch = SubjectBatch(self, slice(0, len(matrix)), self.empty_solution())
        batch.solve(matrix, initial, doses)
        solution = batch.solution.copy()
        self._idle.append(batch)
        return solution

    @cached_property
    def small(self) -> bool:
        """Whether the outputs take so little room that arrays are kept for the next run."""
        return self.times.size * self.system.outputs(self.names).size <= _SMALL

    @cached_property
    def _idle(self) -> list[SubjectBatch]:
        return []

    def reporting_doses(self, parameters: FloatArray, subjects: Sequence[int]) -> Simulator:
        """Return a simulator that also reports when something is given to some of the subjects, or ends, and after that.

        Parameters
        ----------
        parameters : ndarray, shape (P, number of parameters)
        subjects : sequence of int
            All subjects get the times that these ask for.
        """
        self.system.compile()
        chosen = self.take(np.array(subjects, dtype=np.int64))
        events = chosen.events.of(slice(0, len(subjects)), parameters[list(subjects)])
        grid = with_doses(self.times[0], events)
        count, size = len(self.schedules), len(grid)
        return replace(
            self,
            times=np.tile(grid, (count, 1)),
            lengths=np.full(count, size),
            orders=np.full((count, size), np.inf),
            grids=np.zeros(count, np.int64),
        )

    def take(self, subjects: NDArray[np.int64]) -> Simulator:
        """Return a simulator of these subjects, in this order, any of them any number of times."""
        chosen = replace(
            self,
            times=self.times[subjects],
            lengths=self.lengths[subjects],
            starts=self.starts[subjects],
            orders=self.orders[subjects],
            grids=self.grids[subjects],
            schedules=tuple(self.schedules[p] for p in subjects),
        )
        chosen.__dict__["events"] = replace(  # what was made is shared
            self.events,
            schedules=chosen.schedules,
            starts=chosen.starts,
            times=chosen.times,
            lengths=chosen.lengths,
            orders=chosen.orders,
            grids=chosen.grids,
            end=chosen.end,
        )
        return chosen

    def with_schedules(self, schedules: tuple[Schedule | None, ...]) -> Simulator:
        """Return a simulator of the same subjects with other schedules, of inputs that the model is known to have."""
        return replace(self, schedules=schedules)


@cache
def _processors() -> int:
    return os.cpu_count() or 1


def _each(work: Callable[[slice], None], chunks: Sequence[slice], threads: int, progress: bool) -> None:
    """Do work for each chunk, in threads; chunks are cut the same for any number of threads."""
    if len(chunks) == 1 and not progress:
        work(chunks[0])
        return
    from tqdm.auto import tqdm

    bar = tqdm(total=chunks[-1].stop if chunks else 0, desc="subjects", disable=not progress)
    if threads == 1 or len(chunks) == 1:
        for chunk in chunks:
            work(chunk)
            bar.update(chunk.stop - chunk.start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for chunk, _ in zip(chunks, pool.map(work, chunks), strict=True):
                bar.update(chunk.stop - chunk.start)
    bar.close()
