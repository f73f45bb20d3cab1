r"""Error models as likelihoods, written as sums of squares so that a least-squares method maximises them exactly.

An observation :math:`y` of a prediction :math:`f` has the standard deviation :math:`s\,w(f)`: `additive` w = 1;
`proportional` w = f; `combined` w = sqrt(ratio^2 + f^2), so that s is the proportional part and s * ratio the additive
one; `lognormal` is additive on the logarithm. Twice the negative log-likelihood is

.. math:: \sum_i \left[ r_i^2 / s^2 + \log s^2 + 2 \log w(f_i) \right], \quad r_i = (y_i - f_i) / w(f_i).

If w depends on the prediction, the log term matters: leaving it out (the usual weights 1/f) favours predictions that are too
large. With s at its maximum, s^2 = mean(r^2), what remains is n log mean(r^2) + 2 sum(log w), the logarithm of sum((r G)^2)
with G the geometric mean of w (as Box and Cox scale a transformed response). So the residuals z = r G / s make a plain
least-squares problem with the same minimum. An observation that is only known to lie below (above) a limit enters as z =
sqrt(-2 log P(y < limit)), the exact term as well; then s no longer is mean(r^2) at the maximum and the power of G that gives
the right gradient is k = n s^2 / sum(r^2) (1 without censoring). s and k are found between rounds. An observation that is
only known to lie in an interval enters as z = sqrt(-2 log P(lower < y < upper)) in the same way.

With Student's t instead of the normal distribution (outliers have less weight), r^2 / s^2 is
:math:`(\nu + 1) \log(1 + r^2 / (\nu s^2))`, s a scale instead of a standard deviation; k then is 2 n over the sum of
:math:`2 (\nu + 1) u^2 / (\nu + u^2)`, u = r / s.

The covariance follows from the Jacobian of z (Gauss-Newton). For proportional errors it holds the information in the
spread of the data to first order in s^2: at s = 0.2 the standard errors are about 2-4 % too large, on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from immunoode.errors import FitError, Problem, nearest
from immunoode.fitting.densities import half_width, interval_slopes, known_range, log_density, log_interval, signed_root
from immunoode.fitting.error_weights import ERRORS, error_weight, known_errors
from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT, FloatArray, IntArray, Observations
from immunoode.number_checks import is_number

SMALLEST, _BELOW = 1e-6, 1e-2
"""Predictions below these fractions of the largest and smallest observations get the weight of that limit, because a
vanished tumour is not an outlier."""
_CERTAIN = 1e-9


@dataclass(frozen=True)
class Scale:
    """Scale s of one quantity's errors, the power k of the mean weight, and the log mean weight at which that is 1."""

    s: float = 1.0
    k: float = 1.0
    centre: float = 0.0


@dataclass(frozen=True)
class ErrorModel:
    """The residual error model of one quantity: the positions of its observations, their values and censoring.

    `lower` is the lower end of an interval-censored value, whose upper end is `value`; `degrees` are the degrees of freedom
    of Student's t, infinite for normal errors.
    """

    kind: str
    rows: IntArray
    value: FloatArray
    censoring: IntArray
    lower: FloatArray
    floor: float
    key: str = ""
    scale: Scale = Scale()
    degrees: float = np.inf

    @property
    def ratio_name(self) -> str:
        """Name of the lmfit parameter of the weight (for combined errors, the ratio of the additive to the proportional
        part), or "".
        """
        return self.key if error_weight(self.kind).parameter else ""

    def weight(self, f: FloatArray, ratio: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return w, dw/df and dw/dratio."""
        return error_weight(self.kind).weight(f, ratio, self.floor)

    def standardised(
        self, f: FloatArray, ratio: float, value: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return r = (y - f) / w and log w, with their derivatives with respect to f and ratio.

        `value` replaces the measured observations.
        """
        y = self.value if value is None else value
        if self.kind == "lognormal":
            inside = np.maximum(f, self.floor)
            zero = np.zeros_like(f)
            with np.errstate(divide="ignore"):
                return np.log(y / inside), np.where(f > self.floor, -1 / inside, 0.0), zero, zero, zero
        w, by_f, by_ratio = self.weight(f, ratio)
        r = (y - f) / w
        return r, -1 / w - r * by_f / w, -r * by_ratio / w, by_f / w, by_ratio / w

    def mean_log_weight(self, f: FloatArray, ratio: float) -> float:
        """Return the mean of log w over the measured (not censored) observations."""
        measured = self.censoring == MEASURED
        return float(np.mean(np.log(self.weight(f, ratio)[0][measured]))) if measured.any() else 0.0

    def residuals(self, f: FloatArray, ratio: float = 0.0) -> FloatArray:
        """Return z (n,): its sum of squares is, up to a constant, twice the negative log-likelihood."""
        r, s = self.standardised(f, ratio)[0], self.scale.s
        lift = np.exp(self.scale.k * (self.mean_log_weight(f, ratio) - self.scale.centre))
        known = self.censoring == MEASURED
        low, high = self.limits(f, ratio)
        hidden = np.sqrt(-2 * log_interval(low / s, high / s, self.degrees))
        return np.where(known, signed_root(r / s * lift, self.degrees)[0], hidden)

    def limits(self, f: FloatArray, ratio: float) -> tuple[FloatArray, FloatArray]:
        """Return the range of r in which the true value is known to lie; infinite at an open end, and if it was measured."""
        below = self.standardised(f, ratio, np.maximum(self.lower, 0.0) if self.kind == "lognormal" else self.lower)[0]
        return known_range(self.censoring, below, self.standardised(f, ratio)[0])

    def jacobian(self, f: FloatArray, by: FloatArray, ratio: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Return dz (n, p) from df (n, p), and dz/dratio (n,)."""
        r, r_f, r_ratio, w_f, w_ratio = self.standardised(f, ratio)
        measured, s, k = self.censoring == MEASURED, self.scale.s, self.scale.k
        lift = np.exp(k * (self.mean_log_weight(f, ratio) - self.scale.centre))
        u = np.where(measured, r / s * lift, 0.0)
        by_u = signed_root(u, self.degrees)[1]
        outer = np.where(measured, by_u * lift / s, 0.0)
        count = max(int(measured.sum()), 1)
        coupled = np.einsum("i,ij->j", np.where(measured, w_f, 0.0), by) / count
        coupled_ratio = float(np.where(measured, w_ratio, 0.0).sum()) / count
        by_f, by_ratio = self._censored_slopes(f, ratio)
        dz = (outer * r_f + by_f)[:, None] * by + (k * by_u * u)[:, None] * coupled
        return dz, outer * r_ratio + by_ratio + k * by_u * u * coupled_ratio

    def _censored_slopes(self, f: FloatArray, ratio: float) -> tuple[FloatArray, FloatArray]:
        """Return dz/df and dz/dratio of censored observations, zero elsewhere."""
        s = self.scale.s
        low, high = self.limits(f, ratio)
        p = interval_slopes(low / s, high / s, self.degrees)
        z = np.maximum(np.sqrt(-2 * p.log_p), _CERTAIN)
        upper, lower = self.standardised(f, ratio), self.standardised(f, ratio, self.lower)
        under = [np.where(self.censoring == RIGHT, u, v) for u, v in zip(upper[1:3], lower[1:3], strict=True)]
        by_f, by_ratio = (-(p.by_high * u + p.by_low * v) / z / s for u, v in zip(upper[1:3], under, strict=True))
        return by_f, by_ratio

    def with_best_scale(self, f: FloatArray, ratio: float = 0.0, s: float | None = None) -> ErrorModel:
        """Return the error model with s (unless given), k and centre at their maximum-likelihood values for `f`."""
        r = self.standardised(f, ratio)[0]
        s = best_scale([self], [r], [self.limits(f, ratio)]) if s is None else s
        measured = self.censoring == MEASURED
        u, by_u = r[measured] / s, signed_root(r[measured] / s, self.degrees)
        pull = float(np.sum(u * by_u[0] * by_u[1]))
        k = int(measured.sum()) / pull if pull > 0 else 1.0
        return replace(self, scale=Scale(s, k, self.mean_log_weight(f, ratio)))

    def squares(self, r: FloatArray, s: float) -> tuple[float, int]:
        """Return the sum of squared z of the measured observations at scale s, and their number."""
        measured = self.censoring == MEASURED
        return float(np.sum(signed_root(r[measured] / s, self.degrees)[0] ** 2)), int(measured.sum())

    @property
    def smallest(self) -> float:
        """Error scale below which errors are numerical errors of the solver."""
        return 1e-10 * (float(np.max(np.abs(self.value))) if self.kind == "additive" else 1.0) or 1e-10

    def deviance(self, f: FloatArray, ratio: float = 0.0) -> float:
        """Return twice the negative log-likelihood, including all constants."""
        r, s = self.standardised(f, ratio)[0], self.scale.s
        measured = self.censoring == MEASURED
        w = self.weight(f, ratio)[0]
        spread = 2 * np.log(s) - 2 * log_density(r / s, self.degrees) + 2 * np.log(w)
        if self.kind == "lognormal":
            spread = spread + 2 * np.log(np.where(measured, self.value, 1.0))
        low, high = (x[~measured] / s for x in self.limits(f, ratio))
        log_p = log_interval(low, high, self.degrees)
        return float(spread[measured].sum() - 2 * log_p.sum())

    def sd(self, f: FloatArray, ratio: float = 0.0) -> FloatArray:
        """Return the standard deviation (scale) of observations about predictions `f` (on the logarithm for lognormal)."""
        return self.scale.s * self.weight(f, ratio)[0]

    def weighted_residuals(self, f: FloatArray, ratio: float = 0.0) -> FloatArray:
        """Return (y - f) / sd, the weighted residuals that plots show."""
        return self.standardised(f, ratio)[0] / self.scale.s

    def draw(self, f: FloatArray, ratio: float, random: np.random.Generator) -> FloatArray:
        """Return random observations for the predictions `f`."""
        normal = np.isinf(self.degrees)
        u = random.standard_normal(f.shape) if normal else random.standard_t(self.degrees, f.shape)
        return f * np.exp(self.scale.s * u) if self.kind == "lognormal" else f + self.sd(f, ratio) * u

    def half_width(self, level: float) -> float:
        """Return the half width, in scales, of the interval that contains this proportion of the observations."""
        return half_width(level, self.degrees)

    def describe(self, ratio: float, unit: str, correction: float = 1.0) -> str:
        """Return the error model with its size, in words."""
        s = self.scale.s * correction
        tails = "" if np.isinf(self.degrees) else f" (Student's t, {self.degrees:g} degrees of freedom)"
        if self.kind == "additive":
            return f"additive, {s:.3g} {unit}{tails}"
        if self.kind == "combined":
            return f"combined, {100 * s:.3g} % and {s * ratio:.3g} {unit}{tails}"
        if self.kind not in ERRORS:
            own = error_weight(self.kind).parameter
            return f"{self.kind}, size {s:.3g}{f', {own} {ratio:.3g}' if own else ''}{tails}"
        return f"{self.kind}, {100 * s:.3g} %{tails}"


def best_scale(models: Sequence[ErrorModel], r: Sequence[FloatArray], limits: Sequence[tuple[FloatArray, FloatArray]]) -> float:
    """Return the maximum-likelihood error scale shared by some quantities, from r = (y - f) / w and the limits of r."""
    count = sum(m.squares(x, 1.0)[1] for m, x in zip(models, r, strict=True))
    smallest = max(m.smallest for m in models)
    if not count:
        return models[0].scale.s
    measured = np.concatenate([x[m.censoring == MEASURED] for m, x in zip(models, r, strict=True)])
    plain = max(float(np.sqrt(np.mean(measured**2))), smallest)
    if all(np.isinf(m.degrees) and (m.censoring == MEASURED).all() for m in models):
        return plain

    def negative(log_s: float) -> float:
        s = np.exp(log_s)
        seen = sum(m.squares(x, s)[0] for m, x in zip(models, r, strict=True))
        hidden = sum(
            float(log_interval(low[m.censoring != MEASURED] / s, high[m.censoring != MEASURED] / s, m.degrees).sum())
            for m, (low, high) in zip(models, limits, strict=True)
        )
        return float(count * log_s + seen / 2 - hidden)

    middle = np.log(plain)
    found = minimize_scalar(negative, bounds=(middle - 3, middle + 3), method="bounded", options={"xatol": 1e-9}).x
    return max(float(np.exp(found)), smallest)


def error_models(
    observations: Observations, error: str | Mapping[str, str], student: float | Mapping[str, float] | None = None
) -> tuple[ErrorModel, ...]:
    """Return the error model of each quantity: normal errors, or Student's t with its degrees of freedom.

    Raises
    ------
    FitError
        If a kind or quantity is not known, or the values do not suit the kind.
    """
    kinds, problems = error_kinds(error, observations.quantities, known_errors())
    degrees = {} if student is None else dict(student) if isinstance(student, Mapping) else dict.fromkeys(kinds, student)
    problems += [Problem("student", f"{q!r} is not a fitted quantity", nearest(q, kinds)) for q in degrees if q not in kinds]
    problems += [
        Problem("student", f"{d!r} degrees of freedom", "a number above 0, for example 4")
        for d in degrees.values()
        if not (is_number(d) and d > 0)
    ]
    FitError.raise_if(problems)
    models = tuple(
        replace(_error_model(observations, i, q, kinds[q]), degrees=float(degrees.get(q, np.inf)))
        for i, q in enumerate(observations.quantities)
    )
    problems = [
        p
        for m, q in zip(models, observations.quantities, strict=True)
        for p in without_likelihood(m.kind, observations, m.rows, q, m.kind == "proportional")
    ]
    FitError.raise_if(problems)
    return models


def error_kinds(
    error: str | Mapping[str, str], quantities: tuple[str, ...], known: Sequence[str]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the kind of error of each quantity, and what is wrong with those that were stated."""
    kinds = dict.fromkeys(quantities, str(error)) if isinstance(error, str) else {q: str(k) for q, k in error.items()}
    problems = [
        Problem("error", f"{q!r} is not a fitted quantity", nearest(q, quantities)) for q in kinds if q not in quantities
    ]
    problems += [
        Problem("error", f"quantity {q!r} has no error model", "state one per quantity") for q in quantities if q not in kinds
    ]
    unknown = [k for k in dict.fromkeys(kinds.values()) if k not in known]
    return kinds, problems + [Problem("error", f"{k!r} is not an error model", nearest(k, known)) for k in unknown]


def _error_model(observations: Observations, index: int, quantity: str, kind: str) -> ErrorModel:
    rows = np.flatnonzero(observations.quantity == index)
    value = observations.value[rows]
    name = f"error_{error_weight(kind).parameter or 'ratio'}"
    key = f"{name}__{quantity}" if len(observations.quantities) > 1 else name
    return ErrorModel(kind, rows, value, observations.censoring[rows], observations.lower[rows], prediction_floor(value), key)


def prediction_floor(values: FloatArray) -> float:
    """Return the floor of predictions: far below the largest value, and below every value that is not zero.

    The smallest value matters if values span many orders of magnitude, as tumours do in a simulation without dropout.
    """
    sizes = np.abs(values[values != 0])
    return float(min(SMALLEST * sizes.max(), _BELOW * sizes.min())) if sizes.size else SMALLEST


def without_likelihood(kind: str, seen: Observations, rows: IntArray, quantity: str, above_zero: bool = False) -> list[Problem]:
    """Return why observations of a quantity have no likelihood under an error model for any parameters.

    Parameters
    ----------
    kind : of the error model
    rows : the observations of the quantity
    above_zero : whether measured values must be above zero; log-normal errors always need this
    """
    value, lower, censoring = seen.value[rows], seen.lower[rows], seen.censoring[rows]
    left, relative = censoring == LEFT, kind in ("proportional", "lognormal")
    between = censoring == INTERVAL
    empty, beneath = between & ~(lower < value), between & (lower < value) & (value <= 0) & (kind == "lognormal")
    states = (
        (
            (censoring == MEASURED) & (value <= 0) & (above_zero or kind == "lognormal"),
            f"zero or negative, which {kind} errors do not allow",
            "use error='combined' or 'additive'",
        ),
        (
            left & (value <= 0) & relative,
            f"left-censored at zero or less, where {kind} errors have probability 0 or 1",
            "give the limit of quantification as the value (left-censored: the true value is below it)",
        ),
        (empty, "known to lie in an interval of no width", "a lower limit below the value; or a measured value, censoring ''"),
        (beneath, "known to lie in an interval at zero or less, which lognormal errors do not allow", "use error='additive'"),
    )
    return [
        Problem("error" if k == 0 else "data", _counted(what, bad, seen, rows, quantity), right)
        for k, (bad, what, right) in enumerate(states)
        if bad.any()
    ]


def _counted(what: str, bad: NDArray[np.bool_], seen: Observations, rows: IntArray, quantity: str) -> str:
    """Return how many values are concerned, and the first of their rows."""
    at = ", ".join(str(seen.rows[i]) for i in rows[bad][:5])
    count = int(bad.sum())
    return f"{count} of {len(bad)} values of {quantity!r} {'is' if count == 1 else 'are'} {what} (row {at})"


def ratio_start(model: ErrorModel) -> tuple[float, float, float]:
    """Return start and bounds of the parameter that an error model's weight depends on."""
    start = error_weight(model.kind).start
    assert start is not None
    return start(model.value)
