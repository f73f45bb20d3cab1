"""Tests for lack of fit: whether residuals are random, or show features that the model misses.

Three tests of weighted residuals, none of which needs another model:

- the signs of residuals in order of time form too few runs (Wald and Wolfowitz 1940), summed over subjects, given the number
  of positive residuals of each subject;
- observations with the same prediction scatter less about their mean than the means scatter about the predictions (pure
  error);
- residuals scatter less about a line through their neighbours than about zero (Gasser, Sroka and Jennen-Steinmetz 1986), so
  that a smooth curve would fit better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from immunoode.fitting.observations import FloatArray, IntArray

CHANCE = 0.01
"""P-value below which a test is significant."""
FEWEST = 6
"""The smallest number of observations that are tested."""
MANY, SHUFFLES = 60, 4000
"""Largest number of residuals for the permutation test, and the number of permutations."""
LITTLE = 0.5
"""Share of explained variance below which a model explains little."""


@dataclass(frozen=True)
class LackOfFit:
    """Tests of the residuals of one quantity; p-values are NaN if there is nothing to test.

    Attributes
    ----------
    quantity : str
    observations : int
    explained : float
        Share of the variance of the observations (of their logarithms, for relative errors) that predictions explain.
    runs, expected_runs : float
    runs_p, replicates_p, smooth_p : float
    excess : float
        Standard deviation of the residuals over that about a smooth curve.
    subjects_p : float
        The p-value for equal mean residuals in all subjects.
    """

    quantity: str
    observations: int
    explained: float
    runs: float
    expected_runs: float
    runs_p: float
    replicates_p: float
    smooth_p: float
    excess: float
    subjects_p: float

    @property
    def found(self) -> bool:
        """Whether any test is significant."""
        return any(p < CHANCE for p in (self.runs_p, self.replicates_p, self.smooth_p, self.subjects_p))

    def evidence(self) -> str:
        """Return the significant tests in words."""
        said = []
        if self.runs_p < CHANCE:
            said.append(
                f"residuals keep their sign too long, {self.runs:.0f} runs where {self.expected_runs:.0f} are expected "
                f"(p {_p(self.runs_p)})"
            )
        if self.replicates_p < CHANCE:
            said.append(f"replicates agree better with each other than with the curve (p {_p(self.replicates_p)})")
        if self.smooth_p < CHANCE:
            said.append(f"residuals are {self.excess:.2g} times those about a smooth curve (p {_p(self.smooth_p)})")
        if self.subjects_p < CHANCE:
            said.append(f"some subjects lie above their curves and others below (p {_p(self.subjects_p)})")
        return "; ".join(said)


def _p(value: float) -> str:
    return "below 1e-6" if value < 1e-6 else f"{value:.2g}"


def lack_of_fit(
    quantity: str,
    subject: IntArray,
    time: FloatArray,
    observed: FloatArray,
    predicted: FloatArray,
    residuals: FloatArray,
    parameters: float,
) -> LackOfFit:
    """Test residuals.

    Parameters
    ----------
    subject, time, observed, predicted, residuals : (n,)
        Measured observations only: residuals weighted to equal spread, with observations and predictions on the same scale.
    parameters : number of parameters that these observations determined
    """
    known = np.isfinite(residuals) & np.isfinite(predicted) & np.isfinite(observed)
    order = np.flatnonzero(known)[np.lexsort((time[known], subject[known]))]
    s, (t, y, f, r) = subject[order], (x[order] for x in (time, observed, predicted, residuals))
    n = len(r)
    total = float(np.sum((y - y.mean()) ** 2)) if n else 0.0
    explained = 1 - float(np.sum((y - f) ** 2)) / total if total > 0 else np.nan
    if n < FEWEST or n - parameters < 2 or not np.ptp(r) > 0:
        return LackOfFit(quantity, n, explained, *(np.nan,) * 7)
    runs, expected, runs_p = _runs(s, r)
    excess, smooth_p = _smooth(s, t, r)
    return LackOfFit(
        quantity,
        n,
        explained,
        runs,
        expected,
        runs_p,
        _replicates(t, f, r, parameters),
        smooth_p,
        excess,
        _between_subjects(s, r),
    )


def _runs(subject: IntArray, r: FloatArray) -> tuple[float, float, float]:
    """Return the number of runs of equal sign within subjects, its expectation, and the p-value of so few."""
    from scipy.stats import norm

    runs = mean = variance = 0.0
    for one in np.unique(subject):
        signs = r[subject == one] > 0
        n, up = len(signs), int(signs.sum())
        product = 2.0 * up * (n - up)
        runs += 1 + int(np.count_nonzero(np.diff(signs)))
        mean += 1 + product / n
        variance += product * (product - n) / (n * n * (n - 1)) if n > 1 else 0.0
    p = float(norm.cdf((runs + 0.5 - mean) / np.sqrt(variance))) if variance > 0 else np.nan
    return runs, mean, p


def _replicates(time: FloatArray, f: FloatArray, r: FloatArray, parameters: float) -> float:
    """Return the p-value of the lack-of-fit F test against replicates."""
    from scipy.stats import f as distribution

    size = float(np.max(np.abs(f))) or 1.0
    keys = np.column_stack([time, np.round(f / size, 9)])
    groups = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(groups)
    pure = float(np.sum((r - (np.bincount(groups, r) / counts)[groups]) ** 2))
    inner, outer = len(r) - len(counts), len(counts) - parameters
    if inner < 2 or outer < 1 or not pure > 0:
        return np.nan
    return float(distribution.sf((float(r @ r) - pure) / outer / (pure / inner), outer, inner))


def _smooth(subject: IntArray, time: FloatArray, r: FloatArray) -> tuple[float, float]:
    """Return the ratio of the residuals to those about lines through their neighbours, and its p-value.

    The p-value refers to residuals in random order: by permutation if there are few, otherwise by the normal approximation of
    von Neumann's ratio, with second differences instead of first.
    """
    from scipy.stats import norm

    parts = [_means(time[subject == one], r[subject == one]) for one in np.unique(subject)]
    parts = [(t, own) for t, own in parts if len(t) > 2]
    count = sum(len(t) - 2 for t, _ in parts)
    if count < FEWEST - 2:
        return np.nan, np.nan
    spread = float(np.mean(np.concatenate([own for _, own in parts]) ** 2))
    ratio = sum(float(_rough(t, own[None])[0]) for t, own in parts) / count / spread
    excess = float(1 / np.sqrt(max(ratio, 1e-12)))
    if ratio >= 1 or count > MANY:
        return excess, float(norm.cdf((ratio - 1) / np.sqrt(35.0 / 18.0 / count)))
    random = np.random.default_rng(0)
    shuffled = [_rough(t, random.permuted(np.tile(own, (SHUFFLES, 1)), axis=1)) for t, own in parts]
    smoother = np.sum(shuffled, axis=0) <= ratio * count * spread * (1 + 1e-12)
    return excess, float((1 + np.count_nonzero(smoother)) / (SHUFFLES + 1))


def _rough(time: FloatArray, r: FloatArray) -> FloatArray:
    """Return the sums of squares (b,) of residuals (b, n) about lines through their neighbours, with equal expectation."""
    share = (time[2:] - time[1:-1]) / (time[2:] - time[:-2])
    size = 1 + share**2 + (1 - share) ** 2
    return np.asarray(np.sum((r[:, 1:-1] - share * r[:, :-2] - (1 - share) * r[:, 2:]) ** 2 / size, axis=1))


def _means(time: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the unique times, and the mean residuals there."""
    days, place, counts = np.unique(time, return_inverse=True, return_counts=True)
    return days, np.bincount(place, r) / counts * np.sqrt(counts)


def _between_subjects(subject: IntArray, r: FloatArray) -> float:
    """Return the p-value of equal mean residuals in all subjects (analysis of variance)."""
    from scipy.stats import f as distribution

    _, place, counts = np.unique(subject, return_inverse=True, return_counts=True)
    groups, inner = len(counts), len(r) - len(counts)
    if groups < 2 or inner < FEWEST:
        return np.nan
    means = np.bincount(place, r) / counts
    within = float(np.sum((r - means[place]) ** 2)) / inner
    between = float(np.sum(counts * (means - r.mean()) ** 2)) / (groups - 1)
    return float(distribution.sf(between / within, groups - 1, inner)) if within > 0 else np.nan
