"""The file of one block: arrays in NumPy's `.npz`, with the dimensions and units of each.

The archive has a checksum of each array, so a damaged file is noticed, and holds no objects, so opening it runs nothing.
"""

from __future__ import annotations

import json
import zipfile
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
    arrays = {f"array {k}": _plain(data[name].values) for k, name in enumerate(names)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.array(about)}, **arrays)  # type: ignore[arg-type]


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
            arrays = [content[f"array {k}"] for k in range(len(about["variables"]))]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    found = {
        name: (tuple(known["dims"]), _as_objects(values), known["attrs"])
        for (name, known), values in zip(about["variables"].items(), arrays, strict=True)
    }
    return xr.Dataset(found, attrs=about["attrs"]).set_coords(about["coords"])


def _plain(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return texts with their lengths in the type: objects would have to be pickled."""
    return values.astype(str) if values.dtype.kind == "O" else values


def _as_objects(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return texts as objects, so that those of several blocks have one type."""
    return values.astype(object) if values.dtype.kind == "U" else values
