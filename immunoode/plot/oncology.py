"""Common parts of figures of response: colours, units of time, legends, checks."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.plot.style import MONTH, WEEK, colour
from immunoode.trial.response.responses import Responses

if TYPE_CHECKING:
    import pandas as pd

RESPONSE_COLOURS = {
    "CR": "#0072B2",
    "PR": "#56B4E9",
    "SD": "#BDBDBD",
    "non-CR/non-PD": "#DDDDDD",
    "PD": "#D55E00",
    "NE": "#FFFFFF",
    "iCR": "#0072B2",
    "iPR": "#56B4E9",
    "iSD": "#BDBDBD",
    "non-iCR/non-iUPD": "#DDDDDD",
    "iUPD": "#E69F00",
    "iCPD": "#D55E00",
}
"""Blue for response, grey for stable disease, orange and vermilion for progression; safe for colour-blind readers."""
EDGE = "0.35"
UNITS = {"day": 1.0, "week": WEEK, "month": MONTH}
LONGEST_NAME = 26
NARROW = 5.0
"""Width in inches below which a figure has no room for a legend beside its axes."""


def responses_of(responses: Any) -> Responses:
    """Return checked responses.

    Raises
    ------
    DataError
    """
    if not isinstance(responses, Responses):
        raise DataError(Problem("responses", f"are {type(responses).__name__}", "the result of imo.recist or imo.irecist"))
    if responses.subjects.empty:
        raise DataError(Problem("responses", "have no subject", "an evaluation with at least one"))
    return responses


def sizes_of(responses: Responses) -> pd.DataFrame:
    """Return subject, arm, time, sum_of_diameters, response and new_lesion of every visit with a sum, the baseline included."""
    import pandas as pd

    columns = ["subject", "arm", "time", "sum_of_diameters", "baseline", "response", "new_lesion"]
    people = responses.subjects.rename(columns={"baseline_time": "time"})
    first = people[["subject", "arm", "time", "baseline"]].assign(
        sum_of_diameters=people["baseline"], response="", new_lesion=False
    )
    parts = [t for t in (first[columns], responses.visits[columns]) if len(t)]
    table = pd.concat(parts, ignore_index=True).dropna(subset=["sum_of_diameters", "time"])
    order = {subject: k for k, subject in enumerate(people["subject"])}
    placed = table.assign(_place=table["subject"].map(order)).sort_values(["_place", "time"], kind="stable")
    return placed.drop(columns="_place").reset_index(drop=True)


def time_unit(days: float, unit: str | None) -> tuple[float, str]:
    """Return the days per unit of time and the plural of its name; by default, a unit suitable for the time range.

    Raises
    ------
    DataError
        If the unit is unknown.
    """
    if unit is None:
        unit = "day" if days <= 8 * WEEK else "week" if days <= 60 * WEEK else "month"
    if unit not in UNITS:
        raise DataError(Problem("unit", f"is {unit!r}", "day, week or month"))
    return UNITS[unit], f"{unit}s"


def short(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name shortened to the length of a label."""
    return name if len(name) <= most else shorten(name, most, placeholder="…") if " " in name[:most] else name[: most - 1] + "…"


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """Return one colour per arm, in order."""
    return {arm: colour(k) for k, arm in enumerate(dict.fromkeys(arms))}


def with_count(arm: str, table: pd.DataFrame, most: int = LONGEST_NAME) -> str:
    """Return the name of an arm and its number of subjects: "docetaxel (n = 12)"."""
    return f"{short(arm, most)} (n = {int((table['arm'] == arm).sum())})"


def plain_spines(axes: Any) -> None:
    """Hide the upper and right spines."""
    axes.spines[["top", "right"]].set_visible(False)


def beside(axes: Any, handles: Sequence[Any], title: str = "") -> None:
    """Place a legend beside the axes, or above them in a narrow figure."""
    if not handles:
        return
    _keep_inside(axes)
    options: dict[str, Any] = {"handles": list(handles), "title": title, "frameon": False, "alignment": "left"}
    if axes.figure.get_figwidth() < NARROW:
        axes.legend(**options, fontsize="x-small", loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=2, columnspacing=1.0)
    else:
        axes.legend(**options, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)


def _keep_inside(axes: Any) -> None:
    """Use constrained layout, if the figure has only these axes and no layout."""
    from matplotlib.figure import Figure

    figure = axes.figure
    if isinstance(figure, Figure) and len(figure.axes) == 1 and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")


def room(axes: Any) -> int:
    """Return the number of letters of a name that fit beside the axes."""
    return int(min(max(3 * axes.figure.get_figwidth(), 12), 36))
