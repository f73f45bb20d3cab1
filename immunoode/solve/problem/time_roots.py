"""Every time at which a function of time alone crosses zero or a whole number, found safely: by interval arithmetic.

A span is halved until, on each part, the function is seen to have no root, or to be monotone (one bisection then finds the
root), or the part is as short as the resolution of time, in which case the function jumps or touches zero. Parts are arrays, so
that thousands of roots cost hardly more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import Problem, SolveError
from immunoode.model.symbolic import Expr
from immunoode.solve.problem.packed_input import FloatArray

_Flags = NDArray[np.bool_]
MOST = 1_000_000
"""The maximum number of parts that are examined together; with more, the switches would not end."""
_SHORT = 1e-8
"""Fraction of a time below which a function without a jump is approximated by a parabola, which touches zero at most once."""
_SHORTEST = 4e-15
"""Relative difference below which times count as equal."""
_NEAR_ZERO = 1e-3
"""Fraction of the span that is the smallest scale for the comparison of times."""
_FLAT = 1e-6
"""Slope times time below which a zero counts as touched, because rounding makes it look like several zeros."""
_BISECTIONS = 60


@dataclass(frozen=True)
class Range:
    """Bounds of a function and of its derivative with respect to time, over each of N parts: arrays of shape (N,)."""

    low: FloatArray
    high: FloatArray
    slope_low: FloatArray
    slope_high: FloatArray


def roots(expression: Expr, values: Mapping[str, float], start: float, end: float, step: bool = False) -> FloatArray:
    """Return the times in (start, end] at which an expression of `time` changes its sign, touches zero, or jumps over it.

    Parameters
    ----------
    expression : Expr
        Arithmetic and functions of `time` and of names that have values.
    values : mapping of str to float
    start, end : float
    step : bool
        Whether to find times at which the expression is an integer.

    Raises
    ------
    SolveError
        If there are more than a model can plausibly need.
    """
    import symengine as se

    tree = se.sin(se.pi * expression) if step else expression
    reader = _Reader(values)
    apart: dict[str, list[tuple[FloatArray, FloatArray]]] = {"single": [], "short": [], "shortest": []}
    low, high = (np.linspace(start, end, 65)[part] for part in (slice(None, -1), slice(1, None)))
    with np.errstate(all="ignore"):
        while low.size:
            if low.size > MOST:
                right = "a shorter span, or conditions that switch less often"
                raise SolveError(Problem("conditions that depend on time", f"switch more than {MOST} times", right))
            bounds = reader.range(tree, low, high)
            size = np.maximum(np.maximum(np.abs(low), np.abs(high)), _NEAR_ZERO * (end - start))
            rest = (bounds.low <= 0) & (bounds.high >= 0)
            smooth = np.isfinite(bounds.slope_low) & np.isfinite(bounds.slope_high)
            ends = {
                "single": (bounds.slope_low > 0) | (bounds.slope_high < 0),
                "short": smooth & (high - low <= _SHORT * size),
                "shortest": high - low <= _SHORTEST * size,
            }
            for name, chosen in ends.items():
                apart[name].append((low[rest & chosen], high[rest & chosen]))
                rest &= ~chosen
            low, high = low[rest], high[rest]
            middle = 0.5 * (low + high)
            low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        single, short, shortest = ((np.concatenate(side) for side in zip(*parts, strict=True)) for parts in apart.values())
        found = [_crossings(reader, tree, *single), _touching(reader, tree, *short), list(shortest)[1]]
    times = np.unique(np.concatenate(found))
    times = times[(times > start + _SHORTEST * (end - start)) & (times <= end)]
    return times[np.diff(times, prepend=-np.inf) > 4 * _SHORTEST * np.abs(times)]


def _crossings(reader: _Reader, tree: Expr, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the times at which a function that is monotone on each part changes its sign, if it does."""
    first, last = reader.range(tree, low, low), reader.range(tree, high, high)
    flat = [(f.low == 0) & (np.abs(f.slope_low * t) < _FLAT) for f, t in ((first, low), (last, high))]
    changes = (first.low * last.low <= 0) & ~(flat[0] | flat[1])
    return _bracketed(lambda t: reader.range(tree, t, t), low[changes], high[changes])


def _touching(reader: _Reader, tree: Expr, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the roots on short parts: on both sides of the extremum, and the extremum itself if it touches zero."""

    def slope(t: FloatArray) -> FloatArray:
        return reader.range(tree, t, t).slope_low

    turns = slope(low) * slope(high) <= 0
    middle = np.where(turns, _bisected(slope, low, high), 0.5 * (low + high))
    near = np.abs(reader.at(tree, middle)) <= 1e-14
    sides = [_crossings(reader, tree, a[~near], b[~near]) for a, b in ((low, middle), (middle, high))]
    return np.concatenate([*sides, middle[turns & near]])


def _bracketed(function: Callable[[FloatArray], Range], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the root of a monotone function on each part, by Newton's steps within brackets and bisection."""
    low, high = low.copy(), high.copy()
    rising, t = function(low).low < function(high).low, 0.5 * (low + high)
    for _ in range(_BISECTIONS if low.size else 0):
        here = function(t)
        before = (here.low < 0) == rising
        low, high = np.where(before & (here.low != 0), t, low), np.where(before & (here.low != 0), high, t)
        step = t - here.low / here.slope_low
        inside = (step > low) & (step < high)
        new = np.where(here.low == 0, t, np.where(inside, step, 0.5 * (low + high)))
        if np.all(np.abs(new - t) <= 2e-16 * np.abs(t)):
            break
        t = new
    return t


def _bisected(function: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    low, high, rising = low.copy(), high.copy(), function(low) < function(high)
    for _ in range(_BISECTIONS if low.size else 0):
        middle = 0.5 * (low + high)
        before = (function(middle) < 0) == rising
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return high


class _Reader:
    """Reads trees with known names."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values

    def at(self, tree: Expr, times: FloatArray) -> FloatArray:
        """Return the values at times."""
        return self.range(tree, times, times).low

    def range(self, tree: Expr, low: FloatArray, high: FloatArray) -> Range:
        """Return the bounds over parts of time."""
        kind = type(tree).__name__
        if tree.is_Symbol:
            if str(tree) == "time":
                return Range(low, high, np.ones_like(low), np.ones_like(low))
            return _constant(self.values[str(tree)], low)
        if not tree.args:
            return _constant(float(tree), low)
        if kind == "Piecewise":
            return self._piecewise(tree, low, high)
        parts = [self.range(part, low, high) for part in tree.args]
        if kind in ("Add", "Mul"):
            total = parts[0]
            for part in parts[1:]:
                total = _sum(total, part) if kind == "Add" else _product(total, part)
            return total
        if kind == "Pow":
            return _power(parts[0], parts[1])
        return _FUNCTIONS[kind](parts[0])

    def _piecewise(self, tree: Expr, low: FloatArray, high: FloatArray) -> Range:
        """Return the bounds of the branches that could be taken; if there is more than one, the function may jump."""
        import symengine as se

        low_, high_ = np.full_like(low, np.inf), np.full_like(low, -np.inf)
        slopes, count = [np.full_like(low, np.inf), np.full_like(low, -np.inf)], np.zeros_like(low)
        left = np.ones_like(low, dtype=bool)
        for value, condition in zip(tree.args[::2], tree.args[1::2], strict=True):
            always, never = (left, ~left) if condition == se.true else self._holds(condition, low, high)
            taken = left & ~never
            part = self.range(value, low, high)
            low_, high_ = np.where(taken, np.fmin(low_, part.low), low_), np.where(taken, np.fmax(high_, part.high), high_)
            slopes = [
                np.where(taken, choose(s, own), s)
                for choose, s, own in zip((np.fmin, np.fmax), slopes, (part.slope_low, part.slope_high), strict=True)
            ]
            count += taken
            left = left & ~always
        many = count > 1
        return Range(low_, high_, np.where(many, -np.inf, slopes[0]), np.where(many, np.inf, slopes[1]))

    def _holds(self, condition: Expr, low: FloatArray, high: FloatArray) -> tuple[_Flags, _Flags]:
        """Return the parts on which a condition certainly holds, and those on which it certainly does not."""
        kind = type(condition).__name__
        if kind in ("And", "Or"):
            each = [self._holds(part, low, high) for part in condition.args]
            surely, never = (np.array([e[k] for e in each]) for k in (0, 1))
            both = (np.all(surely, axis=0), np.any(never, axis=0)), (np.any(surely, axis=0), np.all(never, axis=0))
            return both[0] if kind == "And" else both[1]
        if kind == "Not":
            surely, never = self._holds(condition.args[0], low, high)
            return never, surely
        if kind in ("BooleanTrue", "BooleanFalse"):
            yes = np.full(low.shape, kind == "BooleanTrue")
            return yes, ~yes
        a, b = (self.range(part, low, high) for part in condition.args)
        if kind == "StrictLessThan":
            return a.high < b.low, a.low >= b.high
        return a.high <= b.low, a.low > b.high


def _constant(value: float, like: FloatArray) -> Range:
    return Range(np.full_like(like, value), np.full_like(like, value), np.zeros_like(like), np.zeros_like(like))


def _times(a: tuple[FloatArray, FloatArray], b: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of a product; zero times infinity is zero."""
    products = np.array([x * y for x in a for y in b])
    products = np.where(np.isnan(products), 0.0, products)
    return products.min(0), products.max(0)


def _sum(a: Range, b: Range) -> Range:
    return Range(a.low + b.low, a.high + b.high, a.slope_low + b.slope_low, a.slope_high + b.slope_high)


def _product(a: Range, b: Range) -> Range:
    value = _times((a.low, a.high), (b.low, b.high))
    first = _times((a.low, a.high), (b.slope_low, b.slope_high))
    second = _times((b.low, b.high), (a.slope_low, a.slope_high))
    return Range(*value, first[0] + second[0], first[1] + second[1])


def _through(a: Range, value: tuple[FloatArray, FloatArray], slope: tuple[FloatArray, FloatArray]) -> Range:
    """Return the bounds of f(a) from those of f and of f' on the bounds of a."""
    return Range(*value, *_times(slope, (a.slope_low, a.slope_high)))


def _sorted(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.fmin(x, y), np.fmax(x, y)


def _reciprocal(a: Range) -> Range:
    around = (a.low <= 0) & (a.high >= 0)
    low, high = _sorted(1 / a.low, 1 / a.high)
    steep = _sorted(-1 / a.low**2, -1 / a.high**2)
    infinite = np.full_like(a.low, np.inf)
    return _through(
        a,
        (np.where(around, -infinite, low), np.where(around, infinite, high)),
        (np.where(around, -infinite, steep[0]), np.where(around, 0.0, steep[1])),
    )


def _power(base: Range, exponent: Range) -> Range:
    """Return the bounds of a power; an integer exponent allows any base, other exponents only positive bases."""
    fixed = bool(np.all(exponent.low == exponent.high)) and not np.any(exponent.slope_low) and exponent.low.size
    if not fixed:
        return _exp(_product(exponent, _log(base)))
    n = float(exponent.low[0])
    if n < 0:
        return _reciprocal(_power(base, _constant(-n, base.low)))
    low, high = (base.low, base.high) if n.is_integer() else (np.fmax(base.low, 0.0), np.fmax(base.high, 0.0))
    value, slope = _sorted(low**n, high**n), _sorted(n * low ** (n - 1), n * high ** (n - 1))
    if n.is_integer() and n % 2 == 0:
        around = (low < 0) & (high > 0)
        value = np.where(around, 0.0, value[0]), value[1]
    elif n.is_integer():
        around = (low < 0) & (high > 0)
        slope = np.where(around & (n > 1), 0.0, slope[0]), slope[1]
    else:
        value = tuple(np.where(base.high < 0, np.nan, v) for v in value)  # type: ignore[assignment]
    return _through(base, value, slope)


def _exp(a: Range) -> Range:
    value = np.exp(a.low), np.exp(a.high)
    return _through(a, value, value)


def _log(a: Range) -> Range:
    """Return the bounds of a logarithm; there are none if no point of the part is above zero."""
    low, high = np.log(np.fmax(a.low, 0.0)), np.where(a.high < 0, np.nan, np.log(a.high))
    return _through(a, (low, high), (1 / a.high, 1 / np.fmax(a.low, 0.0)))


def _cos_bounds(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    ends = _sorted(np.cos(low), np.cos(high))
    top = np.floor(high / (2 * np.pi)) >= np.ceil(low / (2 * np.pi))
    bottom = np.floor((high - np.pi) / (2 * np.pi)) >= np.ceil((low - np.pi) / (2 * np.pi))
    return np.where(bottom, -1.0, ends[0]), np.where(top, 1.0, ends[1])


def _sin_bounds(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As `_cos_bounds`; at the ends the sine itself, which is exact near zero."""
    shifted = _cos_bounds(low - np.pi / 2, high - np.pi / 2)
    ends = _sorted(np.sin(low), np.sin(high))
    return np.where(shifted[0] == -1.0, -1.0, ends[0]), np.where(shifted[1] == 1.0, 1.0, ends[1])


def _sin(a: Range) -> Range:
    return _through(a, _sin_bounds(a.low, a.high), _cos_bounds(a.low, a.high))


def _cos(a: Range) -> Range:
    sine = _sin_bounds(a.low, a.high)
    return _through(a, _cos_bounds(a.low, a.high), (-sine[1], -sine[0]))


def _tanh(a: Range) -> Range:
    value = np.tanh(a.low), np.tanh(a.high)
    slope = _sorted(1 - value[0] ** 2, 1 - value[1] ** 2)
    around = (a.low < 0) & (a.high > 0)
    return _through(a, value, (slope[0], np.where(around, 1.0, slope[1])))


def _atan(a: Range) -> Range:
    slope = _sorted(1 / (1 + a.low**2), 1 / (1 + a.high**2))
    around = (a.low < 0) & (a.high > 0)
    return _through(a, (np.arctan(a.low), np.arctan(a.high)), (slope[0], np.where(around, 1.0, slope[1])))


def _inside(a: Range) -> tuple[FloatArray, FloatArray]:
    return np.clip(a.low, -1.0, 1.0), np.clip(a.high, -1.0, 1.0)


def _steep(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of 1 / sqrt(1 - x^2)."""
    slope = _sorted(1 / np.sqrt(1 - low**2), 1 / np.sqrt(1 - high**2))
    return np.where((low < 0) & (high > 0), 1.0, slope[0]), slope[1]


def _asin(a: Range) -> Range:
    low, high = _inside(a)
    return _through(a, (np.arcsin(low), np.arcsin(high)), _steep(low, high))


def _acos(a: Range) -> Range:
    low, high = _inside(a)
    slope = _steep(low, high)
    return _through(a, (np.arccos(high), np.arccos(low)), (-slope[1], -slope[0]))


def _floor(a: Range) -> Range:
    low, high = np.floor(a.low), np.floor(a.high)
    jumps = low != high
    return Range(low, high, np.where(jumps, -np.inf, 0.0), np.where(jumps, np.inf, 0.0))


def _abs(a: Range) -> Range:
    low, high = _sorted(np.abs(a.low), np.abs(a.high))
    around = (a.low < 0) & (a.high > 0)
    sign = np.where(a.high <= 0, -1.0, np.where(around, -1.0, 1.0)), np.where(a.low >= 0, 1.0, np.where(around, 1.0, -1.0))
    return _through(a, (np.where(around, 0.0, low), high), sign)


_FUNCTIONS: Mapping[str, Callable[[Range], Range]] = {
    "log": _log,
    "sin": _sin,
    "cos": _cos,
    "tanh": _tanh,
    "atan": _atan,
    "asin": _asin,
    "acos": _acos,
    "floor": _floor,
    "ATan": _atan,
    "ASin": _asin,
    "ACos": _acos,
    "Abs": _abs,
}
