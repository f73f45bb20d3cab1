"""A statistic of each scenario, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import Problem, SolveError, renamed_arguments
from immunoode.plot.colours import line, marker
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.scenario import is_cohort

if TYPE_CHECKING:
    from immunoode.scenario.compare import Comparison


@renamed_arguments(statistic="summary")
@figure_function
def scenario_forest(
    comparison: Comparison,
    summary: str = "final_change",
    *,
    interval: float = 0.9,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw a statistic of each scenario, one below the other: of a cohort, the median and the interval of its patients.

    Parameters
    ----------
    comparison : Comparison
    summary : {"final_change", "nadir_change"}
        The change of the size from baseline at the end, or at its nadir, in percent.
    interval : float
        Of a cohort, the share of patients within the interval.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per scenario: scenario, median, lower, upper.

    Raises
    ------
    SolveError
        If the summary is not known.

    Examples
    --------
    >>> import immunoode as imo
    >>> scenarios = {"untreated": None, "slow": (None, {"growth_rate": 0.002})}
    >>> axes, table = imo.plot.scenario_forest(imo.compare("tumour_immune", scenarios, until="12 weeks"), data=True)
    >>> table.shape
    (2, 4)
    """
    import pandas as pd

    if summary not in ("final_change", "nadir_change"):
        raise SolveError(Problem("summary", f"{summary!r:.40} is not known", "'final_change' or 'nadir_change'"))
    edge = 50 * (1 - interval)
    rows = []
    for text, simulation in comparison.simulations.items():
        values = np.atleast_2d(simulation[comparison.measure])
        chosen = values[:, -1] if summary == "final_change" else np.nanmin(values, axis=1)
        low, middle, high = np.nanpercentile(100 * (chosen / values[:, 0] - 1), [edge, 50, 100 - edge])
        rows.append({"scenario": text, "median": middle, "lower": low, "upper": high})
    table = pd.DataFrame(rows)
    axes = new_axes(ax, (6.4, 1.2 + 0.4 * len(table)), figsize)
    many = is_cohort(comparison)
    for k, row in table.iterrows():
        shade = line(int(k))["color"]  # type: ignore[call-overload]
        axes.plot([row["lower"], row["upper"]], [k, k], color=shade, linewidth=1.8)
        axes.plot(row["median"], k, marker(int(k)), color=shade, markersize=7)  # type: ignore[call-overload]
        said = f"{row['median']:.0f}" + (f" ({row['lower']:.0f} to {row['upper']:.0f})" if many else "")
        style = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate(said.replace("-", "−"), (1.0, k), (10, 0), fontsize="small", **style)
    axes.axvline(0, color="0.5", linewidth=0.9, linestyle="--", zorder=0)
    axes.set_yticks(range(len(table)), [in_lines(text) for text in table["scenario"]])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    name = {"final_change": "Change from baseline at the end (%)", "nadir_change": "Deepest change from baseline (%)"}[summary]
    axes.set_xlabel(name + (f":\nmedian and {100 * interval:g} % of patients" if many else ""))
    hide_spines(axes, "left")
    set_title(axes, title)
    return (axes, table) if data else axes
