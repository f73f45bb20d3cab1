"""Figures of comparisons of survival: areas until a horizon, milestones, cumulative incidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import DASHES, arm_colours, arm_lines
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title, width
from immunoode.plot.survival import TITLES, kaplan_meier
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    from immunoode.trial.survival.competing_risks import CumulativeIncidence
    from immunoode.trial.survival.milestone import MilestoneSurvival
    from immunoode.trial.survival.restricted_mean import RestrictedMeanSurvival


@figure_function
def restricted_mean_curves(
    found: RestrictedMeanSurvival,
    *,
    unit: str | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the curves and the areas below them until the horizon.

    Parameters
    ----------
    found : RestrictedMeanSurvival
    unit : {"day", "week", "month", "year"}, optional
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    km = found.kaplan_meier
    days, name = time_unit(float(km.curve["time"].max()), unit)
    axes = new_axes(ax, (7.2, 4.0), figsize)
    looks = arm_lines(km.arms)
    means = found.arms.set_index("arm")["restricted_mean"]
    for arm, curve in km.curve.groupby("arm", sort=False):
        inside = curve[curve["time"] <= found.until]
        time = np.append(inside["time"], found.until) / days
        level = np.append(inside["survival"], inside["survival"].iloc[-1])
        label, look = f"{arm}: {means[arm] / days:.1f} {name}", looks[str(arm)]
        axes.fill_between(time, level, step="post", color=look["color"], alpha=0.12, linewidth=0)
        axes.step(curve["time"] / days, curve["survival"], where="post", linewidth=1.6, label=label, **look)
    axes.axvline(found.until / days, color="0.4", linewidth=0.9, linestyle="--")
    _finish(axes, float(km.curve["time"].max()) / days, name, TITLES.get(km.endpoint, km.endpoint))
    legend(axes, title=f"Restricted mean to {found.until / days:.3g} {name}")
    set_title(axes, title)
    return axes


@figure_function
def milestone_points(
    found: MilestoneSurvival, *, unit: str | None = None, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw the Kaplan-Meier curves, and survival with its interval at the milestones.

    Parameters
    ----------
    found : MilestoneSurvival
    unit : {"day", "week", "month", "year"}, optional
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    km = found.kaplan_meier
    days, _ = time_unit(float(km.curve["time"].max()), unit)
    axes = kaplan_meier(km, unit=unit, bands=False, ax=ax, title=title, figsize=figsize)
    colours = arm_colours(km.arms)
    beside = 0.008 * float(km.curve["time"].max()) / days
    for k, (arm, own) in enumerate(found.arms.groupby("arm", sort=False)):
        at, level = own["time"].to_numpy() / days + (k - (len(km.arms) - 1) / 2) * beside, own["survival"].to_numpy()
        spread = np.array([level - own["lower"], own["upper"] - level])
        axes.errorbar(at, level, spread, fmt="o", color=colours[str(arm)], markersize=5, capsize=3, linewidth=1.2)
    for day in dict.fromkeys(found.arms["time"]):
        axes.axvline(day / days, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    return axes


@figure_function
def incidence_curves(
    found: CumulativeIncidence,
    *,
    unit: str | None = None,
    bands: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the cumulative incidence of each cause in each arm: a colour per arm, dashes per cause.

    Parameters
    ----------
    found : CumulativeIncidence
    unit : {"day", "week", "month", "year"}, optional
    bands : bool
        Confidence bands.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    from matplotlib.patches import Patch

    last = found.counts.drop_duplicates("arm").set_index("arm")["last_time"]
    days, name = time_unit(float(last.max()), unit)
    axes = new_axes(ax, (7.2, 4.0), figsize)
    colours = arm_colours(list(last.index))
    style = {cause: DASHES[k % len(DASHES)] for k, cause in enumerate(found.causes)}
    for (arm, cause), own in found.curve.groupby(["arm", "cause"], sort=False):
        time = np.append(own["time"], last[arm]) / days
        values = {c: np.append(own[c], own[c].iloc[-1]) for c in ("incidence", "lower", "upper")}
        look = {"color": colours[str(arm)], "linestyle": style[cause]}
        label = cause if len(last) == 1 else f"{arm}: {cause}"
        axes.step(time, values["incidence"], where="post", linewidth=1.6, label=label, **look)
        if bands:
            axes.fill_between(
                time, values["lower"], values["upper"], step="post", color=colours[str(arm)], alpha=0.15, linewidth=0
            )
    _finish(axes, float(last.max()) / days, name, "Cumulative incidence")
    handles = axes.get_legend_handles_labels()[0]
    if bands:
        handles.append(Patch(color="0.5", alpha=0.3, linewidth=0, label=f"{100 * found.confidence:g} % interval"))
    legend(axes, handles)
    set_title(axes, title)
    return axes


def _finish(axes: Any, last: float, name: str, label: str) -> None:
    axes.set(ylim=(0, 1.02), xlabel=f"Time ({name})", ylabel=label)
    axes.set_xticks(round_times(last, 1.3 * width(axes), name))
    axes.set_xlim(-0.01 * last, 1.02 * last)
    hide_spines(axes)
