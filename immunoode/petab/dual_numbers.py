"""Numbers with their slopes by the estimated parameters, and formulas that carry both through the chain rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from immunoode.model.symbolic import Expr, derivative

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Dual:
    """Values of shape (...) and their slopes (..., m) by m estimated parameters; `slope` None where all are zero."""

    value: FloatArray
    slope: FloatArray | None = None


def dual(value: ArrayLike, slope: FloatArray | None = None) -> Dual:
    """Return a Dual of plain numbers."""
    return Dual(np.asarray(value, dtype=float), slope)


def selected(values: Dual, rows: Any) -> Dual:
    """Return some rows of a Dual."""
    return Dual(values.value[rows], None if values.slope is None else values.slope[rows])


def slopes_of(values: Dual, count: int) -> FloatArray:
    """Return the slopes of a Dual with zeros written out, shape (..., count)."""
    shape = (*values.value.shape, count)
    return np.zeros(shape) if values.slope is None else np.broadcast_to(values.slope, shape)


class Formula:
    """An expression as a function of Duals by name."""

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
        """Return the value, with slopes where what it is made of has some.

        Parameters
        ----------
        look : callable
            Gives the Dual of each of `names`; they broadcast against each other.
        """
        if not self.names:
            return dual(float(self.expression))
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
    """Return partial times slope, where a slope of zero counts as zero even beside a partial without a value."""
    assert slope is not None
    with np.errstate(invalid="ignore"):
        return np.where(slope == 0, 0.0, partial * slope)
