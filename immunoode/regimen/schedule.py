"""The flat schedule of one patient: what a regimen becomes once weight and surface area are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """Administrations of one patient, sorted by time, stable in the order given.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Days.
    inputs : tuple of str, length n
        Names of a model's inputs.
    amounts : ndarray, shape (n,)
        In each input's unit.
    durations : ndarray, shape (n,)
        Days; 0 is a bolus.
    """

    times: FloatArray
    inputs: tuple[str, ...]
    amounts: FloatArray
    durations: FloatArray
