"""Virtual trials of any size: patients in blocks, each block reduced to numbers, or written to a file, before the next."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import OutOfBoundsWarning, Problem, SolveError
from immunoode.model.combine import closed
from immunoode.model.library import load_model
from immunoode.model.parts import Model
from immunoode.model.values import warn_outside
from immunoode.regimen.occurrences import Events
from immunoode.solve.reductions import reductions
from immunoode.solve.simulate import first_of_each, report_times, simulate
from immunoode.solve.simulation import Simulation

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 5_000
"""Patients whose time courses are held at once."""


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
    """Simulate a virtual population, and keep a few numbers of each patient.

    Parameters
    ----------
    model, regimen, until
        As in `simulate`; a list of regimens is one for each patient.
    parameters : DataFrame
        One row a patient; its index names them.
    outputs : sequence of str
        What is reduced.
    reduce : sequence of str
        "final", "minimum", "time_of_minimum", "maximum", "time_of_maximum", "area" (unit times days), and
        "first_below(20)" or "first_above(20)": the first time below (above) that value, linear between reports, infinite
        where there is none. All are of the reported `times`, by default those of `simulate` for the first patient of each
        regimen.
    block : int
        Patients at a time; it bounds the memory and does not change the result.
    progress : bool, optional
        Progress bar. Default: for 200 patients or more.
    **options
        As in `simulate`: times, start, engine, method, rtol, atol, extinction, threads.

    Returns
    -------
    DataFrame
        A row a patient: a column "output: reduction" for each, `status` in words, and `stopped`, the day at which a patient
        that failed did so. Of such a patient the numbers are NaN; no other patient is affected.

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

    def numbers(run: Simulation) -> pd.DataFrame:
        good = np.array([s.ok for s in run.status])
        columns: dict[str, Any] = {}
        for k, output in enumerate(run.names):
            for name, function in made.items():
                column = np.full(len(run.subjects), np.nan)
                column[good] = function(run.times, run.values[good, :, k]) if good.any() else np.nan
                columns[f"{output}: {name}"] = column
        return pd.DataFrame(columns | _ends(run), index=list(run.subjects))

    return pd.concat(_blocks(numbers, model, regimen, until, parameters, outputs, block, progress, options))


def simulate_to(
    path: str | Path,
    model: Model | str,
    regimen: Any = None,
    until: str | float | None = None,
    *,
    parameters: pd.DataFrame,
    outputs: str | Sequence[str],
    block: int = BLOCK,
    progress: bool | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Simulate a virtual population and write the time courses to a file, block after block.

    Parameters
    ----------
    path : path
        "trial.parquet": one long table (subject, time, a column for each output; needs pyarrow). "trial.zarr": an array for
        each output over subject and time (needs zarr). It must not exist yet.
    model, regimen, until, parameters, outputs, block, progress, **options
        As in `simulate_many`.

    Returns
    -------
    DataFrame
        `status` and `stopped` of each patient.

    Raises
    ------
    SolveError
        If the file exists, its kind is not known, or the library for it is missing; and what `simulate` raises.
    """
    import pandas as pd

    target = Path(path)
    writers: dict[str, type[_Parquet] | type[_Zarr]] = {".parquet": _Parquet, ".zarr": _Zarr}
    if target.suffix not in writers:
        raise SolveError(Problem("path", f"{target.name!r} is neither", "a name that ends in .parquet or .zarr"))
    if target.exists():
        raise SolveError(Problem("path", f"{str(target)!r} exists", "another name, or remove it first"))
    writer = writers[target.suffix](target)

    def write(run: Simulation) -> pd.DataFrame:
        writer.add(run)
        return pd.DataFrame(_ends(run), index=list(run.subjects))

    try:
        return pd.concat(_blocks(write, model, regimen, until, parameters, outputs, block, progress, options))
    finally:
        writer.close()


def _ends(run: Simulation) -> dict[str, Any]:
    """Return how each patient ended, in words, and the day at which one that failed did."""
    return {"status": [s.message for s in run.status], "stopped": [np.nan if s.ok else s.time for s in run.status]}


def _blocks(
    use: Callable[[Simulation], pd.DataFrame], model: Model | str, regimen: Any, until: Any, parameters: pd.DataFrame,
    outputs: str | Sequence[str], block: int, progress: bool | None, options: dict[str, Any],
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Return what is made of each block of patients, one after the other; the whole table is looked at first."""
    if not hasattr(parameters, "columns"):
        raise SolveError(Problem("parameters", f"are {type(parameters).__name__}", "a DataFrame with one row a patient"))
    if not isinstance(block, int) or block < 1:
        raise SolveError(Problem("block", f"is {block!r}", "a whole number of patients, from 1"))
    count = len(parameters)
    if isinstance(regimen, (list, tuple)) and len(regimen) != count:
        raise SolveError(Problem("regimen", f"is given for {len(regimen)} patients, parameters for {count}", "one for each"))
    model = load_model(model) if isinstance(model, str) else model
    given = {str(n): parameters[n].to_numpy() for n in parameters.columns if parameters[n].dtype.kind in "iuf"}
    if isinstance(model, Model):  # what else it may be, `simulate` says
        constants = closed(model).constants
        warn_outside(model.name, constants, {n: p.value for n, p in constants.items()} | given)
    shown = count >= 200 if progress is None else progress
    if count and options.get("times") is None and not isinstance(regimen, Events):
        firsts = first_of_each(regimen)  # the same times in each block
        own = [regimen[k] for k in firsts] if isinstance(regimen, (list, tuple)) else regimen
        grid = report_times(model, own, until, start=options.get("start", 0.0), parameters=parameters.iloc[firsts])
        options = {**options, "times": grid}
    return _one_by_one(use, model, regimen, until, parameters, outputs, block, shown, options)


def _one_by_one(
    use: Callable[[Simulation], pd.DataFrame], model: Model, regimen: Any, until: Any, parameters: pd.DataFrame,
    outputs: str | Sequence[str], block: int, shown: bool, options: dict[str, Any],
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Yield what is made of each block of patients."""
    from tqdm.auto import tqdm

    count = len(parameters)
    with tqdm(total=count, desc="patients", disable=not shown) as bar:
        for first in range(0, max(count, 1), block):
            rows = slice(first, first + block)
            own = regimen[rows] if isinstance(regimen, (list, tuple)) else regimen
            with warnings.catch_warnings():  # a failure is a row of the result here
                warnings.simplefilter("ignore", RuntimeWarning)
                warnings.simplefilter("ignore", OutOfBoundsWarning)  # said of the whole table
                run = simulate(model, own, until, parameters=parameters.iloc[rows], outputs=outputs, progress=False, **options)
            yield use(run)
            bar.update(len(run.subjects))


class _Parquet:
    """A long table, one row group a block."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            raise SolveError(Problem(path.name, "needs pyarrow", "pip install 'immunoode[files]'")) from None
        self.path, self.parquet = path, parquet
        self.writer: Any = None

    def add(self, run: Simulation) -> None:
        import pyarrow as pa

        frame = run.to_frame()
        frame["subject"] = frame["subject"].astype(str)
        frame.attrs = {}
        table = pa.Table.from_pandas(frame, preserve_index=False)
        units = {f"unit of {name}": unit for name, unit in {"time": "day", **run.units}.items()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **units})
        if self.writer is None:
            self.writer = self.parquet.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class _Zarr:
    """An array for each output over subject and time, one append a block."""

    def __init__(self, path: Path) -> None:
        try:
            import zarr  # noqa: F401
        except ImportError:
            raise SolveError(Problem(path.name, "needs zarr", "pip install 'immunoode[files]'")) from None
        self.path, self.begun = path, False

    def add(self, run: Simulation) -> None:
        data = run.to_xarray()
        data = data.assign_coords(subject=np.array([str(s) for s in run.subjects], dtype=object))
        data.to_zarr(self.path, **({"append_dim": "subject"} if self.begun else {"mode": "w"}), consolidated=False)
        self.begun = True

    def close(self) -> None:
        pass
