"""Figures of synergy: effects over time beside what each null expects, and indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import short
from immunoode.plot.panels import hide_spines
from immunoode.plot.time_axes import time_axis

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.combination.growth_synergy import GrowthSynergy
    from immunoode.combination.synergy_result import Synergy

ARMS = {"control": "0.55", "first": COLOURS[0], "second": COLOURS[1], "both": "black"}
NULLS = {
    "Bliss": (COLOURS[2], "--"),
    "highest single agent": (COLOURS[3], "-."),
    "response additivity": (COLOURS[4], ":"),
    "Loewe": (COLOURS[5], "--"),
}
NO_EFFECT = {"color": "0.4", "linewidth": 0.9, "linestyle": "--", "zorder": 0}


@figure_function
def synergy_nulls(found: Synergy, *, title: str | None = None, figsize: tuple[float, float] = (10.0, 4.2)) -> Any:
    """Draw the four arms over time with what each null expects of both drugs, and the indices of the nulls at the end.

    Parameters
    ----------
    found : Synergy
    title : str, optional
    figsize : (float, float)
        Width and height of the figure in inches.

    Returns
    -------
    dict of str to Axes
        "effects" and "index"; only "index" if there is one time.
    """
    import matplotlib.pyplot as plt

    several = len(found.days) > 1
    figure = plt.figure(figsize=figsize if several else (0.5 * figsize[0], figsize[1]), layout="constrained")
    if several:
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        _effects(found, left)
    else:
        left, right = None, figure.subplots()
    index_intervals(found.at(), right)
    if title:
        figure.suptitle(title)
    return {"effects": left, "index": right} if several else {"index": right}


def _effects(found: Synergy, axes: Any) -> None:
    """Draw effects of the arms, and the expected effects of both drugs."""
    table = found.effects()
    labels = {"control": "untreated", "first": short(found.first), "second": short(found.second), "both": "both"}
    for name, colour in ARMS.items():
        axes.plot(table["time"], table[name], color=colour, linewidth=2.0 if name == "both" else 1.4, label=labels[name])
        if np.isfinite(table[f"{name}_lower"]).all():
            axes.fill_between(
                table["time"], table[f"{name}_lower"], table[f"{name}_upper"], color=colour, alpha=0.15, linewidth=0
            )
    for null, own in found.table.groupby("null", sort=False):
        colour, dashes = NULLS[str(null)]
        if len(own) > 1:
            axes.plot(own["time"], own["expected"], color=colour, linestyle=dashes, linewidth=1.4, label=f"{null} expects")
        else:
            axes.plot(own["time"], own["expected"], "D", color=colour, markersize=5, label=f"{null} expects")
    axes.set_ylabel(found.scale.label)
    time_axis(axes, 0.0, float(found.days[-1]))
    hide_spines(axes)
    axes.legend(fontsize="x-small", frameon=False)


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
    _plain_ticks(axes.xaxis)
    axes.set_yticks(range(len(rows)), [str(r["null"]) for r in rows])
    axes.set_ylim(len(rows) - 0.4, -0.7)
    axes.set_xlabel("index: observed / expected")
    axes.set_title("below 1 is synergy", fontsize="small")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _plain_ticks(axis: Any) -> None:
    """Label a short logarithmic axis with plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    known = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
    ticks = [t for t in known if low <= t <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([f"{t:g}" for t in ticks])


@figure_function
def growth_synergy_figure(found: GrowthSynergy, *, title: str | None = None, figsize: tuple[float, float] = (10.0, 4.2)) -> Any:
    """Draw the growth of each animal with the fitted line of its group, and the index of each null over time.

    Parameters
    ----------
    found : GrowthSynergy
    title : str, optional
    figsize : (float, float)
        Width and height of the figure in inches.

    Returns
    -------
    dict of str to Axes
        "growth" and "index".
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=figsize, layout="constrained")
    left, right = figure.subplots(1, 2)
    _growth(found, left)
    _index_over_time(found, right)
    if title:
        figure.suptitle(title)
    return {"growth": left, "index": right}


def _growth(found: GrowthSynergy, axes: Any) -> None:
    model, colours = found.model, list(ARMS.values())
    last = float(model.days[-1])
    for animal in model.animals:
        time, size = np.append(0.0, animal.days), np.exp(np.append(0.0, animal.log_size))
        axes.plot(time, size, color=colours[animal.group], linewidth=0.6, alpha=0.5)
    for k, group in enumerate(model.groups):
        label = f"{short(group)}: {model.rates[k]:.3f} per day"
        axes.plot([0.0, last], np.exp([0.0, model.rates[k] * last]), color=colours[k], linewidth=2.2, label=label)
    axes.set_yscale("log")
    axes.set_ylabel("size relative to the start")
    _plain_ticks(axes.yaxis)
    time_axis(axes, 0.0, last)
    hide_spines(axes)
    axes.legend(fontsize="small", frameon=False)


def _index_over_time(found: GrowthSynergy, axes: Any) -> None:
    for null, own in found.table.groupby("null", sort=False):
        colour, dashes = NULLS[str(null)]
        axes.plot(own["time"], own["index"], color=colour, linestyle=dashes, linewidth=1.6, label=str(null))
        top = own["index_upper"].clip(upper=1e3)
        axes.fill_between(own["time"], own["index_lower"], top, color=colour, alpha=0.13, linewidth=0)
    axes.axhline(1.0, **NO_EFFECT)
    axes.set_yscale("log")
    axes.set_ylabel("index: observed over expected size")
    low = float(found.table["index_lower"].min())
    axes.set_ylim(low / 1.2, max(2.0, 1.2 * float(found.table["index"].max())))
    _plain_ticks(axes.yaxis)
    time_axis(axes, 0.0, float(found.model.days[-1]))
    hide_spines(axes)
    axes.legend(fontsize="small", frameon=False)
