"""Virtual trials of any size: subjects in blocks, each block reduced to numbers, or written to a file, before the next."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.atomic import free_place
from immunoode.errors import OutOfBoundsWarning, Problem, SolveError
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model
from immunoode.regimen.sbml_event import Events
from immunoode.solve.digest import digest
from immunoode.solve.output_files import FORMATS
from immunoode.solve.reductions import reductions
from immunoode.solve.resume import Unfinished, unfinished
from immunoode.solve.simulate import as_model, first_of_each, parameter_values, report_times, simulate, warn_of_bounds
from immunoode.solve.simulation import Simulation
from immunoode.version import version

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 5_000
"""Subjects whose time courses are held at once."""


def simulate_many(
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    reduce: str | Iterable[str] = ("final", "minimum", "time_of_minimum"),
    block: int = BLOCK,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Simulate a virtual population, and keep a few numbers of each subject.

    Parameters
    ----------
    model, regimen, until
        As in `simulate`; a list of regimens is one for each subject.
    parameters : DataFrame
        One row per subject; its index names them.
    outputs : sequence of str
        What is reduced.
    reduce : sequence of str
        "final", "minimum", "time_of_minimum", "maximum", "time_of_maximum", "area" (unit times days), and
        "first_below(20)" or "first_above(20)": the first time below (above) that value, linear between reports, infinite
        where there is none. All are of the reported `times`, by default those of `simulate` for the first subject of each
        regimen.
    block : int
        Subjects at a time; it bounds the memory and does not change the result.
    progress : bool, optional
        Progress bar. Default: for 200 subjects or more.
    **options
        As in `simulate`: times, start, engine, method, rtol, atol, extinction, threads.

    Returns
    -------
    DataFrame
        One row per subject: a column "output: reduction" for each, `status` in words, and `stopped`, the day at which a subject
        that failed did so. The numbers of such a subject are NaN; no other subject is affected.

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

    made = reductions(reduce)

    def numbers(run: Simulation, _: int) -> pd.DataFrame:
        good = np.array([s.ok for s in run.status])
        columns: dict[str, Any] = {}
        for k, output in enumerate(run.names):
            for name, function in made.items():
                column = np.full(len(run.subjects), np.nan)
                column[good] = function(run.times, run.values[good, :, k]) if good.any() else np.nan
                columns[f"{output}: {name}"] = column
        return pd.DataFrame(columns | _ends(run), index=list(run.subjects))

    whole, _ = _checked(model, parameters, regimen, block)
    return pd.concat(_blocks(numbers, whole, regimen, until, parameters, outputs, block, progress=progress, options=options))


def simulate_to(
    path: str | Path,
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    block: int = BLOCK,
    resume: bool = False,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Simulate a virtual population and write the time courses to a file, block after block.

    Parameters
    ----------
    path : path
        "trial.parquet": one long table (subject, time, a column for each output; needs pyarrow). "trial.zarr": an array for
        each output over subject and time (needs zarr). It must not exist yet, and has this name only once it is whole: until
        then its blocks are in a folder beside it, "trial.parquet.part".
    model, regimen, until, parameters, outputs, block, progress, **options
        As in `simulate_many`.
    resume : bool
        Go on from the blocks that an interrupted run of the same call left; the file is the same, byte for byte, as if it had
        not been interrupted. Where there are none, begin.

    Returns
    -------
    DataFrame
        `status` and `stopped` of each subject.

    Raises
    ------
    SolveError
        If the file exists, its kind is not known, or the library for it is missing; if there is an unfinished run that is not
        to be gone on with, or is of another model, regimen or table; and what `simulate` raises, for the whole table at once.
    FileError
        If the file cannot be written.
    """
    import pandas as pd

    target = Path(path)
    if target.suffix not in FORMATS:
        raise SolveError(Problem("path", f"{target.name!r} is neither", "a name that ends in .parquet or .zarr"))
    kind = FORMATS[target.suffix]
    kind.needed()
    whole, subjects = _checked(model, parameters, regimen, block)
    firsts = range(0, len(parameters), block)
    rows = tuple(min(block, len(parameters) - first) for first in firsts)
    work = Unfinished(target, kind, rows)
    if target.exists():
        also = f"; {work.words}" if work.folder.exists() else ""
        raise SolveError(Problem("path", f"{str(target)!r} exists{also}", "another name, or remove it first"))
    free_place(target)
    plan = _plan(whole, regimen, until, parameters, outputs, block, options)

    def known(k: int) -> pd.DataFrame | None:
        ends = work.ends(k)
        return None if ends is None else pd.DataFrame(ends, index=list(subjects[firsts[k] : firsts[k] + block]))

    def keep(run: Simulation, k: int) -> pd.DataFrame:
        ends = _ends(run)
        work.keep(k, run, ends)
        return pd.DataFrame(ends, index=list(run.subjects))

    with unfinished(work, plan, resume):
        made = list(
            _blocks(keep, whole, regimen, until, parameters, outputs, block, progress=progress, options=options, known=known)
        )
        work.finish()
    return pd.concat(made)


def _plan(
    model: Model,
    regimen: Any,
    until: Any,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    block: int,
    options: dict[str, Any],
) -> dict[str, str]:
    """Return what a trial is made of, as hashes; threads do not change a result."""
    said = {name: value for name, value in options.items() if name != "threads"}
    wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    parts = {"model": model, "regimen": regimen, "until": until, "parameters": parameters, "outputs": wanted, "block": block}
    return {**{name: digest(part) for name, part in parts.items()}, "options": digest(said), "version": version()}


def _ends(run: Simulation) -> dict[str, Any]:
    """Return how each subject ended, in words, and the day at which one that failed did."""
    return {"status": [s.message for s in run.status], "stopped": [np.nan if s.ok else s.time for s in run.status]}


def _checked(model: Model | str, parameters: Any, regimen: Any, block: Any) -> tuple[Model, tuple[Any, ...]]:
    """Return the model and the names of the subjects; the whole table is checked before the first subject is simulated."""
    if not hasattr(parameters, "columns"):
        raise SolveError(Problem("parameters", f"are {type(parameters).__name__}", "a DataFrame with one row per subject"))
    if not isinstance(block, int) or block < 1:
        raise SolveError(Problem("block", f"is {block!r}", "a whole number of subjects, at least 1"))
    count = len(parameters)
    if not count:
        raise SolveError(Problem("parameters", "has no rows", "at least one subject"))
    if isinstance(regimen, (list, tuple)) and len(regimen) != count:
        raise SolveError(Problem("regimen", f"is given for {len(regimen)} subjects, parameters for {count}", "one for each"))
    whole = as_model(model)
    matrix, subjects = parameter_values(resolve(whole), parameters, None)
    warn_of_bounds(resolve(whole), matrix)
    return whole, subjects


def _blocks(
    use: Callable[[Simulation, int], pd.DataFrame],
    model: Model,
    regimen: Any,
    until: Any,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    block: int,
    *,
    progress: bool | None,
    options: dict[str, Any],
    known: Callable[[int], pd.DataFrame | None] = lambda _: None,
) -> Iterator[pd.DataFrame]:
    """Yield what is made of each block of subjects, or known of it already."""
    from tqdm.auto import tqdm

    count = len(parameters)
    shown = count >= 200 if progress is None else progress
    options = _with_times(model, regimen, until, parameters, options)
    with tqdm(total=count, desc="subjects", disable=not shown) as bar:
        for k, first in enumerate(range(0, count, block)):
            rows = slice(first, first + block)
            found = known(k)
            if found is None:
                own = regimen[rows] if isinstance(regimen, (list, tuple)) else regimen
                with warnings.catch_warnings():  # a failure is a row of the result here
                    warnings.simplefilter("ignore", RuntimeWarning)
                    warnings.simplefilter("ignore", OutOfBoundsWarning)  # the whole table was checked
                    run = simulate(
                        model, own, until, parameters=parameters.iloc[rows], outputs=outputs, progress=False, **options
                    )
                found = use(run, k)
            yield found
            bar.update(len(found))


def _with_times(model: Model, regimen: Any, until: Any, parameters: pd.DataFrame, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the times of reports, so that they are the same in each block."""
    if not len(parameters) or options.get("times") is not None or isinstance(regimen, Events):
        return options
    firsts = first_of_each(regimen)
    own = [regimen[k] for k in firsts] if isinstance(regimen, (list, tuple)) else regimen
    grid = report_times(model, own, until, start=options.get("start", 0.0), parameters=parameters.iloc[firsts])
    return {**options, "times": grid}
