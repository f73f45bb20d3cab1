"""Exposure-response: the share of responders against an exposure, with a logistic regression and groups of equal size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import colour, line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 50


@figure_function
def exposure_response(
    exposure: ArrayLike,
    responded: ArrayLike,
    *,
    groups: int = 4,
    log: bool = False,
    confidence: float = 0.95,
    labels: tuple[str, str] = ("Exposure", "Share of responders"),
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw whether subjects responded against their exposure: groups of equal size, and a logistic regression with its band.

    Parameters
    ----------
    exposure : array, shape (n,)
        The exposure of each subject: a dose, an area under the curve, a trough concentration.
    responded : array of bool, shape (n,)
    groups : int
        Groups of equal size by exposure, drawn at their medians with exact intervals.
    log : bool
        Logarithmic exposure, in the axis and in the regression.
    confidence : float
        Confidence level of the intervals and of the band.
    labels : (str, str)
        Of the exposure, with its unit, and of the response.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per group: n, responders, exposure (median), share, lower, upper.

    Raises
    ------
    DataError
        If the arrays differ in length, are not finite, or all or no subjects responded.

    Examples
    --------
    >>> import numpy as np, immunoode as imo
    >>> area = np.linspace(1, 100, 80)
    >>> axes, table = imo.plot.exposure_response(area, area + 30 * np.sin(area) > 50, data=True)
    >>> table["n"].tolist()
    [20, 20, 20, 20]
    """
    import pandas as pd
    from scipy.stats import beta, norm

    x, y = _checked(exposure, responded, groups, log)
    edge = (1 - confidence) / 2
    rows = []
    for part in np.array_split(np.argsort(x, kind="stable"), groups):
        n, k = len(part), int(y[part].sum())
        lower = float(beta.ppf(edge, k, n - k + 1)) if k else 0.0
        upper = float(beta.ppf(1 - edge, k + 1, n - k)) if k < n else 1.0
        rows.append((n, k, float(np.median(x[part])), k / n, lower, upper))
    table = pd.DataFrame(rows, columns=["n", "responders", "exposure", "share", "lower", "upper"])
    axes = new_axes(ax, (7.0, 4.0), figsize)
    at, fitted, spread = _logistic(x, y, log)
    low, high = (1 / (1 + np.exp(-(fitted + sign * norm.ppf(1 - edge) * spread))) for sign in (-1, 1))
    axes.fill_between(at, low, high, color=colour(0), alpha=0.18, linewidth=0, label=f"{100 * confidence:g} % band")
    axes.plot(at, 1 / (1 + np.exp(-fitted)), label="logistic regression", **line(0))
    ends = np.array([table["share"] - table["lower"], table["upper"] - table["share"]])
    said = f"{groups} groups of equal size, {100 * confidence:g} % interval"
    axes.errorbar(table["exposure"], table["share"], ends, fmt="s", color=colour(1), capsize=3, linewidth=1.2, label=said)
    axes.plot(x, np.where(y, 1.03, -0.03), "|", color="0.35", markersize=6, alpha=0.5, label="subjects")
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(-0.08, 1.08))
    axes.set_xscale("log" if log else "linear")
    hide_spines(axes)
    set_title(axes, title)
    legend(axes)
    return (axes, table) if data else axes


def _checked(exposure: ArrayLike, responded: ArrayLike, groups: int, log: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Return both arrays.

    Raises
    ------
    DataError
    """
    x, y = np.asarray(exposure, dtype=float).ravel(), np.asarray(responded).ravel().astype(bool)
    problems = []
    if len(x) != len(y) or len(x) < 2 * groups:
        problems.append(
            Problem("exposure", f"has {len(x)} values for {len(y)} responses", f"one each, and two or more in {groups} groups")
        )
    if not np.isfinite(x).all() or (log and not (x > 0).all()):
        problems.append(
            Problem("exposure", "has values that are missing or not positive", "finite numbers; above zero for log=True")
        )
    if y.all() or not y.any():
        problems.append(Problem("responded", "is the same for all subjects", "some who responded and some who did not"))
    DataError.raise_if(problems)
    return x, y


def _logistic(x: Floats, y: NDArray[np.bool_], log: bool) -> tuple[Floats, Floats, Floats]:
    """Return points of the exposure, the fitted log odds there, and their standard error; by Newton's method."""
    of = np.log(x) if log else x
    middle, scale = of.mean(), of.std() or 1.0
    design = np.column_stack([np.ones(len(x)), (of - middle) / scale])
    coefficients = np.zeros(2)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-design @ coefficients))
        information = design.T @ (design * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (y - p))
        coefficients = coefficients + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    grid = np.linspace(of.min(), of.max(), 200)
    at = np.column_stack([np.ones(200), (grid - middle) / scale])
    spread = np.sqrt(np.einsum("ij,jk,ik->i", at, np.linalg.inv(information), at))
    return (np.exp(grid) if log else grid), at @ coefficients, spread
