"""Timelines of regimens: one lane per therapy and covariate, one mark per administration, and bars for infusions.

A triangle marks a dose at steady state, a diamond a replaced compartment, a cross a multiplied one, and a dashed line a reset;
covariates are drawn as steps.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines
from immunoode.plot.panels import Size, new_axes, set_title
from immunoode.plot.quantity_labels import pretty_unit, words
from immunoode.plot.time_axes import time_axis
from immunoode.regimen.parsing import EXPOSURE_UNIT
from immunoode.regimen.schedule import DOSE, MULTIPLY, REPLACE, RESET, SET

if TYPE_CHECKING:
    from immunoode.regimen.doses import Dose
    from immunoode.regimen.regimen import Regimen
    from immunoode.regimen.state_change import StateChange

_LANE, _MARK = 0.42, 14.0
"""Height of a lane in inches, and of a mark in points."""
_WIDEST, _THINNEST = 2.5, 0.5
_STEP = 0.55
"""Fraction of a lane for the steps of a covariate."""
_CARET_LEFT = 8
"""matplotlib's marker of a triangle to the left with its base at the point."""
_SEEN = 0.008
"""Fraction of the axis above which a duration is drawn as a bar."""


@figure_function
def plot_regimen(
    regimen: Regimen,
    ax: Any = None,
    *,
    amounts: bool = True,
    unit: str | None = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw a regimen.

    Parameters
    ----------
    regimen : Regimen
    ax : Axes, optional
    amounts : bool
        Whether to write number and amount of the doses at the end of each lane, one line per rule.
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    title : str, optional
        Default: the title of the regimen.
    figsize : (float, float), optional
        Inches.
    data : bool
        Whether to return the table of the figure as well.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table is `regimen.to_frame()`.
    """
    frame, therapies = regimen.to_frame(), regimen.therapies
    parameters = tuple(dict.fromkeys(series.parameter for series in regimen.covariate_series))
    labels = [doses_in_words(regimen, therapy) for therapy in therapies] + [_range(regimen, p) for p in parameters]
    height = sum(_LANE * max(1.0, 0.6 * (label.count("\n") + 1)) for label in labels) if amounts else _LANE * len(labels)
    box = new_axes(ax, (8.0, 1.1 + max(height, _LANE)), figsize)
    first, last = _span(frame)
    margin = 0.02 * (last - first) + 0.5
    time_axis(box, first, last + margin, unit)
    box.set_xlim(first - margin, last + margin)
    for row, name in enumerate((*therapies, *parameters)):
        given = frame[(frame["therapy"] == name) & ((frame["action"] == SET) == (row >= len(therapies)))]
        draw = _lane if row < len(therapies) else _steps
        draw(box, row, given, (first - margin, last + margin))
        if amounts:
            box.annotate(
                labels[row],
                (1.01, row),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize="small",
                annotation_clip=False,
            )
    for time in frame["time_day"][frame["action"] == RESET]:
        box.axvline(time, color="0.4", linestyle="--", linewidth=1)
        box.annotate(
            "reset", (time, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize="small", color="0.4"
        )
    box.set_yticks(range(len(labels)), [words(name) for name in (*therapies, *parameters)])
    box.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    box.tick_params(axis="y", length=0)
    box.spines[["top", "right", "left"]].set_visible(False)
    set_title(box, title, in_lines(regimen.title or "", 84))
    return (box, frame) if data else box


def _span(frame: Any) -> tuple[float, float]:
    """Return the first and last day of the figure, including day 0."""
    if not len(frame):
        return 0.0, 7.0
    return min(float(frame["time_day"].min()), 0.0), float((frame["time_day"] + frame["duration_day"]).max())


def doses_in_words(regimen: Regimen, therapy: str) -> str:
    """Return number and amount of each rule of a therapy, one line per rule: "4 × 1 mg/kg"."""
    lines = [_dose(dose) for dose in regimen.doses if dose.therapy == therapy]
    lines += [_change(change) for change in regimen.changes if change.therapy == therapy]
    return "\n".join(dict.fromkeys(lines))


def _dose(dose: Dose) -> str:
    number, first = len(dose.times()), "" if dose.loading is None else f"{_amount(dose.loading, dose.unit)}, then "
    number -= bool(first)
    steady = ", from steady state" if dose.steady else ""
    return first + (f"{number} × " if number > 1 else "") + _amount(dose.amount, dose.unit) + steady


def _change(change: StateChange) -> str:
    number = f"{len(change.at)} × " if len(change.at) > 1 else ""
    verb = "multiplied" if change.action == MULTIPLY else "replaced"
    return f"{number}{verb} by {_amount(change.amount, change.unit)}"


def _range(regimen: Regimen, parameter: str) -> str:
    """Return the range of a covariate: "70 to 80"."""
    values = [value for series in regimen.covariate_series if series.parameter == parameter for value in series.values]
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _amount(amount: float, unit: str) -> str:
    """Return an amount as text: 200 mg, 75 mg/m², 2×10⁶ cells/kg, AUC 5."""
    if unit == EXPOSURE_UNIT:
        return f"AUC {amount:g}"
    number = f"{amount:,g}"
    if abs(amount) >= 1e6:
        mantissa, _, power = f"{amount:.3e}".partition("e")
        number = f"{float(mantissa):g}×$10^{{{int(power)}}}$"
    return f"{number} {re.sub(r'm2$', 'm²', pretty_unit(unit))}".rstrip()


def _lane(box: Any, row: int, given: Any, span: tuple[float, float]) -> None:
    """Draw the events of one therapy."""
    style, width = colour(row), span[1] - span[0]
    box.axhline(row, color="0.9", linewidth=0.8, zorder=0)
    doses = given[given["action"] == DOSE]
    times = doses["time_day"].to_numpy()
    box.plot(
        times,
        [row] * len(times),
        linestyle="none",
        marker="|",
        markersize=_MARK,
        color=style,
        markeredgewidth=_mark_width(box, times, width),
    )
    for action, marker in ((REPLACE, "D"), (MULTIPLY, "X")):
        times = given["time_day"][given["action"] == action]
        box.plot(times, [row] * len(times), linestyle="none", marker=marker, markersize=6, color=style)
    steady = doses["time_day"][doses["steady_day"] > 0]
    box.plot(steady, [row] * len(steady), linestyle="none", marker=_CARET_LEFT, markersize=9, color=style)
    lasting = doses[doses["duration_day"] > _SEEN * width]
    for time, duration in zip(lasting["time_day"], lasting["duration_day"], strict=True):
        box.plot([time, time + duration], [row, row], color=style, linewidth=6, solid_capstyle="butt")


def _steps(box: Any, row: int, given: Any, span: tuple[float, float]) -> None:
    """Draw one covariate as steps within its lane, from its smallest to its largest value."""
    box.axhline(row, color="0.9", linewidth=0.8, zorder=0)
    times, values = given["time_day"].to_numpy(), given["amount"].to_numpy()
    low, high = values.min(), values.max()
    height = (values - (low + high) / 2) / (high - low) if high > low else 0 * values
    levels = [*(row - _STEP * height), row - _STEP * height[-1]]
    box.step([*times, span[1]], levels, where="post", color=colour(row), linewidth=1.2)


def _mark_width(box: Any, times: Any, span: float) -> float:
    """Return the width of marks in points that keeps daily fractions apart if the axis is long enough."""
    import numpy as np

    gaps = np.diff(np.unique(times))
    if not gaps.size:
        return _WIDEST
    points = box.get_window_extent().width / box.figure.dpi * 72
    return float(np.clip(0.55 * gaps.min() / span * points, _THINNEST, _WIDEST))
