"""The rates of change of a model and their Jacobian as functions of the states, for fixed parameters and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.model.closed_model import resolve
from immunoode.model.expressions import TIME, first_dose
from immunoode.model.library import load_model
from immunoode.model.model import Model
from immunoode.model.symbolic import derivative

FloatArray = NDArray[np.float64]
STEPS = 80
"""The largest number of Newton steps to quasi-steady states."""


@dataclass(frozen=True)
class Rates:
    """The rates of change of a model without doses.

    Attributes
    ----------
    states, units : tuple of str
    initial : ndarray, shape (n,)
    """

    states: tuple[str, ...]
    units: tuple[str, ...]
    initial: FloatArray
    _function: Any
    _slopes: Any

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the rates of change per day, with the shape of the states: (n,) or (m, n)."""
        return np.asarray(self._function(states)).reshape(np.shape(states))

    def jacobian(self, states: FloatArray) -> FloatArray:
        """Return the Jacobian of the rates, shape (n, n) for states (n,), or (m, n, n) for states (m, n)."""
        n = len(self.states)
        return np.asarray(self._slopes(states)).reshape(*np.shape(states)[:-1], n, n)


def rates_of(model: Model | str, parameters: Mapping[str, float] | None = None, time: float = 0.0) -> Rates:
    """Return the rates of change of a model as functions of its states.

    Raises
    ------
    ModelError
        If the model has missing needs, or a name is not a parameter.
    """
    import symengine as se

    given = load_model(model) if isinstance(model, str) else model
    eq = resolve(given.with_values(**parameters) if parameters else given).equations
    fixed = {se.Symbol(k): se.RealDouble(v) for k, v in zip(eq.parameters, eq.values, strict=True)}
    for name in (TIME, *map(first_dose, eq.counted)):  # without a dose, no time has passed since the first
        fixed[se.Symbol(name)] = se.RealDouble(time)
    symbols = [se.Symbol(s) for s in eq.states]
    rhs = [expression.xreplace(fixed) for expression in eq.rhs]
    slopes = [derivative(rate, symbol) for rate in rhs for symbol in symbols]
    start = np.array([float(expression.xreplace(fixed)) for expression in eq.initial])
    return Rates(eq.states, eq.units, start, se.Lambdify(symbols, rhs), se.Lambdify(symbols, slopes))


def at_rest(rates: Rates, points: FloatArray, fast: list[int]) -> FloatArray:
    """Return points, shape (m, n), with the `fast` states at their quasi-steady values and the others fixed.

    The values are found by Newton's method and are never negative; rows without convergence become NaN.
    """
    at = points.copy()
    if not fast:
        return at
    block = np.ix_(range(len(at)), fast, fast)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            slopes = rates.jacobian(at)[block]
            usable = np.isfinite(slopes).all(axis=(1, 2)) & (np.abs(np.linalg.det(np.nan_to_num(slopes))) > 0)
            slopes[~usable] = np.eye(len(fast))
            step = np.linalg.solve(slopes, rates(at)[:, fast][..., None])[..., 0]
            new = np.maximum(at[:, fast] - step, 0.0)
            moved = np.abs(new - at[:, fast]) > 1e-9 * np.abs(new) + 1e-15
            at[:, fast] = new
            if not (moved.any(axis=1) & usable).any():
                break
    at[moved.any(axis=1) | ~usable] = np.nan
    return at
