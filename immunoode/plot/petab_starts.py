"""The starts of a fit of a PEtab problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    from immunoode.petab.fitting import PetabFit

LEAST = 1e-3
"""The smallest rise that a logarithmic axis shows."""


@figure_function
def petab_starts(found: PetabFit, *, ax: Any = None, title: str | None = None, figsize: Size | None = None) -> Any:
    """Draw the waterfall of the starts: how far the objective of each is above the best one, sorted.

    Parameters
    ----------
    found : PetabFit
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    Axes
    """
    axes = new_axes(ax, (6.4, 3.6), figsize)
    starts = found.starts[np.isfinite(found.starts["objective"])].sort_values("objective")
    rise = np.maximum(starts["objective"].to_numpy(float) - found.objective, LEAST)
    good, rank = starts["success"].to_numpy(bool), np.arange(1, len(starts) + 1)
    axes.plot(rank, rise, "-", color="0.8", zorder=0)
    axes.plot(rank[good], rise[good], "o", color=colour(0), label="converged")
    if (~good).any():
        axes.plot(rank[~good], rise[~good], "x", color=colour(1), label="did not converge")
    axes.set_yscale("log")
    axes.set(xlabel="Starts, best first", ylabel=f"Objective above the best\n(at least {LEAST:g})")
    axes.xaxis.get_major_locator().set_params(integer=True)
    hide_spines(axes)
    legend(axes)
    failed = len(found.starts) - len(starts)
    set_title(axes, title, f"{failed} of {len(found.starts)} starts failed" if failed else "")
    return axes
