"""Files of virtual patients, and datasets of them, as VirtualPatients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from immunoode.blocks.storage import COLUMNS, SUBJECT, storage_of
from immunoode.errors import FileError, Problem
from immunoode.virtual_population.patients import VirtualPatients
from immunoode.virtual_trial.patient_block import ARM, STATUS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

PATIENT = "patient"


def read_patients(path: str | Path) -> VirtualPatients:
    """Read a file of `simulate_patients_to`.

    Parameters
    ----------
    path : path
        ".parquet" or ".zarr".

    Returns
    -------
    VirtualPatients

    Raises
    ------
    SolveError
        If the kind of the file is not known.
    MissingPackageError
        If the library for it is not installed.
    FileError
        If the file does not exist, or has no virtual patients.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import immunoode as imo
    >>> growth = {"growth_rate": imo.virtual_population.LogNormal(0.002, 0.4)}
    >>> file = Path(tempfile.mkdtemp()) / "patients.parquet"
    >>> how = {"n": 20, "seed": 1, "progress": False}
    >>> done = imo.virtual_trial.simulate_patients_to(file, "ribba2022", growth, {"control": None}, **how)
    >>> imo.virtual_trial.read_patients(file).arms
    ('control',)
    """
    target = Path(path)
    storage_of(target)
    if not target.exists():
        raise FileError(Problem(str(target), "does not exist", "a file of simulate_patients_to"))
    return patients_of([_dataset(target)])


def patients_of(parts: Sequence[xr.Dataset]) -> VirtualPatients:
    """Return the patients of datasets of parameters (subject,) and outcomes (subject, arm)."""
    import pandas as pd

    names = {kind: _of_dims(parts[0], kind) for kind in ((SUBJECT,), (SUBJECT, ARM))}
    index = pd.Index(_stacked(part[SUBJECT].values for part in parts), name=PATIENT)
    parameters = {name: _stacked(part[name].values for part in parts) for name in names[SUBJECT,]}
    outcomes = {
        str(arm): _table({name: _stacked(part[name].values[:, k] for part in parts) for name in names[SUBJECT, ARM]}, index)
        for k, arm in enumerate(parts[0][ARM].values)
    }
    return VirtualPatients(pd.DataFrame(parameters, index=index), outcomes)


def _dataset(path: Path) -> xr.Dataset:
    import xarray as xr

    if path.suffix == ".zarr":
        with xr.open_zarr(path, consolidated=False) as opened:
            if ARM not in opened.dims:
                raise _no_patients(path)
            return opened[opened.attrs[COLUMNS]].load()
    return _from_long_table(path)


def _from_long_table(path: Path) -> xr.Dataset:
    """Return the arrays of a table with one row per patient and arm; its metadata identify the columns that depend on the
    arm.
    """
    import pyarrow.parquet as parquet
    import xarray as xr

    table = parquet.read_table(path)
    by_arm = (table.schema.metadata or {}).get(b"columns by arm")
    if by_arm is None:
        raise _no_patients(path)
    arms = table[ARM].unique().to_pylist()
    own = set(by_arm.decode().split())

    def variable(name: str) -> tuple[Any, Any]:
        values = table[name].to_numpy().reshape(-1, len(arms))
        return ((SUBJECT, ARM), values) if name in own else ((SUBJECT,), values[:, 0])

    subjects = table[SUBJECT].to_numpy()[:: len(arms)]
    names = [name for name in table.column_names if name not in (SUBJECT, ARM)]
    return xr.Dataset({name: variable(name) for name in names}, coords={SUBJECT: subjects, ARM: arms})


def _no_patients(path: Path) -> FileError:
    return FileError(Problem(str(path), "has no virtual patients", "a file of simulate_patients_to"))


def _of_dims(data: xr.Dataset, dims: tuple[str, ...]) -> list[str]:
    return [str(name) for name, values in data.data_vars.items() if values.dims == dims]


def _stacked(arrays: Iterable[Any]) -> Any:
    import numpy as np

    return np.concatenate(list(arrays))


def _table(columns: dict[str, Any], index: pd.Index) -> pd.DataFrame:
    """Return a table of outcomes; missing words are None."""
    import pandas as pd

    return pd.DataFrame({name: _words(v) if name != STATUS else v for name, v in columns.items()}, index=index)


def _words(values: Any) -> Any:
    import numpy as np

    return np.where(values == "", None, values) if values.dtype.kind == "O" else values
