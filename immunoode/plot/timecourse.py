"""Time courses of a simulation: one panel for each unit, and a band if there are many patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour, line
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, new_panels
from immunoode.plot.quantity_labels import label, pretty_unit, sentence, words, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import logarithmic_by_default, logarithmic_floor

if TYPE_CHECKING:
    from immunoode.solve.simulation import Simulation

_THIN, _PER_PANEL = 40, 6


@figure_function
def plot_simulation(
    simulation: Simulation,
    *names: str,
    log: bool | None = None,
    unit: str | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw outputs of a simulation over time.

    Parameters
    ----------
    simulation : Simulation
    *names : str
        What to draw. Default: the sum of diameters if there is one, otherwise the tumour compartments.
    log : bool, optional
        Logarithmic values. Default: where values span more than three decades.
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    ax : Axes or sequence of Axes, optional
        One for each panel, or one whose area all panels share; outputs of one unit share a panel.
    title : str, optional
        Default: the name of the model.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes, or an array of them if there are several units.

    Raises
    ------
    SolveError
        If a name is not in the simulation.
    """
    chosen = names or _default(simulation)
    for name in chosen:
        simulation[name]
    groups = _panels(simulation, chosen)
    size = (6.4, 4.0) if len(groups) == 1 else (7.2, 1.9 * len(groups) + 0.9)
    drawn = new_panels(ax, len(groups), size, figsize, sharex=ax is None)
    for box, group in zip(drawn.boxes, groups, strict=True):
        _panel(box, simulation, group, log, unit)
    drawn.set_title(wrapped(words(simulation.model.name), 64) if title is None else title)
    if len(drawn.boxes) > 1 and drawn.whole is not None:
        drawn.whole.align_ylabels(list(drawn.boxes))
    return drawn.one_or_all()


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


def _panel(box: Any, simulation: Simulation, group: Sequence[str], log: bool | None, unit: str | None) -> None:
    for index, name in enumerate(group):
        values = np.atleast_2d(simulation[name])
        if len(values) == 1:
            box.plot(simulation.times, values[0], label=sentence(words(name)), **line(index))
        else:
            _band(box, simulation.times, values, name, index)
    if log if log is not None else logarithmic_by_default([simulation[n] for n in group], simulation.units[group[0]]):
        box.set_yscale("log")
        logarithmic_floor(box, [simulation[name] for name in group])
    shown = simulation.units[group[0]]
    box.set_ylabel(wrapped(label(group[0], shown)) if len(group) == 1 else sentence(pretty_unit(shown)) or "Value")
    time_axis(box, float(simulation.times[0]), float(simulation.times[-1]), unit)
    if len(group) > 1 or len(simulation.subjects) > 1:
        legend(box)
    box.label_outer()


def _band(box: Any, times: Any, values: Any, name: str, index: int) -> None:
    for k, row in enumerate(values[:_THIN]):
        said = f"{min(len(values), _THIN)} of {len(values)} patients" if k == 0 and index == 0 else None
        box.plot(times, row, color=colour(index), alpha=0.2, linewidth=0.6, label=said)
    low, middle, high = np.nanpercentile(values, [5, 50, 95], axis=0)
    box.fill_between(times, low, high, color=colour(index), alpha=0.2, linewidth=0, label="5th to 95th percentile")
    box.plot(times, middle, label=f"{sentence(words(name))}: median", linewidth=2.0, **line(index))
