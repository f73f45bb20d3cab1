"""Steady states of a model without doses, and whether they are stable."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from immunoode.analysis.rates import FloatArray, Rates, rates_of
from immunoode.errors import ModelError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.model.model import Model

STARTS = 400
"""Points that searches begin from."""
SPREAD = 4.0
"""Decades about the initial values, up and down, over which these lie."""
COURSE = (1.0, 2000.0, 24)
"""First and last day, and number, of points of the model's own course among them."""
MOST = 12
"""Steady states above which a model is likely to have a curve of them."""
NEAR = 1e-4
"""How near, relative to what a state usually is, two searches end that met the same root twice."""
SAME, SETTLED = 1e-6, 1e-9
"""Relative distance of two that are one; rate at a steady state, relative to what flows through a state."""


def steady_states(
    model: Model | str, parameters: Mapping[str, float] | None = None, *, starts: int = STARTS, seed: int = 0
) -> pd.DataFrame:
    """Find the steady states of a model without doses: where nothing changes.

    Parameters
    ----------
    model : Model or str
    parameters : mapping, optional
        Values other than the model's.
    starts : int
        Points from which searches begin: the initial values, zeros among them, points that the model passes from there, and
        points drawn over eight decades about these.
    seed : int

    Returns
    -------
    DataFrame
        One row per steady state: a column for each state (not below zero), `stability` ("stable", "stable focus", "saddle",
        "unstable", "unstable focus"; "centre" where real parts are zero and it turns; "undecided" where the largest real part
        is zero otherwise, or slopes have no value), and `largest_real_part` of the eigenvalues (a day). A search can miss one;
        more starts find more. Rates that depend on time are those of day 0.

    Warns
    -----
    UserWarning
        If there are so many that they are likely to lie on a curve, of which these are points.

    Raises
    ------
    ModelError
        If the model misses something, or a name is no parameter.

    Examples
    --------
    >>> import immunoode as imo
    >>> found = imo.analysis.steady_states("kuznetsov1994")
    >>> found["stability"].tolist()
    ['stable', 'saddle', 'saddle', 'stable focus']
    """
    import pandas as pd

    if starts < 1:
        raise ModelError(Problem("starts", f"is {starts}", "one or more"))
    rates = rates_of(model, parameters)
    found: list[FloatArray] = []
    for start in _starts(rates, starts, np.random.default_rng(seed)):
        root = _search(rates, start)
        if root is not None and not any(_alike(root, other) for other in found):
            found.append(root)
    found = _without_doubles(rates, found)
    rows = [dict(zip(rates.states, root, strict=True)) | _stability(rates.jacobian(root)) for root in sorted(found, key=tuple)]
    if len(rows) > MOST:
        warnings.warn(f"{len(rows)} steady states were found: they are likely to be points of a curve", stacklevel=2)
    return pd.DataFrame(rows, columns=[*rates.states, "stability", "largest_real_part"])


def _starts(rates: Rates, count: int, random: np.random.Generator) -> FloatArray:
    """Return points to begin from, shape (count, n): about the initial values and about where the model goes from them."""
    usual = _usual(rates)
    course = _course(rates)
    about = np.vstack([usual, np.where(course > 0, course, usual)])[random.integers(0, len(course) + 1, count)]
    about[: count // 2] = usual
    points = about * 10 ** random.uniform(-SPREAD, SPREAD, (count, len(usual)))
    points[random.random(points.shape) < 0.15] = 0.0
    some = np.vstack([rates.initial, np.zeros_like(usual), course])[:count]
    points[: len(some)] = some
    return points


def _usual(rates: Rates) -> FloatArray:
    """Return what states are of the order of, none of it zero."""
    return np.where(rates.initial > 0, rates.initial, max(float(np.median(rates.initial)), 1.0))


def _course(rates: Rates) -> FloatArray:
    """Return states that the model passes from its initial ones, at times from a day to years, shape (k, n); k may be 0."""
    from scipy.integrate import solve_ivp

    times = np.geomspace(*COURSE)

    def change(_: float, y: FloatArray) -> FloatArray:
        return np.nan_to_num(rates(y), nan=0.0, posinf=0.0, neginf=0.0)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = solve_ivp(change, (0.0, times[-1]), rates.initial, method="LSODA", t_eval=times, rtol=1e-4, atol=1e-9)
    seen = run.y.T
    return np.maximum(seen[np.isfinite(seen).all(axis=1)], 0.0)


def _search(rates: Rates, start: FloatArray) -> FloatArray | None:
    """Return a steady state that Newton's steps reach from a point, None where they reach none."""
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
    little = np.minimum(scale, _usual(rates))
    at = np.where(np.abs(at) < 1e-9 * little, 0.0, at)
    with np.errstate(all="ignore"):
        left = np.abs(rates(at))
        through = np.abs(rates.jacobian(at)) @ np.maximum(np.abs(at), 1e-9 * little) + 1e-300
    if not np.isfinite(left).all() or not np.isfinite(at).all() or (at < 0).any():
        return None
    return at if (left <= SETTLED * through + 1e-12 * little).all() else None


def _without_doubles(rates: Rates, found: list[FloatArray]) -> list[FloatArray]:
    """Return roots without those that are one: where two roots meet, a search stops anywhere near."""
    typical = np.maximum(rates.initial, _course(rates).max(axis=0, initial=0.0)) + 1e-300
    kept: list[tuple[FloatArray, bool]] = []
    for root in sorted(found, key=lambda at: (-int((at == 0).sum()), tuple(at))):
        flat = _is_flat(rates.jacobian(root))
        if not any(flat and other and (np.abs(root - at) <= NEAR * typical).all() for at, other in kept):
            kept.append((root, flat))
    return [root for root, _ in kept]


def _is_flat(jacobian: FloatArray) -> bool:
    """Return whether the model hardly moves in some direction."""
    if not np.isfinite(jacobian).all():
        return False
    values = np.abs(np.linalg.eigvals(jacobian))
    return bool(values.min() <= NEAR * values.max())


def _alike(a: FloatArray, b: FloatArray) -> bool:
    return bool((np.abs(a - b) <= SAME * np.maximum(np.abs(a), np.abs(b)) + 1e-12).all())


def _stability(jacobian: FloatArray) -> dict[str, object]:
    """Return what the eigenvalues say; nothing where a slope has no value, as that of a root at zero."""
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
