"""Figures of global sensitivity: measures with intervals, tornado, scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.panels import new_axes
from immunoode.plot.quantity_labels import words, wrapped

if TYPE_CHECKING:
    from immunoode.sensitivity_analysis.result import GlobalSensitivity

_MOST = 15
_POINTS = 2000


@figure_function
def plot_sensitivity(
    found: GlobalSensitivity,
    ax: Any = None,
    *,
    of: str | None = None,
    most: int = _MOST,
    title: str = "",
    figsize: tuple[float, float] | None = None,
) -> Any:
    """Draw the measures of the most important parameters with intervals; a tornado of the method "tornado".

    Parameters
    ----------
    found : GlobalSensitivity
    ax : Axes, optional
    of : str, optional
        The output; by default the first.
    most : int
        Parameters that are drawn.
    title : str
        Default: method and output.
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    table = found.output_table(of).head(most)[::-1]
    box = new_axes(ax, figsize or (6.6, 1.2 + 0.34 * len(table)))
    if found.method == "tornado":
        _tornado(box, table, of or found.of[0])
    else:
        _bars(box, table, found)
    box.set_yticks(range(len(table)), [words(str(name)) for name in table.index])
    box.set_title(title or f"{found.method}: {words(of or found.of[0])}", fontsize="medium")
    box.spines[["top", "right"]].set_visible(False)
    return box


def _bars(box: Any, table: Any, found: GlobalSensitivity) -> None:
    names = ["first", "total"] if found.method == "sobol" else [found.measure]
    height = 0.8 / len(names)
    for k, name in enumerate(names):
        at = np.arange(len(table)) + (len(names) - 1 - 2 * k) * height / 2
        box.barh(at, table[name], height=height, color=colour(k), label=words(name))
        if f"{name}_lower" in table:
            ends = np.abs(np.array([table[name] - table[f"{name}_lower"], table[f"{name}_upper"] - table[name]]))
            box.errorbar(table[name], at, xerr=ends, fmt="none", color="0.25", capsize=2, linewidth=1)
    if "noise" in table:
        box.axvline(float(table["noise"].iloc[0]), color="0.4", linestyle=":", label="chance alone")
    box.set_xlabel(words(found.measure) if len(names) == 1 else "share of the variance")
    if len(names) > 1 or "noise" in table:
        box.legend(fontsize="small", frameon=False, loc="lower right")
    box.set_xlim(left=min(0.0, float(table[names].to_numpy().min())))


def _tornado(box: Any, table: Any, of: str) -> None:
    middle, at = table["at_median"].to_numpy(), np.arange(len(table))
    for k, (name, label) in enumerate((("at_low", "low quantile"), ("at_high", "high quantile"))):
        box.barh(at, table[name].to_numpy() - middle, left=middle, height=0.7, color=colour(k), label=label)
    box.axvline(float(middle[0]), color="0.2", linewidth=1)
    box.set_xlabel(wrapped(words(of), 50))
    box.legend(fontsize="small", frameon=False, loc="lower right")


@figure_function
def plot_scatter(
    found: GlobalSensitivity,
    *,
    of: str | None = None,
    most: int = 6,
    columns: int = 3,
    title: str = "",
    figsize: tuple[float, float] | None = None,
) -> Any:
    """Draw an output against each of the most important parameters, with the mean in twenty parts of the sample.

    Parameters
    ----------
    found : GlobalSensitivity
    of : str, optional
        The output; by default the first.
    most, columns : int
        Panels, and panels side by side.
    title : str
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    import matplotlib.pyplot as plt

    output = of or found.sample.columns[len(found.parameters)]
    names = [n for n in found.output_table(of if of in found.tables else None).index if n in found.parameters][:most]
    rows = -(-len(names) // columns)
    shape = figsize or (2.6 * min(columns, len(names)) + 0.6, 2.2 * rows + 0.5)
    figure, boxes = plt.subplots(
        rows, min(columns, len(names)), sharey=True, squeeze=False, figsize=shape, layout="constrained"
    )
    sample = found.sample.iloc[:_POINTS]
    for box, name in zip(boxes.flat, names, strict=False):
        box.plot(sample[name], sample[output], ".", markersize=2, alpha=0.4, color=colour(0))
        order = np.argsort(sample[name].to_numpy())
        parts = [sample.iloc[part] for part in np.array_split(order, 20)]
        box.plot([p[name].mean() for p in parts], [p[output].mean() for p in parts], color=colour(1), linewidth=1.6)
        box.set_xlabel(words(name))
        box.spines[["top", "right"]].set_visible(False)
    for box in boxes.flat[len(names) :]:
        box.set_visible(False)
    for box in boxes[:, 0]:
        box.set_ylabel(wrapped(words(str(output)), 24))
    figure.suptitle(title, fontsize="medium")
    return boxes
