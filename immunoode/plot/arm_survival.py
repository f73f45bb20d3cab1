"""The survival of one arm, as a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title, width
from immunoode.plot.survival import survival_axis
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    from immunoode.combination.arm_survival import SurvivalArm


@figure_function
def survival_of_arm(
    arm: SurvivalArm,
    *,
    unit: str | None = None,
    percent: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw survival from day 0 to the end of the curve, and the median.

    Parameters
    ----------
    arm : SurvivalArm
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    percent : bool
        Survival in percent.
    ax : Axes, optional
    title : str, optional
        By default, the name of the arm.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    curve = arm.curve
    end = float(max(curve.end, curve.times[-1])) if np.isfinite(curve.end) else float(curve.times[-1])
    days, name = time_unit(end, unit)
    axes = new_axes(ax, (6.4, 3.8), figsize)
    time = np.concatenate([[0.0], curve.times, [end]]) / days
    level = np.concatenate([[1.0], curve.survival, curve.survival[-1:]])
    axes.step(time, level, where="post", linewidth=1.6, **line(0))
    survival_axis(axes, arm.endpoint, percent)
    axes.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel(f"Time ({name})")
    axes.set_xticks(round_times(end / days, 1.3 * width(axes), name))
    axes.set_xlim(-0.01 * end / days, 1.02 * end / days)
    hide_spines(axes)
    set_title(axes, title, in_lines(arm.name))
    return axes
