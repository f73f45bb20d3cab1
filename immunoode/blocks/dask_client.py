"""Blocks on a Dask cluster; if a worker ends, its blocks are computed again by others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from secrets import token_hex
from typing import Any

from immunoode.blocks.block import Block
from immunoode.blocks.work import Result, Task, Work, packed, warn_of_processors
from immunoode.errors import Problem, SolveError

_AHEAD = 2
"""The number of blocks per thread of the cluster that are being computed or waiting, limited because unfetched results would
fill its memory."""


@dataclass(frozen=True)
class DaskCluster:
    """Blocks are computed by the workers of a `dask.distributed.Client`.

    Results return to this process. The workers need neither the files of this machine nor scattered data, so a worker may end
    or join at any time.
    """

    client: Any
    shares_processors = True

    def run(self, work: Work[Result], tasks: Iterable[Task]) -> Iterator[tuple[Block, Result]]:
        """Yield the result of each block, in the order in which they are finished.

        Raises
        ------
        SolveError
            If a block ends several workers, one after another.

        Warns
        -----
        RuntimeWarning
            If the workers have different kinds of processors.
        """
        from distributed import KilledWorker, as_completed

        content, remaining = packed(work), iter(tasks)
        running: dict[Any, Block] = {}
        processors = set[str]()

        def submit(most: int) -> list[Any]:
            new = {self._submit(content, task): task.block for task in islice(remaining, max(0, most))}
            running.update(new)
            return list(new)

        try:
            completed = as_completed(submit(self._room()))
            for future in completed:
                computed, block = future.result(), running.pop(future)
                future.release()
                processors.add(computed.processor)
                yield block, computed.result
                for new in submit(self._room() - len(running)):
                    completed.add(new)
            warn_of_processors(processors)
        except KilledWorker as error:
            right = "a smaller block=, or workers with more memory"
            raise SolveError(Problem("client", f"lost several workers at one block ({error})", right)) from error
        finally:
            self.client.cancel(list(running))

    def _submit(self, content: Any, task: Task) -> Any:
        key = f"immunoode-{task.block.first}-{task.block.last}-{token_hex(8)}"
        return self.client.submit(content, task, key=key, pure=False)

    def _room(self) -> int:
        """Return how many blocks may run or wait; workers may have joined or left since the last call."""
        return max(1, _AHEAD * sum(self.client.nthreads().values()))
