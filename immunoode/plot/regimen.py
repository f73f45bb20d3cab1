"""A regimen as a timeline: a lane for each therapy, a mark for each administration, a bar where it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immunoode.plot.style import colour, new_axes, time_axis, words

if TYPE_CHECKING:
    from immunoode.regimen.regimen import Regimen


def plot_regimen(regimen: Regimen, axes: Any = None, *, amounts: bool = True) -> Any:
    """Draw a regimen.

    Parameters
    ----------
    regimen : Regimen
    axes : Axes, optional
    amounts : bool
        Write each therapy's amount at the end of its lane.

    Returns
    -------
    Axes
    """
    frame, therapies = regimen.to_frame(), regimen.therapies
    box = new_axes(axes, (8.0, 1.1 + 0.42 * max(len(therapies), 1)))
    for row, therapy in enumerate(therapies):
        _lane(box, row, frame[frame["therapy"] == therapy])
        if amounts:
            stated = dict.fromkeys(f"{d.amount:g} {d.unit}".strip() for d in regimen.doses if d.therapy == therapy)
            box.annotate(", ".join(stated), (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize="small",
                         annotation_clip=False)  # fmt: skip
    box.set_yticks(range(len(therapies)), [words(t) for t in therapies])
    box.set_ylim(max(len(therapies), 1) - 0.5, -0.5)
    box.tick_params(axis="y", length=0)
    box.spines[["top", "right", "left"]].set_visible(False)
    first, last = (
        (min(frame["time_day"].min(), 0.0), float((frame["time_day"] + frame["duration_day"]).max()))
        if len(frame)
        else (0, 7)
    )
    margin = 0.02 * (last - first) + 0.5
    time_axis(box, first, last + margin)
    box.set_xlim(first - margin, last + margin)
    if regimen.title:
        box.set_title(regimen.title, fontsize="medium", loc="left")
    return box


def _lane(box: Any, row: int, given: Any) -> None:
    style = colour(row)
    box.axhline(row, color="0.9", linewidth=0.8, zorder=0)
    box.plot(
        given["time_day"],
        [row] * len(given),
        linestyle="none",
        marker="|",
        markersize=14,
        markeredgewidth=2,
        color=style,
    )
    for time, duration in zip(given["time_day"], given["duration_day"], strict=True):
        if duration >= 1:
            box.plot([time, time + duration], [row, row], color=style, linewidth=5, solid_capstyle="butt")
