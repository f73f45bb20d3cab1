"""Boundaries of group sequential trials by spending of the type I error (Lan and DeMets 1983)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem

FloatArray = NDArray[np.float64]
Spending = Literal["obrien_fleming", "pocock"]
NODES = 200
"""Nodes of the integrals over the continuation region."""
FAR = 10.0
"""Standard deviations below zero at which the region is cut off."""


def _obrien_fleming(fraction: FloatArray, alpha: float) -> FloatArray:
    from scipy.special import ndtr, ndtri

    return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(fraction)))


def _pocock(fraction: FloatArray, alpha: float) -> FloatArray:
    return np.asarray(alpha * np.log1p((np.e - 1) * fraction))


FUNCTIONS: dict[str, Callable[[FloatArray, float], FloatArray]] = {"obrien_fleming": _obrien_fleming, "pocock": _pocock}


def spending_boundaries(
    fractions: Sequence[float], alpha: float = 0.025, spending: Spending = "obrien_fleming"
) -> dict[str, FloatArray]:
    """Return the boundaries of a one-sided test at several looks, which spend the type I error according to a spending
    function.

    Parameters
    ----------
    fractions : sequence of float
        Information at each look, as fractions of that at the last one (of events, for the log-rank test); increasing to 1.
    alpha : float
        One-sided type I error of the whole trial.
    spending : {"obrien_fleming", "pocock"}
        The error spent at fraction t. "obrien_fleming": 2 - 2 Phi(z / sqrt(t)) with z the quantile of 1 - alpha / 2, which is
        close to the boundaries of O'Brien and Fleming. "pocock": alpha log(1 + (e - 1) t), which is close to those of Pocock.

    Returns
    -------
    dict
        fraction, spent (type I error up to the look), z (the boundary), p_value (one-sided, at the boundary).

    Raises
    ------
    DataError

    Notes
    -----
    The statistics at the looks are normal with correlation sqrt(t_j / t_k). The density of the trials that continue is
    integrated from look to look (Armitage, McPherson and Rowe 1969).

    References
    ----------
    Lan KKG, DeMets DL. Discrete sequential boundaries for clinical trials. Biometrika 70:659 (1983).
    doi:10.1093/biomet/70.3.659

    Examples
    --------
    >>> spending_boundaries([0.5, 1.0])["z"].round(3).tolist()
    [2.963, 1.969]
    """
    from scipy.special import ndtr

    times = _checked(fractions, alpha, spending)
    spent = FUNCTIONS[spending](times, alpha)
    bounds = np.empty(len(times))
    region = _Continuing.start()
    for k, increment in enumerate(np.diff(spent, prepend=0.0)):
        region = region.next(times[k - 1], bounds[k - 1]) if k else region
        bounds[k] = region.bound(times[k], increment)
    return {"fraction": times, "spent": spent, "z": bounds, "p_value": np.asarray(ndtr(-bounds))}


class _Continuing:
    """The density of the sum of increments among the trials that have not stopped, at nodes with weights."""

    def __init__(self, time: float, nodes: FloatArray, mass: FloatArray) -> None:
        self.time, self.nodes, self.mass = time, nodes, mass

    @classmethod
    def start(cls) -> _Continuing:
        """Return the state before the first look: no information, all trials at 0."""
        return cls(0.0, np.zeros(1), np.ones(1))

    def bound(self, time: float, spend: float) -> float:
        """Return the boundary of z at which a probability of stopping remains to be spent."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        step = np.sqrt(time - self.time)

        def exceeds(z: float) -> float:
            return float(self.mass @ ndtr(-(z * np.sqrt(time) - self.nodes) / step)) - spend

        return float(brentq(exceeds, -FAR, 4 * FAR, xtol=1e-12))

    def next(self, time: float, bound: float) -> _Continuing:
        """Return the trials that continue below a boundary of z."""
        step = np.sqrt(time - self.time)
        low, high = -FAR * np.sqrt(time), min(bound, FAR) * np.sqrt(time)
        points, weights = _nodes()
        nodes = low + (high - low) * (points + 1) / 2
        density = np.exp(-0.5 * ((nodes[:, None] - self.nodes) / step) ** 2) @ self.mass / (step * np.sqrt(2 * np.pi))
        return _Continuing(time, nodes, density * weights * (high - low) / 2)


@lru_cache(maxsize=1)
def _nodes() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss and Legendre."""
    points, weights = np.polynomial.legendre.leggauss(NODES)
    return points, weights


def _checked(fractions: Any, alpha: float, spending: str) -> FloatArray:
    times = np.asarray(fractions, dtype=np.float64)
    problems = []
    if times.ndim != 1 or not len(times) or not (np.diff(times, prepend=0.0) > 0).all() or times[-1] != 1:
        problems.append(Problem("fractions", f"are {list(np.ravel(times))}", "increasing numbers above 0, the last one 1"))
    if not 0 < alpha < 0.5:
        problems.append(Problem("alpha", f"is {alpha}", "a one-sided type I error: 0.025"))
    if spending not in FUNCTIONS:
        problems.append(Problem("spending", f"is {spending!r}", "one of " + ", ".join(map(repr, FUNCTIONS))))
    DataError.raise_if(problems)
    return times
