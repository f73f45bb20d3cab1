"""Blocks of consecutive patients, and which of them are still to be computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Block(NamedTuple):
    """Patients `first` to `last - 1`, by their position in the population."""

    first: int
    last: int

    @property
    def rows(self) -> slice:
        """The rows of a table with one row per patient."""
        return slice(self.first, self.last)

    def __str__(self) -> str:
        return f"patients {self.first} to {self.last - 1}"


def blocks(whole: Block, size: int) -> Iterator[Block]:
    """Yield blocks of `size` patients that make up a whole; the last one may be smaller.

    Examples
    --------
    >>> [tuple(block) for block in blocks(Block(0, 5), 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for first in range(whole.first, whole.last, size):
        yield Block(first, min(first + size, whole.last))


def gaps(count: int, done: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks that are missing among `count` patients.

    Parameters
    ----------
    count : int
    done : iterable of Block
        In increasing order, without overlap.

    Examples
    --------
    >>> [tuple(block) for block in gaps(9, [Block(2, 4), Block(4, 6)])]
    [(0, 2), (6, 9)]
    """
    reached = 0
    for block in (*done, Block(count, count)):
        if reached < block.first:
            yield Block(reached, block.first)
        reached = block.last
