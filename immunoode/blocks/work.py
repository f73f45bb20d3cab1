"""The computation for a block of patients, and its transfer to another process."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from immunoode.blocks.block import Block
from immunoode.errors import Problem, SolveError
from immunoode.version import version

Result = TypeVar("Result")
Made = TypeVar("Made", covariant=True)
_KEPT = 4
"""The number of computations that a process keeps unpacked, with their compiled models."""


class Work(Protocol[Made]):
    """The computation for each block; the result must depend only on the patients of the block.

    It is sent to other processes, so it must be picklable, and it contains the data that all blocks share.
    """

    def __call__(self, block: Block, own: Any) -> Made:
        """Return the result of a block; `own` is the data of its patients, such as their rows of a table."""
        ...


@dataclass(frozen=True)
class Task:
    """A block with the data of its patients."""

    block: Block
    own: Any = None


class Executor(Protocol):
    """Where blocks are computed."""

    shares_processors: bool
    """Whether other blocks are computed on the same machine at the same time, so that each should use one thread."""

    def run(self, work: Work[Result], tasks: Iterable[Task]) -> Iterator[tuple[Block, Result]]:
        """Yield the result of each block, in the order in which they are finished.

        An error of one block ends the run; blocks that are lost with a worker are computed again.
        """
        ...


class InThisProcess:
    """Blocks are computed one after another in this process."""

    shares_processors = False

    def run(self, work: Work[Result], tasks: Iterable[Task]) -> Iterator[tuple[Block, Result]]:
        """Yield the result of each block in order."""
        for task in tasks:
            yield task.block, work(task.block, task.own)


class Computed(NamedTuple, Generic[Result]):
    """The result of a block, and the kind of processor that computed it."""

    result: Result
    processor: str


@dataclass(frozen=True)
class PackedWork(Generic[Result]):
    """A pickled computation, with the version that packed it."""

    content: bytes
    version: str

    def __call__(self, task: Task) -> Computed[Result]:
        """Return the result of a block, in the process of a worker.

        Raises
        ------
        SolveError
            If the worker has another version of the package.
        """
        if version() != self.version:
            what = f"a worker has immunoode {version()}, this process {self.version}"
            raise SolveError(Problem("workers", what, "the same version in all processes"))
        work: Work[Result] = _unpacked(self.content)
        return Computed(work(task.block, task.own), _processor())


def warn_of_processors(kinds: set[str]) -> None:
    """Warn if blocks were computed by different kinds of processors, whose instructions differ."""
    if len(kinds) > 1:
        what = f"blocks were computed by different kinds of processors ({', '.join(sorted(kinds))})"
        warnings.warn(f"{what}: the last digits of results may depend on which", RuntimeWarning, stacklevel=2)


@lru_cache(maxsize=1)
def _processor() -> str:
    from llvmlite.binding import get_host_cpu_name

    return str(get_host_cpu_name())


def packed(work: Work[Result]) -> PackedWork[Result]:
    """Return a computation as bytes.

    Raises
    ------
    SolveError
        If it cannot be pickled.
    """
    try:
        return PackedWork(pickle.dumps(work), version())
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        right = "functions that are defined in a module, not inside others or in a notebook; or workers=1"
        raise SolveError(Problem("workers", f"cannot receive the computation ({error})", right)) from None


@lru_cache(maxsize=_KEPT)
def _unpacked(content: bytes) -> Any:
    """Return the unpacked computation, which is cached so that a model is compiled only once per process."""
    return pickle.loads(content)
