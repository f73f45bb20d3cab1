"""Figures of simulated trials: survival with the hazard ratio, a waterfall, and the estimates of replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.quantity_labels import sentence, words
from immunoode.plot.survival import kaplan_meier
from immunoode.plot.value_ranges import plain_ticks
from immunoode.plot.waterfall_plot import waterfall

if TYPE_CHECKING:
    from immunoode.virtual_trial.repeated_trials import RepeatedTrials
    from immunoode.virtual_trial.simulated_trial import SimulatedTrial

BINS = 40
ENDS = {"efficacy": COLOURS[2], "futility": COLOURS[1], "successful at the end": COLOURS[0], "not successful": "0.75"}
"""Colours of how replicates end."""
_HATCHES = {"efficacy": "", "futility": "////", "successful at the end": "....", "not successful": ""}
NAMES = {"hazard_ratio": "hazard ratio", "rate_difference": "difference of response rates"}


@figure_function
def survival(
    trial: SimulatedTrial,
    endpoint: Any = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    **options: Any,
) -> Any:
    """Draw the survival curves of a trial with numbers at risk, and the hazard ratio at its end as title.

    Parameters
    ----------
    trial : SimulatedTrial
    endpoint : {"PFS", "OS"}, optional
        By default that of the analysis.
    ax : Axes, optional
    title : str, optional
        Default: the hazard ratio at the analysis.
    figsize : (float, float), optional
        Inches.
    **options
        As for `imo.plot.kaplan_meier`.

    Returns
    -------
    Axes, or (Axes, DataFrame)
    """
    curves = trial.kaplan_meier(endpoint)
    last = trial.looks[trial.looks["look"] == trial.looks["look"].max()]
    if title is None and curves.endpoint == trial.analysis.endpoint and "hazard_ratio" in last:
        several = len(last) > 1
        ratios = [f"{r['arm'] + ': ' if several else ''}{r['hazard_ratio']:.2f}" for _, r in last.iterrows()]
        title = "Hazard ratio at the analysis: " + "; ".join(ratios)
    return kaplan_meier(curves, ax=ax, title=title, figsize=figsize, **options)


def waterfall_of_trial(trial: SimulatedTrial, **options: Any) -> Any:
    """Draw the best change of each subject of a trial.

    Parameters
    ----------
    trial : SimulatedTrial
    **options
        As for `imo.plot.waterfall`.

    Returns
    -------
    Axes, or (Axes, DataFrame)
    """
    return waterfall(trial.responses(), **options)


@figure_function
def replicates(
    trials: RepeatedTrials,
    arm: str | None = None,
    *,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw a histogram of the estimates of the replicates, by how they ended.

    Parameters
    ----------
    trials : RepeatedTrials
    arm : str, optional
        The arm that is compared with the control arm; by default the first such arm.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per replicate: replicate, estimate, end.

    Raises
    ------
    DataError
        If there is no such arm, or the trials have one arm.
    """
    effect = next((name for name in NAMES if name in trials.table), None)
    known = list(dict.fromkeys(trials.table["arm"]))
    if effect is None or (arm is not None and arm not in known):
        what = "is not compared" if effect is not None else "cannot be drawn: the trials have one arm"
        raise DataError(Problem("arm", f"{arm!r} {what}", "one of " + ", ".join(map(repr, known))))
    own = trials.table[trials.table["arm"] == (arm or known[0])]
    early = own["stopped"].isin(("efficacy", "futility"))
    end = own["stopped"].where(early, np.where(own["success"], "successful at the end", "not successful"))
    table = own[["replicate"]].assign(estimate=own[effect], end=end).reset_index(drop=True)
    finite = table[np.isfinite(table["estimate"]) & ((table["estimate"] > 0) | (effect != "hazard_ratio"))]
    axes = new_axes(ax, (7.2, 3.6), figsize)
    values = np.log(finite["estimate"]) if effect == "hazard_ratio" else finite["estimate"]
    edges = np.histogram_bin_edges(values, BINS)
    edges = np.exp(edges) if effect == "hazard_ratio" else edges
    kinds = [kind for kind in ENDS if (finite["end"] == kind).any()]
    parts = [finite.loc[finite["end"] == kind, "estimate"] for kind in kinds]
    shares = [f"{kind} ({100 * (table['end'] == kind).mean():.1f} %)" for kind in kinds]
    axes.hist(
        parts,
        edges,
        stacked=True,
        color=[ENDS[kind] for kind in kinds],
        label=shares,
        edgecolor="white",
        linewidth=0.3,
        hatch=[_HATCHES[kind] for kind in kinds],
    )
    if effect == "hazard_ratio":
        axes.set_xscale("log")
        axes.set_xlim(edges[0], edges[-1])
        plain_ticks(axes.xaxis)
    axes.axvline(1.0 if effect == "hazard_ratio" else 0.0, color="0.3", linewidth=0.8, linestyle=":")
    axes.set(xlabel=f"{sentence(NAMES[effect])}, {words(arm or known[0])} to {words(str(trials.control))}", ylabel="Replicates")
    hide_spines(axes)
    legend(axes)
    set_title(axes, title)
    return (axes, table) if data else axes
