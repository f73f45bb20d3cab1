"""Figures of optimal schedules: doses over time, Pareto fronts, utility of doses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.style import colour, names_as_text, pretty_unit, time_axis, words

if TYPE_CHECKING:
    from immunoode.optimisation.result import OptimalSchedule

_MOST_WRITTEN = 14


@names_as_text
def plot_optimum(found: OptimalSchedule, *, title: str | None = None, size: tuple[float, float] | None = None) -> Any:
    """Draw the doses of an optimal schedule, one panel per therapy, with amounts written where there is room.

    Parameters
    ----------
    found : OptimalSchedule
    title : str, optional
        Default: objective and value.
    size : (float, float), optional
        Inches.

    Returns
    -------
    Axes or ndarray of Axes
        One per therapy.
    """
    import matplotlib.pyplot as plt

    frame = found.to_frame()
    therapies = list(dict.fromkeys(frame["therapy"]))
    shape = size or (7.0, 0.8 + 1.7 * max(len(therapies), 1))
    figure, boxes = plt.subplots(max(len(therapies), 1), 1, sharex=True, squeeze=False, figsize=shape, layout="constrained")
    last = max(float((frame["time_day"] + frame["duration_day"]).max()) if len(frame) else 1.0, 1.0)
    for k, (box, therapy) in enumerate(zip(boxes[:, 0], therapies, strict=False)):
        _doses(box, frame[frame["therapy"] == therapy], therapy, colour(k), last)
        time_axis(box, 0.0, last)
        box.set_xlim(-0.03 * last, 1.03 * last)
        box.label_outer()
    figure.suptitle(str(found) if title is None else title, fontsize="medium")
    return boxes[0, 0] if len(boxes) == 1 else boxes[:, 0]


def _doses(box: Any, given: Any, therapy: str, style: str, last: float) -> None:
    """Draw the doses of one therapy: a stem each, or a bar as long as the infusion."""
    times, amounts = given["time_day"].to_numpy(), given["amount"].to_numpy()
    widths = np.maximum(given["duration_day"].to_numpy(), 0.006 * last)
    box.bar(times, amounts, width=widths, align="edge", color=style)
    if len(times) <= _MOST_WRITTEN:
        for t, a, w in zip(times, amounts, widths, strict=True):
            box.annotate(f"{a:.3g}", (t + w / 2, a), (0, 2), textcoords="offset points", ha="center", fontsize="x-small")
    unit = pretty_unit(str(given["unit"].iloc[0])) if "unit" in given else ""
    box.set_ylabel(words(therapy) + (f"\n({unit})" if unit else ""))
    box.set_ylim(0, 1.18 * max(float(amounts.max(initial=0.0)), 1e-12))
    box.spines[["top", "right"]].set_visible(False)
