"""Figures of scenarios: time courses above a dosing calendar, change from baseline, effectors and occupancy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend
from immunoode.plot.panels import Size, hide_spines, new_panels
from immunoode.plot.quantity_labels import label, words, wrapped
from immunoode.plot.regimen import doses_in_words
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import logarithmic_by_default

if TYPE_CHECKING:
    from immunoode.scenario.compare import Comparison
    from immunoode.solve.simulation import Simulation

SIZE, CHANGE, CALENDAR = "size", "change", "calendar"
_EXTRA = (("effectors",), ("pd1_occupancy", "ctla4_occupancy"))
_HEIGHTS = {SIZE: 2.6, CHANGE: 2.2}


@dataclass(frozen=True)
class _Look:
    """How the curves are drawn."""

    log: bool | None
    interval: float
    unit: str | None
    labels: Mapping[str, str]


@figure_function
def plot_comparison(
    comparison: Comparison,
    *,
    panels: Sequence[str] | None = None,
    change: bool = True,
    calendar: bool = True,
    facet: bool = False,
    log: bool | None = None,
    interval: float = 0.9,
    unit: str | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw scenarios together, or side by side.

    Parameters
    ----------
    comparison : Comparison
    panels : sequence of str, optional
        Outputs below the size and its change. Default: effectors and occupancy where the model has them.
    change : bool
        Whether to draw the change of the size from baseline in percent, with the lines of RECIST if the size is a diameter.
    calendar : bool
        Whether to draw the dosing calendar below: one lane per therapy with number and amount of its doses; where scenarios
        differ, their marks lie above each other in the colours of the scenarios.
    facet : bool
        Whether each scenario has a separate column.
    log : bool, optional
        Logarithmic axis of the size; other outputs have one where they span more than three decades.
    interval : float
        Of a cohort, the share of patients within the band about the median.
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    labels : mapping, optional
        Labels of the vertical axes, by panel: {"size": "Target lesion (mm)"}.
    ax : Figure, SubFigure, Axes or mapping of Axes, optional
        One Axes gives its place to all panels.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    dict of str to Axes
        "size", "change", one for each panel, and "calendar"; with `facet`, arrays with one Axes per scenario.
    """
    extra = _extra(comparison) if panels is None else tuple(panels)
    lanes = [_lanes(comparison, scenarios) for scenarios in _columns(comparison, facet)] if calendar else []
    rows = [SIZE, *([CHANGE] if change else []), *extra, *([CALENDAR] if any(lanes) else [])]
    heights = [_HEIGHTS.get(name, 1.6) for name in rows]
    if CALENDAR in rows:
        heights[-1] = 0.5 + max(_height(lane) for lane in lanes)
    columns = _columns(comparison, facet)
    size = (8.0 if len(columns) == 1 else 2.6 * len(columns) + 2.4, sum(heights) + 1.0)
    ratios = {"height_ratios": heights}
    drawn = new_panels(
        ax, len(rows) * len(columns), size, figsize, columns=len(columns), ratios=ratios, sharex=True, sharey="row"
    )
    grid = drawn.array().reshape(len(rows), len(columns))
    look = _Look(log, interval, unit, labels or {})
    for column, scenarios in enumerate(columns):
        _column(dict(zip(rows, grid[:, column], strict=True)), comparison, scenarios, look)
        if CALENDAR in rows:
            _calendar(grid[-1, column], lanes[column], len(columns) == 1)
        if facet:
            grid[0, column].set_title(in_lines(list(comparison.simulations)[scenarios[0]], 24))
    for box in grid.flat:
        box.label_outer()
    if not facet or is_cohort(comparison):
        shared_legend(drawn)
    drawn.set_title(title)
    if drawn.whole is not None:
        drawn.whole.align_ylabels(list(grid[:, 0]))
    return {name: boxes if facet else boxes[0] for name, boxes in zip(rows, grid, strict=True)}


def is_cohort(comparison: Comparison) -> bool:
    """Return whether the scenarios are of a cohort."""
    return len(next(iter(comparison.simulations.values())).subjects) > 1


def _columns(comparison: Comparison, facet: bool) -> list[tuple[int, ...]]:
    """Return the scenarios of each column."""
    every = range(len(comparison.simulations))
    return [(k,) for k in every] if facet else [tuple(every)]


def _extra(comparison: Comparison) -> tuple[str, ...]:
    """Return the panels that show something: effectors, and the occupancy that changes most."""
    simulations = list(comparison.simulations.values())
    chosen = []
    for group in _EXTRA:
        spread = {
            n: max(float(np.nanmax(s[n]) - np.nanmin(s[n])) for s in simulations) for n in group if n in simulations[0].names
        }
        if spread and max(spread.values()) > 0:
            chosen.append(max(spread, key=lambda n: spread[n]))
    return tuple(chosen)


def _column(axes: Mapping[str, Any], comparison: Comparison, scenarios: Sequence[int], look: _Look) -> None:
    """Draw all panels but the calendar of some scenarios."""
    for name, box in axes.items():
        if name == CHANGE:
            _change(box, comparison, scenarios, look)
        elif name != CALENDAR:
            _curves(box, comparison, comparison.measure if name == SIZE else name, scenarios, look)
        if name in look.labels:
            box.set_ylabel(look.labels[name])
        hide_spines(box)
    times = next(iter(comparison.simulations.values())).times  # all have one start and one end
    for box in axes.values():
        time_axis(box, float(times[0]), float(times[-1]), look.unit)


def _draw(box: Any, simulation: Simulation, values: Any, index: int, text: str, look: _Look) -> None:
    """Draw one curve, or the median and the band of a cohort."""
    rows = np.atleast_2d(values)
    if len(rows) == 1:
        box.plot(simulation.times, rows[0], label=text, **line(index))
        return
    edge = 50 * (1 - look.interval)
    low, middle, high = np.nanpercentile(rows, [edge, 50, 100 - edge], axis=0)
    box.fill_between(simulation.times, low, high, color=line(index)["color"], alpha=0.18, linewidth=0)
    box.plot(simulation.times, middle, label=f"{text}: median and {100 * look.interval:g} % of patients", **line(index))


def _curves(box: Any, comparison: Comparison, name: str, scenarios: Sequence[int], look: _Look) -> None:
    every = list(comparison.simulations.items())
    for index in scenarios:
        text, simulation = every[index]
        _draw(box, simulation, simulation[name], index, text, look)
    values = np.concatenate([np.ravel(simulation[name]) for _, simulation in every])  # each has times of its own
    size = name == comparison.measure
    if bool(look.log) if size else logarithmic_by_default(values, every[0][1].units[name]):
        box.set_yscale("log")
        positive = values[values > 0]
        box.set_ylim(bottom=max(positive.max() * 1e-8, positive.min() * 0.7))
    elif not np.any(values < 0):
        box.set_ylim(bottom=0)
    box.set_ylabel(wrapped(label(name, every[0][1].units[name])))


def _change(box: Any, comparison: Comparison, scenarios: Sequence[int], look: _Look) -> None:
    top = 0.0
    for index, (text, simulation) in enumerate(comparison.simulations.items()):
        values = np.atleast_2d(simulation[comparison.measure])
        start = np.where(values[:, :1] > 0, values[:, :1], np.nan)
        change = 100 * (values / start - 1)
        top = max(top, float(np.nanmax(np.nanmedian(change, axis=0), initial=0.0)))
        if index in scenarios:
            _draw(box, simulation, change, index, text, look)
    for level, text in comparison.progression.lines if comparison.progression else ():
        box.axhline(level, color="0.5", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        if scenarios[-1] + 1 < len(comparison.simulations):
            continue
        box.annotate(
            text.replace("-", "−", 1) if text.startswith("-") else text,
            (1.0, level),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize="x-small",
            color="0.35",
            va="center",
            annotation_clip=False,
        )
    box.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    most = 200.0 if comparison.progression and comparison.progression.of == "nadir" else 1000.0
    box.set_ylim(-105, min(max(top * 1.05, 60.0), most))
    box.set_ylabel("Change from\nbaseline (%)")


@dataclass(frozen=True)
class _Doses:
    """One calendar of a therapy: the scenarios that have it, times, durations, and number and amount in words."""

    scenarios: tuple[int, ...]
    times: tuple[float, ...]
    durations: tuple[float, ...]
    stated: str


def _lanes(comparison: Comparison, scenarios: Sequence[int]) -> dict[str, list[_Doses]]:
    """Return the calendars of each therapy: one where all scenarios have the same, otherwise several."""
    lanes: dict[str, list[_Doses]] = {}
    regimens = list(comparison.regimens.values())
    for index in scenarios:
        regimen = regimens[index]
        if regimen is None or not regimen.doses:
            continue
        frame = regimen.to_frame()
        for therapy in regimen.therapies:
            given = frame[frame["therapy"] == therapy]
            new = _Doses((index,), tuple(given["time_day"]), tuple(given["duration_day"]), doses_in_words(regimen, therapy))
            known = lanes.setdefault(therapy, [])
            same = [k for k, own in enumerate(known) if (own.times, own.stated) == (new.times, new.stated)]
            if same:
                old = known[same[0]]
                known[same[0]] = _Doses((*old.scenarios, index), old.times, old.durations, old.stated)
            else:
                known.append(new)
    return lanes


def _height(lanes: Mapping[str, Sequence[_Doses]]) -> float:
    """Return the height of a calendar in inches."""
    return sum(max(0.28, 0.17 * sum(1 + own.stated.count("\n") for own in lane)) for lane in lanes.values())


def _calendar(box: Any, lanes: Mapping[str, Sequence[_Doses]], amounts: bool) -> None:
    """Draw one lane per therapy, with its doses in words at the right."""
    for row, lane in enumerate(lanes.values()):
        box.axhline(row, color="0.92", linewidth=0.8, zorder=0)
        for k, own in enumerate(lane):
            at = row + (k - (len(lane) - 1) / 2) * 0.7 / len(lane)
            shade = "0.25" if len(own.scenarios) > 1 else line(own.scenarios[0])["color"]
            box.plot(
                own.times, [at] * len(own.times), linestyle="none", marker="|", markersize=12 / len(lane) ** 0.7, color=shade
            )
            for time, duration in zip(own.times, own.durations, strict=True):
                if duration >= 1:
                    box.plot([time, time + duration], [at, at], color=shade, linewidth=3, solid_capstyle="butt")
            if amounts:
                style = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
                box.annotate(own.stated, (1.0, at), (4, 0), fontsize="x-small", color=shade, annotation_clip=False, **style)
    box.set_yticks(range(len(lanes)), [words(therapy) for therapy in lanes], fontsize="small")
    box.set_ylim(max(len(lanes), 1) - 0.5, -0.5)
    box.tick_params(axis="y", length=0)
    hide_spines(box, "left")
