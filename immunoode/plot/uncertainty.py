"""Figures of how sure a fit is: profiles, draws, and the waterfall of several starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.panels import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from immunoode.fitting.multistart import MultiStartResult
    from immunoode.fitting.observations import FloatArray
    from immunoode.fitting.uncertainty.draws import Draws
    from immunoode.fitting.uncertainty.profile import Profile, Profiles

BLUE, ORANGE, GREY = COLOURS[0], COLOURS[1], "0.45"
_MOST = 12
"""Parameters drawn, at most."""


@figure_function
def plot_profiles(profiles: Profiles, *, ax: Any = None) -> FloatArray:
    """Draw each profile with both thresholds and the interval of the parameter alone.

    Returns
    -------
    array of Axes, one per parameter (the first twelve)
    """
    names = list(profiles)[:_MOST]
    boxes = _panels(len(names), ax)
    for box, name in zip(boxes, names, strict=True):
        _profile(box, profiles[name], profiles.level)
    boxes[0].legend(fontsize=7, loc="upper center", framealpha=0.9)
    return boxes


def _panels(count: int, axes: FloatArray | None, columns: int = 3, height: float = 2.5) -> FloatArray:
    import matplotlib.pyplot as plt

    if axes is not None:
        return np.asarray(axes).ravel()[:count]
    wide = min(columns, count)
    rows = -(-count // wide)
    figure, boxes = plt.subplots(rows, wide, figsize=(max(3.2 * wide, 4), height * rows), squeeze=False, layout="constrained")
    for box in boxes.ravel()[count:]:
        box.set_axis_off()
    return np.asarray(boxes.ravel()[:count])


def _profile(box: Axes, profile: Profile, level: float) -> None:
    box.plot(profile.values, profile.rise, "o-", color=BLUE, markersize=3, linewidth=1.3)
    box.plot([profile.best], [0.0], "*", color=ORANGE, markersize=10, label="best fit")
    box.axhline(profile.pointwise, color="black", linewidth=0.9, linestyle="--", label=f"{100 * level:g} %, this parameter")
    box.axhline(profile.simultaneous, color=GREY, linewidth=0.9, linestyle=":", label=f"{100 * level:g} %, all parameters")
    low, high = profile.limits(profile.pointwise)
    seen = np.clip([low, high], profile.values.min(), profile.values.max())
    box.axvspan(seen[0], seen[1], color=BLUE, alpha=0.12, linewidth=0)
    if profile.log and profile.values.max() > 3 * profile.values.min():
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        box.set_xscale("log")
        box.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        box.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        box.xaxis.set_minor_formatter(NullFormatter())
    box.set_ylim(-0.04 * profile.simultaneous, 1.35 * profile.simultaneous)
    box.set_xlabel(f"{profile.name} ({profile.unit})" if profile.unit not in ("", "1") else profile.name, fontsize=8)
    box.set_ylabel("rise of −2 log L", fontsize=8)
    box.tick_params(labelsize=7)
    if profile.verdict != "identifiable":
        box.set_title(profile.verdict, fontsize=8, color=ORANGE)


@figure_function
def plot_draws(draws: Draws, *, ax: Any = None) -> FloatArray:
    """Draw the distribution of each parameter with the fit and its interval, and each pair of them.

    Returns
    -------
    array of Axes, square
    """
    import matplotlib.pyplot as plt

    if len(draws) < 2:
        raise FitError(Problem("draws", f"there are {len(draws)}", "at least two"))
    table = draws.to_frame().iloc[:, : len(draws.names)]
    names = list(table.columns)[:8]
    p = len(names)
    axes = ax
    if axes is None:
        side = max(3.5, 1.6 * p + 0.6)
        _, axes = plt.subplots(p, p, figsize=(side, side), squeeze=False, layout="constrained")
    limits = draws.intervals()
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            box = axes[i, j]
            box.tick_params(labelsize=6)
            if j > i:
                box.set_axis_off()
            elif i == j:
                box.hist(table[row], bins=30, color=BLUE, alpha=0.6)
                box.axvline(limits.loc[row, "value"], color=ORANGE, linewidth=1.2)
                for end in ("lower", "upper"):
                    box.axvline(limits.loc[row, end], color="black", linewidth=0.8, linestyle="--")
                box.set_yticks([])
            else:
                box.plot(table[column], table[row], ".", color=BLUE, alpha=0.25, markersize=2, rasterized=True)
                box.plot(limits.loc[column, "value"], limits.loc[row, "value"], "*", color=ORANGE, markersize=7)
            box.tick_params(labelbottom=i == p - 1, labelleft=j == 0 and i > 0)
            if i == p - 1:
                box.set_xlabel(column, fontsize=7)
            if j == 0 and i > 0:
                box.set_ylabel(row, fontsize=7)
    return np.asarray(axes)


@figure_function
def plot_starts(starts: MultiStartResult, *, ax: Axes | None = None) -> Axes:
    """Draw the waterfall: how far above the best minimum each start ended, sorted.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, (5, 3.2))
    table = starts.to_frame()
    good = table["converged"].to_numpy(bool)
    rise = np.maximum(table["rise"].to_numpy(float), 1e-3)
    rank = np.arange(1, len(table) + 1)
    ax.plot(rank, rise, "-", color="0.8", zorder=0)
    ax.plot(rank[good], rise[good], "o", color=BLUE, label="converged")
    if (~good).any():
        ax.plot(rank[~good], rise[~good], "x", color=ORANGE, label="did not converge")
    ax.set_yscale("log")
    ax.set_xlabel("start, best first")
    ax.set_ylabel("−2 log L above the best (0.001 at least)")
    ax.set_title(f"{starts.agreeing} of {len(starts)} starts end at the best minimum", fontsize=9)
    ax.legend(fontsize=8)
    return ax
