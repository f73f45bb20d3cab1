"""The figure of a reconstruction: published points, reconstructed curves, and both numbers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immunoode.plot.colours import arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title, width
from immunoode.plot.survival import survival_axis
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    from immunoode.trial.survival.reconstruction import SurvivalReconstruction

BELOW: dict[str, Any] = {"textcoords": "offset points", "fontsize": "small", "annotation_clip": False}
"""Style of numbers below the axes."""


@figure_function
def reconstructed_curves(
    found: SurvivalReconstruction,
    *,
    unit: str | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the reconstructed Kaplan-Meier curves over the published points, and the numbers at risk below.

    Parameters
    ----------
    found : SurvivalReconstruction
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    last = float(found.endpoints["time"].max())
    days, name = time_unit(last, unit)
    arms = list(found.events["arm"])
    colours = arm_colours(arms)
    axes = new_axes(ax, (7.2, 3.9 + 0.17 * len(arms)), figsize)
    for row, (arm, curve) in enumerate(found.kaplan_meier().curve.groupby("arm", sort=False)):
        points = found.curve[found.curve["arm"] == arm]
        axes.plot(points["time"] / days, points["survival"], "o", color=colours[arm], markersize=3.5, alpha=0.4, linewidth=0)
        axes.step(
            curve["time"] / days,
            curve["survival"],
            where="post",
            color=colours[arm],
            label=f"{arm} (reconstructed)",
            linewidth=1.2,
        )
        _numbers(axes, found, arm, colours[arm], days, row)
    axes.plot([], [], "o", color="0.5", markersize=3.5, alpha=0.6, label="points of the published figure")
    axes.set_xlabel(f"Time ({name})")
    survival_axis(axes, str(found.endpoints["endpoint"].iloc[0]))
    axes.annotate("At risk", (0, 0), (-14, -44), xycoords="axes fraction", ha="right", **BELOW)
    axes.set_xticks(round_times(last / days, 1.3 * width(axes), name))
    axes.set_xlim(-0.01 * last / days, 1.02 * last / days)
    hide_spines(axes)
    legend(axes, below=52.0 + 12 * (1 + len(arms)))
    set_title(axes, title)
    return axes


def _numbers(axes: Any, found: SurvivalReconstruction, arm: str, colour: str, days: float, row: int) -> None:
    """Write the numbers at risk of an arm below the axes; a second number in brackets where the reconstruction differs."""
    style = {**BELOW, "color": colour}
    y = -44 - 12 * (row + 1)
    axes.annotate(in_lines(arm, 99), (0, 0), (-14, y), xycoords="axes fraction", ha="right", **style)
    for at in found.at_risk[found.at_risk["arm"] == arm].itertuples():
        said = f"{at.stated}" if at.stated == at.reconstructed else f"{at.stated} ({at.reconstructed})"
        axes.annotate(said, (at.time / days, 0), (0, y), xycoords=("data", "axes fraction"), ha="center", **style)
