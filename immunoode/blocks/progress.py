"""The progress bar of computations in blocks."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from immunoode.blocks.block import Block
from immunoode.blocks.work import Result

_BAR_FROM = 200
"""The number of patients from which a progress bar is shown by default."""


def with_bar(
    found: Iterable[tuple[Block, Result]], count: int, done: int, progress: bool | None
) -> Generator[tuple[Block, Result]]:
    """Yield results of blocks with a bar of `count` patients, of which `done` were finished before."""
    from tqdm.auto import tqdm

    shown = count >= _BAR_FROM if progress is None else progress
    with tqdm(total=count, initial=done, desc="subjects", disable=not shown) as bar:
        for block, result in found:
            yield block, result
            bar.update(block.last - block.first)
