"""Heat maps of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immunoode.plot.figure_function import figure_function
from immunoode.plot.heat_map import HeatMapLabels, heat_map
from immunoode.plot.panels import Size
from immunoode.plot.quantity_labels import sentence, words, wrapped

if TYPE_CHECKING:
    from immunoode.scenario.regimen_grid import Grid


@figure_function
def plot_grid(
    grid: Grid,
    ax: Any = None,
    *,
    cmap: str = "viridis",
    contours: bool = False,
    best: str | None = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw a grid as a heat map with its values; cells where progression is not reached say so.

    Parameters
    ----------
    grid : Grid
    ax : Axes, optional
    cmap : str
        A colour map; the default reads in grey and to the colour-blind.
    contours : bool
        Whether to draw lines of equal values.
    best : {"smallest", "largest"}, optional
        Which cell to mark.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    (row, rows), (column, columns) = grid.axes.items()
    names = (sentence(words(column)), sentence(words(row)), wrapped(sentence(words(grid.label)), 34))
    labels = HeatMapLabels(*names, title or "")
    return heat_map(grid.values, rows, columns, labels, ax=ax, cmap=cmap, contours=contours, best=best, figsize=figsize)
