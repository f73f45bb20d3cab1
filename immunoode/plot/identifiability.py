"""Figures of a study design: expected standard errors, and the gain by further samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS, line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.panels import new_axes
from immunoode.plot.quantity_labels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from immunoode.fitting.identify.result import Identifiability
    from immunoode.fitting.observations import FloatArray


@figure_function
def plot_identifiability(found: Identifiability, *, ax: Any = None) -> FloatArray:
    """Draw the expected relative standard error of each parameter, and the correlations of errors.

    Returns
    -------
    array of two Axes
    """
    import matplotlib.pyplot as plt

    count = len(found.names)
    axes = ax
    if axes is None:
        height = max(2.6, 0.3 * count + 1.4)
        _, axes = plt.subplots(1, 2, figsize=(9.5, height), layout="constrained", width_ratios=[1.2, 1])
    left, right = axes
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
    left.set_yticks(place, [words(n) for n in found.names], fontsize=8)
    left.set_xlabel("expected relative standard error (%)")
    left.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    covariance = found.covariance
    sd = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(np.isfinite(np.outer(sd, sd)), covariance / np.outer(sd, sd), np.nan)
    shown = right.imshow(correlation, vmin=-1, vmax=1, cmap="RdBu_r")
    right.set_xticks(range(count), [words(n) for n in found.names], rotation=45, ha="right", fontsize=7)
    right.set_yticks(range(count), [words(n) for n in found.names], fontsize=7)
    for i in range(count):
        for j in range(count):
            text = f"{correlation[i, j]:.2f}" if np.isfinite(correlation[i, j]) else "?"
            right.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize=6,
                color="white" if abs(np.nan_to_num(correlation[i, j])) > 0.6 else "black",
            )
    right.set_title("correlation of errors (?: not determined)", fontsize=9)
    right.figure.colorbar(shown, ax=right, shrink=0.8)
    return np.asarray(axes)


@figure_function
def plot_next_samples(
    found: Identifiability,
    times: Iterable[float] | None = None,
    observe: str | Iterable[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the gain of information by one more sample per subject of an arm, by day.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, (6, 3.6))
    table = found.next_samples(times, observe)
    for i, ((arm, quantity), rows) in enumerate(table.groupby(["arm", "quantity"], sort=False)):
        ordered = rows.sort_values("time")
        name = words(str(quantity)) if table["arm"].nunique() == 1 else f"{arm}, {words(str(quantity))}"
        ax.plot(ordered["time"], ordered["gain"], label=name, **line(i))
    seen = found.observations
    ax.plot(np.unique(seen.time), np.zeros(len(np.unique(seen.time))), "|", color="black", markersize=9, label="planned visits")
    best = table.iloc[0]
    ax.plot(best["time"], best["gain"], "*", color=COLOURS[1], markersize=11)
    ax.set_ylim(bottom=min(0.0, float(table["gain"].min())) - 0.03 * float(table["gain"].max()))
    ax.set_xlabel("day of a further sample")
    ax.set_ylabel("gain of log determinant\nof the information")
    ax.legend(fontsize=8)
    return ax
