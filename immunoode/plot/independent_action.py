"""The figure of independent action: single drugs, predictions with bands, and what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import short
from immunoode.plot.panels import hide_spines, new_axes
from immunoode.plot.survival import TITLES
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
) -> Any:
    """Draw each drug alone, the predicted curves with their bands, and the observed curve of the combination.

    Parameters
    ----------
    found : IndependentAction
    unit : {"day", "week", "month"}, optional
        Of time; by default what suits the span.
    title : str, optional
    ratios : bool
        Write the hazard of the combination relative to each prediction.
    percent : bool
        Survival in percent.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = found.curve
    days, name = time_unit(float(found.days[-1]), unit)
    time, last = table["time"] / days, float(found.days[-1]) / days
    axes = new_axes(ax, (6.8, 4.2))
    for arm, key, colour, dashes in zip((found.first, found.second), ("first", "second"), SINGLE, ("--", "-."), strict=True):
        axes.step(time, table[key], where="post", color=colour, linestyle=dashes, linewidth=1.3, label=short(arm.name))
    for key in found.predictions:
        colour, label = LOOKS[key]
        limits = (table[f"{key}_lower"], table[f"{key}_upper"])
        axes.fill_between(time, *limits, step="post", color=colour, alpha=0.18, linewidth=0)
        axes.step(time, table[key], where="post", color=colour, linewidth=1.8, label=f"{label} (predicted)")
    if found.combination is not None:
        curve = found.combination.curve
        inside = curve.times <= found.days[-1]
        at = np.concatenate([[0.0], curve.times[inside]]) / days
        level = np.concatenate([[1.0], curve.survival[inside]])
        axes.step(at, level, where="post", color="black", linewidth=1.8, label=f"{short(found.combination.name)} (observed)")
    endpoint = found.first.endpoint
    axes.set(
        ylim=(0, 1.02), xlabel=f"Time ({name})", ylabel=TITLES.get(endpoint, "survival" if endpoint == "event" else endpoint)
    )
    axes.set_xticks(round_times(last, 1.3 * axes.figure.get_figwidth()))
    axes.set_xlim(-0.01 * last, 1.02 * last)
    hide_spines(axes)
    heading = "\n".join(f"hazard to {r.prediction}: {r}" for r in found.ratios) if ratios and found.ratios else None
    axes.legend(fontsize="small", frameon=False, loc="upper right", title=heading, title_fontsize="small", alignment="left")
    if percent:
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    if title:
        axes.set_title(title)
    return axes
