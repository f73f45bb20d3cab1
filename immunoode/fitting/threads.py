"""A single thread of linear algebra while fits run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which linear algebra uses a single thread.

    The matrices of a fit are small (hundreds of rows, tens of columns), and fits or their simulations already run in
    parallel, so that threads of the linear algebra wait for each other. Measured on two busy cores, a decomposition of 250 x
    45 takes 1 ms in one thread and up to 300 ms in two.
    """
    made: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return made


@lru_cache(maxsize=1)
def _controller() -> Any:
    """Return the thread controller; creating one takes longer than a small fit."""
    import scipy.linalg  # noqa: F401  # so that its own library is among them
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
