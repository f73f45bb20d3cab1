"""The burden of four arms by simulation of one model, or of draws of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.combination.four_arms import FloatArray, FourArms
from immunoode.combination.scaled_regimen import scaled
from immunoode.errors import DataError, Problem
from immunoode.model.model import Model
from immunoode.regimen.regimen import Regimen
from immunoode.solve.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SimulatedPair:
    """Two regimens of one model, and the settings of their simulation.

    Attributes
    ----------
    model : Model
    first, second : Regimen
    background : Regimen
        The treatment that all arms receive.
    measure : str
        The output that is the burden.
    days : ndarray, shape (times,)
    parameters : mapping
        Values of parameters that differ from the model's.
    options : mapping
        Options of `immunoode.simulate`.
    """

    model: Model
    first: Regimen
    second: Regimen
    background: Regimen
    measure: str
    days: FloatArray
    parameters: Mapping[str, float]
    options: Mapping[str, Any]

    def burden(self, first: float, second: float) -> FloatArray:
        """Return the burden at all days under multiples of both regimens, shape (times,)."""
        return self._simulated(self._regimen(first, second), dict(self.parameters))[0]

    def of_multiples(self, first: FloatArray, second: FloatArray, draws: pd.DataFrame) -> FloatArray:
        """Return the burden of draws, each with its own multiples, shape (draws, times)."""
        regimens = [self._regimen(a, b) or Regimen() for a, b in zip(first, second, strict=True)]
        return self._simulated(regimens, self._table(draws))

    def arms(self, draws: pd.DataFrame | None) -> tuple[FourArms, FloatArray]:
        """Return the burdens of the estimate and the draws, and those at the start, shapes (1 + draws, times) and (1 +
        draws, 1).
        """
        multiples = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
        burdens = [self._of_draws(self._regimen(a, b), draws) for a, b in multiples]
        start = self._of_draws(self._regimen(0.0, 0.0), draws, np.zeros(1))
        return FourArms(*burdens), start

    def _regimen(self, first: float, second: float) -> Regimen | None:
        """Return the sum of the scaled regimens; one with multiple 0 is left out."""
        parts = [self.background]
        parts += [
            regimen if m == 1 else scaled(regimen, m) for regimen, m in ((self.first, first), (self.second, second)) if m > 0
        ]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole + part
        return whole if whole.rules or whole.triggers else None

    def _of_draws(self, regimen: Regimen | None, draws: pd.DataFrame | None, days: FloatArray | None = None) -> FloatArray:
        own = self._simulated(regimen, dict(self.parameters), days)
        if draws is None or draws.empty:
            return own
        return np.vstack([own, self._simulated(regimen, self._table(draws), days)])

    def _table(self, draws: pd.DataFrame) -> pd.DataFrame:
        """Return draws, completed with the stated values of other parameters."""
        return draws.assign(**{k: v for k, v in self.parameters.items() if k not in draws.columns})

    def _simulated(self, regimen: Any, parameters: Any, days: FloatArray | None = None) -> FloatArray:
        """Return the burden, shape (subjects, times)."""
        at = self.days if days is None else days
        times = np.union1d([0.0], at)
        until = float(max(times[-1], 1e-3))
        run = simulate(
            self.model,
            regimen,
            until,
            times=times,
            parameters=parameters,
            outputs=[self.measure],
            progress=False,
            **self.options,
        )
        values = np.atleast_2d(np.asarray(run[self.measure], dtype=np.float64))
        found = values[:, np.searchsorted(run.times, at)]
        if not (found > 0).all():
            what = "is zero, or the simulation failed" if np.isnan(found).any() else "is zero"
            right = "an output above zero; extinction=False, or times before the last cell is gone"
            raise DataError(Problem(self.measure, f"{what} in {int((~(found > 0)).any(axis=1).sum())} simulations", right))
        return found
