"""Figures of a study design: expected standard errors, and the gain by further samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS, line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, shared_legend
from immunoode.plot.panels import Size, new_axes, new_panels, set_title
from immunoode.plot.quantity_labels import sentence, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from immunoode.fitting.identify.result import Identifiability
    from immunoode.fitting.observations import FloatArray


@figure_function
def plot_identifiability(
    found: Identifiability, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> FloatArray:
    """Draw the expected relative standard error of each parameter, and the correlations of errors.

    Parameters
    ----------
    found : Identifiability
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    array of two Axes
    """
    count = len(found.names)
    height = max(3.0, 0.34 * count + 1.9)
    drawn = new_panels(ax, 2, (9.8, height), figsize, columns=2, ratios={"width_ratios": [1.2, 1]})
    left, right = drawn.boxes
    table = found.to_frame()
    rse = np.minimum(table["rse_percent"].to_numpy(float), 1e4)  # infinite bars end at the edge
    place = np.arange(count)[::-1]
    colours = [COLOURS[2] if r <= 50 else COLOURS[4] if r <= 100 else COLOURS[1] for r in rse]
    left.barh(place, rse, color=colours, height=0.65)
    alone = np.minimum(table["rse_percent_if_alone"], 1e4)
    left.plot(alone, place, "|", color="black", markersize=11, label="if the others were known")
    left.axvline(50, color="0.3", linestyle="--", linewidth=0.9, label="determined: up to 50 %")
    left.set_xscale("log")
    left.set_xlim(min(1.0, 0.7 * float(np.nanmin(table["rse_percent_if_alone"]))), max(200.0, 1.3 * float(rse.max())))
    left.set_yticks(place, [sentence(words(n)) for n in found.names])
    left.set_xlabel("Expected relative standard error (%)")
    shared_legend(drawn)
    covariance = found.covariance
    sd = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(np.isfinite(np.outer(sd, sd)), covariance / np.outer(sd, sd), np.nan)
    shown = right.imshow(correlation, vmin=-1, vmax=1, cmap="RdBu_r")
    right.set_xticks(range(count), [sentence(words(n)) for n in found.names], rotation=45, ha="right")
    right.set_yticks(range(count), [""] * count)
    for i in range(count):
        for j in range(count):
            text = f"{correlation[i, j]:.2f}".replace("-", "−") if np.isfinite(correlation[i, j]) else "?"
            right.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize="x-small",
                color="white" if abs(np.nan_to_num(correlation[i, j])) > 0.6 else "black",
            )
    right.set_title("Correlation of errors (?: not determined)")
    right.figure.colorbar(shown, ax=right, shrink=0.8)
    drawn.set_title(title)
    return drawn.array()


@figure_function
def plot_next_samples(
    found: Identifiability,
    times: Iterable[float] | None = None,
    observe: str | Iterable[str] | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Axes:
    """Draw the gain of information by one more sample per subject of an arm, by day.

    Parameters
    ----------
    found : Identifiability
    times, observe : optional
        As for `next_samples`.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, (7.2, 3.8), figsize)
    table = found.next_samples(times, observe)
    for i, ((arm, quantity), rows) in enumerate(table.groupby(["arm", "quantity"], sort=False)):
        ordered = rows.sort_values("time")
        name = words(str(quantity)) if table["arm"].nunique() == 1 else f"{arm}, {words(str(quantity))}"
        ax.plot(ordered["time"], ordered["gain"], label=name, **line(i))
    seen = found.observations
    ax.plot(np.unique(seen.time), np.zeros(len(np.unique(seen.time))), "|", color="black", markersize=9, label="planned visits")
    best = table.iloc[0]
    ax.plot(best["time"], best["gain"], "*", color=COLOURS[1], markersize=11, label="largest gain")
    ax.set_ylim(bottom=min(0.0, float(table["gain"].min())) - 0.03 * float(table["gain"].max()))
    ax.set_xlabel("Day of a further sample")
    ax.set_ylabel("Gain of log determinant\nof the information")
    set_title(ax, title)
    legend(ax)
    return ax
