"""The flat schedule of one patient: what a regimen becomes once weight and surface area are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ACTIONS = ("dose", "replace", "multiply", "reset", "set")


@dataclass(frozen=True)
class Schedule:
    """What is done to one patient, sorted by time; what is done at one time is done in the order given.

    Attributes
    ----------
    times : ndarray, shape (n,)
        Days.
    inputs : tuple of str, length n
        Names of a model's inputs; of a parameter for "set", "" for "reset".
    amounts : ndarray, shape (n,)
        In each input's unit.
    durations : ndarray, shape (n,)
        Days; 0 is a bolus.
    actions : tuple of str, length n or 0
        "dose": the amount arrives. "replace": the compartment is set to it. "multiply": the compartment is multiplied by
        it. "reset": all compartments get their initial values, and infusions stop. "set": a parameter has this value from
        then on. Empty: all are doses.
    steady : ndarray, shape (n,) or (0,)
        Where positive, the compartments that exchange matter with the dosed one are first brought to the steady state of
        this dose repeated at this interval (days), as just before its next. Infinite: an infusion without end, of `amounts`
        a day, that is stopped at this time.
    """

    times: FloatArray
    inputs: tuple[str, ...]
    amounts: FloatArray
    durations: FloatArray
    actions: tuple[str, ...] = ()
    steady: FloatArray = field(default_factory=lambda: np.zeros(0))
