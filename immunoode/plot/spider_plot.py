"""Spider: the change from baseline of each subject over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, with_count
from immunoode.plot.oncology import responses_of, sizes_of
from immunoode.plot.panels import hide_spines, new_axes
from immunoode.plot.time_axes import time_unit
from immunoode.trial.response.codes import PROGRESSED, is_one_of

if TYPE_CHECKING:
    from immunoode.trial.response.responses import Responses

HIGHEST = 150.0
"""Percent at which the axis ends; lines leave it."""
MARKED = 100
"""Subjects up to which progressions are marked."""


@figure_function
def spider(responses: Responses, *, unit: str | None = None, ax: Any = None, data: bool = False) -> Any:
    """Draw the change from baseline of each subject over time, with one colour per arm.

    Parameters
    ----------
    responses : Responses
    unit : {"day", "week", "month"}, optional
        Of time; by default what suits the span.
    ax : Axes, optional
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per point: subject, arm, time (days), change (percent), response, new_lesion.

    Raises
    ------
    DataError
        If no subject has a measurement after the baseline.
    """
    seen = sizes_of(responses_of(responses))
    table = seen[["subject", "arm", "time", "response", "new_lesion"]].assign(
        change=100 * (seen["sum_of_diameters"] / seen["baseline"] - 1)
    )
    table = table[np.isfinite(table["change"])].reset_index(drop=True)
    if not (table["response"] != "").any():
        raise DataError(Problem("responses", "no subject was measured after the baseline", "at least one later visit"))
    axes = new_axes(ax, (6.4, 4.2))
    days, name = time_unit(float(table["time"].max()), unit)
    colours = arm_colours(list(responses.subjects["arm"]))
    many = responses.subjects["subject"].nunique()
    faint = 0.9 if many <= 20 else 0.6 if many <= 100 else 0.3
    width = 1.1 if many <= 100 else 0.7
    for (arm, _), rows in table.groupby(["arm", "subject"], sort=False):
        axes.plot(rows["time"] / days, rows["change"], color=colours[str(arm)], alpha=faint, linewidth=width)
    _marks(axes, table, colours, days, many)
    axes.axhline(0, color="black", linewidth=0.8)
    for level in (-100 * responses.thresholds.partial_response, 100 * responses.thresholds.progression):
        axes.axhline(level, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    highest = float(table["change"].max())
    axes.set(xlabel=f"Time ({name})", ylabel="Change from baseline (%)")
    axes.set_ylim(-105, min(max(highest * 1.05, 30.0), HIGHEST))
    hide_spines(axes)
    if highest > HIGHEST:
        over = table.loc[table["change"] > HIGHEST, "subject"].nunique()
        text = f"{over} subject{'s' if over > 1 else ''} above, to +{highest:.0f} %"
        axes.annotate(text, (0.99, 0.985), xycoords="axes fraction", ha="right", va="top", fontsize="x-small", color="0.3")
    legend(axes, _handles(colours, responses, table))
    return (axes, table) if data else axes


def _progressed(response: str) -> bool:
    return is_one_of(response, PROGRESSED)


def _marks(axes: Any, table: Any, colours: dict[str, str], days: float, many: int) -> None:
    """Mark new lesions, and progression where there are few enough lines to see it."""
    edge = {"s": 22 if many <= 50 else 9, "edgecolor": "black", "linewidth": 0.6}
    inside = table[table["change"] <= HIGHEST]
    for arm, rows in inside.groupby("arm", sort=False):
        new = rows["new_lesion"].astype(bool)
        bad = rows["response"].map(_progressed) & ~new & (many <= MARKED)
        for marker, some in (("D", rows[new]), ("o", rows[bad])):
            axes.scatter(some["time"] / days, some["change"], marker=marker, color=colours[str(arm)], zorder=4, **edge)


def _handles(colours: dict[str, str], responses: Responses, table: Any) -> list[Any]:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=c, label=with_count(a, responses.subjects)) for a, c in colours.items()]
    style = {"linestyle": "none", "color": "0.7", "markeredgecolor": "black", "markersize": 5}
    if table["response"].map(_progressed).any() and len(responses.subjects) <= MARKED:
        lines.append(Line2D([], [], marker="o", label="progression", **style))
    if table["new_lesion"].any():
        lines.append(Line2D([], [], marker="D", label="new lesion", **style))
    return lines
