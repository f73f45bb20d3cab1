"""Spider: the change from baseline of each subject over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import COLOURS, arm_colours, arm_lines
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, with_count
from immunoode.plot.oncology import evenly, note_above, responses_of, sizes_of
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.time_axes import time_axis
from immunoode.trial.response.codes import PROGRESSED, is_one_of

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.response.responses import Responses

HIGHEST = 150.0
"""Percent at which the axis ends; lines leave it."""
MARKED = 100
"""Subjects up to which progressions are marked."""


@figure_function
def spider(
    responses: Responses,
    *,
    unit: str | None = None,
    most: int | None = 150,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the change from baseline of each subject over time, with one colour per arm.

    Parameters
    ----------
    responses : Responses
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    most : int, optional
        The largest number of subjects drawn; of more, the same share of each arm is drawn, evenly spaced in the last change,
        and the figure says so. None draws all.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
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
    axes = new_axes(ax, (6.4, 4.2), figsize)
    first, last = float(table["time"].min()), float(table["time"].max())
    colours = arm_colours(list(responses.subjects["arm"]))
    everyone = table["subject"].nunique()
    table_drawn = table[table["subject"].isin(evenly(_last_change(table), most))]
    many = table_drawn["subject"].nunique()
    faint = 0.9 if many <= 20 else 0.6 if many <= 100 else 0.3
    width = 1.1 if many <= 100 else 0.7
    lines = arm_lines(list(colours))
    if many > 100 and len(lines) <= len(COLOURS):  # dashes of thin lines help only where colours come again
        lines = {arm: {"color": look["color"]} for arm, look in lines.items()}
    for (arm, _), rows in table_drawn.groupby(["arm", "subject"], sort=False):
        axes.plot(rows["time"], rows["change"], alpha=faint, linewidth=width, **lines[str(arm)])
    _marks(axes, table_drawn, colours, many)
    axes.axhline(0, color="black", linewidth=0.8)
    for level in (-100 * responses.thresholds.partial_response, 100 * responses.thresholds.progression):
        axes.axhline(level, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    highest = float(table["change"].max())
    time_axis(axes, min(first, 0.0), last, unit)
    axes.set_ylabel("Change of the sum of diameters (%)")
    axes.set_ylim(-105, min(max(highest * 1.05, 30.0), HIGHEST))
    hide_spines(axes)
    said = [f"{many} of {everyone} subjects, evenly sampled"] if many < everyone else []
    if highest > HIGHEST:
        over = table.loc[table["change"] > HIGHEST, "subject"].nunique()
        said.append(f"{over} subject{'s' if over > 1 else ''} above, to +{highest:.0f} %")
    set_title(axes, title)
    note_above(axes, "; ".join(said))
    legend(axes, _handles(lines, responses, table_drawn))
    return (axes, table) if data else axes


def _last_change(table: pd.DataFrame) -> pd.DataFrame:
    """Return subject, arm and last change, in order of the change."""
    return table.drop_duplicates("subject", keep="last")[["subject", "arm", "change"]].sort_values("change", kind="stable")


def _progressed(response: str) -> bool:
    return is_one_of(response, PROGRESSED)


def _marks(axes: Any, table: Any, colours: dict[str, str], many: int) -> None:
    """Mark new lesions, and progression if there are few enough lines to see it."""
    edge = {"s": 22 if many <= 50 else 9, "edgecolor": "black", "linewidth": 0.6}
    inside = table[table["change"] <= HIGHEST]
    for arm, rows in inside.groupby("arm", sort=False):
        new = rows["new_lesion"].astype(bool)
        bad = rows["response"].map(_progressed) & ~new & (many <= MARKED)
        for marker, some in (("D", rows[new]), ("o", rows[bad])):
            axes.scatter(some["time"], some["change"], marker=marker, color=colours[str(arm)], zorder=4, **edge)


def _handles(looks: dict[str, dict[str, Any]], responses: Responses, table: Any) -> list[Any]:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], label=with_count(a, responses.subjects), **look) for a, look in looks.items()]
    style = {"linestyle": "none", "color": "0.7", "markeredgecolor": "black", "markersize": 5}
    if table["response"].map(_progressed).any() and len(responses.subjects) <= MARKED:
        lines.append(Line2D([], [], marker="o", label="progression", **style))
    if table["new_lesion"].any():
        lines.append(Line2D([], [], marker="D", label="new lesion", **style))
    return lines
