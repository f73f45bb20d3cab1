"""The panels of an explorer as one figure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.quantity_labels import sentence, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import wide_range

if TYPE_CHECKING:
    from immunoode.explorer.panels import ExplorerPanels, Panel

_COLUMNS = 3


@figure_function
def explorer_panels(panels: ExplorerPanels, *, title: str = "") -> Any:
    """Draw the panels of an explorer side by side, with one legend above.

    Parameters
    ----------
    panels : ExplorerPanels
    title : str

    Returns
    -------
    ndarray of Axes, one per panel
    """
    import matplotlib.pyplot as plt

    number = max(len(panels.panels), 1)
    columns = min(_COLUMNS, number)
    rows = ceil(number / columns)
    figure, boxes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.7 * rows + 0.7), layout="constrained", squeeze=False)
    axes = boxes.ravel()
    for box in axes[len(panels.panels) :]:
        box.set_axis_off()
    for box, panel in zip(axes, panels.panels, strict=False):
        _draw(box, panel, panels)
    handles = [plt.Line2D([], [], label=name, **line(k)) for k, name in enumerate(panels.regimens)]
    if any(s.reference for p in panels.panels for s in p.series):
        handles += [
            plt.Line2D([], [], color="0.4", linewidth=1.0, linestyle=":", label="RECIST progression: nadir + 20 % and + 5 mm"),
            plt.Line2D([], [], color="0.4", linewidth=1.0, linestyle=(0, (8, 4)), label="RECIST response: baseline − 30 %"),
        ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize="small", frameon=False)
    if title:
        figure.suptitle(wrapped(title, 90), fontsize="medium")
    return axes[:number]


def _draw(box: Any, panel: Panel, panels: ExplorerPanels) -> None:
    results = [s for s in panel.series if not s.reference]
    for one in results:
        box.plot(one.days, one.values, drawstyle="steps-post" if one.steps else "default", **line(one.regimen))
    values = np.concatenate([s.values for s in results]) if results else np.empty(0)
    if panel.kind == "survival":
        box.set_ylim(0, 1.02)
        box.set_ylabel("Progression-free survival")
    else:
        if panel.kind != "size" and wide_range(values):
            box.set_yscale("log")
            positive = values[values > 0]
            box.set_ylim(bottom=max(positive.min() * 0.8, positive.max() * 1e-10))
        elif values.size and np.nanmin(values) >= 0:
            box.set_ylim(0, max(np.nanmax(values) * 1.06, 1e-300))
        box.set_ylabel(wrapped(sentence(panel.title) + (f" ({panel.unit})" if panel.unit else ""), 26))
    for one in panel.series:
        if one.reference:
            progression = one.reference == "progression"
            colour = line(one.regimen)["color"] if progression else "0.4"
            box.plot(one.days, one.values, color=colour, linewidth=1.0, linestyle=":" if progression else (0, (8, 4)))
    time_axis(box, *panels.span)
    box.spines[["top", "right"]].set_visible(False)
