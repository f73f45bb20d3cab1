"""Time courses of a simulation: one panel for each unit, a band where there are many patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour, line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import new_axes
from immunoode.plot.quantity_labels import label, pretty_unit, words, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import wide_range

if TYPE_CHECKING:
    from immunoode.solve.simulation import Simulation

_THIN, _PER_PANEL = 40, 6


@figure_function
def plot_simulation(
    simulation: Simulation, *names: str, ax: Any = None, log: bool | None = None, title: str | None = None
) -> Any:
    """Draw outputs of a simulation over time.

    Parameters
    ----------
    simulation : Simulation
    *names : str
        What to draw. Default: the sum of diameters where there is one, else the tumour compartments.
    ax : Axes or sequence of Axes, optional
        One for each panel; outputs of one unit share a panel.
    log : bool, optional
        Logarithmic values. Default: where values span more than three decades.
    title : str, optional

    Returns
    -------
    Axes, or an array of them where there are several units.

    Raises
    ------
    SolveError
        If a name is not in the simulation.
    """
    chosen = names or _default(simulation)
    for name in chosen:
        simulation[name]
    panels = _panels(simulation, chosen)
    boxes = _boxes(ax, len(panels))
    for box, group in zip(boxes, panels, strict=True):
        _panel(box, simulation, group, log)
    boxes[0].set_title(simulation.model.name if title is None else title, fontsize="medium")
    return boxes[0] if len(boxes) == 1 else np.array(boxes)


def _default(simulation: Simulation) -> tuple[str, ...]:
    if "sum_of_diameters" in simulation.names:
        return ("sum_of_diameters",)
    tumours = tuple(n for n, c in simulation.model.compartments.items() if "tumour" in c.roles and n in simulation.names)
    return tumours or simulation.names[:1]


def _panels(simulation: Simulation, names: Sequence[str]) -> list[list[str]]:
    by_unit: dict[str, list[str]] = {}
    for name in names:
        by_unit.setdefault(simulation.units[name], []).append(name)
    return [group[a : a + _PER_PANEL] for group in by_unit.values() for a in range(0, len(group), _PER_PANEL)]


def _boxes(axes: Any, number: int) -> list[Any]:
    if axes is not None:
        return list(np.atleast_1d(axes).ravel())[:number]
    if number == 1:
        return [new_axes(None)]
    import matplotlib.pyplot as plt

    _, boxes = plt.subplots(number, 1, figsize=(6.4, 2.4 * number + 0.6), sharex=True, layout="constrained")
    return list(boxes)


def _panel(box: Any, simulation: Simulation, group: Sequence[str], log: bool | None) -> None:
    for index, name in enumerate(group):
        values = np.atleast_2d(simulation[name])
        if len(values) == 1:
            box.plot(simulation.times, values[0], label=words(name), **line(index))
        else:
            _band(box, simulation.times, values, name, index)
    if log if log is not None else wide_range([simulation[name] for name in group]):
        box.set_yscale("log")
        _floor(box, [simulation[name] for name in group])
    unit = simulation.units[group[0]]
    box.set_ylabel(wrapped(label(group[0], unit)) if len(group) == 1 else pretty_unit(unit) or "value")
    time_axis(box, float(simulation.times[0]), float(simulation.times[-1]))
    if len(group) > 1 or len(simulation.subjects) > 1:
        legend(box)
    box.label_outer()


def _band(box: Any, times: Any, values: Any, name: str, index: int) -> None:
    for row in values[:_THIN]:
        box.plot(times, row, color=colour(index), alpha=0.15, linewidth=0.6)
    low, middle, high = np.nanpercentile(values, [5, 50, 95], axis=0)
    box.fill_between(times, low, high, color=colour(index), alpha=0.2, linewidth=0, label="5 to 95 %")
    box.plot(times, middle, label=f"{words(name)}, median of {len(values)}", **line(index))


def _floor(box: Any, values: Any) -> None:
    """Keep a logarithmic axis, margin included, within twelve decades or so: below, a curve is as good as zero."""
    positive = np.concatenate([np.ravel(v) for v in values])
    positive = positive[np.isfinite(positive) & (positive > 0)]
    if positive.size:
        low, high = max(positive.min() * 0.8, positive.max() * 1e-12), positive.max()
        box.set_ylim(low, high * (high / low) ** 0.05)
