"""The figure of a reconstruction: published points, reconstructed curves, and both numbers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immunoode.plot.colours import arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, short
from immunoode.plot.panels import hide_spines, new_axes
from immunoode.plot.survival import TITLES
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    from immunoode.trial.survival.reconstruction import SurvivalReconstruction

BELOW: dict[str, Any] = {"textcoords": "offset points", "fontsize": "small", "annotation_clip": False}
"""Style of numbers below the axes."""


@figure_function
def reconstructed_curves(found: SurvivalReconstruction, *, unit: str | None = None, ax: Any = None) -> Any:
    """Draw the reconstructed Kaplan-Meier curves over the published points, and the numbers at risk below.

    Parameters
    ----------
    found : SurvivalReconstruction
    unit : {"day", "week", "month"}, optional
        Of time; by default what suits the span.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    last = float(found.endpoints["time"].max())
    days, name = time_unit(last, unit)
    arms = list(found.events["arm"])
    colours = arm_colours(arms)
    axes = new_axes(ax, (7.2, 3.9 + 0.17 * len(arms)))
    for row, (arm, curve) in enumerate(found.kaplan_meier().curve.groupby("arm", sort=False)):
        points = found.curve[found.curve["arm"] == arm]
        axes.plot(points["time"] / days, points["survival"], "o", color=colours[arm], markersize=3.5, alpha=0.4, linewidth=0)
        axes.step(curve["time"] / days, curve["survival"], where="post", color=colours[arm], label=short(arm), linewidth=1.2)
        _numbers(axes, found, arm, colours[arm], days, row)
    axes.plot([], [], "o", color="0.5", markersize=3.5, alpha=0.6, label="points of the figure")
    axes.set(ylim=(0, 1.02), xlabel=f"Time ({name})")
    endpoint = str(found.endpoints["endpoint"].iloc[0])
    axes.set_ylabel(TITLES.get(endpoint, "survival" if endpoint == "event" else endpoint))
    axes.annotate("at risk", (0, 0), (-14, -44), xycoords="axes fraction", ha="right", **BELOW)
    axes.set_xticks(round_times(last / days, 1.3 * axes.figure.get_figwidth()))
    axes.set_xlim(-0.01 * last / days, 1.02 * last / days)
    hide_spines(axes)
    legend(axes)
    return axes


def _numbers(axes: Any, found: SurvivalReconstruction, arm: str, colour: str, days: float, row: int) -> None:
    """Write the numbers at risk of an arm below the axes; a second number in brackets where the reconstruction differs."""
    style = {**BELOW, "color": colour}
    y = -44 - 12 * (row + 1)
    axes.annotate(short(arm, 14), (0, 0), (-14, y), xycoords="axes fraction", ha="right", **style)
    for at in found.at_risk[found.at_risk["arm"] == arm].itertuples():
        said = f"{at.stated}" if at.stated == at.reconstructed else f"{at.stated} ({at.reconstructed})"
        axes.annotate(said, (at.time / days, 0), (0, y), xycoords=("data", "axes fraction"), ha="center", **style)
