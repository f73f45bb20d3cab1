"""What became of the virtual patients under each regimen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SurvivalCurve:
    """What became of the virtual patients under one regimen.

    Attributes
    ----------
    days, survival : ndarray
        The Kaplan-Meier curve of progression-free survival, from day 0 on.
    patients, events : int
        Patients who were simulated to the end, and those of them with progression.
    response_rate : float
        Share with a complete or partial response, not confirmed.
    median : float
        Days; infinite if not reached.
    """

    days: FloatArray
    survival: FloatArray
    patients: int
    events: int
    response_rate: float
    median: float


@dataclass(frozen=True)
class CohortOutcomes:
    """The outcomes of the virtual patients.

    Attributes
    ----------
    table : DataFrame
        Of `evaluate_outcomes`: all patients under the first regimen, then all under the next. Patients who could not be
        simulated under one of the regimens are left out of all.
    patients : Index
        The patients who are not left out.
    curves : mapping of str to SurvivalCurve
        By regimen.
    failed : int
        Patients who are left out.
    """

    table: pd.DataFrame
    patients: pd.Index
    curves: dict[str, SurvivalCurve]
    failed: int

    def to_frame(self) -> pd.DataFrame:
        """Return the outcomes, indexed by regimen and patient; columns as of `imo.virtual_trial.evaluate_outcomes`."""
        import pandas as pd

        return self.table.set_axis(pd.MultiIndex.from_product([list(self.curves), self.patients], names=["regimen", "patient"]))
