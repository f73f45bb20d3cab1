"""Figures of population fits: individual curves, goodness of fit, convergence, visual predictive checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT
from immunoode.plot.colours import colour, marker
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend
from immunoode.plot.panels import Size, new_grid, new_panels
from immunoode.plot.quantity_labels import label, pretty_unit, sentence, words, wrapped
from immunoode.plot.time_axes import time_axis
from immunoode.plot.value_ranges import plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame, Series

    from immunoode.fitting.observations import FloatArray
    from immunoode.population.predictive import PredictiveCheck
    from immunoode.population.result import PopulationResult

PANELS = 12
_WIDE = 4
"""The largest number of panels per row."""
GREY = "#777777"
MARKS = {
    MEASURED: ("o", "observed"),
    LEFT: ("v", "below this limit"),
    RIGHT: ("^", "above this limit"),
    INTERVAL: ("s", "upper end of an interval"),
}


@figure_function
def plot_individuals(
    result: PopulationResult,
    subjects: list[str] | None = None,
    *,
    quantity: str | None = None,
    log: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> FloatArray:
    """Draw the observations, individual curve and typical curve of subjects, one panel per subject.

    Parameters
    ----------
    subjects : list of str, optional
        By default twelve, equally spaced in the distance of their random effects from zero.
    quantity : str, optional
        One of several fitted quantities.
    log : bool
        Logarithmic axis.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    seen = result.observations
    which = quantity or seen.quantities[0]
    unit = seen.units[seen.quantities.index(which)]
    chosen = subjects or _spread_out(result)
    columns = min(4, len(chosen))
    drawn = new_grid(ax, len(chosen), columns, (2.3, 1.9), (0.4, 1.0), figsize, least=4.4, sharex=True, sharey=log)
    days = np.linspace(float(seen.start.min()), float(seen.last.max()), 240)
    curves = {kind: result.predict(days, kind=kind) for kind in ("individual", "typical")}  # type: ignore[arg-type]
    data, censored = result.predict(), seen.censoring
    for k, (box, subject) in enumerate(zip(drawn.boxes, chosen, strict=True)):
        last = data.loc[data["subject"] == subject, "time"].max() + 0.02 * np.ptp(days)
        for of, style in (("typical", {"color": GREY, "ls": "--"}), ("individual", {"color": colour(0)})):
            mine = curves[of][(curves[of]["subject"] == subject) & (curves[of]["quantity"] == which)]
            mine = mine[mine["time"] <= last * 1.05]
            box.plot(mine["time"], mine["predicted"], label=f"{of} curve", **style)
        own = data[(data["subject"] == subject) & (data["quantity"] == which)]
        for kind, (mark, name) in MARKS.items():
            some = own[censored[own.index] == kind]
            if len(some):
                face = "black" if kind == MEASURED else "none"
                box.plot(some["time"], some["observed"], mark, ms=3.5, color="black", mfc=face, label=name)
        box.set_title(in_lines(subject), fontsize="small")
        if log:
            box.set_yscale("log")
        time_axis(box, float(days[0]), float(days[-1]))
        if k + columns < len(chosen):
            box.set_xlabel("")
        if k % columns == 0:
            box.set_ylabel(wrapped(label(which, unit), 20))
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.array()


def _spread_out(result: PopulationResult) -> list[str]:
    size = np.sqrt(np.einsum("si,ij,sj->s", result.outcome.eta, np.linalg.inv(result.estimates.omega), result.outcome.eta))
    order = np.argsort(size)
    visits = np.array([len(np.unique(result.observations.time[result.observations.subject == i])) for i in order])
    order = order[visits > 1] if (visits > 1).any() else order  # a single visit shows no time course
    some = order[np.unique(np.linspace(0, len(order) - 1, min(PANELS, len(order))).astype(int))]
    return [result.observations.subjects[i] for i in some]


@figure_function
def plot_goodness(
    result: PopulationResult,
    *,
    quantity: str | None = None,
    draws: int = 500,
    log: bool | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> FloatArray:
    """Draw observed against typical and individual predictions, residuals over time and prediction, and their quantiles.

    Parameters
    ----------
    result : PopulationResult
    quantity : str, optional
        One of several fitted quantities.
    draws : int
        Simulated for the prediction distribution errors.
    log : bool, optional
        Logarithmic axes of observations and predictions; by default, if the largest is more than ten times the median.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of six Axes
    """
    which = quantity or result.observations.quantities[0]
    unit = pretty_unit(result.observations.units[result.observations.quantities.index(which)])
    shown = f" ({unit})" if unit else ""
    table = result.residuals(draws)
    table = table[table["quantity"] == which]
    measured = table[table["iwres"].notna()]  # censored observations have no position
    drawn = new_panels(ax, 6, (10.2, 6.6), figsize, columns=3)
    boxes = drawn.boxes
    log = _a_few_are_large(measured["observed"], measured["individual"], measured["typical"]) if log is None else log
    for box, of in ((boxes[0], "typical"), (boxes[1], "individual")):
        box.plot(measured[of], measured["observed"], "o", ms=3, alpha=0.5, color=colour(0), mew=0, label="observations")
        ends = [
            min(measured[of].min(), measured["observed"].min()),
            max(measured["observed"].quantile(0.999), measured[of].quantile(0.99)),
        ]
        box.plot(ends, ends, color="black", lw=1, label="observed = predicted")
        box.set(xlabel=f"{sentence(of)} prediction{shown}", ylabel=f"Observed{shown}", xlim=ends, ylim=ends)
        if log:
            _logarithmic(box, box.xaxis, box.yaxis)
    _over(boxes[2], table, "time", "cwres", "", "Conditional weighted residual")
    _over(boxes[3], table, "individual", "iwres", f"Individual prediction{shown}", "Individual weighted residual")
    if log:
        _logarithmic(boxes[3], boxes[3].xaxis)
    _over(boxes[4], table, "time", "npde", "", "Prediction distribution error")
    _quantiles(boxes[5], table)
    shared_legend(drawn)
    drawn.set_title(sentence(words(which)) if title is None else title)
    return drawn.array()


def _a_few_are_large(*values: Series) -> bool:
    """Return whether a linear axis would show most of positive values in one corner."""
    return all(v.min() > 0 for v in values) and any(v.max() > 10 * v.median() for v in values)


def _logarithmic(box: Axes, *axes: Any) -> None:
    for axis in axes:
        (box.set_xscale if axis is box.xaxis else box.set_yscale)("log")
        plain_ticks(axis, 5)


def _over(box: Axes, table: DataFrame, x: str, y: str, across: str, up: str) -> None:
    """Draw residuals with their running median, and the range that should contain 95 %."""
    some = table[[x, y]].dropna().sort_values(x)
    box.axhline(0, color="black", lw=0.8)
    for edge in (-1.96, 1.96):
        box.axhline(edge, color=GREY, lw=0.8, ls=":", label="range of 95 %")
    box.plot(some[x], some[y], "o", ms=3, alpha=0.5, color=colour(0), mew=0)
    if len(some) >= 20:
        window = max(len(some) // 8, 10)
        running = some.rolling(window, center=True, min_periods=window // 2).median()
        box.plot(running[x], running[y], color=colour(1), lw=2, label="running median")
    box.set_ylabel(up)
    if across:
        box.set_xlabel(across)
    else:
        time_axis(box, min(0.0, float(some[x].min())), 1.03 * float(some[x].max()))


def _quantiles(box: Axes, table: DataFrame) -> None:
    from scipy.stats import norm

    for k, kind in enumerate(("iwres", "cwres", "npde")):
        values = np.sort(table[kind].dropna().to_numpy())
        if len(values):
            expected = norm.ppf((np.arange(len(values)) + 0.5) / len(values))
            box.plot(expected, values, marker(k), ms=3, color=colour(k), mew=0, label=kind.upper())
    ends = np.array([-3.2, 3.2])
    box.plot(ends, ends, color="black", lw=1)
    box.set(xlabel="Normal quantile", ylabel="Residual", xlim=ends, ylim=(-4.5, 4.5))


@figure_function
def plot_convergence(
    result: PopulationResult, *, ax: Any = None, title: str | None = None, figsize: Size | None = None
) -> FloatArray:
    """Draw every population parameter, on its estimation scale, against the iterations; the estimates are dashed.

    With SAEM, the dotted line separates exploration from averaging.

    Parameters
    ----------
    result : PopulationResult
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    vectors, names = np.array(result.outcome.trace.vectors), result.population_model.names
    columns = min(4, len(names))
    drawn = new_grid(ax, len(names), columns, (2.5, 1.7), (0.0, 1.0), figsize, least=4.4, sharex=True)
    boxes = drawn.boxes
    for j, name in enumerate(names):
        boxes[j].plot(vectors[:, j], color=colour(0), lw=1.2, label="iterations")
        final = result.population_model.vector(result.estimates)[j]
        boxes[j].axhline(final, color=colour(1), lw=1, ls="--", label="estimate")
        if result.outcome.searched:
            boxes[j].axvline(result.outcome.searched, color=GREY, lw=0.8, ls=":", label="end of exploration")
        boxes[j].set_title(in_lines(_parameter(name), 28), fontsize="small")
        boxes[j].locator_params(axis="y", nbins=4)
        lowest = j + columns >= len(names)
        boxes[j].set_xlabel("Iteration" if lowest else "")
        boxes[j].tick_params(labelbottom=lowest)
        if j % columns == 0:
            boxes[j].set_ylabel("Value on the\nestimation scale")
    shared_legend(drawn)
    drawn.set_title(title)
    return drawn.array()


def _parameter(name: str) -> str:
    """Return a population parameter in words: omega(growth_rate) is "Variability of growth rate"."""
    inner = re.fullmatch(r"omega\((.*)\)", name)
    return sentence(words(f"variability of {inner[1]}" if inner else name))


@figure_function
def plot_predictive(
    check: PredictiveCheck,
    *,
    log: bool = False,
    points: bool = True,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> FloatArray:
    """Draw a visual predictive check, one panel per stratum, with a row below for censored observations.

    Parameters
    ----------
    check : PredictiveCheck
    log : bool
        Logarithmic axis.
    points : bool
        Whether to draw the observations.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    ndarray of Axes
    """
    strata = list(dict.fromkeys(check.table["stratum"]))
    below = len(check.censored) > 0
    each = 2 if below else 1
    wide = min(len(strata), _WIDE)
    lines = -(-len(strata) // wide)
    size = (max(5.8, 3.0 * wide), lines * (3.0 + 1.5 * below) + 1.2)
    ratios = {"height_ratios": [2.4, 1][:each] * lines}
    drawn = new_panels(ax, each * lines * wide, size, figsize, columns=wide, ratios=ratios, sharex=True)
    grid = drawn.array().reshape(each * lines, wide)
    for box in grid.flat:
        box.set_visible(False)
    text = ("Prediction-corrected\n" + words(check.quantity)) if check.corrected else sentence(words(check.quantity))
    unit = pretty_unit(check.unit)
    tops = []
    for place, stratum in enumerate(strata):
        line, column = each * (place // wide), place % wide
        box = grid[line, column]
        box.set_visible(True)
        _check_panel(box, check, stratum, points, log)
        tops.append(box.get_ylim())
        if column == 0:
            box.set_ylabel(wrapped(f"{text} ({unit})" if unit else text, 30))
        if below:
            own = check.censored[check.censored["stratum"] == stratum]
            low = grid[line + 1, column]
            low.set_visible(True)
            low.fill_between(
                own["time"],
                100 * own["lower"],
                100 * own["upper"],
                color=colour(3),
                alpha=0.35,
                lw=0,
                label="below the limit: simulated",
            )
            low.plot(own["time"], 100 * own["observed"], "o-", ms=3.5, color="black", label="below the limit: observed")
            low.set(ylim=(-2, 102), ylabel="Below limit (%)" if column == 0 else "")
        last = place + wide >= len(strata)
        lowest = grid[line + each - 1, column]
        time_axis(lowest, min(0.0, float(check.table["time"].min())), 1.03 * float(check.points["time"].max()))
        lowest.tick_params(labelbottom=last)
        if not last:
            lowest.set_xlabel("")
    shared = (min(t[0] for t in tops), float(np.median([t[1] for t in tops])) if len(tops) > 3 else max(t[1] for t in tops))
    for place in range(len(strata)):
        grid[each * (place // wide), place % wide].set_ylim(*shared)
    shown = [box for box in grid.ravel() if box.get_visible()]
    shared_legend(drawn, [handle for box in shown for handle in box.get_legend_handles_labels()[0]])
    drawn.set_title(title)
    return np.asarray(shown)


def _check_panel(box: Axes, check: PredictiveCheck, stratum: str, points: bool, log: bool) -> None:
    seen = check.points[(check.points["stratum"] == stratum) & (check.points["value"] > 0 if log else True)]
    if points:
        box.plot(seen["time"], seen["value"], "o", ms=3.5, alpha=0.45, color="0.35", mew=0, label="observations")
    own = check.table[check.table["stratum"] == stratum]
    for k, (p, part) in enumerate(own.groupby("percentile")):
        middle = abs(float(p) - 50) < 1e-9
        outer = " and ".join(f"{q:g}th" for q in own["percentile"].unique() if abs(q - 50) > 1e-9)
        shade = colour(1) if middle else colour(0)
        level = f"{100 * check.level:.0f} % band of simulated trials"
        name = f"{level}: median" if middle else f"{level}: {outer} percentiles" if k == 0 else None
        if log:  # zeros are off the scale
            part = part.assign(**{c: part[c].where(part[c] > 0) for c in ("observed", "lower", "upper")})
        box.fill_between(part["time"], part["lower"], part["upper"], color=shade, alpha=0.35, lw=0, label=name)
        of = "median" if middle else f"{outer} percentiles"
        box.plot(
            part["time"],
            part["observed"],
            "-" if middle else "--",
            color="black",
            lw=1.4,
            label=f"observed {of}" if middle or k == 0 else None,
        )
    if stratum != "all":
        box.set_title(words(stratum), fontsize="small")
    if log:
        box.set_yscale("log")
    if len(own):
        top = np.nanmax([own["upper"].max(), own["observed"].max(), seen["value"].quantile(0.98) if points else 0.0])
        box.set_ylim(None if log else min(0.0, float(own["lower"].min())), 1.15 * top)
