"""The choice of where blocks are computed."""

from __future__ import annotations

from typing import Any

from immunoode.blocks.work import Executor, InThisProcess
from immunoode.errors import Problem, SolveError
from immunoode.number_checks import is_whole
from immunoode.optional import require


def executor_of(workers: int | None, client: Any) -> Executor:
    """Return where blocks are computed.

    Parameters
    ----------
    workers : int, optional
        The number of local processes; 1, the default, means this process, with the threads of the solver.
    client : dask.distributed.Client, optional

    Raises
    ------
    SolveError
        If both are given, the number is not valid, Dask is missing or the client is asynchronous.
    """
    if client is not None:
        return _on_cluster(workers, client)
    count = _whole(1 if workers is None else workers, "workers", "processes")
    if count == 1:
        return InThisProcess()
    from immunoode.blocks.processes import LocalProcesses

    return LocalProcesses(count)


def block_size(block: Any) -> int:
    """Return a number of patients per block.

    Raises
    ------
    SolveError
    """
    return _whole(block, "block", "subjects")


def _whole(value: Any, where: str, what: str) -> int:
    if not is_whole(value, 1):
        raise SolveError(Problem(where, f"is {value!r}", f"a whole number of {what}, at least 1"))
    return int(value)


def _on_cluster(workers: int | None, client: Any) -> Executor:
    if workers is not None:
        raise SolveError(Problem("workers, client", "are both given", "only client=, because the cluster has its own workers"))
    distributed = require("distributed", "client=")
    known = isinstance(client, distributed.Client)
    if not known or client.asynchronous:
        what = "is asynchronous" if known else f"is {type(client).__name__}"
        raise SolveError(Problem("client", what, "a dask.distributed.Client, for example Client(n_workers=4)"))
    from immunoode.blocks.dask_client import DaskCluster

    return DaskCluster(client)
