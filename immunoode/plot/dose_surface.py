"""The figure of effects of two drugs dose by dose: contours, and isoboles of Loewe additivity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.quantity_labels import words
from immunoode.plot.value_ranges import plain_ticks

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.combination.surface_of_doses import DoseSurface


_BELOW = 4.0
"""Inches for the legend, which stands below because the colour bar stands beside."""


@figure_function
def dose_surface_map(
    found: DoseSurface,
    *,
    levels: int = 9,
    isoboles: bool = True,
    title: str | None = None,
    log: bool | None = None,
    labels: tuple[str, str, str] | None = None,
    ax: Any = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the effect over doses of both drugs as filled contours, with the isoboles that Loewe additivity expects.

    Parameters
    ----------
    found : DoseSurface
    levels : int
        Number of contours.
    isoboles : bool
        Dashed lines: pairs of doses that Loewe expects to have the effect of the contour.
    title : str, optional
    log : bool, optional
        Logarithmic axes, without the margins of zero dose; by default if doses span more than a factor of ten.
    labels : (str, str, str), optional
        Of the first drug, the second drug and the effect, with units.
    ax : Axes, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    from matplotlib.ticker import MaxNLocator

    axes = new_axes(ax, (6.2, 4.8), figsize)
    grid = found.means.pivot(index="second_dose", columns="first_dose", values="effect")
    log = _wide(grid) if log is None else log
    grid = grid.loc[grid.index > 0, grid.columns > 0] if log else grid
    x, y, z = grid.columns.to_numpy(float), grid.index.to_numpy(float), grid.to_numpy()
    steps = MaxNLocator(levels, steps=[1, 2, 2.5, 5, 10]).tick_values(np.nanmin(z), np.nanmax(z))
    filled = axes.contourf(x, y, z, levels=steps, cmap="viridis")
    lines = axes.contour(x, y, z, levels=steps[1:-1:2], colors="white", linewidths=1.2)
    axes.clabel(lines, fmt="%g", fontsize="small")
    if isoboles:
        _isoboles(found, axes, steps[1:-1:2], float(x.max()), float(y.max()))
    if log:
        axes.set(xscale="log", yscale="log")
    across, up, effect = labels or (f"Dose of {words(found.first)}", f"Dose of {words(found.second)}", "Effect")
    axes.set(xlabel=across, ylabel=up, xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    axes.figure.colorbar(filled, ax=axes, label=effect)
    if log:
        plain_ticks(axes.xaxis)
        plain_ticks(axes.yaxis)
    hide_spines(axes)
    set_title(axes, title)
    return axes


def _wide(grid: pd.DataFrame) -> bool:
    """Return whether the doses of a drug span more than a factor of ten."""
    return any(axis.max() > 10 * axis[axis > 0].min() for axis in (grid.index, grid.columns))


def _isoboles(found: DoseSurface, axes: Any, levels: Any, right: float, top: float) -> None:
    """Draw where Loewe additivity expects the effect of each contour."""
    from matplotlib.lines import Line2D

    first, second = found.alone
    for level in levels:
        ends = float(first.dose_of(np.array(level))), float(second.dose_of(np.array(level)))
        share = np.concatenate([[0.0], np.geomspace(1e-4, 0.5, 40), 1 - np.geomspace(0.5, 1e-4, 40), [1.0]])
        with np.errstate(invalid="ignore"):
            x = share * (ends[0] if np.isfinite(ends[0]) else right)
            y = (1 - share) * ends[1] if np.isfinite(ends[0]) else np.full(len(share), ends[1])
        if not np.isfinite(ends[1]):
            x, y = np.full(len(share), ends[0]), share * top
        if np.isfinite(x).all() and np.isfinite(y).all():
            axes.plot(x, y, color="white", linestyle="--", linewidth=1.0)
    handles = [
        Line2D([], [], color="0.45", linestyle="-", label="effect"),
        Line2D([], [], color="0.45", linestyle="--", label="isobole of Loewe additivity"),
    ]
    legend(axes, handles, width_of_figure=_BELOW)
