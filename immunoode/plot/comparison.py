"""The figure of a comparison of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines
from immunoode.plot.panels import Size, new_axes, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from immunoode.fitting.comparison import FitComparison

_PRINTED = {"aic": "AIC", "aicc": "AICc", "bic": "BIC"}


@figure_function
def plot_comparison(
    found: FitComparison, criterion: str = "aicc", *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Axes:
    """Draw the difference of each model's criterion from the best one, with the weights.

    Parameters
    ----------
    found : FitComparison
    criterion : {"aic", "aicc", "bic"}
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    table = found.to_frame(criterion)
    ax = new_axes(ax, (6.8, 0.42 * len(table) + 1.3), figsize)
    place = np.arange(len(table))[::-1]
    delta = np.where(np.isfinite(table["delta"]), table["delta"], np.nan)
    ax.barh(place, delta, color=COLOURS[0], height=0.6)
    for at, value, weight in zip(place, delta, table["weight"], strict=True):
        said = f"{weight:.2g}" if weight >= 1e-3 else "< 0.001"
        ax.text(0.0 if np.isnan(value) else value, at, f"  weight {said}", va="center", fontsize="small")
    ax.set_yticks(place, [in_lines(str(name), 34) for name in table.index])
    ax.set_xlim(0, max(1.0, 1.25 * float(np.nanmax(delta))))
    ax.set_xlabel(f"{_PRINTED[criterion]} above the best")
    set_title(ax, title)
    return ax
