"""Dual numbers: values with derivatives with respect to the estimated parameters, and formulas by the chain rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.model.symbolic import Expr, derivative

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Dual:
    """Values of shape (...) and their derivatives (..., m) with respect to m estimated parameters.

    `slope` is None if all are zero.
    """

    value: FloatArray
    slope: FloatArray | None = None

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, _sum(_scaled(self.slope, other.value), _scaled(other.slope, self.value)))

    def __truediv__(self, other: Dual) -> Dual:
        return self * Dual(1 / other.value, _scaled(other.slope, -1 / other.value**2))


def _scaled(slope: FloatArray | None, factor: FloatArray) -> FloatArray | None:
    return None if slope is None else slope * factor


def _sum(a: FloatArray | None, b: FloatArray | None) -> FloatArray | None:
    return b if a is None else a if b is None else a + b


def as_dual(value: ArrayLike, slope: FloatArray | None = None) -> Dual:
    """Return numbers as a Dual."""
    return Dual(np.asarray(value, dtype=float), slope)


def take_rows(values: Dual, rows: Any) -> Dual:
    """Return some rows of a Dual."""
    return Dual(values.value[rows], None if values.slope is None else values.slope[rows])


def dense_slopes(values: Dual, count: int) -> FloatArray:
    """Return the slopes of a Dual as an array also if all are zero, shape (..., count)."""
    shape = (*values.value.shape, count)
    return np.zeros(shape) if values.slope is None else np.broadcast_to(values.slope, shape)


def slope_count(values: Iterable[Dual]) -> int:
    """Return the number of parameters of the slopes, 0 if no Dual has slopes."""
    return max((v.slope.shape[-1] for v in values if v.slope is not None), default=0)


def concatenate(parts: Sequence[Dual]) -> Dual:
    """Return the values and slopes of several Duals, one after another."""
    if len(parts) == 1:
        return parts[0]
    count = slope_count(parts)
    value = np.concatenate([p.value for p in parts])
    return Dual(value, np.concatenate([dense_slopes(p, count) for p in parts]) if count else None)


def choose(values: Sequence[Dual], index: Any) -> Dual:
    """Return one of several scalar Duals for each element of an index; a single one stays a scalar."""
    if len(values) == 1:
        return values[0]
    count = slope_count(values)
    value = np.array([float(v.value) for v in values])[index]
    return Dual(value, np.array([dense_slopes(v, count) for v in values])[index] if count else None)


class Formula:
    """An expression as a function of named Duals."""

    def __init__(self, expression: Expr) -> None:
        self.expression = expression
        self.names: tuple[str, ...] = tuple(sorted(str(s) for s in expression.free_symbols))

    @cached_property
    def _value(self) -> Any:
        return self._function([self.expression])

    @cached_property
    def _slopes(self) -> Any:
        return self._function([derivative(self.expression, symbol) for symbol in self._symbols()])

    def _symbols(self) -> list[Any]:
        import symengine as se

        return [se.Symbol(name) for name in self.names]

    def _function(self, expressions: list[Expr]) -> Any:
        import symengine as se

        return se.Lambdify(self._symbols(), expressions, cse=True)

    def __call__(self, look: Callable[[str], Dual]) -> Dual:
        """Return the value, with slopes if any of its arguments has slopes.

        Parameters
        ----------
        look : callable
            Returns the Dual of each of `names`; they broadcast against each other.
        """
        if not self.names:
            return as_dual(float(self.expression))
        parts = [look(name) for name in self.names]
        columns = np.stack(np.broadcast_arrays(*(p.value for p in parts)), axis=-1)
        shape = columns.shape[:-1]
        value = np.asarray(self._value(columns)).reshape(shape)
        moving = [k for k, part in enumerate(parts) if part.slope is not None]
        if not moving:
            return Dual(value)
        partial = np.asarray(self._slopes(columns)).reshape(columns.shape)
        total = sum(_times(partial[..., k, None], parts[k].slope) for k in moving)
        return Dual(value, np.asarray(total))


def _times(partial: FloatArray, slope: FloatArray | None) -> FloatArray:
    """Return partial times slope, which is zero for a slope of zero even if the partial derivative is not finite."""
    assert slope is not None
    with np.errstate(invalid="ignore"):
        return np.where(slope == 0, 0.0, partial * slope)
