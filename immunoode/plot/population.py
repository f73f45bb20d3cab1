"""Figures of population fits: individual curves, goodness of fit, convergence, visual predictive checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.fitting.observations import INTERVAL, LEFT, MEASURED, RIGHT
from immunoode.plot.colours import colour
from immunoode.plot.figure_function import figure_function
from immunoode.plot.quantity_labels import label, pretty_unit, sentence, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

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
    result: PopulationResult, subjects: list[str] | None = None, *, quantity: str | None = None, log: bool = False
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

    Returns
    -------
    ndarray of Axes
    """
    import matplotlib.pyplot as plt

    seen = result.observations
    which = quantity or seen.quantities[0]
    unit = seen.units[seen.quantities.index(which)]
    chosen = subjects or _spread_out(result)
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(2.6 * columns + 0.4, 2.1 * rows + 0.7), squeeze=False, sharex=True, layout="constrained"
    )
    days = np.linspace(float(seen.start.min()), float(seen.last.max()), 240)
    curves = {of: result.predict(days, of=of) for of in ("individual", "typical")}  # type: ignore[arg-type]
    data, censored = result.predict(), seen.censoring
    boxes = grid.ravel()
    for box, subject in zip(boxes, chosen, strict=False):
        last = data.loc[data["subject"] == subject, "time"].max() + 0.02 * np.ptp(days)
        for of, style in (("typical", {"color": GREY, "ls": "--"}), ("individual", {"color": colour(0)})):
            mine = curves[of][(curves[of]["subject"] == subject) & (curves[of]["quantity"] == which)]
            mine = mine[mine["time"] <= last * 1.05]
            box.plot(mine["time"], mine["predicted"], label=of, **style)
        own = data[(data["subject"] == subject) & (data["quantity"] == which)]
        for kind, (mark, name) in MARKS.items():
            some = own[censored[own.index] == kind]
            if len(some):
                face = "black" if kind == MEASURED else "none"
                box.plot(some["time"], some["observed"], mark, ms=3.5, color="black", mfc=face, label=name)
        box.set_title(subject, fontsize="small")
        if log:
            box.set_yscale("log")
    for box in boxes[len(chosen) :]:
        box.set_visible(False)
    figure.supxlabel("Time (days)", fontsize="medium")
    figure.supylabel(label(which, unit), fontsize="medium")
    entries = {name: line for box in boxes[: len(chosen)] for line, name in zip(*box.get_legend_handles_labels(), strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=len(entries), fontsize="small")
    return np.asarray(boxes[: len(chosen)])


def _spread_out(result: PopulationResult) -> list[str]:
    size = np.sqrt(np.einsum("si,ij,sj->s", result.outcome.eta, np.linalg.inv(result.estimates.omega), result.outcome.eta))
    order = np.argsort(size)
    visits = np.array([len(np.unique(result.observations.time[result.observations.subject == i])) for i in order])
    order = order[visits > 1] if (visits > 1).any() else order  # a single visit shows no time course
    some = order[np.unique(np.linspace(0, len(order) - 1, min(PANELS, len(order))).astype(int))]
    return [result.observations.subjects[i] for i in some]


@figure_function
def plot_goodness(result: PopulationResult, *, quantity: str | None = None, draws: int = 500) -> FloatArray:
    """Draw observed against typical and individual predictions, residuals over time and prediction, and their quantiles.

    Returns
    -------
    ndarray of six Axes
    """
    import matplotlib.pyplot as plt

    which = quantity or result.observations.quantities[0]
    unit = pretty_unit(result.observations.units[result.observations.quantities.index(which)])
    table = result.residuals(draws)
    table = table[table["quantity"] == which]
    measured = table[table["iwres"].notna()]  # censored observations have no position
    _, grid = plt.subplots(2, 3, figsize=(10.2, 6.2), layout="constrained")
    boxes = grid.ravel()
    for box, of in ((boxes[0], "typical"), (boxes[1], "individual")):
        box.plot(measured[of], measured["observed"], "o", ms=3, alpha=0.5, color=colour(0), mew=0)
        ends = [
            min(measured[of].min(), measured["observed"].min()),
            max(measured["observed"].quantile(0.999), measured[of].quantile(0.99)),
        ]
        box.plot(ends, ends, color="black", lw=1)
        box.set(xlabel=f"{of} prediction ({unit})", ylabel=f"observed ({unit})", xlim=ends, ylim=ends)
    _over(boxes[2], table, "time", "cwres", "Time (days)", "conditional weighted residual")
    _over(boxes[3], table, "individual", "iwres", f"individual prediction ({unit})", "individual weighted residual")
    _over(boxes[4], table, "time", "npde", "Time (days)", "prediction distribution error")
    _quantiles(boxes[5], table)
    boxes[0].set_title(words(which), fontsize="medium")
    return np.asarray(boxes)


def _over(box: Axes, table: DataFrame, x: str, y: str, across: str, up: str) -> None:
    """Draw residuals with their running median, and the range that should contain 95 %."""
    some = table[[x, y]].dropna().sort_values(x)
    box.axhline(0, color="black", lw=0.8)
    for edge in (-1.96, 1.96):
        box.axhline(edge, color=GREY, lw=0.8, ls=":")
    box.plot(some[x], some[y], "o", ms=3, alpha=0.5, color=colour(0), mew=0)
    if len(some) >= 20:
        window = max(len(some) // 8, 10)
        running = some.rolling(window, center=True, min_periods=window // 2).median()
        box.plot(running[x], running[y], color=colour(1), lw=2, label="running median")
        box.legend(fontsize="x-small")
    box.set(xlabel=across, ylabel=up)


def _quantiles(box: Axes, table: DataFrame) -> None:
    from scipy.stats import norm

    for k, kind in enumerate(("iwres", "cwres", "npde")):
        values = np.sort(table[kind].dropna().to_numpy())
        if len(values):
            expected = norm.ppf((np.arange(len(values)) + 0.5) / len(values))
            box.plot(expected, values, ".", ms=3, color=colour(k), label=kind.upper())
    ends = np.array([-3.2, 3.2])
    box.plot(ends, ends, color="black", lw=1)
    box.set(xlabel="normal quantile", ylabel="residual", xlim=ends, ylim=(-4.5, 4.5))
    box.legend(fontsize="x-small", markerscale=2)


@figure_function
def plot_convergence(result: PopulationResult) -> FloatArray:
    """Draw every population parameter, on its estimation scale, against the iterations; the estimates are dashed.

    With SAEM, the dotted line separates exploration from averaging.

    Returns
    -------
    ndarray of Axes
    """
    import matplotlib.pyplot as plt

    vectors, names = np.array(result.outcome.trace.vectors), result.population_model.names
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(2.7 * columns, 1.9 * rows + 0.4), squeeze=False, sharex=True, layout="constrained"
    )
    boxes = grid.ravel()
    for j, name in enumerate(names):
        boxes[j].plot(vectors[:, j], color=colour(0), lw=1.2)
        boxes[j].axhline(result.population_model.vector(result.estimates)[j], color=colour(1), lw=1, ls="--")
        if result.outcome.searched:
            boxes[j].axvline(result.outcome.searched, color=GREY, lw=0.8, ls=":")
        boxes[j].set_title(_short(name), fontsize="x-small")
        boxes[j].tick_params(labelsize="x-small")
    for box in boxes[len(names) :]:
        box.set_visible(False)
    figure.supxlabel("iteration", fontsize="small")
    figure.supylabel("value on the estimation scale", fontsize="small")
    return np.asarray(boxes[: len(names)])


def _short(name: str) -> str:
    return words(name).replace("sum of diameters", "SLD")


@figure_function
def plot_predictive(check: PredictiveCheck, *, log: bool = False, points: bool = True, ax: Any = None) -> FloatArray:
    """Draw a visual predictive check, one panel per stratum, with a row below for censored observations.

    Returns
    -------
    ndarray of Axes
    """
    import matplotlib.pyplot as plt

    axes = ax
    strata = list(dict.fromkeys(check.table["stratum"]))
    below = len(check.censored) > 0
    each = 2 if below else 1
    wide = min(len(strata), _WIDE)
    lines = -(-len(strata) // wide)
    if axes is None:
        size = (max(5.4, 3.2 * wide), lines * (3.0 + 1.5 * below) + 0.8)
        _, grid = plt.subplots(
            each * lines,
            wide,
            figsize=size,
            squeeze=False,
            sharex=True,
            layout="constrained",
            height_ratios=[2.4, 1][:each] * lines,
        )
        for box in grid.ravel():
            box.set_visible(False)
    else:
        grid = np.atleast_1d(np.asarray(axes, dtype=object)).reshape(each * lines, wide)
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
            box.set_ylabel(f"{text} ({unit})" if unit else text)
        if below:
            own = check.censored[check.censored["stratum"] == stratum]
            low = grid[line + 1, column]
            low.set_visible(True)
            low.fill_between(own["time"], 100 * own["lower"], 100 * own["upper"], color=colour(3), alpha=0.3, lw=0)
            low.plot(own["time"], 100 * own["observed"], "o-", ms=3.5, color="black")
            low.set(ylim=(-2, 102), ylabel="below limit (%)" if column == 0 else "")
        last = place + wide >= len(strata)
        lowest = grid[line + each - 1, column]
        lowest.tick_params(labelbottom=last)
        lowest.set_xlabel("Time (days)" if last else "")
    shared = (min(t[0] for t in tops), float(np.median([t[1] for t in tops])) if len(tops) > 3 else max(t[1] for t in tops))
    for place in range(len(strata)):
        grid[each * (place // wide), place % wide].set_ylim(*shared)
    shown = [box for box in grid.ravel() if box.get_visible()]
    if axes is None:  # below the panels
        shown[0].figure.legend(*shown[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="x-small")
    else:
        shown[0].legend(fontsize="x-small")
    return np.asarray(shown)


def _check_panel(box: Axes, check: PredictiveCheck, stratum: str, points: bool, log: bool) -> None:
    seen = check.points[(check.points["stratum"] == stratum) & (check.points["value"] > 0 if log else True)]
    if points:
        box.plot(seen["time"], seen["value"], "o", ms=2.2, alpha=0.3, color=GREY, mew=0, label="observed")
    own = check.table[check.table["stratum"] == stratum]
    for k, (p, part) in enumerate(own.groupby("percentile")):
        middle = abs(float(p) - 50) < 1e-9
        shade = colour(1) if middle else colour(0)
        name = f"{100 * check.level:.0f} % bands of simulated trials" if k == 0 else None
        if log:  # zeros are off the scale
            part = part.assign(**{c: part[c].where(part[c] > 0) for c in ("observed", "lower", "upper")})
        box.fill_between(part["time"], part["lower"], part["upper"], color=shade, alpha=0.3, lw=0, label=name)
        outer = ", ".join(f"{q:g}" for q in own["percentile"].unique() if abs(q - 50) > 1e-9)
        of = "median" if middle else f"{outer} %"
        box.plot(
            part["time"],
            part["observed"],
            "-" if middle else "--",
            color="black",
            lw=1.4,
            label=f"{of} of observed" if middle or k == 0 else None,
        )
    if stratum != "all":
        box.set_title(words(stratum), fontsize="small")
    if log:
        box.set_yscale("log")
    if len(own):
        top = np.nanmax([own["upper"].max(), own["observed"].max(), seen["value"].quantile(0.98) if points else 0.0])
        box.set_ylim(None if log else min(0.0, float(own["lower"].min())), 1.15 * top)
