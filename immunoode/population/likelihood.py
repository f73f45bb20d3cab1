r"""How observations scatter about predictions: twice the negative log-likelihood of each, and its derivatives.

Predictions and observations are compared on the scale where errors are normal, g: the value itself, or its logarithm for
log-normal errors. There the variance is :math:`v = a^2 + b^2 g^2` (additive a, proportional b, or both), and a value that is
only known to lie below or above a limit, or within an interval, enters by the probability of that (M3 of Beal 2001).

With :math:`E = -2 \log p`, conditional estimation needs E, its derivatives by g and by the logarithms of a and b, and the
weight :math:`W = 1/v + (v'/v)^2 / 2`, half of the expectation of E'' (FOCE with interaction); for what is censored, half of E''
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.densities import log_between
from immunoode.fitting.error_weights import ERRORS
from immunoode.fitting.likelihood import floor_of, impossible
from immunoode.fitting.observations import LEFT, MEASURED, RIGHT, FloatArray, IntArray, Observations

_STEP = 1e-4
"""Step of differences on the scale of standard deviations, for censored observations alone."""
PRECISE = 1e-5
"""Size of the smallest error, relative: what the solver leaves."""


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
class Likelihood:
    """The observations, N of them, and how they scatter; error parameters are the logarithms of `names`, q of them.

    `additive` and `proportional` (N,) say which error parameter each observation has, -1 where none. `least` (q,) adds to each
    size: no prediction is more precise than the solver, and the likelihood of data that a model meets exactly stays finite.
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
        """Which are not censored."""
        return np.asarray(self.censoring == MEASURED)

    @property
    def constant(self) -> float:
        """What E leaves out: n log(2 pi), and the logarithms of values where these are what is normal."""
        logs = 2.0 * float(self.value[self.measured & self.logged].sum())
        return float(self.measured.sum()) * float(np.log(2 * np.pi)) + logs

    def transformed(self, f: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return predictions on the scale where errors are normal, and their derivatives by f."""
        safe = np.maximum(f, self.floor)
        with np.errstate(invalid="ignore"):
            inside = f > self.floor
        return np.where(self.logged, np.log(safe), f), np.where(self.logged, np.where(inside, 1.0 / safe, 0.0), 1.0)

    def sizes(self, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a and b of each observation, squared."""
        squares = np.append(np.exp(2.0 * errors) + self.least**2, 0.0)
        return squares[self.additive], squares[self.proportional]

    def own_part(self, errors: FloatArray) -> FloatArray:
        """Return (q,) which share of each size, squared, is the parameter's."""
        squares = np.exp(2.0 * errors)
        return np.asarray(squares / np.maximum(squares + self.least**2, 1e-300))

    def variance(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return v."""
        a, b = self.sizes(errors)
        with np.errstate(over="ignore"):
            return a + b * np.maximum(g * g, np.where(self.logged, 0.0, self.floor**2))

    def minus_two_log(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return E, infinite where there is no prediction."""
        v = self.variance(g, errors)
        with np.errstate(invalid="ignore", over="ignore"):
            e = (self.value - g) ** 2 / v + np.log(v)
        if not self.measured.all():
            rows = np.flatnonzero(~self.measured)
            e[..., rows] = self._censored(g[..., rows], np.sqrt(v[..., rows]), rows)
        return np.where(np.isfinite(e), e, np.inf)

    def _censored(self, g: FloatArray, sd: FloatArray, rows: IntArray) -> FloatArray:
        kind, y = self.censoring[rows], self.value[rows]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            at, below = (y - g) / sd, (self.lower[rows] - g) / sd
            low = np.where(kind == LEFT, -np.inf, np.where(kind == RIGHT, at, below))
            return -2.0 * log_between(low, np.where(kind == RIGHT, np.inf, at))

    def first(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return E, its derivative by g, and W."""
        a, b = self.sizes(errors)
        floored = self._floored(g)
        v, v_g = self.variance(g, errors), np.where(floored, 0.0, 2.0 * b * g)
        r = self.value - g
        e = self.minus_two_log(g, errors)
        slope = -2.0 * r / v - (r / v) ** 2 * v_g + v_g / v
        w = 1.0 / v + 0.5 * (v_g / v) ** 2
        rows = np.flatnonzero(~self.measured)
        if len(rows):
            at = np.sqrt(v[..., rows]) * _STEP
            low, middle, high = (self._partly(g[..., rows] + k * at, errors, rows) for k in (-1.0, 0.0, 1.0))
            slope[..., rows] = (high - low) / (2.0 * at)
            w[..., rows] = np.maximum(0.5 * (high - 2.0 * middle + low) / at**2, 0.0)
        return e, slope, w

    def _floored(self, g: FloatArray) -> NDArray[np.bool_]:
        return np.asarray(~self.logged & (np.abs(g) < self.floor))

    def _partly(self, g: FloatArray, errors: FloatArray, rows: IntArray) -> FloatArray:
        """Return E of censored rows alone."""
        a, b = (s[rows] for s in self.sizes(errors))
        v = a + b * np.maximum(g * g, np.where(self.logged[rows], 0.0, self.floor[rows] ** 2))
        return self._censored(g, np.sqrt(v), rows)

    def terms(self, g: FloatArray, errors: FloatArray) -> Terms:
        """Return E and every derivative that the gradient of a marginal likelihood needs, at g (N,)."""
        a, b = self.sizes(errors)
        floored, y = self._floored(g), self.value
        v = self.variance(g, errors)
        v1, v2 = np.where(floored, 0.0, 2.0 * b * g), np.where(floored, 0.0, 2.0 * b)
        r = y - g
        e, slope, w = self.first(g, errors)
        gg = (2.0 + v2) / v + 4.0 * r * v1 / v**2 + 2.0 * r**2 * v1**2 / v**3 - (r**2 * v2 + v1**2) / v**2
        w_g = (v1 * v2 - v1) / v**2 - v1**3 / v**3
        rows = np.flatnonzero(~self.measured)
        if len(rows):
            gg[rows] = 2.0 * w[rows]
            at = np.sqrt(v[rows]) * 1e-2
            w_g[rows] = (self._weights(g[rows] + at, errors, rows) - self._weights(g[rows] - at, errors, rows)) / (2.0 * at)
        by, part = np.zeros((3, len(self.names), len(g))), self.own_part(errors)
        for j in range(len(self.names)):
            mine_a, mine_b = self.additive == j, self.proportional == j
            ve = 2.0 * part[j] * (np.where(mine_a, a, 0.0) + np.where(mine_b, v - a, 0.0))
            v1e = 2.0 * part[j] * np.where(mine_b, v1, 0.0)
            by[0, j] = ve / v - (r / v) ** 2 * ve
            by[1, j] = 2.0 * r * ve / v**2 - r**2 * (v1e / v**2 - 2.0 * v1 * ve / v**3) + v1e / v - v1 * ve / v**2
            by[2, j] = -ve / v**2 + v1 * v1e / v**2 - v1**2 * ve / v**3
            some = rows[(mine_a | mine_b)[rows]]
            if len(some):
                by[:, j, some] = self._censored_by(g[some], errors, j, some)
        return Terms(e, slope, gg, w, w_g, by[0], by[1], by[2])

    def scores(self, g: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (q, ..., N) derivatives of E by error parameters, and of log v, zero where censored."""
        a, b = self.sizes(errors)
        v = self.variance(g, errors)
        square = ((self.value - g) ** 2) / v
        rows = np.flatnonzero(~self.measured)
        by, shares = np.empty((len(self.names), *g.shape)), np.empty((len(self.names), *g.shape))
        part = self.own_part(errors)
        for j in range(len(self.names)):
            mine = np.where(self.additive == j, a, 0.0) + np.where(self.proportional == j, v - a, 0.0)
            share = 2.0 * part[j] * mine / v
            by[j] = share - square * share
            shares[j] = np.where(self.measured, share, 0.0)
            some = rows[((self.additive == j) | (self.proportional == j))[rows]]
            if len(rows):
                by[j][..., rows] = 0.0
            if len(some):
                moved = [errors + sign * 1e-3 * (np.arange(len(errors)) == j) for sign in (-1.0, 1.0)]
                low, high = (self._partly(g[..., some], e, some) for e in moved)
                by[j][..., some] = (high - low) / 2e-3
        return by, shares

    def _weights(self, g: FloatArray, errors: FloatArray, rows: IntArray) -> FloatArray:
        at = np.sqrt(self.variance(np.where(self.measured, 0.0, 0.0), errors)[rows]) * _STEP
        at = np.maximum(at, _STEP * np.abs(g) * 1e-2)
        low, middle, high = (self._partly(g + k * at, errors, rows) for k in (-1.0, 0.0, 1.0))
        return np.maximum(0.5 * (high - 2.0 * middle + low) / at**2, 0.0)

    def _censored_by(self, g: FloatArray, errors: FloatArray, j: int, rows: IntArray) -> FloatArray:
        """Return derivatives by one error parameter of E, E' and W of censored rows, by differences."""
        moved = []
        for sign in (-1.0, 1.0):
            other = errors.copy()
            other[j] += sign * 1e-3
            a, b = (s[rows] for s in self.sizes(other))
            sd = np.sqrt(a + b * np.maximum(g * g, np.where(self.logged[rows], 0.0, self.floor[rows] ** 2)))
            at = sd * _STEP
            low, middle, high = (self._partly(g + k * at, other, rows) for k in (-1.0, 0.0, 1.0))
            moved.append(np.stack([middle, (high - low) / (2 * at), 0.5 * (high - 2 * middle + low) / at**2]))
        return np.asarray((moved[1] - moved[0]) / 2e-3)

    def residuals(self, g: FloatArray, errors: FloatArray) -> FloatArray:
        """Return (y - g) / sd."""
        return (self.value - g) / np.sqrt(self.variance(g, errors))


def likelihood_of(seen: Observations, error: str | Mapping[str, str]) -> Likelihood:
    """Return the likelihood of observations.

    Parameters
    ----------
    error : {"additive", "proportional", "combined", "lognormal"} or mapping by quantity

    Raises
    ------
    FitError
        If a kind or quantity is not known, or the values do not go with the kind.
    """
    kinds = dict.fromkeys(seen.quantities, error) if isinstance(error, str) else dict(error)
    problems = [
        Problem("error", f"{q!r} is not a fitted quantity", nearest(q, seen.quantities))
        for q in kinds
        if q not in seen.quantities
    ]
    problems += [Problem("error", f"quantity {q!r} has none", "give one a quantity") for q in seen.quantities if q not in kinds]
    problems += [
        Problem("error", f"{k!r} is not an error model", nearest(str(k), ERRORS))
        for k in dict.fromkeys(kinds.values())
        if k not in ERRORS
    ]
    for i, quantity in enumerate(seen.quantities):
        mine = (seen.quantity == i) & (seen.censoring == MEASURED)
        if mine.any() and not seen.value[mine].any():
            problems.append(Problem("data", f"all values of {quantity!r} are zero", "leave the quantity out with observe="))
        problems += impossible(str(kinds.get(quantity)), seen, np.flatnonzero(seen.quantity == i), quantity)
    if problems:
        raise FitError(problems)
    count = len(seen)
    logged, floor = np.zeros(count, bool), np.zeros(count)
    additive, proportional = np.full(count, -1), np.full(count, -1)
    names: list[str] = []
    starts: list[float] = []
    least: list[float] = []
    for i, quantity in enumerate(seen.quantities):
        rows, kind = seen.quantity == i, str(kinds[quantity])
        size = float(np.median(np.abs(seen.value[rows]))) or float(np.mean(np.abs(seen.value[rows]))) or 1.0
        floor[rows] = floor_of(seen.value[rows])
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
    limit = getattr(seen, "lower", np.zeros(count))
    lower = np.where(logged, np.log(np.maximum(limit, 1e-300)), limit)
    return Likelihood(
        value,
        seen.censoring,
        lower,
        logged,
        floor,
        additive,
        proportional,
        tuple(names),
        {q: str(kinds[q]) for q in seen.quantities},
        np.log(np.array(starts)),
        np.array(least),
    )
