"""Steady states of a model without doses, and their stability."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from immunoode.analysis.rates import FloatArray, Rates, rates_of
from immunoode.errors import ModelError, Problem
from immunoode.number_checks import is_whole

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model

STARTS = 400
"""The default number of starting points."""
SPREAD = 4.0
"""Decades above and below the initial values over which starting points are drawn."""
TRAJECTORY = (1.0, 2000.0, 24)
"""First and last day, and number, of starting points on the trajectory from the initial values."""
MOST = 12
"""With more steady states than this, they probably lie on a curve."""
NEAR = 1e-4
"""Relative distance of two results of searches for the same degenerate root."""
SAME, SETTLED = 1e-6, 1e-9
"""Relative distance of equal roots; rate at a steady state, relative to the flow through the state."""


def steady_states(
    model: Model | str, parameters: Mapping[str, float] | None = None, *, starts: int = STARTS, seed: int = 0
) -> pd.DataFrame:
    """Find the steady states of a model without doses.

    Parameters
    ----------
    model : Model or str
    parameters : mapping, optional
        Values that replace those of the model.
    starts : int
        Number of starting points: the initial values, zeros, points on the trajectory from the initial values, and random
        points within four decades of these.
    seed : int

    Returns
    -------
    DataFrame
        One row per steady state: one column per state (not negative), `stability` ("stable", "stable focus", "saddle",
        "unstable", "unstable focus"; "centre" if real parts are zero and the state oscillates; "undecided" if the largest real
        part is zero otherwise, or the Jacobian is undefined), and `largest_real_part` of the eigenvalues (per day). Some steady
        states may be missed; more starting points find more. Rates that depend on time are those of day 0.

    Warns
    -----
    UserWarning
        If there are so many steady states that they are probably points of a curve.

    Raises
    ------
    ModelError
        If the model has missing needs, or a name is not a parameter.

    Examples
    --------
    >>> import immunoode as imo
    >>> found = imo.analysis.steady_states("kuznetsov1994")
    >>> found["stability"].tolist()
    ['stable', 'saddle', 'saddle', 'stable focus']
    """
    import pandas as pd

    if not is_whole(starts, 1):
        raise ModelError(Problem("starts", f"is {starts}", "one or more"))
    rates = rates_of(model, parameters)
    found: list[FloatArray] = []
    for start in _starts(rates, starts, np.random.default_rng(seed)):
        root = _search(rates, start)
        if root is not None and not any(_equal(root, other) for other in found):
            found.append(root)
    found = _without_duplicates(rates, found)
    rows = [dict(zip(rates.states, root, strict=True)) | _stability(rates.jacobian(root)) for root in sorted(found, key=tuple)]
    if len(rows) > MOST:
        warnings.warn(f"{len(rows)} steady states were found; they are probably points of a curve", stacklevel=2)
    return pd.DataFrame(rows, columns=[*rates.states, "stability", "largest_real_part"])


def _starts(rates: Rates, count: int, random: np.random.Generator) -> FloatArray:
    """Return the starting points, shape (count, n), around the initial values and the trajectory from them."""
    usual = _magnitude(rates)
    course = _trajectory(rates)
    about = np.vstack([usual, np.where(course > 0, course, usual)])[random.integers(0, len(course) + 1, count)]
    about[: count // 2] = usual
    points = about * 10 ** random.uniform(-SPREAD, SPREAD, (count, len(usual)))
    points[random.random(points.shape) < 0.15] = 0.0
    some = np.vstack([rates.initial, np.zeros_like(usual), course])[:count]
    points[: len(some)] = some
    return points


def _magnitude(rates: Rates) -> FloatArray:
    """Return the order of magnitude of each state, never zero."""
    return np.where(rates.initial > 0, rates.initial, max(float(np.median(rates.initial)), 1.0))


def _trajectory(rates: Rates) -> FloatArray:
    """Return states on the trajectory from the initial values, at times from a day to years, shape (k, n); k may be 0."""
    from scipy.integrate import solve_ivp

    times = np.geomspace(*TRAJECTORY)

    def change(_: float, y: FloatArray) -> FloatArray:
        return np.nan_to_num(rates(y), nan=0.0, posinf=0.0, neginf=0.0)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = solve_ivp(change, (0.0, times[-1]), rates.initial, method="LSODA", t_eval=times, rtol=1e-4, atol=1e-9)
    seen = run.y.T
    return np.maximum(seen[np.isfinite(seen).all(axis=1)], 0.0)


def _search(rates: Rates, start: FloatArray) -> FloatArray | None:
    """Return the steady state that Newton's method finds from a point, or None."""
    from scipy.optimize import root

    scale = np.where(start > 0, start, 1.0)

    def scaled(x: FloatArray) -> FloatArray:
        return rates(x * scale) / scale

    def slopes(x: FloatArray) -> FloatArray:
        return rates.jacobian(x * scale) * scale / scale[:, None]

    with np.errstate(all="ignore"):
        try:
            found = root(scaled, start / scale, jac=slopes, method="hybr", options={"xtol": 1e-13, "maxfev": 400})
        except (ValueError, ArithmeticError):
            return None
        at = found.x * scale
    little = np.minimum(scale, _magnitude(rates))
    at = np.where(np.abs(at) < 1e-9 * little, 0.0, at)
    with np.errstate(all="ignore"):
        left = np.abs(rates(at))
        through = np.abs(rates.jacobian(at)) @ np.maximum(np.abs(at), 1e-9 * little) + 1e-300
    if not np.isfinite(left).all() or not np.isfinite(at).all() or (at < 0).any():
        return None
    return at if (left <= SETTLED * through + 1e-12 * little).all() else None


def _without_duplicates(rates: Rates, found: list[FloatArray]) -> list[FloatArray]:
    """Return roots without duplicates; near a double root, searches stop at different points."""
    typical = np.maximum(rates.initial, _trajectory(rates).max(axis=0, initial=0.0)) + 1e-300
    kept: list[tuple[FloatArray, bool]] = []
    for root in sorted(found, key=lambda at: (-int((at == 0).sum()), tuple(at))):
        flat = _is_flat(rates.jacobian(root))
        if not any(flat and other and (np.abs(root - at) <= NEAR * typical).all() for at, other in kept):
            kept.append((root, flat))
    return [root for root, _ in kept]


def _is_flat(jacobian: FloatArray) -> bool:
    """Return whether the Jacobian is nearly singular."""
    if not np.isfinite(jacobian).all():
        return False
    values = np.abs(np.linalg.eigvals(jacobian))
    return bool(values.min() <= NEAR * values.max())


def _equal(a: FloatArray, b: FloatArray) -> bool:
    return bool((np.abs(a - b) <= SAME * np.maximum(np.abs(a), np.abs(b)) + 1e-12).all())


def _stability(jacobian: FloatArray) -> dict[str, object]:
    """Return the stability from the eigenvalues; "undecided" if the Jacobian is undefined."""
    if not np.isfinite(jacobian).all():
        return {"stability": "undecided", "largest_real_part": float("nan")}
    values = np.linalg.eigvals(jacobian)
    real, largest = values.real, float(values.real.max())
    little = 1e-10 * max(1.0, float(np.abs(values).max()))
    turns = bool((np.abs(values.imag[np.abs(real - largest) <= little]) > little).any())
    if abs(largest) <= little:
        name = "centre" if turns and (real > -little).all() else "undecided"
    elif largest < 0:
        name = "stable focus" if turns else "stable"
    else:
        name = "saddle" if (real < -little).any() else "unstable focus" if turns else "unstable"
    return {"stability": name, "largest_real_part": largest}
