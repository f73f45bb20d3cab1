"""A simulator of many subjects from arrays to arrays: prepared once, run for any parameter values."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, cached_property
from typing import NamedTuple

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
"""The maximum number of subjects that one thread solves at once."""
_WORTH = 100
"""The least number of subjects in a chunk if every thread has one: what is done once per chunk costs as much as ten of them."""
_FEW = 4
"""The number of subjects up to which a second thread costs more than it gains."""
_SMALL, _MOST_KEPT = 200_000, 2048
"""Numbers in outputs, and subjects, up to which arrays are kept for the next run."""
_ROOM = 4_000_000
"""The approximate size of the outputs that one thread writes at once."""


class _Arrays(NamedTuple):
    """The arrays of one run: its solution, and the batches that write into it, by the number of their first subject."""

    solution: Solution
    batches: dict[int, SubjectBatch]


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
            In the order of `self.parameters`; a single row applies to all subjects.
        threads : int, optional
            Default: that of the options. The result does not depend on it.
        progress : bool
            Show a progress bar.
        initial : InitialValues, optional
            Initial values of states that are set.
        doses : sequence of DoseColumns, optional
            Times and amounts of each subject's doses, instead of those in its schedule.

        Returns
        -------
        Solution
        """
        subjects, matrix = len(self.schedules), np.ascontiguousarray(parameters, dtype=float)
        shape = subjects, len(self.parameters)
        if matrix.shape != shape:
            matrix = np.ascontiguousarray(np.broadcast_to(matrix, shape))
        workers = threads or self.options.threads or _processors()
        size = self._size_of_chunks(workers)
        chunks = [slice(a, min(a + size, subjects)) for a in range(0, subjects, size)]
        arrays = self._unused_arrays(size)

        def work(rows: slice) -> None:
            own = initial and initial._replace(values=initial.values[rows])
            batch = arrays.batches.pop(rows.start, None) or SubjectBatch(self, rows, arrays.solution.rows(rows))
            batch.solve(matrix[rows], own, doses and doses[rows])
            if self.keeps_arrays:
                arrays.batches[rows.start] = batch

        _each(work, chunks, workers, progress)
        if not self.keeps_arrays:
            return arrays.solution
        found = arrays.solution.copy()
        self._unused[size].append(arrays)
        return found

    def _size_of_chunks(self, workers: int) -> int:
        """Return how many subjects one thread solves at once."""
        subjects, numbers = len(self.schedules), self.times.shape[1] * self.system.outputs(self.names).size
        if workers == 1 or subjects <= _FEW:
            share = subjects
        else:
            share = max(-(-subjects // (4 * workers)), min(_WORTH, -(-subjects // workers)))
        return max(1, min(_CHUNK, share, _ROOM // numbers))

    def _unused_arrays(self, size: int) -> _Arrays:
        """Return arrays of an earlier run in chunks of this size that no other thread uses now, or new ones."""
        try:
            return self._unused[size].pop()
        except IndexError:
            self.compile()
            return _Arrays(self.empty_solution(), {})

    @cached_property
    def keeps_arrays(self) -> bool:
        """Whether subjects and outputs take so little room that their arrays are kept for the next run."""
        return len(self.schedules) <= _MOST_KEPT and self.times.size * self.system.outputs(self.names).size <= _SMALL

    @cached_property
    def _unused(self) -> defaultdict[int, list[_Arrays]]:
        return defaultdict(list)

    def reporting_doses(self, parameters: FloatArray, subjects: Sequence[int]) -> Simulator:
        """Return a simulator that also reports at and after doses and ends of infusions of some of the subjects.

        Parameters
        ----------
        parameters : ndarray, shape (P, number of parameters)
        subjects : sequence of int
            All subjects get the output times of these subjects.
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
    """Process each chunk, in threads; the chunks are the same for any number of threads."""
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
