"""The file of one block: arrays in NumPy's `.npz`, with the dimensions and units of each.

The archive has a checksum for each array, so that damage is detected, and contains no objects, so that opening it runs no
code.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

SUFFIX = ".npz"
_HEADER = "header"


def write_part(data: xr.Dataset, path: Path) -> None:
    """Write a dataset of numbers and texts."""
    names = [str(name) for name in data.variables]
    header = {name: {"dims": data[name].dims, "attrs": data[name].attrs} for name in names}
    about = json.dumps({"variables": header, "attrs": data.attrs, "coords": [str(c) for c in data.coords]})
    arrays = [entry for k, name in enumerate(names) for entry in _entries(k, data[name].values)]
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.array(about)}, **dict(arrays))  # type: ignore[arg-type]


def read_part(path: Path) -> xr.Dataset:
    """Read a dataset.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import xarray as xr

    try:
        with np.load(path, allow_pickle=False) as content:
            about = json.loads(str(content[_HEADER]))
            arrays = [_values(k, content) for k in range(len(about["variables"]))]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    found = {
        name: (tuple(known["dims"]), values, known["attrs"])
        for (name, known), values in zip(about["variables"].items(), arrays, strict=True)
    }
    return xr.Dataset(found, attrs=about["attrs"]).set_coords(about["coords"])


def _entries(k: int, values: np.ndarray[Any, Any]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield an array; for texts, the unique texts and their codes, because objects would have to be pickled."""
    if values.dtype.kind not in "OU":
        yield f"array {k}", values
        return
    texts, codes = np.unique(values.astype(str), return_inverse=True)
    yield f"texts {k}", texts
    yield f"array {k}", codes.reshape(values.shape).astype(np.min_scalar_type(len(texts)))


def _values(k: int, content: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return an array, with texts as objects, so that those of several blocks have the same type."""
    values = content[f"array {k}"]
    return content[f"texts {k}"].astype(object)[values] if f"texts {k}" in content else values
