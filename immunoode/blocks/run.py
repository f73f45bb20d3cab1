"""Runs of all blocks of a population: results in memory, or in a file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from immunoode.blocks.block import Block, blocks, gaps
from immunoode.blocks.progress import with_bar
from immunoode.blocks.run_folder import RunFolder, opened
from immunoode.blocks.storage import storage_of
from immunoode.blocks.work import Executor, Result, Task, Work

if TYPE_CHECKING:
    import xarray as xr

Summary = TypeVar("Summary")


@dataclass(frozen=True)
class Population(Generic[Result]):
    """The computation for the patients of a population.

    Attributes
    ----------
    work : Work
        The computation for each block.
    count : int
        Number of patients.
    own : callable, Block to anything
        The data of the patients of a block, such as their rows of a table, which are sent with the block.
    """

    work: Work[Result]
    count: int
    own: Callable[[Block], Any]


@dataclass(frozen=True)
class Processing:
    """Settings of the processing, none of which changes a result.

    Attributes
    ----------
    executor : Executor
    block : int
        The number of patients per block.
    progress : bool, optional
        Whether a progress bar is shown; by default for 200 patients or more.
    """

    executor: Executor
    block: int
    progress: bool | None = None


def in_memory(population: Population[Result], how: Processing) -> list[Result]:
    """Return the results of all blocks, in the order of patients."""
    with closing(_run(population, how, [])) as run:
        found = dict(run)
    return [found[block] for block in sorted(found)]


def to_file(
    population: Population[xr.Dataset],
    how: Processing,
    path: str | Path,
    *,
    manifest: Mapping[str, str],
    resume: bool,
    summary: Callable[[xr.Dataset], Summary],
) -> list[Summary]:
    """Write the results of all blocks to a file, and return a summary of each part of it, in the order of patients.

    The file appears only when it is complete. Until then, the results of blocks are in a folder next to it, from which an
    interrupted run can be continued. Its content does not depend on blocks or workers.

    Raises
    ------
    SolveError
        If the file exists, its kind is not known, the library for it is missing, or there is an unfinished run that must not
        be continued or belongs to another call.
    FileError
        If the file cannot be written.
    """
    target = Path(path)
    run = RunFolder(target, storage_of(target), population.count)
    with opened(run, manifest, resume):
        with closing(_run(population, how, run.finished())) as found:
            for block, result in found:
                run.keep(block, result)
        summaries = [summary(part) for part in run.parts()]
        run.finish()
    return summaries


def _run(population: Population[Result], how: Processing, done: list[Block]) -> Generator[tuple[Block, Result]]:
    remaining = (block for gap in gaps(population.count, done) for block in blocks(gap, how.block))
    tasks = (Task(block, population.own(block)) for block in remaining)
    found = how.executor.run(population.work, tasks)
    return with_bar(found, population.count, sum(last - first for first, last in done), how.progress)
