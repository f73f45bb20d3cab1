"""A calibrated cohort compared with trials: published numbers, predictions, and independent drug action."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend
from immunoode.plot.panels import Size, hide_spines, new_panels
from immunoode.plot.quantity_labels import words
from immunoode.plot.value_ranges import plain_ticks

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.cohorts.trial_comparison import TrialComparison

PUBLISHED, PREDICTED, ALONE = "0.25", COLOURS[0], COLOURS[1]
PANELS = (("share", "Share of patients"), ("month", "Time (months)"), ("ratio", "Hazard ratio"), ("number", "Value"))


@figure_function
def trial_comparison(
    comparison: TrialComparison, *, ax: Any = None, title: str | None = None, figsize: Size | None = None, data: bool = False
) -> Any:
    """Draw published numbers and predictions with their 95 % intervals: proportions, times, ratios, other numbers.

    Parameters
    ----------
    comparison : TrialComparison
    ax : Axes or array of Axes, optional
        One for each kind of number that there is, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    array of Axes, or (array of Axes, DataFrame)
    """
    table = comparison.to_frame()
    panel = table.apply(_panel, axis=1)
    parts = [(table[panel == name], name, label) for name, label in PANELS if (panel == name).any()]
    heights = [len(part) + 1.5 for part, *_ in parts]
    size = (9.6, 0.34 * sum(heights) + 1.2)
    drawn = new_panels(ax, len(parts), size, figsize, ratios={"height_ratios": heights})
    for axes, (part, name, label) in zip(drawn.boxes, parts, strict=True):
        _draw(axes, part, name, label)
    shared_legend(drawn, _legend(bool(table["independent_action"].notna().any())))
    drawn.set_title(title)
    return (drawn.array(), table) if data else drawn.array()


def _panel(row: pd.Series) -> str:
    if row["unit"] == "month":
        return "month"
    if row["kind"] == "hazard ratio":
        return "ratio"
    return "number" if row["kind"] in ("mean", "correlation") else "share"


def _draw(axes: Any, part: pd.DataFrame, name: str, label: str) -> None:
    rows = np.arange(len(part))
    for at, names, colour, marker in (
        (rows - 0.15, ("published", "published_lower", "published_upper"), PUBLISHED, "s"),
        (rows + 0.15, ("predicted", "lower", "upper"), PREDICTED, "o"),
    ):
        value, lower, upper = (part[name].to_numpy() for name in names)
        axes.hlines(at, lower, np.where(np.isinf(upper), _end(part), upper), color=colour, linewidth=1.4)
        axes.plot(np.where(np.isinf(value), _end(part), value), at, marker, color=colour, markersize=5)
    alone = part["independent_action"].notna()
    axes.plot(part["independent_action"][alone], (rows + 0.15)[alone], "D", mfc="white", mec=ALONE)
    axes.set_yticks(rows, [in_lines(words(_words(row)), 76) for _, row in part.iterrows()])
    axes.set_ylim(len(part) - 0.4, -0.6)
    axes.set_xlabel(label)
    if name == "ratio":
        axes.set_xscale("log", base=2)
        plain_ticks(axes.xaxis)
        axes.axvline(1, color="0.7", linewidth=0.8, zorder=0)
    elif name != "number":
        axes.set_xlim(left=0)
    hide_spines(axes)


def _end(part: pd.DataFrame) -> float:
    """Return where lines end whose upper limit is not reached: beyond all numbers."""
    values = part[["published", "published_upper", "predicted", "upper"]].to_numpy(float)
    return 1.15 * float(values[np.isfinite(values)].max(initial=1.0))


def _legend(alone: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=PUBLISHED, marker="s", markersize=5, label="published, 95 % interval"),
        Line2D([], [], color=PREDICTED, marker="o", markersize=5, label="predicted, 95 % interval (* held out)"),
        Line2D([], [], color=ALONE, marker="D", mfc="white", linestyle="none", label="independent action"),
    ]
    return handles if alone else handles[:2]


def _words(row: pd.Series) -> str:
    star = "" if row["use"] == "target" else " *"
    return f"{row['trial']}, {_arms(row)}: {row['statistic']}{star}".lstrip(", ")


def _arms(row: pd.Series) -> str:
    """Return the names of arms without that of the trial, which stands before them: combination_of_keynote_021."""
    trial = re.sub(r"\W+", "_", str(row["trial"]).lower())
    return " against ".join(arm.removesuffix(f"_of_{trial}") for arm in str(row["arm"]).split(" against "))
