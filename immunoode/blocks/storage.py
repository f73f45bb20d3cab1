"""The final file: a table in Parquet or arrays in Zarr, stored in units whose size does not depend on the blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.optional import require

if TYPE_CHECKING:
    import pyarrow as pa
    import xarray as xr

SUBJECT = "subject"
"""The first dimension of results: one entry per patient."""
COLUMNS = "columns"
"""The attribute of a Zarr store with the order of its arrays, which folders do not have."""
_NUMBERS = 2**20
"""The approximate number of values per unit of storage."""


class Storage(Protocol):
    """The storage format of results, in a file or a folder."""

    folder: bool

    def check(self) -> None:
        """Raise a MissingPackageError if the library is missing."""
        ...

    def write(self, units: Iterable[xr.Dataset], path: Path) -> None:
        """Write units of storage, in order."""
        ...


class Parquet:
    """A long table with one row per patient, or per patient and time (arm); a row group per unit."""

    folder = False

    def check(self) -> None:
        """Raise a MissingPackageError if pyarrow is missing."""
        require("pyarrow", "a Parquet file")

    def write(self, units: Iterable[xr.Dataset], path: Path) -> None:
        """Write units of storage, in order."""
        import pyarrow.parquet as parquet

        tables = (_long_table(unit) for unit in units)
        first = next(tables)
        with parquet.ParquetWriter(path, first.schema) as writer:
            for table in chain([first], tables):
                writer.write_table(table, row_group_size=len(table))


class Zarr:
    """An array for each quantity over patients, or patients and times (arms); a chunk per unit."""

    folder = True

    def check(self) -> None:
        """Raise a MissingPackageError if zarr is missing."""
        require("zarr", "a Zarr store")

    def write(self, units: Iterable[xr.Dataset], path: Path) -> None:
        """Write units of storage, in order."""
        for k, unit in enumerate(units):
            how: dict[str, Any] = {"append_dim": SUBJECT} if k else {"mode": "w", "encoding": _chunks(unit)}
            unit.assign_attrs({COLUMNS: [str(n) for n in unit.data_vars]}).to_zarr(path, consolidated=False, **how)


STORAGES: dict[str, Storage] = {".parquet": Parquet(), ".zarr": Zarr()}


def storage_of(path: Path) -> Storage:
    """Return the storage format of a file, by the suffix of its name.

    Raises
    ------
    SolveError
        If it is not known.
    MissingPackageError
        If the library for it is not installed.
    """
    if path.suffix not in STORAGES:
        raise SolveError(Problem("path", f"{path.name!r} is neither", "a name that ends in .parquet or .zarr"))
    found = STORAGES[path.suffix]
    found.check()
    return found


def units(parts: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Yield the data of parts, in order, in units with about a million numbers each.

    The size depends only on the width of the results, so the file is the same for any parts.
    """
    held, size = list[Any](), 0
    for part in parts:
        size = size or max(1, _NUMBERS // _width(part))
        held.append(part)
        while sum(p.sizes[SUBJECT] for p in held) >= size:
            joined = _joined(held)
            yield joined.isel({SUBJECT: slice(0, size)})
            held = [joined.isel({SUBJECT: slice(size, None)})]
    if held and (rest := _joined(held)).sizes[SUBJECT]:
        yield rest


def _width(data: xr.Dataset) -> int:
    """Return how many numbers there are per patient."""
    return sum(int(np.prod([n for dim, n in v.sizes.items() if dim != SUBJECT])) for v in data.data_vars.values())


def _joined(parts: list[xr.Dataset]) -> xr.Dataset:
    import xarray as xr

    return parts[0] if len(parts) == 1 else xr.concat(parts, SUBJECT, data_vars="minimal", join="override", coords="minimal")


def _long_table(data: xr.Dataset) -> pa.Table:
    """Return a table of the coordinates and variables; its metadata have their units, and which are by time (arm)."""
    import pyarrow as pa

    dims = (SUBJECT, *(dim for dim in data.sizes if dim != SUBJECT))
    names = [*dims, *(name for name in data.data_vars if name not in dims)]
    shape = tuple(data.sizes[dim] for dim in dims)

    def column(name: Any) -> Any:
        own = tuple(n if dim in data[name].dims else 1 for dim, n in zip(dims, shape, strict=True))
        return pa.array(np.broadcast_to(data[name].values.reshape(own), shape).ravel(), from_pandas=False)

    table = pa.table({str(name): column(name) for name in names})
    given = {f"unit of {name}": data[name].attrs["units"] for name in names if "units" in data[name].attrs}
    by = {f"columns by {dim}": " ".join(map(str, _along(data, dim))) for dim in dims[1:]}
    return table.replace_schema_metadata({**given, **by})


def _along(data: xr.Dataset, dim: Any) -> list[Any]:
    return [name for name, values in data.data_vars.items() if dim in values.dims]


def _chunks(data: xr.Dataset) -> dict[Any, Any]:
    return {name: {"chunks": tuple(v.shape)} for name, v in data.variables.items()}
