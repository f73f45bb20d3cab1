"""A calibrated cohort beside trials: published numbers, predictions, and independent drug action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.oncology import plain_spines
from immunoode.plot.style import COLOURS, names_as_text

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.cohorts.trial_comparison import TrialComparison

PUBLISHED, PREDICTED, ALONE = "0.25", COLOURS[0], COLOURS[1]
PANELS = (("share", "share of patients"), ("month", "months"), ("ratio", "hazard ratio"), ("number", "value"))


@names_as_text
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
        _, ax = plt.subplots(
            len(parts),
            1,
            figsize=(8.6, 0.36 * sum(heights) + 0.6),
            gridspec_kw={"height_ratios": heights},
            squeeze=False,
            layout="constrained",
        )
    every = np.ravel(ax)
    for axes, (part, name, label) in zip(every, parts, strict=True):
        _draw(axes, part, name, label)
    every[0].legend(fontsize="small", frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4)
    return (every, table) if data else every


def _panel(row: pd.Series) -> str:
    if row["unit"] == "month":
        return "month"
    if row["kind"] == "hazard ratio":
        return "ratio"
    return "number" if row["kind"] in ("mean", "correlation") else "share"


def _draw(axes: Any, part: pd.DataFrame, name: str, label: str) -> None:
    rows = np.arange(len(part))
    for at, (value, lower, upper), colour, marker, words in (
        (rows - 0.15, ("published", "published_lower", "published_upper"), PUBLISHED, "s", "published, 95 % interval"),
        (rows + 0.15, ("predicted", "lower", "upper"), PREDICTED, "o", "predicted, 95 % interval"),
    ):
        axes.hlines(at, part[lower], part[upper], color=colour, linewidth=1.4)
        axes.plot(part[value], at, marker, color=colour, markersize=5, label=words)
    alone = part["independent_action"].notna()
    axes.plot(part["independent_action"][alone], (rows + 0.15)[alone], "D", mfc="white", mec=ALONE, label="independent action")
    axes.set_yticks(rows, [_words(row) for _, row in part.iterrows()], fontsize="small")
    axes.set_ylim(len(part) - 0.4, -0.6)
    axes.set_xlabel(label)
    if name == "ratio":
        axes.set_xscale("log")
        axes.axvline(1, color="0.7", linewidth=0.8, zorder=0)
    elif name != "number":
        axes.set_xlim(left=0)
    plain_spines(axes)


def _words(row: pd.Series) -> str:
    star = "" if row["use"] == "target" else " *"
    return f"{row['trial']}, {row['arm']}: {row['statistic']}{star}".lstrip(", ")
