"""Figures of scenarios: time courses over a dosing calendar, change from baseline, effectors and occupancy; heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.heat_map import HeatMapLabels, heat_map
from immunoode.plot.quantity_labels import label, words, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import wide_range

if TYPE_CHECKING:
    from immunoode.scenario.compare import Comparison
    from immunoode.scenario.regimen_grid import Grid

_PANELS = (("effectors",), ("pd1_occupancy", "ctla4_occupancy"))


@figure_function
def plot_comparison(comparison: Comparison, *, panels: Sequence[str] | None = None, calendar: bool = True) -> Any:
    """Draw scenarios side by side.

    Parameters
    ----------
    comparison : Comparison
    panels : sequence of str, optional
        Outputs below the size and its change. Default: effectors and occupancy where the model has them.
    calendar : bool
        Draw the dosing calendar underneath: a lane for each therapy of each scenario, in the scenario's colour.

    Returns
    -------
    dict of str to Axes
        "size", "change", one for each panel, and "calendar".
    """
    import matplotlib.pyplot as plt

    extra = _extra(comparison) if panels is None else tuple(panels)
    lanes = _lanes(comparison) if calendar else []
    rows = [("size", 2.6), ("change", 2.2), *((name, 1.6) for name in extra)]
    rows += [("calendar", 0.5 + 0.24 * len(lanes))] if lanes else []
    figure, boxes = plt.subplots(
        len(rows),
        1,
        sharex=True,
        layout="constrained",
        figsize=(8.0, sum(h for _, h in rows) + 0.8),
        gridspec_kw={"height_ratios": [h for _, h in rows]},
    )
    axes = dict(zip((name for name, _ in rows), np.atleast_1d(boxes), strict=True))
    _curves(axes["size"], comparison, comparison.measure)
    _change(axes["change"], comparison)
    for name in extra:
        _curves(axes[name], comparison, name)
    if lanes:
        _calendar(axes["calendar"], lanes)
    times = next(iter(comparison.simulations.values())).times  # all have one start and one end
    for box in axes.values():
        time_axis(box, float(times[0]), float(times[-1]))
        box.label_outer()
        box.spines[["top", "right"]].set_visible(False)
    handles, labels = axes["size"].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(3, len(labels)), fontsize="small", frameon=False)
    figure.align_ylabels(list(axes.values()))
    return axes


def _extra(comparison: Comparison) -> tuple[str, ...]:
    """Return the panels that show something: effectors, and the occupancy that changes most."""
    simulations = list(comparison.simulations.values())
    chosen = []
    for group in _PANELS:
        spread = {
            n: max(float(np.nanmax(s[n]) - np.nanmin(s[n])) for s in simulations) for n in group if n in simulations[0].names
        }
        if spread and max(spread.values()) > 0:
            chosen.append(max(spread, key=lambda n: spread[n]))
    return tuple(chosen)


def _curves(box: Any, comparison: Comparison, name: str) -> None:
    for index, (text, simulation) in enumerate(comparison.simulations.items()):
        box.plot(simulation.times, simulation[name], label=text, **line(index))
    values = np.concatenate([simulation[name] for simulation in comparison.simulations.values()])  # each has times of its own
    first = next(iter(comparison.simulations.values()))
    if wide_range(values) and name != comparison.measure:
        box.set_yscale("log")
        positive = values[values > 0]
        box.set_ylim(bottom=max(positive.max() * 1e-8, positive.min() * 0.7))
    elif not np.any(values < 0):
        box.set_ylim(bottom=0)
    box.set_ylabel(wrapped(label(name, first.units[name])))


def _change(box: Any, comparison: Comparison) -> None:
    top = 0.0
    for index, simulation in enumerate(comparison.simulations.values()):
        values = simulation[comparison.measure]
        change = (values / values[0] - 1) * 100 if values[0] > 0 else np.full(values.size, np.nan)
        top = max(top, float(np.nanmax(change, initial=0.0)))
        box.plot(simulation.times, change, **line(index))
    for level, text in comparison.progression.lines if comparison.progression else ():
        box.axhline(level, color="0.5", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        box.annotate(
            text, (1.0, level), xycoords=("axes fraction", "data"), fontsize="x-small", color="0.35", ha="right", va="bottom"
        )
    box.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    most = 200.0 if comparison.progression and comparison.progression.of == "nadir" else 1000.0
    box.set_ylim(-105, min(max(top * 1.05, 60.0), most))
    box.set_ylabel("Change from\nbaseline (%)")


@dataclass(frozen=True)
class _Lane:
    """One therapy of one scenario: what the calendar draws in a row, in the scenario's colour."""

    therapy: str
    scenario: int
    times: tuple[float, ...]
    durations: tuple[float, ...]


def _lanes(comparison: Comparison) -> list[_Lane]:
    lanes = []
    for index, regimen in enumerate(comparison.regimens.values()):
        if regimen is not None and regimen.doses:
            frame = regimen.to_frame()
            for therapy in regimen.therapies:
                given = frame[frame["therapy"] == therapy]
                lanes.append(_Lane(therapy, index, tuple(given["time_day"]), tuple(given["duration_day"])))
    return lanes


def _calendar(box: Any, lanes: Sequence[_Lane]) -> None:
    for row, lane in enumerate(lanes):
        colour = line(lane.scenario)["color"]
        box.plot(lane.times, [row] * len(lane.times), linestyle="none", marker="|", markersize=7, color=colour)
        for time, duration in zip(lane.times, lane.durations, strict=True):
            if duration >= 1:
                box.plot([time, time + duration], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
    box.set_yticks(range(len(lanes)), [words(lane.therapy) for lane in lanes], fontsize="x-small")
    for text, lane in zip(box.get_yticklabels(), lanes, strict=True):
        text.set_color(line(lane.scenario)["color"])
    box.set_ylim(len(lanes) - 0.5, -0.5)
    box.tick_params(axis="y", length=0)
    box.spines["left"].set_visible(False)


@figure_function
def plot_grid(
    grid: Grid,
    ax: Any = None,
    *,
    cmap: str = "viridis",
    contours: bool = False,
    best: str | None = None,
    title: str = "",
    figsize: tuple[float, float] | None = None,
) -> Any:
    """Draw a grid as a heat map with its values; cells where progression is not reached say so.

    Parameters
    ----------
    grid : Grid
    ax : Axes, optional
    cmap : str
        A colour map; the default reads in grey and to the colour-blind.
    contours : bool
        Whether to draw lines of equal values.
    best : {"smallest", "largest"}, optional
        Which cell to mark.
    title : str
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    (row, rows), (column, columns) = grid.axes.items()
    labels = HeatMapLabels(words(column), words(row), wrapped(grid.label, 34), title)
    return heat_map(grid.values, rows, columns, labels, ax=ax, cmap=cmap, contours=contours, best=best, figsize=figsize)
