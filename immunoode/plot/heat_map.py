"""Heat maps over two axes of any values, with numbers in the cells, contours, and the best cell marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from immunoode.errors import Problem, SolveError
from immunoode.plot.panels import hide_spines, new_axes

_MOST_WRITTEN = 150
_NOT_REACHED = "0.85"
SMALLEST, LARGEST = "smallest", "largest"


class HeatMapLabels(NamedTuple):
    """Labels of the axes and of the colour bar, and the title."""

    x: str
    y: str
    values: str
    title: str = ""


def heat_map(
    values: Any,
    rows: Sequence[Any],
    columns: Sequence[Any],
    labels: HeatMapLabels,
    *,
    ax: Any = None,
    cmap: str = "viridis",
    contours: bool = False,
    best: str | None = None,
    figsize: tuple[float, float] | None = None,
) -> Any:
    """Draw values (rows, columns); infinite ones as cells that are not reached. Returns Axes.

    Raises
    ------
    SolveError
        If `best` is neither "smallest" nor "largest".
    """
    box = new_axes(ax, (1.6 + 0.75 * max(len(columns), 4), 1.4 + 0.5 * max(len(rows), 4)), figsize)
    shown = np.where(np.isfinite(values), values, np.nan)
    box.set_facecolor(_NOT_REACHED)
    image = box.imshow(shown, origin="lower", aspect="auto", cmap=cmap)
    bar = box.figure.colorbar(image, ax=box, label=labels.values)
    bar.outline.set_visible(False)
    hide_spines(box, "left", "bottom")
    box.set_xticks(range(len(columns)), [_tick(c) for c in columns])
    box.set_yticks(range(len(rows)), [_tick(r) for r in rows])
    box.set_xlabel(labels.x)
    box.set_ylabel(labels.y)
    if labels.title:
        box.set_title(labels.title)
    if contours and min(shown.shape) > 1:
        _contours(box, shown)
    if best is not None:
        _mark(box, shown, best)
    if shown.size <= _MOST_WRITTEN:
        _annotate(box, values, image)
    return box


def _tick(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _contours(box: Any, shown: Any) -> None:
    """Draw lines of equal values between the centres of cells."""
    box.contour(np.ma.masked_invalid(shown), levels=6, colors="white", linewidths=0.8, linestyles="solid", alpha=0.75)


def _mark(box: Any, shown: Any, best: str) -> None:
    """Frame the best cell."""
    from matplotlib.patches import Rectangle

    if best not in (SMALLEST, LARGEST):
        raise SolveError(Problem(f"best={best!r}", "is not known", f"{SMALLEST!r} or {LARGEST!r}"))
    if np.isfinite(shown).any():
        at = np.nanargmin(shown) if best == SMALLEST else np.nanargmax(shown)
        row, column = np.unravel_index(at, shown.shape)
        box.add_patch(Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor="#D55E00", linewidth=2.5))


def _annotate(box: Any, values: Any, image: Any) -> None:
    for (a, b), value in np.ndenumerate(values):
        finite = bool(np.isfinite(value))
        dark = finite and sum(image.cmap(image.norm(value))[:3]) < 1.4
        text = f"{value:.3g}".replace("-", "−") if finite else "not\nreached"
        cell = image.cmap(image.norm(value)) if finite else _NOT_REACHED
        behind = {"facecolor": cell, "edgecolor": "none", "pad": 1.0}  # interrupts the contours
        how = {"fontsize": "x-small", "color": "white" if dark else "black", "bbox": behind}
        box.text(b, a, text, ha="center", va="center", **how)
