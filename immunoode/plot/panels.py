"""Where figures are drawn: axes that are given, or a new figure with the panels that are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.style import scale

Size = tuple[float, float]
"""Width and height in inches."""


@dataclass(frozen=True)
class Panels:
    """The axes of a figure of several panels, and the figure or subfigure that has only these, if there is one."""

    boxes: tuple[Any, ...]
    whole: Any

    def set_title(self, title: str | None) -> None:
        """Write a title above all panels."""
        if title and self.whole is not None:
            self.whole.suptitle(title)
        elif title:
            self.boxes[0].set_title(title)

    def array(self) -> Any:
        """Return the axes as an array."""
        found = np.empty(len(self.boxes), dtype=object)
        found[:] = self.boxes
        return found

    def one_or_all(self) -> Any:
        """Return the axes, or an array of several."""
        return self.boxes[0] if len(self.boxes) == 1 else self.array()


def scaled(size: Size) -> Size:
    """Return the size of a figure in the style in force."""
    return size[0] * scale(), size[1] * scale()


def new_axes(ax: Any, size: Size = (6.4, 4.0), figsize: Size | None = None) -> Any:
    """Return the axes given, else those of a new figure."""
    if ax is not None:
        if not hasattr(ax, "plot"):
            raise DataError(Problem("ax", f"is {type(ax).__name__}", "one matplotlib Axes, or None"))
        keep_inside(ax)
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize or scaled(size), layout="constrained")[1]


def new_grid(
    ax: Any, count: int, columns: int, each: Size, around: Size, figsize: Size | None, *, least: float = 0.0, **options: Any
) -> Panels:
    """Return panels in rows, as `new_panels` does; a new figure has the size of the panels and of what surrounds them.

    Parameters
    ----------
    columns : int
        Panels side by side.
    each, around : (float, float)
        The size of a panel, and of legends and labels beside all panels, for a notebook.
    least : float
        The least width of a new figure.
    """
    rows = -(-count // columns)
    size = (max(each[0] * columns + around[0], least), each[1] * rows + around[1])
    return new_panels(ax, count, size, figsize, columns=columns, **options)


def new_panels(
    ax: Any,
    count: int,
    size: Size,
    figsize: Size | None = None,
    *,
    columns: int = 1,
    ratios: Mapping[str, Any] | None = None,
    **options: Any,
) -> Panels:
    """Return as many panels as are needed, in rows.

    Parameters
    ----------
    ax : None, Axes, Figure, SubFigure, or a sequence, array or mapping of Axes
        None makes a new figure. One Axes for several panels gives up its place to them.
    count : int
    size : (float, float)
        Of a new figure, for a notebook.
    figsize : (float, float), optional
        The requested size.
    columns : int
        Panels side by side.
    ratios : mapping, optional
        "width_ratios" and "height_ratios".
    **options
        As for `Figure.subplots`: sharex, sharey.

    Raises
    ------
    DataError
        If there are fewer axes than panels.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=figsize or scaled(size), layout="constrained")
    elif hasattr(ax, "plot") and count > 1:
        ax = _place_of(ax)
    if hasattr(ax, "subplots"):
        rows = -(-count // columns)
        grid = ax.subplots(rows, columns, squeeze=False, gridspec_kw=dict(ratios or {}), **options)
        for box in grid.flat[count:]:
            box.remove()
        return Panels(tuple(grid.flat[:count]), ax)
    given = list(ax.values()) if isinstance(ax, Mapping) else list(np.atleast_1d(np.asarray(ax, dtype=object)).ravel())
    if len(given) < count:
        right = f"{count} of them, one Axes whose place they take, or None"
        raise DataError(Problem("ax", f"has {len(given)} axes for {count} panels", right))
    keep_inside(given[0])
    return Panels(tuple(given[:count]), None)


def _place_of(ax: Any) -> Any:
    """Return a subfigure in the place of an axes."""
    place = ax.get_subplotspec()
    if place is None:
        raise DataError(Problem("ax", "is in no grid, and several panels are drawn", "an Axes of plt.subplots()"))
    keep_inside(ax)
    ax.set_axis_off()
    return ax.figure.add_subfigure(place)


def keep_inside(axes: Any) -> None:
    """Use constrained layout, if the figure has no layout: it leaves space for legends beside axes."""
    from matplotlib.figure import Figure

    figure = axes.figure
    if isinstance(figure, Figure) and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")


def set_title(axes: Any, title: str | None, default: str = "") -> None:
    """Write the title that is given, or the default."""
    text = default if title is None else title
    if text:
        axes.set_title(text)


def width(axes: Any) -> float:
    """Return the width that axes have, in inches of a notebook."""
    place = axes.get_subplotspec()
    part = axes.get_position().width if place is None else len(place.colspan) / place.get_gridspec().ncols
    return float(part * _size(axes.figure)[0] / scale())


def height(axes: Any) -> float:
    """Return the height that axes have, in inches of a notebook."""
    place = axes.get_subplotspec()
    part = axes.get_position().height if place is None else len(place.rowspan) / place.get_gridspec().nrows
    return float(part * _size(axes.figure)[1] / scale())


def _size(figure: Any) -> tuple[float, float]:
    """Return width and height of a figure or subfigure in inches."""
    wide, high = figure.get_figure(root=True).get_size_inches()
    box = getattr(figure, "bbox_relative", None)
    return (wide, high) if box is None else (box.width * wide, box.height * high)


def hide_spines(axes: Any, *sides: str) -> None:
    """Hide the upper and right spines, and others that are named."""
    axes.spines[["top", "right", *sides]].set_visible(False)
