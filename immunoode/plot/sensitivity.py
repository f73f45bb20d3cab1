"""Figures of global sensitivity: measures with intervals, tornado, scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import renamed_arguments
from immunoode.plot.colours import colour, hatch
from immunoode.plot.endpoint_labels import with_unit
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, shared_legend
from immunoode.plot.panels import Size, hide_spines, new_axes, new_panels, set_title
from immunoode.plot.quantity_labels import sentence, words, wrapped
from immunoode.plot.value_ranges import wide_range

if TYPE_CHECKING:
    from immunoode.sensitivity_analysis.result import GlobalSensitivity

_MOST = 15
_METHODS = {"sobol": "Sobol indices", "pawn": "PAWN", "regional": "Regional sensitivity", "shapley": "Shapley effects"}
_MEASURES = {"first": "first order", "total": "total", "distance": "distance of the distributions"}
_POINTS = 2000


@renamed_arguments(of="output")
@figure_function
def plot_sensitivity(
    found: GlobalSensitivity,
    ax: Any = None,
    *,
    output: str | None = None,
    most: int = _MOST,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw the measures of the most important parameters with intervals; a tornado of the method "tornado".

    Parameters
    ----------
    found : GlobalSensitivity
    ax : Axes, optional
    output : str, optional
        The output; by default the first.
    most : int
        Parameters that are drawn.
    title : str, optional
        Default: method and output.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    table = found.output_table(output).head(most)[::-1]
    box = new_axes(ax, (7.2, 1.2 + 0.34 * len(table)), figsize)
    if found.method == "tornado":
        _tornado(box, table, with_unit(output or found.outputs[0], found.units))
    else:
        _bars(box, table, found)
    box.set_yticks(range(len(table)), [sentence(words(str(name))) for name in table.index])
    method = _METHODS.get(found.method, sentence(found.method))
    set_title(box, title, wrapped(f"{method}: {with_unit(output or found.outputs[0], found.units)}", 64))
    hide_spines(box)
    return box


def _bars(box: Any, table: Any, found: GlobalSensitivity) -> None:
    names = ["first", "total"] if found.method == "sobol" else [found.measure]
    height = 0.8 / len(names)
    for k, name in enumerate(names):
        at = np.arange(len(table)) + (len(names) - 1 - 2 * k) * height / 2
        box.barh(
            at,
            table[name],
            height=height,
            color=colour(k),
            label=_MEASURES.get(name, words(name)),
            hatch=hatch(k),
            edgecolor="white",
            linewidth=0,
        )
        if f"{name}_lower" in table:
            ends = np.abs(np.array([table[name] - table[f"{name}_lower"], table[f"{name}_upper"] - table[name]]))
            box.errorbar(table[name], at, xerr=ends, fmt="none", color="0.25", capsize=2, linewidth=1)
    if "noise" in table:
        box.axvline(float(table["noise"].iloc[0]), color="0.4", linestyle=":", label="chance alone")
    box.set_xlabel(sentence(words(found.measure)) if len(names) == 1 else "Share of the variance")
    if len(names) > 1 or "noise" in table:
        legend(box)
    box.set_xlim(left=min(0.0, float(table[names].to_numpy().min())))


def _tornado(box: Any, table: Any, label_of_values: str) -> None:
    middle, at = table["at_median"].to_numpy(), np.arange(len(table))
    for k, (name, label) in enumerate(
        (("at_low", "parameter at its low quantile"), ("at_high", "parameter at its high quantile"))
    ):
        box.barh(
            at,
            table[name].to_numpy() - middle,
            left=middle,
            height=0.7,
            color=colour(k),
            label=label,
            hatch=hatch(k),
            edgecolor="white",
            linewidth=0,
        )
    box.axvline(float(middle[0]), color="0.2", linewidth=1)
    box.set_xlabel(label_of_values)
    legend(box)


@renamed_arguments(of="output")
@figure_function
def plot_scatter(
    found: GlobalSensitivity,
    *,
    output: str | None = None,
    most: int = 6,
    columns: int = 3,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Any:
    """Draw an output against each of the most important parameters, with the mean in twenty parts of the sample.

    Parameters
    ----------
    found : GlobalSensitivity
    output : str, optional
        The output; by default the first.
    most, columns : int
        Panels, and panels side by side.
    ax : Axes or sequence of Axes, optional
        One per parameter, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    chosen = output or found.sample.columns[len(found.parameters)]
    names = [n for n in found.output_table(output if output in found.tables else None).index if n in found.parameters][:most]
    across = min(columns, len(names))
    rows = -(-len(names) // across)
    size = (2.6 * across + 0.6, 2.2 * rows + 0.9)
    drawn = new_panels(ax, len(names), size, figsize, columns=across, sharey=True)
    sample = found.sample.iloc[:_POINTS]
    for k, (box, name) in enumerate(zip(drawn.boxes, names, strict=True)):
        box.plot(sample[name], sample[chosen], ".", markersize=2, alpha=0.4, color=colour(0), label="sample")
        order = np.argsort(sample[name].to_numpy())
        parts = [sample.iloc[part] for part in np.array_split(order, 20)]
        means = [[p[c].mean() for p in parts] for c in (name, chosen)]
        box.plot(*means, color=colour(1), linewidth=1.6, label="mean of a twentieth of the sample")
        if wide_range(sample[name]) or sample[name].min() > 0 and sample[name].max() > 30 * sample[name].median():
            box.set_xscale("log")
        box.xaxis.set_tick_params(rotation=0)
        box.set_xlabel(with_unit(name, found.units))
        if box.get_xscale() == "linear":
            box.locator_params(axis="x", nbins=4)
        if k % across == 0:
            box.set_ylabel(with_unit(str(output), found.units))
        hide_spines(box)
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.array().reshape(rows, across) if len(names) == rows * across else drawn.array()
