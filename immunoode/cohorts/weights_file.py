"""The weights file of a cohort file: both are written together, and checked against the patients when read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.atomic import write_together
from immunoode.cohorts.cohort_file import CALIBRATION
from immunoode.cohorts.definition import CohortFile
from immunoode.errors import PopulationError, Problem
from immunoode.model.closed_model import resolve
from immunoode.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
SUFFIX = ".npy"
DIGITS = 6
"""Number of digits of parameters that count, because the last digits differ between builds of NumPy."""
ROUNDING = 1e-12
"""Tolerance of the sum of weights, which is 1 unless they were stored with fewer digits."""
AGAIN = "imo.cohorts.calibrate_population(path).save() computes them again"


@dataclass(frozen=True)
class CalibrationRecord:
    """The record of a calibration: the table [calibration] of a cohort file.

    Attributes
    ----------
    definition, patients, models : str
        Hashes of the contents of the file, of the drawn patients, and of the models with their parameters.
    plausible, solved : int
        The number of drawn patients who were plausible, and of these who were solved in all arms of the targets.
    effective_sample_size, largest_misfit : float
        The latter in standard errors.
    version : str
        Of the package."""

    definition: str
    patients: str
    models: str
    plausible: int
    solved: int
    effective_sample_size: float
    largest_misfit: float
    version: str


def patients_key(parameters: pd.DataFrame) -> str:
    """Return a hash of patients that does not depend on the last digits."""
    values = parameters.to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values))))
    scale = 10.0 ** (DIGITS - 1 - power)
    whole = np.nan_to_num(np.rint(values * scale)).astype(np.int64)
    found = hashlib.sha256("\n".join(map(str, parameters.columns)).encode())
    for part in (whole, np.nan_to_num(power).astype(np.int64)):
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()[:32]


def models_key(model: Model) -> str:
    """Return a hash of a model's equations and parameter values."""
    closed = resolve(model)
    values = ",".join(f"{name}={value:.12g}" for name, value in zip(closed.constants, closed.values, strict=True))
    return hashlib.sha256(f"{closed.key} {values}".encode()).hexdigest()[:32]


def write_weights(file: CohortFile, path: Path, weights: FloatArray, record: CalibrationRecord, overwrite: bool) -> Path:
    """Write the cohort file with its record, and the weights next to it."""
    import tomli_w

    made = io.BytesIO()
    np.save(made, weights, allow_pickle=False)
    text = file.text.rstrip() + "\n\n" + tomli_w.dumps({CALIBRATION: asdict(record)})
    return write_together(path.parent, {path.stem + SUFFIX: made.getvalue(), path.name: text}, overwrite=overwrite)


def record_of(table: Any, where: str) -> CalibrationRecord:
    """Return the record of a table.

    Raises
    ------
    PopulationError
        If it does not have the form that the package writes, or there is none.
    """
    kinds = {field.name: {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(CalibrationRecord)}
    good = isinstance(table, Mapping) and set(table) == set(kinds)
    if not good or not all(isinstance(table[name], kind) for name, kind in kinds.items()):
        what = "has no weights yet" if table is None else "does not have the form that the package writes"
        raise PopulationError(Problem(f"{where}: {CALIBRATION}", what, AGAIN))
    return CalibrationRecord(**table)


def read_weights(path: Path, size: int) -> FloatArray:
    """Return weights, shape (size,), at least one of them above zero.

    Raises
    ------
    PopulationError
        If the file does not exist, is not an array of this size, or a number is negative or not finite.
    """
    try:
        with path.open("rb") as file:
            weights = _array(file, size)
    except OSError as error:
        raise PopulationError(Problem(path.name, f"cannot be read ({error.strerror})", AGAIN)) from None
    except (ValueError, EOFError) as error:
        raise PopulationError(Problem(path.name, f"is not an array of {size} weights ({error})", AGAIN)) from None
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        raise PopulationError(Problem(path.name, "has weights that are negative, not finite or all zero", AGAIN))
    total = float(weights.sum())
    return weights if abs(total - 1) < ROUNDING else weights / total


def _array(file: Any, size: int) -> FloatArray:
    """Return the array of a file, whose header is checked before memory is allocated."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if shape != (size,) or dtype not in (np.dtype("<f8"), np.dtype("<f4")):
        raise ValueError(f"shape {shape}, type {dtype}")
    found = np.frombuffer(file.read(size * dtype.itemsize + 1), dtype=dtype)
    if len(found) != size:
        raise ValueError(f"{len(found)} numbers")
    return found.astype(np.float64)
