"""Waterfall of tumour volumes: the best response of each mouse, from the largest growth to the deepest response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import colour, hatch
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, short
from immunoode.plot.oncology import EDGE
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    from immunoode.trial.metrics.mouse_response import MouseResponses

ORDER = ("mPD", "mSD", "mPR", "mCR")
HIGHEST = 100.0
"""Percent above which bars are cut off; the axis says so."""
NAMED = 40
"""Mice up to which they are named."""


@figure_function
def mouse_waterfall(responses: MouseResponses, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw the best response of each mouse: the lowest change of volume from day 10 on.

    Parameters
    ----------
    responses : MouseResponses
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If there is no mouse.
    """
    if responses.subjects.empty:
        raise DataError(Problem("responses", "have no mouse", "an evaluation with at least one"))
    table = responses.subjects.assign(change=100 * responses.subjects["best_response"])
    table = table.sort_values("change", ascending=False, kind="stable").reset_index(drop=True)
    shown = table["change"].clip(upper=HIGHEST)
    axes = new_axes(ax, (6.4, 4.2), figsize)
    for k, name in enumerate(ORDER):
        own = table.index[table["response"] == name]
        if len(own):
            axes.bar(own, shown[own], 0.85, color=colour(k), hatch=hatch(k), edgecolor=EDGE, linewidth=0.6, label=name)
    axes.axhline(0, color="black", linewidth=0.8)
    cut = int((table["change"] > HIGHEST).sum())
    text = "Best change of volume (%)"
    axes.set(ylabel=f"{text},\n{cut} above +{HIGHEST:.0f} % cut off" if cut else text, xlim=(-0.8, len(table) - 0.2))
    _names(axes, [short(str(name), 16) for name in table["subject"]])
    hide_spines(axes)
    legend(axes, title="mRECIST")
    set_title(axes, title)
    return axes


def _names(axes: Any, names: list[str]) -> None:
    """Name the mice where they are few."""
    if len(names) > NAMED:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(names)} mice")
        return
    axes.set_xticks(np.arange(len(names)), names, rotation=90, fontsize="x-small")
    axes.tick_params(axis="x", length=0)
