"""A calibrated cohort beside trials: published numbers, predictions, and independent drug action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.panels import hide_spines

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.cohorts.trial_comparison import TrialComparison

PUBLISHED, PREDICTED, ALONE = "0.25", COLOURS[0], COLOURS[1]
PANELS = (("share", "share of patients"), ("month", "months"), ("ratio", "hazard ratio"), ("number", "value"))


@figure_function
def trial_comparison(comparison: TrialComparison, *, ax: Any = None, data: bool = False) -> Any:
    """Draw published numbers with their 95 % intervals beside predictions with theirs: shares, times, ratios, other numbers.

    Parameters
    ----------
    comparison : TrialComparison
    ax : array of Axes, optional
        One for each kind of number that there is.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    array of Axes, or (array of Axes, DataFrame)
    """
    import matplotlib.pyplot as plt

    table = comparison.to_frame()
    panel = table.apply(_panel, axis=1)
    parts = [(table[panel == name], name, label) for name, label in PANELS if (panel == name).any()]
    if ax is None:
        heights = [len(part) + 1.5 for part, *_ in parts]
        size = (9.6, 0.34 * sum(heights) + 1.0)
        grid = {"height_ratios": heights}
        figure, ax = plt.subplots(len(parts), 1, figsize=size, gridspec_kw=grid, squeeze=False, layout="constrained")
        figure.legend(handles=_legend(), fontsize="small", frameon=False, loc="outside upper center", ncols=3)
    every = np.ravel(ax)
    for axes, (part, name, label) in zip(every, parts, strict=True):
        _draw(axes, part, name, label)
    return (every, table) if data else every


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
    axes.set_yticks(rows, [_words(row) for _, row in part.iterrows()], fontsize="small")
    axes.set_ylim(len(part) - 0.4, -0.6)
    axes.set_xlabel(label)
    if name == "ratio":
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.axvline(1, color="0.7", linewidth=0.8, zorder=0)
    elif name != "number":
        axes.set_xlim(left=0)
    hide_spines(axes)


def _end(part: pd.DataFrame) -> float:
    """Return where lines end whose upper limit is not reached: beyond all numbers."""
    values = part[["published", "published_upper", "predicted", "upper"]].to_numpy(float)
    return 1.15 * float(values[np.isfinite(values)].max(initial=1.0))


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=PUBLISHED, marker="s", markersize=5, label="published, 95 % interval"),
        Line2D([], [], color=PREDICTED, marker="o", markersize=5, label="predicted, 95 % interval (* held out)"),
        Line2D([], [], color=ALONE, marker="D", mfc="white", linestyle="none", label="independent action"),
    ]


def _words(row: pd.Series) -> str:
    star = "" if row["use"] == "target" else " *"
    return f"{row['trial']}, {row['arm']}: {row['statistic']}{star}".lstrip(", ")
