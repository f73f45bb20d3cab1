"""Figures of virtual populations: distributions of parameters, and what criteria of plausibility bound."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.virtual_population.criteria import PlausibilityCriterion
from immunoode.virtual_population.discrete_marginals import Categorical
from immunoode.virtual_population.marginals import Marginal
from immunoode.virtual_population.plausibility_simulation import PlausibilityValues
from immunoode.virtual_population.population_distribution import PopulationDistribution

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

ENDS = (0.001, 0.999)
"""Probabilities between which a distribution is drawn."""
POINTS = 400
SKEWED, BOUNDED = 100.0, 1000.0
"""Ratio of the quantiles at the ends above which the axis is logarithmic: without an upper limit, and with one."""


@figure_function
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


@figure_function
def plot_plausibility(
    criteria: Sequence[PlausibilityCriterion], values: PlausibilityValues, *, columns: int = 2, bins: int = 40
) -> NDArray[Any]:
    """Draw what each criterion bounds, of plausible and of excluded patients, and the limits.

    Parameters
    ----------
    criteria : sequence of PlausibilityCriterion
    values : PlausibilityValues
    columns : int
        Panels side by side.
    bins : int
        Of the histograms.

    Returns
    -------
    ndarray of Axes
        One per criterion; of a course, the value that is furthest towards or beyond a limit.
    """
    import matplotlib.pyplot as plt

    across = min(columns, len(criteria))
    down = -(-len(criteria) // across)
    figure, axes = plt.subplots(down, across, figsize=(4.6 * across, 2.8 * down), squeeze=False, layout="constrained")
    for k, (axis, criterion) in enumerate(zip(axes.flat, criteria, strict=False)):
        _draw_values(axis, _nearest_end(values, k), values.plausible, values.limits[k], bins)
        axis.set_title(fill(str(criterion), 44), fontsize="small")
        axis.set_xlabel((criterion.reduce or criterion.output).replace("_", " "))
    for axis in axes.flat[len(criteria) :]:
        axis.remove()
    axes[0, 0].legend(frameon=False, fontsize="small")
    return np.array(axes.flat[: len(criteria)])


def _nearest_end(values: PlausibilityValues, k: int) -> NDArray[np.float64]:
    """Return of each patient the value that is furthest towards or beyond a limit."""
    (low, high), (least, most) = values.limits[k], values.extremes[:, k].T
    return np.where(low - least > most - high, least, most)


def _draw_values(
    axis: Axes, found: NDArray[np.float64], plausible: NDArray[np.bool_], limits: NDArray[np.float64], bins: int
) -> None:
    finite = np.isfinite(found)
    low, high = np.quantile(found[finite], [0.005, 0.995]) if finite.any() else (0.0, 1.0)
    low, high = min([low, *limits[np.isfinite(limits)]]), max([high, *limits[np.isfinite(limits)]])
    logarithmic = low > 0 and high / low > SKEWED
    edges = np.geomspace(low, high, bins + 1) if logarithmic else np.linspace(low, high if high > low else low + 1.0, bins + 1)
    seen = np.clip(found, edges[0], edges[-1])
    groups = [seen[finite & plausible], seen[finite & ~plausible]]
    axis.hist(groups, edges, stacked=True, color=[colour(0), colour(1)], label=["plausible", "excluded"])
    axis.set_xscale("log" if logarithmic else "linear")
    for limit in limits[np.isfinite(limits)]:
        axis.axvline(limit, color="black", linestyle="--", linewidth=1)
    axis.set_ylabel("patients")
