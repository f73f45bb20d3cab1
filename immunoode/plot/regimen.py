"""A regimen as a timeline: a lane for each therapy, a mark for each administration, a bar where it lasts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from immunoode.plot.style import colour, new_axes, pretty_unit, time_axis, words
from immunoode.regimen.rules import EXPOSURE_UNIT

if TYPE_CHECKING:
    from immunoode.regimen.doses import Dose
    from immunoode.regimen.regimen import Regimen

_LANE, _MARK = 0.42, 14.0
"""Inches that a lane takes, and points that a mark is high."""
_WIDEST, _THINNEST = 2.5, 0.5
_SEEN = 0.008
"""Part of the axis from which on a duration is drawn as a bar."""


def plot_regimen(regimen: Regimen, axes: Any = None, *, amounts: bool = True) -> Any:
    """Draw a regimen.

    Parameters
    ----------
    regimen : Regimen
    axes : Axes, optional
    amounts : bool
        Write number and amount of the doses at the end of each lane, a line for each rule.

    Returns
    -------
    Axes
    """
    frame, therapies = regimen.to_frame(), regimen.therapies
    labels = [_stated([d for d in regimen.doses if d.therapy == therapy]) for therapy in therapies]
    height = (
        sum(_LANE * max(1.0, 0.6 * (label.count("\n") + 1)) for label in labels) if amounts else _LANE * len(therapies)
    )
    box = new_axes(axes, (8.0, 1.1 + max(height, _LANE)))
    first, last = _span(frame)
    margin = 0.02 * (last - first) + 0.5
    time_axis(box, first, last + margin)
    box.set_xlim(first - margin, last + margin)
    for row, (therapy, label) in enumerate(zip(therapies, labels, strict=True)):
        _lane(box, row, frame[frame["therapy"] == therapy], last - first + 2 * margin)
        if amounts:
            box.annotate(label, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize="small",
                         annotation_clip=False)  # fmt: skip
    box.set_yticks(range(len(therapies)), [words(t) for t in therapies])
    box.set_ylim(max(len(therapies), 1) - 0.5, -0.5)
    box.tick_params(axis="y", length=0)
    box.spines[["top", "right", "left"]].set_visible(False)
    if regimen.title:
        box.set_title(regimen.title, fontsize="medium", loc="left", wrap=True)
    return box


def _span(frame: Any) -> tuple[float, float]:
    """Return the days that the figure shows: day 0 and every administration."""
    if not len(frame):
        return 0.0, 7.0
    return min(float(frame["time_day"].min()), 0.0), float((frame["time_day"] + frame["duration_day"]).max())


def _stated(doses: list[Dose]) -> str:
    """Return number and amount of each rule of a therapy: "4 × 1 mg/kg", a line for each."""
    lines = []
    for dose in doses:
        number, first = len(dose.times()), "" if dose.loading is None else f"{_amount(dose.loading, dose.unit)}, then "
        number -= bool(first)
        lines.append(first + (f"{number} × " if number > 1 else "") + _amount(dose.amount, dose.unit))
    return "\n".join(dict.fromkeys(lines))


def _amount(amount: float, unit: str) -> str:
    """Return an amount as it is printed: 200 mg, 75 mg/m², 2×10⁶ cells/kg, AUC 5."""
    if unit == EXPOSURE_UNIT:
        return f"AUC {amount:g}"
    number = f"{amount:,g}"
    if abs(amount) >= 1e6:
        mantissa, _, power = f"{amount:.3e}".partition("e")
        number = f"{float(mantissa):g}×$10^{{{int(power)}}}$"
    return f"{number} {re.sub(r'm2$', 'm²', pretty_unit(unit))}".rstrip()


def _lane(box: Any, row: int, given: Any, span: float) -> None:
    """Draw the administrations of one therapy."""
    style, times = colour(row), given["time_day"].to_numpy()
    box.axhline(row, color="0.9", linewidth=0.8, zorder=0)
    box.plot(times, [row] * len(times), linestyle="none", marker="|", markersize=_MARK, color=style,
             markeredgewidth=_mark_width(box, times, span))  # fmt: skip
    lasting = given[given["duration_day"] > _SEEN * span]
    for time, duration in zip(lasting["time_day"], lasting["duration_day"], strict=True):
        box.plot([time, time + duration], [row, row], color=style, linewidth=6, solid_capstyle="butt")


def _mark_width(box: Any, times: Any, span: float) -> float:
    """Return the width of marks in points that leaves daily fractions apart where the axis is long enough."""
    import numpy as np

    gaps = np.diff(np.unique(times))
    if not gaps.size:
        return _WIDEST
    points = box.get_window_extent().width / box.figure.dpi * 72
    return float(np.clip(0.55 * gaps.min() / span * points, _THINNEST, _WIDEST))
