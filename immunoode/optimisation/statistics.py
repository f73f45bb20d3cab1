"""Statistics over a cohort, each a weighted mean of sorted values: mean, quantile, conditional value at risk."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError

FloatArray = NDArray[np.float64]
MEAN, QUANTILE, TAIL = "mean", "quantile", "cvar"
_TEXT = re.compile(r"(mean|quantile|cvar)(?:\(\s*([0-9.eE+-]+)\s*\))?")


@dataclass(frozen=True)
class Statistic:
    """A statistic of the values of a cohort.

    Attributes
    ----------
    kind : {"mean", "quantile", "cvar"}
    level : float
        For a quantile, the proportion of patients who do at least as well; for the conditional value at risk, the proportion
        that is left out: `cvar(0.9)` is the mean of the worst tenth.

    Notes
    -----
    Quantiles are those of Harrell and Davis (1982, Biometrika 69:635-40): a mean of the sorted values whose weights are a beta
    distribution, and thus a smooth function of the values. The conditional value at risk is that of Rockafellar and
    Uryasev (2000, J Risk 2:21-41).

    Examples
    --------
    >>> import numpy as np
    >>> values, weights = np.arange(10.0), np.full(10, 0.1)
    >>> float(values @ statistic("cvar(0.8)").weights(values, weights, worst_is_large=True))
    8.5
    """

    kind: str = MEAN
    level: float = 0.5

    def weights(self, values: FloatArray, weights: FloatArray, worst_is_large: bool) -> FloatArray:
        """Return the weight (P,) of each value (P,) in the statistic, for patients with weights (P,) that add up to 1."""
        if self.kind == MEAN:
            return weights
        order = np.argsort(values if worst_is_large else -values, kind="stable")
        ends = np.cumsum(weights[order])
        ends /= ends[-1]
        before = np.concatenate([[0.0], ends[:-1]])
        found = np.empty(len(values))
        found[order] = self._share(ends, weights) - self._share(before, weights)
        return found

    def _share(self, at: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the cumulative weight of the statistic up to given fractions of the cohort, best first."""
        if self.kind == TAIL:
            return np.maximum(at - self.level, 0.0) / (1 - self.level)
        from scipy.special import betainc

        size = 1 / (weights**2).sum() + 1
        found: FloatArray = betainc(self.level * size, (1 - self.level) * size, at)
        return found

    def __str__(self) -> str:
        return MEAN if self.kind == MEAN else f"{self.kind}({self.level:g})"


def statistic(given: str | Statistic) -> Statistic:
    """Return the statistic that a text names: "mean", "quantile(0.9)", "cvar(0.9)".

    Raises
    ------
    SolveError
        If it names none.
    """
    if isinstance(given, Statistic):
        return given
    said = _TEXT.fullmatch(given.strip()) if isinstance(given, str) else None
    level = float(said[2]) if said and said[2] else 0.5
    if not said or not 0 < level < 1 or (said[1] != MEAN and not said[2]):
        raise SolveError(Problem(f"statistic {given!r}", "is not known", "'mean', 'quantile(0.9)' or 'cvar(0.9)'"))
    return Statistic(said[1], level)
