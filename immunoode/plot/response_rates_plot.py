"""Response rates of arms with exact intervals; the figure says whether responses are confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, legend
from immunoode.plot.oncology import EDGE, RESPONSE_COLOURS, responses_of
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    from immunoode.trial.response.responses import Responses


@figure_function
def response_rates(
    responses: Responses,
    *,
    by: str = "arm",
    confirmed: bool = True,
    confidence: float = 0.95,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the objective response rate of each arm with its interval, complete responses below partial ones.

    Parameters
    ----------
    responses : Responses
        From `recist` or `irecist`.
    by : str
        The column of `responses.subjects` that defines the groups.
    confirmed : bool
        Whether responses count only if confirmed; the axis says which.
    confidence : float
        Confidence level of the exact intervals.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table is `responses.rates`.

    Raises
    ------
    DataError
        If there is no such column.

    Examples
    --------
    >>> import immunoode as imo
    >>> axes = imo.plot.response_rates(imo.recist(imo.load_example()), confirmed=False)
    >>> axes.get_ylabel()
    'Objective response rate (%), not confirmed'
    """
    table = responses_of(responses).rates(by, confirmed=confirmed, confidence=confidence)
    axes = new_axes(ax, (1.6 + 1.1 * max(len(table), 3), 3.8), figsize)
    place = np.arange(len(table))
    base = np.zeros(len(table))
    for name in responses.order[:2]:
        share = 100 * table[name].to_numpy(float) / table["n"].to_numpy(float)
        axes.bar(place, share, 0.62, base, color=RESPONSE_COLOURS[name], edgecolor=EDGE, linewidth=0.6, label=name)
        base += share
    rate, lower, upper = (100 * table[c].to_numpy(float) for c in ("objective_response_rate", "lower", "upper"))
    ends = [rate - lower, upper - rate]
    axes.errorbar(
        place, rate, ends, fmt="none", color="black", capsize=4, linewidth=1.2, label=f"{100 * confidence:g} % interval"
    )
    for k, row in enumerate(table.itertuples()):
        axes.annotate(
            f"{row.responders}/{row.n}", (k, upper[k]), (0, 3), textcoords="offset points", ha="center", fontsize="small"
        )
    axes.set_xticks(place, [in_lines(str(arm), 16) for arm in table[by]])
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, max(1.15 * float(np.nanmax(upper)), 10.0))
    axes.set_ylabel(f"Objective response rate (%), {'confirmed' if confirmed else 'not confirmed'}")
    hide_spines(axes)
    set_title(axes, title)
    legend(axes)
    return (axes, table) if data else axes
