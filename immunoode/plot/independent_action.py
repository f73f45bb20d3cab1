"""The figure of independent action: single drugs, predictions with bands, and the observed combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS, DASHES
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title, width
from immunoode.plot.survival import survival_axis
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    from immunoode.combination.independent_action import IndependentAction

LOOKS = {"independent": (COLOURS[0], "independent action"), "additive": (COLOURS[1], "clinical additivity")}
SINGLE = ("0.35", "0.6")


@figure_function
def independent_action_curves(
    found: IndependentAction,
    *,
    unit: str | None = None,
    title: str | None = None,
    ratios: bool = True,
    percent: bool = False,
    ax: Any = None,
    figsize: Size | None = None,
) -> Any:
    """Draw each drug alone, the predicted curves with their bands, and the observed curve of the combination.

    Parameters
    ----------
    found : IndependentAction
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    title : str, optional
    ratios : bool
        Write the hazard of the combination relative to each prediction.
    percent : bool
        Survival in percent.
    ax : Axes, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    table = found.curve
    days, name = time_unit(float(found.days[-1]), unit)
    time, last = table["time"] / days, float(found.days[-1]) / days
    axes = new_axes(ax, (7.6, 4.2), figsize)
    for arm, key, colour, dashes in zip((found.first, found.second), ("first", "second"), SINGLE, ("--", "-."), strict=True):
        axes.step(time, table[key], where="post", color=colour, linestyle=dashes, linewidth=1.3, label=arm.name)
    for key in found.predictions:
        colour, label = LOOKS[key]
        limits = (table[f"{key}_lower"], table[f"{key}_upper"])
        axes.fill_between(time, *limits, step="post", color=colour, alpha=0.18, linewidth=0)
        dashes = "-" if key == "independent" else DASHES[1]
        axes.step(time, table[key], where="post", color=colour, linestyle=dashes, linewidth=1.8, label=f"{label} (predicted)")
    if found.combination is not None:
        curve = found.combination.curve
        inside = curve.times <= found.days[-1]
        at = np.concatenate([[0.0], curve.times[inside]]) / days
        level = np.concatenate([[1.0], curve.survival[inside]])
        axes.step(at, level, where="post", color="black", linewidth=1.8, label=f"{found.combination.name} (observed)")
    survival_axis(axes, found.first.endpoint, percent)
    axes.set_xlabel(f"Time ({name})")
    axes.set_xticks(round_times(last, 1.3 * width(axes), name))
    axes.set_xlim(-0.01 * last, 1.02 * last)
    hide_spines(axes)
    heading = "\n".join(f"Hazard relative to {r.prediction}:\n{r}" for r in found.ratios) if ratios and found.ratios else ""
    legend(axes, title=heading)
    set_title(axes, title)
    return axes
