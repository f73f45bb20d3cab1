"""Figures of a fit: data with curves and bands, residuals, observed against predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import FitError, Problem, renamed_arguments
from immunoode.plot.colours import COLOURS, marker
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, shared_legend
from immunoode.plot.panels import Size, new_grid, new_panels
from immunoode.plot.quantity_labels import label, pretty_unit, words, wrapped
from immunoode.plot.time_axes import time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from immunoode.fitting.observations import FloatArray
    from immunoode.fitting.result import FitResult

PANELS = 24
"""The largest number of panels of subjects; the title has the number of the others."""
WIDE = 100.0
"""Ratio of the largest to the smallest value above which axes are logarithmic by default."""


@renamed_arguments(level="confidence")
@figure_function
def plot_fit(
    result: FitResult,
    by: Literal["arm", "subject"] | None = None,
    *,
    quantity: str | None = None,
    bands: bool = True,
    confidence: float = 0.95,
    log: bool | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> Axes | FloatArray:
    """Draw the data with the fitted curves.

    Parameters
    ----------
    by : one panel per arm (with all its subjects, their curves, and the mean curve with its band) or per subject; by
        default, per subject for at most six subjects
    quantity : one of several fitted quantities (by default, all)
    bands : draw the band of the curve, and in panels of subjects the band of new observations
    log : logarithmic axes; by default, if errors are relative and the data span more than a factor of 100
    ax : one Axes per panel, or one whose area all panels share
    title : by default, the model and the title of the data
    figsize : inches

    Returns
    -------
    Axes, or an array of Axes for several panels
    """
    seen = result.observations
    if by not in (None, "arm", "subject"):
        raise FitError(Problem("by", f"is {by!r}", "'arm' or 'subject'"))
    kind = by or ("subject" if len(seen.subjects) <= 6 else "arm")
    names = list(dict.fromkeys(seen.arms)) if kind == "arm" else list(seen.subjects[:PANELS])
    quantities = [quantity] if quantity else list(seen.quantities)
    wanted = [(n, q) for q in quantities for n in names]
    columns = min(len(names), 4)
    shared = "row" if len(quantities) == 1 else False
    drawn = new_grid(ax, len(wanted), columns, (3.0, 2.5), (0.4, 0.9), figsize, least=5.2, sharey=shared)
    curves = result.predict(result.grid())
    ribbon = _ribbon(result, kind, bands, confidence)
    for box, (name, which) in zip(drawn.boxes, wanted, strict=True):
        _panel(box, result, kind, name, which, curves, ribbon, confidence)
        if _wide(result, which) if log is None else log:
            _logarithmic(box, result, which)
    for k, box in enumerate(drawn.boxes):
        if k % columns and len(quantities) == 1:
            box.set_ylabel("")
    shared_legend(drawn)
    left = len(seen.subjects) - len(names) if kind == "subject" else 0
    drawn.set_title(_title(result) + (f" ({left} more subjects not drawn)" if left else "") if title is None else title)
    return drawn.one_or_all()


def _wide(result: FitResult, quantity: str) -> bool:
    """Whether the values of a quantity span a wide range and its errors are relative."""
    seen = result.observations
    q = seen.quantities.index(quantity)
    values = seen.value[(seen.quantity == q) & (seen.value > 0)]
    relative = result.least_squares.errors[q].kind in ("lognormal", "proportional")
    return bool(relative and len(values) and values.max() > WIDE * values.min())


def _title(result: FitResult) -> str:
    title = result.data.title or "trial data"
    return wrapped(f"{words(result.model.name)}: {title}", 84)


def _ribbon(result: FitResult, kind: str, wanted: bool, level: float) -> tuple[DataFrame, DataFrame] | None:
    """Return the bands of curves and of new observations, or None if the fit has no covariance."""
    if not wanted:
        return None
    try:
        times = result.grid(100)
        by: Literal["arm", "subject"] = "arm" if kind == "arm" else "subject"
        return (result.bands(times, by=by, confidence=level), result.bands(times, by=by, confidence=level, kind="observation"))
    except FitError:
        return None


def _panel(
    box: Axes,
    result: FitResult,
    kind: str,
    name: str,
    quantity: str,
    curves: DataFrame,
    ribbon: tuple[DataFrame, DataFrame] | None,
    level: float,
) -> None:
    arm = name if kind == "arm" else result.observations.arms[result.observations.subjects.index(name)]
    colour = COLOURS[list(dict.fromkeys(result.observations.arms)).index(arm) % len(COLOURS)]
    _curves(box, curves[(curves[kind] == name) & (curves["quantity"] == quantity)], kind, colour)
    if ribbon is not None:
        mean, spread = (r[(r[kind] == name) & (r["quantity"] == quantity)] for r in ribbon)
        if kind == "arm":
            box.plot(mean["time"], mean["predicted"], color="black", lw=1.8, label="mean curve")
        else:
            box.fill_between(
                spread["time"],
                spread["lower"],
                spread["upper"],
                color=colour,
                alpha=0.12,
                lw=0,
                label=f"{100 * level:.0f} % of observations",
            )
        box.fill_between(
            mean["time"],
            mean["lower"],
            mean["upper"],
            color="black" if kind == "arm" else colour,
            alpha=0.3,
            lw=0,
            label=f"{100 * level:.0f} % band of the curve",
        )
    _points(box, result, kind, name, quantity, colour)
    _labels(box, result, kind, name, arm, quantity)


def _logarithmic(box: Axes, result: FitResult, quantity: str) -> None:
    seen = result.observations
    values = seen.value[(seen.quantity == seen.quantities.index(quantity)) & (seen.value > 0)]
    box.set_yscale("log")
    if len(values):
        box.set_ylim(0.4 * values.min(), 2.5 * values.max())


def _curves(box: Axes, curves: DataFrame, kind: str, colour: str) -> None:
    faint = {"lw": 0.7, "alpha": 0.5} if kind == "arm" else {"lw": 1.6}
    for i, (_, rows) in enumerate(curves.groupby("subject", sort=False)):
        said = ("fit, one line per subject" if kind == "arm" else "fit") if i == 0 else None
        box.plot(rows["time"], rows["predicted"], color=colour, label=said, **faint)


def _points(box: Axes, result: FitResult, kind: str, name: str, quantity: str, colour: str) -> None:
    """Draw fitted observations as filled points, baselines that are not fitted as open points, and limits as triangles."""
    table = result.predict()
    rows = table[(table[kind] == name) & (table["quantity"] == quantity)]
    size = 10 if kind == "arm" else 22
    for censoring, mark, said in (("", "o", "observed"), ("left", "v", "below this limit"), ("right", "^", "above this limit")):
        part = rows[rows["censoring"] == censoring]
        if len(part):
            box.scatter(part["time"], part["observed"], s=size, color=colour, marker=mark, zorder=3, label=said)
    start = result.unused
    mine = start[(start["quantity"] == quantity) & start["subject"].isin(rows["subject"])]
    if len(mine):
        box.scatter(
            mine["time"], mine["value"], s=size, facecolors="none", edgecolors=colour, zorder=3, label="baseline, or not fitted"
        )


def _labels(box: Axes, result: FitResult, kind: str, name: str, arm: str, quantity: str) -> None:
    seen = result.observations
    unit = seen.units[seen.quantities.index(quantity)]
    count = seen.arms.count(arm)
    whose = name if name == arm or name.startswith(arm) else f"{name}, {arm}"
    box.set_title(in_lines(f"{name} (n = {count})" if kind == "arm" else whose, 34), fontsize="small")
    time_axis(box, min(0.0, float(seen.start.min())), 1.03 * float(seen.last.max()))
    box.set_ylabel(wrapped(label(quantity, unit), 28))
    top = [np.nanmax(c) for c in (seen.value[seen.quantity == seen.quantities.index(quantity)],)]
    if seen.value.min() >= 0 and box.get_yscale() == "linear":
        box.set_ylim(0, 1.25 * max(top) or 1.0)


@figure_function
def plot_residuals(
    result: FitResult,
    *,
    quantity: str | None = None,
    log: bool | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
) -> FloatArray:
    """Draw observed against predicted, weighted residuals over time and prediction, and their normal quantiles.

    By default, axes are logarithmic if those of `plot_fit` are.

    Parameters
    ----------
    result : FitResult
    quantity : str, optional
        One of several fitted quantities.
    log : bool, optional
        Logarithmic axes.
    ax : Axes or sequence of Axes, optional
        One per panel, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.

    Returns
    -------
    array of four Axes
    """
    table = result.predict()
    rows = table[table["quantity"] == quantity] if quantity else table
    log = all(_wide(result, q) for q in rows["quantity"].unique()) if log is None else log
    drawn = new_panels(ax, 4, (8.6, 7.0), figsize, columns=2)
    first, second, third, last = drawn.boxes
    _observed_predicted(first, rows, log)
    _scatter(second, rows, "time", "")
    time_axis(second, min(0.0, float(rows["time"].min())), 1.03 * float(rows["time"].max()))
    _scatter(third, rows, "predicted", first.get_xlabel(), log)
    _quantiles(last, rows)
    shared_legend(drawn)
    drawn.set_title(_title(result) if title is None else title)
    return drawn.array()


def _coloured(rows: DataFrame) -> list[tuple[str, DataFrame, str]]:
    by = "arm" if rows["quantity"].nunique() == 1 else "quantity"
    return [(str(n), part, COLOURS[i % len(COLOURS)]) for i, (n, part) in enumerate(rows.groupby(by, sort=False))]


def _observed_predicted(box: Axes, rows: DataFrame, log: bool) -> None:
    for name, part, colour in _coloured(rows):
        look = {"s": 14, "color": colour, "alpha": 0.7, "marker": marker(COLOURS.index(colour))}
        box.scatter(part["predicted"], part["observed"], label=words(name), **look)
    ends = [np.nanmin(rows[["predicted", "observed"]]), np.nanmax(rows[["predicted", "observed"]])]
    box.plot(ends, ends, color="black", lw=0.8, label="observed = predicted")
    units = [shown for u in rows["unit"].unique() if (shown := pretty_unit(u))]
    unit = f" ({units[0]})" if len(units) == 1 else ""
    box.set(xlabel="Predicted" + unit, ylabel="Observed" + unit)
    if log:
        box.set(xscale="log", yscale="log")


def _scatter(box: Axes, rows: DataFrame, x: str, label: str, log: bool = False) -> None:
    for _, part, colour in _coloured(rows):
        box.scatter(part[x], part["weighted_residual"], s=14, color=colour, alpha=0.7, marker=marker(COLOURS.index(colour)))
    box.axhline(0, color="black", lw=0.8)
    for height in (-2, 2):
        box.axhline(height, color="black", lw=0.8, ls=":", label="± 2 SD")
    box.set(xlabel=label, ylabel="Weighted residual (SD)")
    if log:
        box.set_xscale("log")


def _quantiles(box: Axes, rows: DataFrame) -> None:
    from scipy.stats import norm

    values = np.sort(rows["weighted_residual"].dropna().to_numpy())
    expected = norm.ppf((np.arange(len(values)) + 0.5) / max(len(values), 1))
    box.scatter(expected, values, s=12, color="#555555")
    box.plot(expected, expected, color="black", lw=0.8)
    box.set(xlabel="Normal quantile", ylabel="Weighted residual (SD)")
