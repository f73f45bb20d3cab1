r"""The residual error: -2 log-likelihood of each observation given its prediction, and its derivatives.

Predictions and observations are compared on the scale where errors are normal, g: the value itself, or its logarithm for
log-normal errors. There the variance is :math:`v = a^2 + b^2 g^2` (additive a, proportional b, or both). A value that is only
known to lie below or above a limit, or within an interval, contributes the probability of that range (method M3 of Beal
2001).

With :math:`E = -2 \log p`, conditional estimation needs E, its derivatives by g and by the logarithms of a and b, and the
weight :math:`W = 1/v + (v'/v)^2 / 2`, half of the expectation of E'' (FOCE with interaction); for a censored value, half of E''
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import FitError, Problem
from immunoode.fitting.densities import interval_slopes, known_range, log_interval
from immunoode.fitting.error_weights import ERRORS
from immunoode.fitting.likelihood import error_kinds, prediction_floor, without_likelihood
from immunoode.fitting.observations import MEASURED, FloatArray, IntArray, Observations

_STEP = 1e-4
"""Step of the differences of exact first and second derivatives, relative to the standard deviation and to error sizes."""
PRECISE = 1e-5
"""Smallest relative size of an error: the numerical error of the solver."""


@dataclass(frozen=True)
class Terms:
    """E and its derivatives at predictions g, each (..., N); by error parameters each (q, N)."""

    e: FloatArray
    g: FloatArray
    gg: FloatArray
    w: FloatArray
    w_g: FloatArray
    by: FloatArray
    g_by: FloatArray
    w_by: FloatArray


@dataclass(frozen=True)
class ObservationLikelihood:
    """N observations and their residual error; the q error parameters are the logarithms of the sizes `names`.

    `additive` and `proportional` (N,) are the positions of each observation's error parameters, -1 for none. `least` (q,) adds
    to each size: no prediction is more precise than the solver, and the likelihood stays finite if a model reproduces the data.
    """

    value: FloatArray
    censoring: IntArray
    lower: FloatArray
    logged: NDArray[np.bool_]
    floor: FloatArray
    additive: IntArray
    proportional: IntArray
    names: tuple[str, ...]
    kinds: Mapping[str, str]
    start: FloatArray
    least: FloatArray

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether each observation was measured (not censored)."""
        return np.asarray(self.censoring == MEASURED)

    @property
    def constant(self) -> float:
        """Constants that E leaves out: n log(2 pi), and the logarithms of log-normal values."""
        logs = 2.0 * float(self.value[self.measured & self.logged].sum())
        return float(self.measured.sum()) * float(np.log(2 * np.pi)) + logs

    def transformed(self, f: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return predictions on the scale on which errors are normal, and their derivatives with respect to f."""
        safe = np.maximum(f, self.floor)
        with np.errstate(invalid="ignore"):
            inside = f > self.floor
        return np.where(self.logged, np.log(safe), f), np.where(self.logged, np.where(inside, 1.0 / safe, 0.0), 1.0)

    def sizes(self, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a and b of each observation, squared."""
        squares = np.append(np.exp(2.0 * errors) + self.least**2, 0.0)
        return squares[self.additive], squares[self.proportional]

    def own_part(self, errors: FloatArray) -> FloatArray:
        """Return the fraction (q,) of each squared size that is due to its parameter."""
        squares = np.exp(2.0 * errors)
        return np.asarray(squares / np.maximum(squares + self.least**2, 1e-300))

    def variance(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return v."""
        a, b = self.sizes(errors)
        with np.errstate(over="ignore"):
            return a + b * np.maximum(g * g, np.where(self.logged, 0.0, self.floor**2))

    def minus_two_log(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return E; infinite if there is no prediction."""
        v = self.variance(g, errors)
        rows, censored = self._censored
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            e = (self.value - g) ** 2 / v + np.log(v)
            if len(rows):
                e[..., rows] = -2.0 * log_interval(*censored._standardised(g[..., rows], np.sqrt(v[..., rows])))
        return np.where(np.isfinite(e), e, np.inf)

    def slope_and_weight(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return E, its derivative with respect to g, and W."""
        v, v_g, _ = self._variance_slopes(g, errors)
        r = self.value - g
        slope = -2.0 * r / v - (r / v) ** 2 * v_g + v_g / v
        w = 1.0 / v + 0.5 * (v_g / v) ** 2
        rows, censored = self._censored
        if len(rows):
            _, slope[..., rows], half = censored._censored_terms(g[..., rows], errors)
            w[..., rows] = np.maximum(half, 0.0)
        return self.minus_two_log(g, errors), slope, w

    def terms(self, g: FloatArray, errors: FloatArray) -> Terms:
        """Return E and every derivative that the gradient of a marginal likelihood needs, at g (N,)."""
        v, v1, v2 = self._variance_slopes(g, errors)
        r = self.value - g
        e, slope, w = self.slope_and_weight(g, errors)
        gg = (2.0 + v2) / v + 4.0 * r * v1 / v**2 + 2.0 * r**2 * v1**2 / v**3 - (r**2 * v2 + v1**2) / v**2
        w_g = (v1 * v2 - v1) / v**2 - v1**3 / v**3
        by = np.zeros((3, len(self.names), len(g)))
        for j, ve in enumerate(self._variance_by_error(v, errors)):
            v1e = np.where(self.proportional == j, v1, 0.0) * 2.0 * self.own_part(errors)[j]
            by[0, j] = ve / v - (r / v) ** 2 * ve
            by[1, j] = 2.0 * r * ve / v**2 - r**2 * (v1e / v**2 - 2.0 * v1 * ve / v**3) + v1e / v - v1 * ve / v**2
            by[2, j] = -ve / v**2 + v1 * v1e / v**2 - v1**2 * ve / v**3
        rows, censored = self._censored
        if len(rows):
            some, step = g[rows], np.sqrt(v[rows]) * _STEP
            gg[rows] = 2.0 * censored._censored_terms(some, errors)[2]
            up, down = (np.maximum(censored._censored_terms(some + s * step, errors)[2], 0.0) for s in (1.0, -1.0))
            w_g[rows] = (up - down) / (2.0 * step)
            for j in range(len(errors)):
                change = _STEP * (np.arange(len(errors)) == j)
                up, down = (np.stack(censored._censored_terms(some, errors + s * change)) for s in (1.0, -1.0))
                by[:, j, rows] = (up - down) / (2.0 * _STEP)
        return Terms(e, slope, gg, w, w_g, by[0], by[1], by[2])

    def scores(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (q, ..., N) derivatives of E with respect to error parameters, and those of log v (zero if censored)."""
        v = self.variance(g, errors)
        shares = self._variance_by_error(v, errors) / v
        by = shares - (self.value - g) ** 2 / v * shares
        rows, censored = self._censored
        if len(rows):
            low, high = censored._standardised(g[..., rows], np.sqrt(v[..., rows]))
            p = interval_slopes(low, high)
            by[..., rows] = (p.by_low * _finite(low) + p.by_high * _finite(high)) * shares[..., rows]
            shares[..., rows] = 0.0
        return by, shares

    def residuals(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (y - g) / sd."""
        return (self.value - g) / np.sqrt(self.variance(g, errors))

    def _variance_slopes(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return v and its first and second derivative with respect to g."""
        b = np.where(~self.logged & (np.abs(g) < self.floor), 0.0, self.sizes(errors)[1])
        return self.variance(g, errors), 2.0 * b * g, 2.0 * b

    def _variance_by_error(self, v: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (q, ..., N) derivatives of v with respect to the error parameters."""
        a, part = self.sizes(errors)[0], 2.0 * self.own_part(errors)
        return np.stack(
            [
                p * (np.where(self.additive == j, a, 0.0) + np.where(self.proportional == j, v - a, 0.0))
                for j, p in enumerate(part)
            ]
        )

    @cached_property
    def _censored(self) -> tuple[IntArray, ObservationLikelihood]:
        """Positions of the censored observations, and the likelihood of these alone."""
        rows = np.flatnonzero(~self.measured)
        names = ("value", "censoring", "lower", "logged", "floor", "additive", "proportional")
        return rows, replace(self, **{name: getattr(self, name)[rows] for name in names})

    def _standardised(self, g: FloatArray, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the limits of censored observations, minus the prediction and divided by the standard deviation."""
        low, high = known_range(self.censoring, self.lower, self.value)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return (low - g) / sd, (high - g) / sd

    def _censored_terms(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return E of censored observations, its first derivative with respect to g, and half its second."""
        v, v1, v2 = self._variance_slopes(g, errors)
        sd = np.sqrt(v)
        sd1 = v1 / (2.0 * sd)
        sd2 = v2 / (2.0 * sd) - v1**2 / (4.0 * sd * v)
        ends = self._standardised(g, sd)
        p = interval_slopes(*ends)
        low, high = (_finite(end) for end in ends)
        low1, high1 = (-(1.0 + end * sd1) / sd for end in (low, high))
        low2, high2 = (-(2.0 * end1 * sd1 + end * sd2) / sd for end, end1 in ((low, low1), (high, high1)))
        curvature = p.low_low * low1**2 + 2.0 * p.low_high * low1 * high1 + p.high_high * high1**2
        return -2.0 * p.log_p, -2.0 * (p.by_low * low1 + p.by_high * high1), -(curvature + p.by_low * low2 + p.by_high * high2)


def _finite(ends: FloatArray) -> FloatArray:
    return np.where(np.isfinite(ends), ends, 0.0)


def likelihood_of(seen: Observations, error: str | Mapping[str, str]) -> ObservationLikelihood:
    """Return the likelihood of observations.

    Parameters
    ----------
    error : {"additive", "proportional", "combined", "lognormal"} or mapping by quantity

    Raises
    ------
    FitError
        If a kind or quantity is not known, or the values do not suit the kind.
    """
    kinds, problems = error_kinds(error, seen.quantities, ERRORS)
    for i, quantity in enumerate(seen.quantities):
        mine = (seen.quantity == i) & (seen.censoring == MEASURED)
        if mine.any() and not seen.value[mine].any():
            problems.append(Problem("data", f"all values of {quantity!r} are zero", "leave the quantity out with observe="))
        problems += without_likelihood(kinds.get(quantity, ""), seen, np.flatnonzero(seen.quantity == i), quantity)
    FitError.raise_if(problems)
    count = len(seen)
    logged, floor = np.zeros(count, bool), np.zeros(count)
    additive, proportional = np.full(count, -1), np.full(count, -1)
    names: list[str] = []
    starts: list[float] = []
    least: list[float] = []
    for i, quantity in enumerate(seen.quantities):
        rows, kind = seen.quantity == i, kinds[quantity]
        size = float(np.median(np.abs(seen.value[rows]))) or float(np.mean(np.abs(seen.value[rows]))) or 1.0
        floor[rows] = prediction_floor(seen.value[rows])
        logged[rows] = kind == "lognormal"
        one = len(seen.quantities) == 1
        for part, to in (("additive", additive), ("proportional", proportional)):
            if kind in (part, "combined") or (kind == "lognormal" and part == "additive"):
                to[rows] = len(names)
                label = "lognormal" if kind == "lognormal" else part
                names.append(f"{label} error" if one else f"{label} error({quantity})")
                starts.append({"additive": 0.3, "combined": 0.1}[kind] * size if label == "additive" else 0.2)
                kept = kind == "combined" and label == "additive"
                least.append(0.0 if kept else PRECISE * (size if label == "additive" else 1.0))
    value = np.where(logged, np.log(np.where(seen.value > 0, seen.value, 1.0)), seen.value)
    lower = np.where(logged, np.log(np.maximum(seen.lower, 1e-300)), seen.lower)
    return ObservationLikelihood(
        value,
        seen.censoring,
        lower,
        logged,
        floor,
        additive,
        proportional,
        tuple(names),
        {q: kinds[q] for q in seen.quantities},
        np.log(np.array(starts)),
        np.array(least),
    )
