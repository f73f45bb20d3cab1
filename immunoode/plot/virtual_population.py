"""Figures of virtual populations: distributions of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.style import colour, names_as_text
from immunoode.virtual_population.discrete_marginals import Categorical
from immunoode.virtual_population.marginals import Marginal
from immunoode.virtual_population.population_distribution import PopulationDistribution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

ENDS = (0.001, 0.999)
"""Probabilities between which a distribution is drawn."""
POINTS = 400
SKEWED, BOUNDED = 100.0, 1000.0
"""Ratio of the quantiles at the ends above which the axis is logarithmic: without an upper limit, and with one."""


@names_as_text
def plot_distribution(population: PopulationDistribution, *, columns: int = 3) -> NDArray[Any]:
    """Draw the cumulative distribution of each parameter, with its median and its quantiles at 2.5 % and 97.5 %
    (of categories, with each value).

    Parameters
    ----------
    population : PopulationDistribution
    columns : int
        Panels side by side.

    Returns
    -------
    ndarray of Axes
        One per parameter.
    """
    import matplotlib.pyplot as plt

    entries = population.entries
    across = min(columns, max(len(entries), 1))
    down = -(-len(entries) // across)
    figure, axes = plt.subplots(down, across, figsize=(3.2 * across, 2.4 * down), squeeze=False, layout="constrained")
    for axis, (name, entry) in zip(axes.flat, entries.items(), strict=False):
        _draw(axis, entry.distribution)
        unit = f" [{entry.unit}]" if entry.unit not in ("", "1") else ""
        axis.set_xlabel(f"{name.replace('_', ' ')}{unit}")
    for axis in axes.flat[len(entries) :]:
        axis.remove()
    for row in axes[:, 0]:
        row.set_ylabel("share of patients up to")
    return np.array(axes.flat[: len(entries)])


def _draw(axis: Axes, found: Marginal) -> None:
    low, high = (float(v) for v in found.ppf(ENDS))
    if low == high:
        low, high = low - 0.5, high + 0.5
    logarithmic = low > 0 and high / low > (SKEWED if np.isinf(found.support[1]) else BOUNDED)
    grid = np.geomspace(low, high, POINTS) if logarithmic else np.linspace(low, high, POINTS)
    axis.plot(grid, found.cdf(grid), color=colour(0))
    axis.set_xscale("log" if logarithmic else "linear")
    marked = np.array(found.values) if isinstance(found, Categorical) else found.ppf([0.025, 0.5, 0.975])
    axis.plot(marked, found.cdf(marked), "o", color=colour(1), markersize=4)
    axis.set_ylim(0, 1.02)
