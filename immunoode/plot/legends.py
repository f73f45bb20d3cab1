"""Legends that cover no data and cut no name: beside the axes, or below them if there is no space at the side."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any

from immunoode.plot.panels import Panels, height, keep_inside, width
from immunoode.plot.quantity_labels import KEPT
from immunoode.plot.style import scale

if TYPE_CHECKING:
    import pandas as pd

LONGEST_NAME = 26
NARROW = 4.2
"""Width in inches below which a figure has no room for a legend beside its axes."""
_LETTER = 0.075
"""Width of a letter of a legend in inches."""
_LOW = 3.2
"""Height in inches below which a narrow figure has no room for a legend of usual size below its axes."""
_DENSE = {"fontsize": "x-small", "labelspacing": 0.2, "columnspacing": 0.8, "handletextpad": 0.4, "handlelength": 1.4}
_DENSE_LETTER = 0.045
_MARGIN, _DENSE_MARGIN = 0.5, 0.35
"""Inches of a column of a legend that are not letters."""
BELOW = 40.0
"""Distance in points from the axes to a legend below the label of the axis."""


def legend(
    axes: Any,
    handles: Sequence[Any] | None = None,
    title: str = "",
    *,
    below: float = BELOW,
    width_of_figure: float | None = None,
) -> Any:
    """Place a legend beside the axes, or below them in a narrow figure.

    Parameters
    ----------
    axes : Axes
    handles : sequence of artists, optional
        With labels. Default: all artists with labels.
    title : str
    below : float
        Distance of a legend below the axes in points.
    width_of_figure : float, optional
        Inches; by default, the width of the axes' place.
    """
    handles = axes.get_legend_handles_labels()[0] if handles is None else list(handles)
    if not handles:
        return None
    keep_inside(axes)
    wide = width(axes) if width_of_figure is None else width_of_figure
    beside = wide >= NARROW
    most = LONGEST_NAME if beside else max(int((wide - 0.5) / _LETTER), LONGEST_NAME)
    labels = [in_lines(str(handle.get_label()), most) for handle in handles]
    how: dict[str, Any] = {"title": title, "alignment": "left", "borderaxespad": 0.0, "frameon": False, "fontsize": "small"}
    if beside:
        return axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1.0), **how)
    if height(axes) >= _LOW:
        place = {"bbox_transform": _lower(axes, below), "ncols": _columns(labels, wide)}
    else:
        columns = _columns(labels, wide, _DENSE_LETTER, _DENSE_MARGIN)
        place = {"bbox_transform": _from_left(axes, below), "ncols": columns, **_DENSE}
    return axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.0, 0.0), **{**how, **place})


def _from_left(axes: Any, points: float) -> Any:
    """Return the coordinates of the axes, lower by some points, from the left edge of the figure."""
    from matplotlib.transforms import blended_transform_factory

    figure = axes.figure
    return blended_transform_factory(getattr(figure, "transSubfigure", figure.transFigure), _lower(axes, points))


def _lower(axes: Any, points: float) -> Any:
    """Return the coordinates of the axes, lower by some points."""
    from matplotlib.transforms import ScaledTranslation

    return axes.transAxes + ScaledTranslation(0, -points * scale() / 72, axes.figure.dpi_scale_trans)


def _columns(labels: Sequence[str], wide: float, letter: float = _LETTER, margin: float = _MARGIN) -> int:
    longest = max(len(line) for text in labels for line in text.split("\n"))
    return max(1, min(len(labels), int(wide / (longest * letter + margin))))


def shared_legend(drawn: Panels, handles: Sequence[Any] | None = None, *, title: str = "") -> None:
    """Place one legend of several panels below all of them, or beside the last where others own the figure."""
    every = handles if handles is not None else [h for box in drawn.boxes for h in box.get_legend_handles_labels()[0]]
    entries = {str(handle.get_label()): handle for handle in every}
    if not entries:
        return
    if drawn.whole is None:
        legend(drawn.boxes[-1], list(entries.values()), title)
        return
    whole = drawn.whole
    wide = whole.bbox.width / whole.figure.dpi / scale() if hasattr(whole, "bbox") else 6.0
    labels = [in_lines(name, 60) for name in entries]
    how: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "fontsize": "small", "title": title or None}
    whole.legend(list(entries.values()), labels, ncols=_columns(labels, wide), **how)


def in_lines(name: str, most: int = LONGEST_NAME, lines: int = 4) -> str:
    """Return a name in lines that fit, without underscores; only names of more lines than these are cut."""
    name = name.replace("_", " ")
    if len(name) <= most or "\n" in name:
        return name
    parts = [part.replace(KEPT, " ") for part in wrap(name.replace(" %", f"{KEPT}%"), most)]
    return "\n".join(parts if len(parts) <= lines else [*parts[: lines - 1], parts[lines - 1][: most - 1] + "…"])


def short(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name shortened to the length of a tick's label, without underscores."""
    name = name.replace("_", " ")
    return name if len(name) <= most else shorten(name, most, placeholder="…") if " " in name[:most] else name[: most - 1] + "…"


def with_count(arm: str, table: pd.DataFrame) -> str:
    """Return the name of an arm and its number of subjects: "docetaxel (n = 12)"."""
    shown = arm.replace("_", " ")
    return f"{shown} (n = {int((table['arm'] == arm).sum())})"
