"""Blocks in local processes; if a process ends, it is replaced, and its blocks are computed again."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Thread
from typing import Any

from immunoode.blocks.block import Block
from immunoode.blocks.work import PackedWork, Result, Task, Work, packed
from immunoode.errors import Problem, SolveError

_AHEAD = 2
"""The number of blocks per worker that are being computed or waiting: enough to keep workers busy, few enough to limit the
memory."""
_LOSSES = 3
"""The number of times in succession that processes may end without a finished block."""


@dataclass(frozen=True)
class LocalProcesses:
    """Blocks are computed in processes on this machine."""

    workers: int
    shares_processors = True

    def run(self, work: Work[Result], tasks: Iterable[Task]) -> Iterator[tuple[Block, Result]]:
        """Yield the result of each block, in the order in which they are finished.

        Raises
        ------
        SolveError
            If processes end again and again without finishing a block.
        """
        content, queue, losses = packed(work), _Queue(tasks), 0
        while queue:
            pool = self._pool()
            try:
                for found in _finished(pool, content, queue, _AHEAD * self.workers):
                    losses = 0
                    yield found
            except BrokenProcessPool:
                losses += 1
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
            if losses == _LOSSES:
                raise _lost(queue)

    def _pool(self) -> ProcessPoolExecutor:
        # A forked process would inherit the locks of threads that it does not have.
        return ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), initializer=_begin_worker)


class _Queue:
    """Tasks that are still to be done: first those that were lost, then new ones."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._new = iter(tasks)
        self.next: deque[Task] = deque()
        self._look()

    def _look(self) -> None:
        if not self.next:
            self.next.extend(task for task in [next(self._new, None)] if task is not None)

    def __bool__(self) -> bool:
        return bool(self.next)

    def pop(self) -> Task:
        """Return the next task."""
        task = self.next.popleft()
        self._look()
        return task

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Put tasks at the front of the queue."""
        self.next.extendleft(reversed(list(tasks)))


def _finished(pool: ProcessPoolExecutor, work: PackedWork[Any], queue: _Queue, most: int) -> Iterator[tuple[Block, Any]]:
    """Yield results until the queue is empty; when processes end, put their tasks back into the queue and raise an error."""
    running: dict[Future[Any], Task] = {}
    try:
        while queue or running:
            while queue and len(running) < most:
                task = queue.pop()
                try:
                    running[pool.submit(work, task)] = task
                except BrokenProcessPool:
                    queue.put_back([task])
                    raise
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                computed = future.result()  # raises the error of the task
                yield running.pop(future).block, computed.result
    except BrokenProcessPool:
        queue.put_back(running.values())
        raise


def _begin_worker() -> None:
    """Leave Ctrl-C to the main process, and end together with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _lost(queue: _Queue) -> SolveError:
    what = f"ended {_LOSSES} times without finishing a block (the next is {queue.next[0].block})"
    right = (
        "a smaller block= if memory ran out; in a script, the call inside `if __name__ == '__main__':`, because each process "
        "reads the script; or workers=1"
    )
    return SolveError(Problem("workers", what, right))
