"""Figures of how sure a fit is: profiles, draws, and the waterfall of several starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, shared_legend
from immunoode.plot.panels import Size, new_axes, new_grid, new_panels, set_title
from immunoode.plot.quantity_labels import label, wrapped
from immunoode.plot.value_ranges import plain_ticks

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
def plot_profiles(profiles: Profiles, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> FloatArray:
    """Draw each profile likelihood with both thresholds and the interval of the parameter alone.

    The curves are interpolated between the points of the profile (the signed root of the rise, by monotone cubics).

    Parameters
    ----------
    profiles : Profiles
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    array of Axes
        One per parameter, for the first twelve.
    """
    names = list(profiles)[:_MOST]
    columns = min(3, len(names))
    drawn = new_grid(ax, len(names), columns, (3.0, 2.3), (0.0, 0.9), figsize, least=4.4, sharey=True)
    for k, (box, name) in enumerate(zip(drawn.boxes, names, strict=True)):
        _profile(box, profiles[name], profiles.level)
        if k % columns:
            box.set_ylabel("")
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.array()


def _profile(box: Axes, profile: Profile, level: float) -> None:
    logarithmic = bool(profile.log and profile.values.max() > 3 * profile.values.min())
    box.plot(*_smooth(profile, logarithmic), "-", color=BLUE, label="profile likelihood")
    box.plot(profile.values, profile.rise, ".", color=BLUE, markersize=4, label="computed points")
    box.plot([profile.best], [0.0], "*", color=ORANGE, markersize=10, label="best fit")
    box.axhline(profile.pointwise, color="black", linewidth=0.9, linestyle="--", label=f"{100 * level:g} %, this parameter")
    box.axhline(profile.simultaneous, color=GREY, linewidth=0.9, linestyle=":", label=f"{100 * level:g} %, all parameters")
    low, high = profile.limits(profile.pointwise)
    seen = np.clip([low, high], profile.values.min(), profile.values.max())
    box.axvspan(seen[0], seen[1], color=BLUE, alpha=0.12, linewidth=0, label=f"{100 * level:g} % interval")
    if logarithmic:
        box.set_xscale("log")
        plain_ticks(box.xaxis, 5)
    else:
        box.locator_params(axis="x", nbins=4)
        box.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    box.set_ylim(-0.04 * profile.simultaneous, 1.35 * profile.simultaneous)
    box.set_xlabel(wrapped(label(profile.name, profile.unit), 32))
    box.set_ylabel("Rise of −2 log L")
    if profile.verdict != "identifiable":
        box.set_title(profile.verdict, fontsize="small", color=ORANGE)


def _smooth(profile: Profile, logarithmic: bool) -> tuple[FloatArray, FloatArray]:
    """Return a smooth curve through the points of a profile and the best fit.

    The signed square root of the rise is nearly a straight line, which monotone cubics follow closely.
    """
    from scipy.interpolate import PchipInterpolator

    x = np.append(profile.values, profile.best)
    root = np.sqrt(np.maximum(np.append(profile.rise, 0.0), 0.0)) * np.sign(x - profile.best)
    order = np.unique(np.log(x) if logarithmic else x, return_index=True)
    if len(order[0]) < 3 or not np.isfinite(root).all():
        return profile.values, profile.rise
    at = np.linspace(order[0][0], order[0][-1], 240)
    return (np.exp(at) if logarithmic else at), PchipInterpolator(order[0], root[order[1]])(at) ** 2


@figure_function
def plot_draws(draws: Draws, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> FloatArray:
    """Draw the distribution of each parameter with the fit and its interval, and each pair of them.

    Parameters
    ----------
    draws : Draws
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    array of Axes, square
        Of the first eight parameters.
    """
    if len(draws) < 2:
        raise FitError(Problem("draws", f"there are {len(draws)}", "at least two"))
    table = draws.to_frame().iloc[:, : len(draws.names)]
    names = list(table.columns)[:8]
    p = len(names)
    side = max(3.8, 1.7 * p + 0.8)
    drawn = new_panels(ax, p * p, (side, side + 0.4), figsize, columns=p)
    axes = drawn.array().reshape(p, p)
    limits, units = draws.intervals(), draws.units
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            box = axes[i, j]
            if j > i:
                box.set_axis_off()
            elif i == j:
                box.hist(table[row], bins="auto", color=BLUE, alpha=0.6, label="draws")
                box.axvline(limits.loc[row, "value"], color=ORANGE, linewidth=1.2, label="best fit")
                for end in ("lower", "upper"):
                    box.axvline(limits.loc[row, end], color="black", linewidth=0.8, linestyle="--", label="95 % interval")
                box.set_yticks([])
            else:
                box.plot(table[column], table[row], ".", color=BLUE, alpha=0.25, markersize=2, rasterized=True)
                box.plot(limits.loc[column, "value"], limits.loc[row, "value"], "*", color=ORANGE, markersize=7)
            box.tick_params(labelbottom=i == p - 1, labelleft=j == 0 and i > 0, labelsize="x-small")
            box.locator_params(axis="x", nbins=3)
            for axis in (box.xaxis, box.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:g}")
            if i == p - 1:
                box.set_xlabel(wrapped(label(column, units.get(column, "")), 18), fontsize="small")
            if j == 0 and i > 0:
                box.set_ylabel(wrapped(label(row, units.get(row, "")), 18), fontsize="small")
    shared_legend(drawn, axes[0, 0].get_legend_handles_labels()[0])
    drawn.set_title(title)
    return np.asarray(axes)


@figure_function
def plot_starts(starts: MultiStartResult, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Axes:
    """Draw the waterfall: how far above the best minimum each start ended, sorted.

    Parameters
    ----------
    starts : MultiStartResult
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, (6.4, 3.6), figsize)
    table = starts.to_frame()
    good = table["converged"].to_numpy(bool)
    rise = np.maximum(table["rise"].to_numpy(float), 1e-3)
    rank = np.arange(1, len(table) + 1)
    ax.plot(rank, rise, "-", color="0.8", zorder=0)
    ax.plot(rank[good], rise[good], "o", color=BLUE, label="converged")
    if (~good).any():
        ax.plot(rank[~good], rise[~good], "x", color=ORANGE, label="did not converge")
    ax.set_yscale("log")
    ax.set_xlabel("Starts, best first")
    ax.set_ylabel("−2 log L above the best\n(at least 0.001)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    set_title(ax, title, f"{starts.agreeing} of {len(starts)} starts end at the best minimum")
    legend(ax)
    return ax
