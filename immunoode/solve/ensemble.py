"""Virtual trials of any size: subjects in blocks, each reduced to numbers or written to a file before the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.blocks.executor import block_size, executor_of
from immunoode.blocks.run import Population, Processing, in_memory, to_file
from immunoode.blocks.storage import storage_of
from immunoode.blocks.work import Executor, Result, Work
from immunoode.errors import Problem, SolveError
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.regimen.sbml_event import Events
from immunoode.solve.digest import digest
from immunoode.solve.reductions import reductions
from immunoode.solve.simulate import as_model, first_of_each, parameter_values, report_times, warn_of_bounds
from immunoode.solve.simulated_block import STATUS, STOPPED, OwnValues, Reduced, SimulatedBlock, TimeCourses
from immunoode.version import version

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

BLOCK = 5_000
"""The number of subjects whose time courses are in memory at once."""


def simulate_many(
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    reduce: str | Iterable[str] = ("final", "minimum", "time_of_minimum"),
    block: int = BLOCK,
    workers: int | None = None,
    client: Any = None,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Simulate a virtual population, and keep a few numbers per subject.

    Parameters
    ----------
    model, regimen, until
        As in `simulate`; a list of regimens has one per subject.
    parameters : DataFrame
        One row per subject; its index names them.
    outputs : sequence of str
        The outputs to summarise.
    reduce : sequence of str
        "final", "minimum", "time_of_minimum", "maximum", "time_of_maximum", "area" (unit times days), and
        "first_below(20)" or "first_above(20)": the first time below (above) that value, interpolated linearly between output
        times, or infinite if there is none. All use the output `times`, by default those of `simulate` for the first subject
        of each regimen.
    block : int
        The number of subjects at a time. It limits the memory and does not change the result.
    workers : int, optional
        The number of local processes that compute blocks. By default, this process does so, in threads. In a script, put the
        call inside ``if __name__ == "__main__":``, because each process reads the script.
    client : dask.distributed.Client, optional
        A Dask cluster that computes blocks instead of local processes. Neither changes the result.
    progress : bool, optional
        Progress bar. Default: for 200 subjects or more.
    **options
        As in `simulate`: times, start, engine, method, rtol, atol, extinction, threads.

    Returns
    -------
    DataFrame
        One row per subject: a column for each "output: reduction", `status` in words, and `stopped`, the day at which a
        failed integration stopped. The numbers of a failed subject are NaN; no other subject is affected.

    Raises
    ------
    SolveError, ModelError, RegimenError

    Examples
    --------
    >>> import immunoode as imo
    >>> import pandas as pd
    >>> patients = pd.DataFrame({"growth_rate": [0.004, 0.006]})
    >>> kept = imo.simulate_many("tumour_immune", until="90 days", parameters=patients, outputs="sum_of_diameters")
    >>> list(kept.columns)[0]
    'sum_of_diameters: final'
    """
    import pandas as pd

    executor = executor_of(workers, client)
    work = Reduced(_job(model, regimen, until, parameters, outputs, options, executor), tuple(reductions(reduce)))
    return pd.concat(in_memory(_population(work, parameters, regimen), Processing(executor, block_size(block), progress)))


def simulate_to(
    path: str | Path,
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    block: int = BLOCK,
    workers: int | None = None,
    client: Any = None,
    resume: bool = False,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Simulate a virtual population and write the time courses to a file, block after block.

    Parameters
    ----------
    path : path
        "trial.parquet": one long table (subject, time, one column per output; needs pyarrow). "trial.zarr": one array per
        output over subject and time (needs zarr). Both also contain the `status` of each subject and the day at which it
        `stopped`. The file must not exist yet. It appears only when it is complete; until then, its blocks are in the folder
        "trial.parquet.part" next to it.
    model, regimen, until, parameters, outputs, block, workers, client, progress, **options
        As in `simulate_many`. The file is the same, byte for byte, for any block size and number of workers.
    resume : bool
        Continue from the blocks left by an interrupted run of the same call, possibly with another block size or number of
        workers; the file is the same, byte for byte, as without the interruption. If there are none, start from the
        beginning.

    Returns
    -------
    DataFrame
        The columns `status` and `stopped`, one row per subject.

    Raises
    ------
    SolveError
        If the file exists, its kind is not known, or the library for it is missing; if there is an unfinished run and
        `resume` is False, or that run has another model, regimen or table; and whenever `simulate` raises one, for the whole
        table at once.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> patients = pd.DataFrame({"growth_rate": [0.001, 0.002, 0.003]})
    >>> file = Path(tempfile.mkdtemp()) / "courses.parquet"
    >>> how = {"times": [0, 42], "outputs": "sum_of_diameters", "progress": False}
    >>> done = imo.simulate_to(file, "ribba2022", parameters=patients, **how)
    >>> len(pd.read_parquet(file))
    6
    """
    import pandas as pd

    executor = executor_of(workers, client)
    how = Processing(executor, block_size(block), progress)
    storage_of(Path(path))
    job = _job(model, regimen, until, parameters, outputs, options, executor)
    population = _population(TimeCourses(job), parameters, regimen)
    manifest = _manifest(job.model, regimen, until, parameters, outputs, options)
    found = to_file(population, how, path, manifest=manifest, resume=resume, summary=_ends_of)
    return pd.concat(found).set_axis(parameters.index)


def _ends_of(part: xr.Dataset) -> pd.DataFrame:
    """Return how each patient ended."""
    import pandas as pd

    return pd.DataFrame({name: part[name].values for name in (STATUS, STOPPED)})


def _manifest(
    model: Model, regimen: Any, until: Any, parameters: pd.DataFrame, outputs: str | Sequence[str], options: Mapping[str, Any]
) -> dict[str, str]:
    """Return hashes of everything on which the results depend; threads do not change a result."""
    said = {name: value for name, value in options.items() if name != "threads"}
    wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    parts = {"model": model, "regimen": regimen, "until": until, "parameters": parameters, "outputs": wanted, "options": said}
    return {**{name: digest(part) for name, part in parts.items()}, "version": version()}


def _job(
    model: Model | str,
    regimen: Any,
    until: Any,
    parameters: Any,
    outputs: str | Sequence[str],
    options: Mapping[str, Any],
    executor: Executor,
) -> SimulatedBlock:
    """Return the simulation of a block; the whole table is checked before the first patient is simulated."""
    whole = _checked(model, parameters, regimen)
    how = _with_times(whole, regimen, until, parameters, dict(options))
    if executor.shares_processors:
        how = {"threads": 1, **how}
    shared = None if _is_list(regimen) else regimen
    return SimulatedBlock(whole, shared, until, outputs, how)


def _checked(model: Model | str, parameters: Any, regimen: Any) -> Model:
    if not hasattr(parameters, "columns"):
        raise SolveError(Problem("parameters", f"are {type(parameters).__name__}", "a DataFrame with one row per subject"))
    count = len(parameters)
    if not count:
        raise SolveError(Problem("parameters", "has no rows", "at least one subject"))
    if _is_list(regimen) and len(regimen) != count:
        raise SolveError(
            Problem("regimen", f"is given for {len(regimen)} subjects, but parameters for {count}", "one regimen per subject")
        )
    whole = as_model(model)
    matrix, _ = parameter_values(resolve(whole), parameters, None)
    warn_of_bounds(resolve(whole), matrix)
    return whole


def _population(work: Work[Result], parameters: pd.DataFrame, regimen: Any) -> Population[Result]:
    """Return the population of a table; a block takes its rows, and its regimens if every patient has one."""
    each = regimen if _is_list(regimen) else None
    return Population(
        work, len(parameters), lambda block: OwnValues(parameters.iloc[block.rows], None if each is None else each[block.rows])
    )


def _is_list(regimen: Any) -> bool:
    return isinstance(regimen, (list, tuple))


def _with_times(model: Model, regimen: Any, until: Any, parameters: pd.DataFrame, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the output times, so that they are the same in each block."""
    if options.get("times") is not None or isinstance(regimen, Events):
        return options
    firsts = first_of_each(regimen)
    own = [regimen[k] for k in firsts] if _is_list(regimen) else regimen
    grid = report_times(model, own, until, start=options.get("start", 0.0), parameters=parameters.iloc[firsts])
    return {**options, "times": grid}
