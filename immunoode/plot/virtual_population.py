"""Figures of virtual populations: distributions of parameters, and what criteria of plausibility bound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend
from immunoode.plot.panels import Size, hide_spines, new_panels
from immunoode.plot.quantity_labels import label, sentence, words, wrapped
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
_DAY = re.compile(r"(?<=day )\d+\.\d+")
SKEWED, BOUNDED = 100.0, 1000.0
"""Ratio of the quantiles at the ends above which the axis is logarithmic: without an upper limit, and with one."""


@figure_function
def plot_distribution(
    population: PopulationDistribution,
    *,
    columns: int = 3,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> NDArray[Any]:
    """Draw the cumulative distribution of each parameter, with its median and its quantiles at 2.5 % and 97.5 %
    (of categories, with each value).

    Parameters
    ----------
    population : PopulationDistribution
    columns : int
        Panels side by side.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
        One per parameter.
    """
    entries = population.entries
    across = min(columns, max(len(entries), 1))
    down = -(-len(entries) // across)
    size = (max(2.6 * across, 4.4), 2.1 * down + 0.7)
    drawn = new_panels(ax, len(entries), size, figsize, columns=across, sharey=True)
    for k, (axis, (name, entry)) in enumerate(zip(drawn.boxes, entries.items(), strict=True)):
        _draw(axis, entry.distribution)
        axis.set_xlabel(in_lines(label(name, entry.unit), 30))
        if k % across == 0:
            axis.set_ylabel("Cumulative\nshare of patients")
        hide_spines(axis)
    shared_legend(drawn)
    drawn.set_title(title)
    return np.asarray(drawn.array())


def _draw(axis: Axes, found: Marginal) -> None:
    low, high = (float(v) for v in found.ppf(ENDS))
    if low == high:
        low, high = low - 0.5, high + 0.5
    logarithmic = low > 0 and high / low > (SKEWED if np.isinf(found.support[1]) else BOUNDED)
    grid = np.geomspace(low, high, POINTS) if logarithmic else np.linspace(low, high, POINTS)
    axis.plot(grid, found.cdf(grid), color=colour(0), label="cumulative distribution")
    axis.set_xscale("log" if logarithmic else "linear")
    if not logarithmic:
        axis.locator_params(axis="x", nbins=4)
    marked = np.array(found.values) if isinstance(found, Categorical) else found.ppf([0.025, 0.5, 0.975])
    said = "values" if isinstance(found, Categorical) else "2.5 %, median and 97.5 %"
    axis.plot(marked, found.cdf(marked), "o", color=colour(1), markersize=4, label=said)
    axis.set_ylim(0, 1.02)


@figure_function
def plot_plausibility(
    criteria: Sequence[PlausibilityCriterion],
    values: PlausibilityValues,
    *,
    columns: int = 2,
    bins: int = 40,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
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
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
        One per criterion; of a course, the value that is furthest towards or beyond a limit.
    """
    across = min(columns, len(criteria))
    down = -(-len(criteria) // across)
    size = (max(4.0 * across, 5.0), 2.7 * down + 0.7)
    drawn = new_panels(ax, len(criteria), size, figsize, columns=across)
    for k, (axis, criterion) in enumerate(zip(drawn.boxes, criteria, strict=True)):
        _draw_values(axis, _nearest_end(values, k), values.plausible, values.limits[k], bins)
        said = _DAY.sub(lambda found: f"{float(found[0]):.0f}", sentence(words(str(criterion))))
        axis.set_title(in_lines(said, 44), fontsize="small")
        name = f"{criterion.reduce}_of_{criterion.output}" if criterion.reduce else criterion.output
        axis.set_xlabel(wrapped(label(name, values.units[k] if values.units else ""), 40))
        hide_spines(axis)
    shared_legend(drawn)
    drawn.set_title(title)
    return np.asarray(drawn.array())


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
    axis.hist(
        groups,
        edges,
        stacked=True,
        color=[colour(0), colour(1)],
        label=["plausible", "excluded"],
        hatch=["", "////"],
        edgecolor="white",
        linewidth=0,
    )
    axis.set_xscale("log" if logarithmic else "linear")
    for limit in limits[np.isfinite(limits)]:
        axis.axvline(limit, color="black", linestyle="--", linewidth=1, label="limit")
    axis.set_ylabel("Patients")
