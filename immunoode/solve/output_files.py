"""Files of time courses: a long table in Parquet, or arrays in Zarr; each block apart first, then all as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from immunoode.errors import Problem, SolveError

if TYPE_CHECKING:
    from immunoode.solve.simulation import Simulation


class Format(Protocol):
    """How time courses lie in a file, or in a folder that is one."""

    suffix: str
    folder: bool

    def needed(self) -> None:
        """Raise a SolveError where the library is missing."""
        ...

    def write(self, run: Simulation, path: Path) -> None:
        """Write one block."""
        ...

    def join(self, blocks: Sequence[Path], path: Path) -> None:
        """Write all blocks as one, in their order."""
        ...


class Parquet:
    """A long table, one row group per block."""

    suffix, folder = ".parquet", False

    def needed(self) -> None:
        """Raise a SolveError where pyarrow is missing."""
        _needed("pyarrow")

    def write(self, run: Simulation, path: Path) -> None:
        """Write one block as a table with the units of its columns."""
        import pyarrow as pa
        import pyarrow.parquet as parquet

        frame = run.to_frame()
        frame["subject"] = frame["subject"].astype(str)
        frame.attrs = {}
        table = pa.Table.from_pandas(frame, preserve_index=False)
        units = {f"unit of {name}": unit for name, unit in {"time": "day", **run.units}.items()}
        parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **units}), path)

    def join(self, blocks: Sequence[Path], path: Path) -> None:
        """Write all blocks into one table."""
        import pyarrow.parquet as parquet

        with parquet.ParquetWriter(path, parquet.ParquetFile(blocks[0]).schema_arrow) as writer:
            for block in blocks:
                writer.write_table(parquet.ParquetFile(block).read())


class Zarr:
    """An array for each output over subject and time, one append per block."""

    suffix, folder = ".zarr", True

    def needed(self) -> None:
        """Raise a SolveError where zarr is missing."""
        _needed("zarr")

    def write(self, run: Simulation, path: Path) -> None:
        """Write one block as a store of its own."""
        data = run.to_xarray().assign_coords(subject=np.array([str(s) for s in run.subjects], dtype=object))
        data.to_zarr(path, mode="w", consolidated=False)

    def join(self, blocks: Sequence[Path], path: Path) -> None:
        """Write all blocks into one store."""
        import xarray as xr

        for k, block in enumerate(blocks):
            with xr.open_zarr(block, consolidated=False) as opened:
                data = opened.load().drop_encoding()
            data = data.assign_coords(subject=data["subject"].astype(object))
            how: dict[str, Any] = {"append_dim": "subject"} if k else {"mode": "w"}
            data.to_zarr(path, consolidated=False, **how)


FORMATS: dict[str, Format] = {kind.suffix: kind for kind in (Parquet(), Zarr())}


def _needed(library: str) -> None:
    from importlib.util import find_spec

    if find_spec(library) is None:
        raise SolveError(Problem("path", f"needs {library}", "pip install 'immunoode[files]'"))
