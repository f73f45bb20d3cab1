"""Rates and differences of rates with their intervals, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.combination.response_rates import IndependentResponse
    from immunoode.trial.response.rate_difference import ResponseRateDifference


@figure_function
def independent_response_rates(
    found: IndependentResponse, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw the rates of the drugs and of their combination, and the rate that independent action predicts, with its interval.

    Parameters
    ----------
    found : IndependentResponse
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    table = found.to_frame().rename(columns={"rate": "estimate"})
    labels = table["label"].replace({"independent": "independent action\n(predicted)"})
    axes = _intervals(table.assign(label=labels), ax, figsize)
    axes.set(xlabel="Response rate (%)", xlim=(0, min(100, 1.15 * 100 * float(np.nanmax(table[["estimate", "upper"]])))))
    set_title(axes, title)
    return axes


@figure_function
def rate_difference(
    found: ResponseRateDifference, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> Any:
    """Draw the difference of the response rates with its interval, and those of the strata without.

    Parameters
    ----------
    found : ResponseRateDifference
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    import pandas as pd

    whole = {"label": "all" if len(found.table) > 1 else found.arm, "estimate": found.estimate}
    rows = pd.DataFrame([{**whole, "lower": found.lower, "upper": found.upper}])
    if len(found.table) > 1:
        off = found.table[f"rate {found.arm}"] - found.table[f"rate {found.reference}"]
        rows = pd.concat(
            [pd.DataFrame({"label": found.table["stratum"].astype(str), "estimate": off}), rows], ignore_index=True
        )
    axes = _intervals(rows, ax, figsize)
    axes.axvline(0, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    axes.set_xlabel(f"Response rate of {found.arm} minus that of {found.reference} (percentage points)")
    set_title(axes, title)
    return axes


def _intervals(table: pd.DataFrame, ax: Any, figsize: Size | None) -> Any:
    """Draw label, estimate, lower and upper of each row, in percent; an interval that is NaN is not drawn."""
    axes = new_axes(ax, (6.4, 1.3 + 0.5 * len(table)), figsize)
    place = np.arange(len(table))
    estimate, lower, upper = (100 * table[name].to_numpy(float) for name in ("estimate", "lower", "upper"))
    axes.hlines(place, lower, upper, color=colour(0), linewidth=1.6)
    axes.plot(estimate, place, "s", color=colour(0), markersize=6)
    axes.set_yticks(place, [in_lines(str(label), 24) for label in table["label"]])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    hide_spines(axes, "left")
    return axes
