"""The Hill curve of one drug, its inverse, and its fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class HillCurve:
    """Effect of one drug: base + (top - base) d^h / (c^h + d^h).

    Attributes
    ----------
    base, top : float
        Effect without the drug, and at infinite dose.
    half : float
        Dose of half the change, c.
    steepness : float
        The Hill coefficient h.
    """

    base: float
    top: float
    half: float
    steepness: float

    def effect(self, dose: FloatArray) -> FloatArray:
        """Return the effect of doses."""
        with np.errstate(divide="ignore", over="ignore"):
            odds = (np.asarray(dose, np.float64) / self.half) ** self.steepness
        share = np.where(np.isinf(odds), 1.0, odds / (1.0 + np.where(np.isinf(odds), 0.0, odds)))
        return np.asarray(self.base + (self.top - self.base) * share)

    def dose_of(self, effect: FloatArray) -> FloatArray:
        """Return the doses that have an effect: 0 for no effect or one in the other direction, infinite if no dose reaches
        it.
        """
        share = (np.asarray(effect, np.float64) - self.base) / (self.top - self.base)
        inside = (share > 0) & (share < 1)
        odds = np.where(inside, share, 0.5) / (1.0 - np.where(inside, share, 0.5))
        return np.where(inside, self.half * odds ** (1.0 / self.steepness), np.where(share >= 1, np.inf, 0.0))


def fit_hill(dose: FloatArray, effect: FloatArray) -> HillCurve:
    """Return the Hill curve closest to measured effects (least squares, from several starts).

    Raises
    ------
    DataError
        If there are fewer than four different doses.
    """
    from scipy.optimize import least_squares

    levels = np.unique(dose)
    if len(levels) < 4:
        raise DataError(Problem("doses of a drug alone", f"are {len(levels)}", "four or more different doses, including none"))
    positive = levels[levels > 0]
    base, top = effect[dose == levels[0]].mean(), effect[dose == levels[-1]].mean()

    def residuals(x: FloatArray) -> FloatArray:
        return HillCurve(x[0], x[1], float(np.exp(x[2])), float(np.exp(x[3]))).effect(dose) - effect

    low, high = np.log(positive[0]) - 7, np.log(positive[-1]) + 7
    bounds = ([-np.inf, -np.inf, low, np.log(0.1)], [np.inf, np.inf, high, np.log(20.0)])
    starts = [[base, top, np.log(half), np.log(h)] for half in np.quantile(positive, [0.25, 0.5, 0.75]) for h in (1.0, 3.0)]
    best = min(
        (least_squares(residuals, start, bounds=bounds, x_scale="jac") for start in starts), key=lambda found: float(found.cost)
    )
    return HillCurve(float(best.x[0]), float(best.x[1]), float(np.exp(best.x[2])), float(np.exp(best.x[3])))
