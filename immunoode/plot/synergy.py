"""Figures of synergy: effects over time compared with the expectations of the null models, and indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS, DASHES
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import shared_legend
from immunoode.plot.panels import Size, hide_spines, new_panels
from immunoode.plot.quantity_labels import sentence, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import plain_ticks

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.combination.growth_synergy import GrowthSynergy
    from immunoode.combination.synergy_result import Synergy

ARMS = {"control": "0.55", "first": COLOURS[0], "second": COLOURS[1], "both": "black"}
ARM_DASHES = {"control": "-", "first": DASHES[1], "second": DASHES[2], "both": "-"}
NULLS = {
    "Bliss": (COLOURS[2], "--"),
    "highest single agent": (COLOURS[3], "-."),
    "response additivity": (COLOURS[4], ":"),
    "Loewe": (COLOURS[5], "--"),
}
NO_EFFECT = {"color": "0.4", "linewidth": 0.9, "linestyle": "--", "zorder": 0}


@figure_function
def synergy_nulls(found: Synergy, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw the four arms over time with what each null expects of both drugs, and the indices of the nulls at the end.

    Parameters
    ----------
    found : Synergy
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose place both take.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    dict of str to Axes
        "effects" and "index"; only "index" if there is one time.
    """
    several = len(found.days) > 1
    if several:
        drawn = new_panels(ax, 2, (10.0, 4.8), figsize, columns=2, ratios={"width_ratios": [3, 2]})
        left, right = drawn.boxes
        _effects(found, left)
        shared_legend(drawn)
    else:
        drawn = new_panels(ax, 1, (5.0, 4.2), figsize)
        left, right = None, drawn.boxes[0]
    index_intervals(found.at(), right)
    drawn.set_title(title)
    return {"effects": left, "index": right} if several else {"index": right}


def _effects(found: Synergy, axes: Any) -> None:
    """Draw effects of the arms, and the expected effects of both drugs."""
    table = found.effects()
    labels = {"control": "untreated", "first": found.first, "second": found.second, "both": "both"}
    for name, colour in ARMS.items():
        wide = 2.0 if name == "both" else 1.4
        axes.plot(table["time"], table[name], color=colour, linestyle=ARM_DASHES[name], linewidth=wide, label=labels[name])
        if np.isfinite(table[f"{name}_lower"]).all():
            axes.fill_between(
                table["time"], table[f"{name}_lower"], table[f"{name}_upper"], color=colour, alpha=0.15, linewidth=0
            )
    for null, own in found.table.groupby("null", sort=False):
        colour, dashes = NULLS[str(null)]
        if len(own) > 1:
            axes.plot(own["time"], own["expected"], color=colour, linestyle=dashes, linewidth=1.4, label=f"expected by {null}")
        else:
            axes.plot(own["time"], own["expected"], "D", color=colour, markersize=5, clip_on=False, label=f"expected by {null}")
    axes.set_ylabel(sentence(found.scale.label))
    time_axis(axes, 0.0, float(found.days[-1]))
    hide_spines(axes)


def index_intervals(table: pd.DataFrame, axes: Any) -> None:
    """Draw the index of each null with its interval, on a logarithmic axis.

    Parameters
    ----------
    table : DataFrame
        One row per null: null, index, index_lower, index_upper.
    axes : Axes
    """
    rows = table.to_dict("records")
    ends = [v for r in rows for v in (r["index"], r["index_lower"], r["index_upper"]) if np.isfinite(v) and v > 0]
    for y, row in enumerate(rows):
        colour = NULLS[row["null"]][0]
        if not (np.isfinite(row["index"]) and row["index"] > 0):
            said = "expects that none is left" if row["index"] > 0 else "cannot be computed" if row["index"] else "index 0"
            axes.annotate(
                said, (0.98, y), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize="small", color=colour
            )
            continue
        if np.isfinite(row["index_lower"]):
            axes.plot([row["index_lower"], min(row["index_upper"], 1e3)], [y, y], color=colour, linewidth=2.0)
        axes.plot(row["index"], y, "s", color=colour, markersize=7)
        said = f"{row['index']:.2f}" + (
            f" ({row['index_lower']:.2f}, {row['index_upper']:.2f})" if np.isfinite(row["index_lower"]) else ""
        )
        axes.annotate(said, (row["index"], y), (0, 8), textcoords="offset points", ha="center", fontsize="small")
    axes.axvline(1.0, **NO_EFFECT)
    axes.set_xscale("log")
    low, high = min([*ends, 1.0]), max([*ends, 1.0])
    axes.set_xlim(low / 1.6, high * 1.6)
    plain_ticks(axes.xaxis)
    axes.set_yticks(range(len(rows)), [wrapped(sentence(str(r["null"])), 12) for r in rows])
    axes.set_ylim(len(rows) - 0.4, -0.7)
    axes.set_xlabel("Index: observed over expected\n← synergy        antagonism →")
    axes.tick_params(axis="y", length=0)
    hide_spines(axes, "left")


@figure_function
def growth_synergy_figure(
    found: GrowthSynergy, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw the growth of each animal with the fitted line of its group, and the index of each null over time.

    Parameters
    ----------
    found : GrowthSynergy
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose place both take.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    dict of str to Axes
        "growth" and "index".
    """
    drawn = new_panels(ax, 2, (10.0, 4.8), figsize, columns=2)
    left, right = drawn.boxes
    _growth(found, left)
    _index_over_time(found, right)
    shared_legend(drawn)
    drawn.set_title(title)
    return {"growth": left, "index": right}


def _growth(found: GrowthSynergy, axes: Any) -> None:
    model, colours, dashes = found.model, list(ARMS.values()), list(ARM_DASHES.values())
    last = float(model.days[-1])
    for animal in model.animals:
        time, size = np.append(0.0, animal.days), np.exp(np.append(0.0, animal.log_size))
        axes.plot(time, size, color=colours[animal.group], linestyle="-", linewidth=0.6, alpha=0.5)
    for k, group in enumerate(model.groups):
        label = f"{group}: growth rate {model.rates[k]:.3f}/day"
        axes.plot(
            [0.0, last], np.exp([0.0, model.rates[k] * last]), color=colours[k], linestyle=dashes[k], linewidth=2.2, label=label
        )
    axes.set_yscale("log")
    axes.set_ylabel("Size relative to the start")
    plain_ticks(axes.yaxis)
    time_axis(axes, 0.0, last)
    hide_spines(axes)


def _index_over_time(found: GrowthSynergy, axes: Any) -> None:
    for null, own in found.table.groupby("null", sort=False):
        colour, dashes = NULLS[str(null)]
        axes.plot(own["time"], own["index"], color=colour, linestyle=dashes, linewidth=1.6, label=f"index of {null}")
        top = own["index_upper"].clip(upper=1e3)
        axes.fill_between(own["time"], own["index_lower"], top, color=colour, alpha=0.13, linewidth=0)
    axes.axhline(1.0, **NO_EFFECT)
    axes.set_yscale("log")
    axes.set_ylabel("Index: observed over expected size")
    low = float(found.table["index_lower"].min())
    axes.set_ylim(low / 1.2, max(2.0, 1.2 * float(found.table["index"].max())))
    plain_ticks(axes.yaxis)
    time_axis(axes, 0.0, float(found.model.days[-1]))
    hide_spines(axes)
