"""A single thread of linear algebra while fits run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which linear algebra uses a single thread.

    A fit's matrices are small (hundreds of rows, tens of columns) and fits, or their solves, already run side by side: threads
    of the linear algebra then wait for each other. Measured on two busy cores, a decomposition of 250 x 45 takes 1 ms in one
    thread and up to 300 ms in two.
    """
    made: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return made


@lru_cache(maxsize=1)
def _controller() -> Any:
    """Return the thread controller; to make one takes longer than a small fit."""
    import scipy.linalg  # noqa: F401  # so that its own library is among them
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
