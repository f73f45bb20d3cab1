"""Multistart of population fits: fits from several starting points, to see whether they lead to the same optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import renamed
from immunoode.fitting.observations import FloatArray

if TYPE_CHECKING:
    from pandas import DataFrame


SAME = 0.5
"""Optima with a smaller difference of objectives count as the same: importance sampling is no more precise."""


@dataclass(frozen=True)
class PopulationMultiStartResult:
    """Population fits from several starting points.

    Attributes
    ----------
    objectives : (n,) -2 log-likelihood of each, without constants
    converged : (n,) whether each converged
    typical : (n, k) typical values found, of `parameters`
    """

    objectives: FloatArray
    converged: tuple[bool, ...]
    parameters: tuple[str, ...]
    typical: FloatArray

    def __len__(self) -> int:
        return len(self.objectives)

    @property
    def best(self) -> int:
        """Index of the best fit."""
        return int(np.nanargmin(self.objectives))

    @property
    def agreeing(self) -> int:
        """Number of fits that ended at the best optimum."""
        return int(np.sum(self.objectives < self.objectives[self.best] + SAME))

    def to_frame(self) -> DataFrame:
        """Return one row per start, best first: difference in the objective to the best, whether it converged, estimated
        typical values.
        """
        import pandas as pd

        table = pd.DataFrame(self.typical, columns=list(self.parameters))
        table.insert(0, "start", range(len(self)))
        table.insert(1, "rise", self.objectives - self.objectives[self.best])
        table.insert(2, "converged", list(self.converged))
        return table.sort_values("rise", kind="stable").reset_index(drop=True)

    table = renamed("table", "to_frame")
