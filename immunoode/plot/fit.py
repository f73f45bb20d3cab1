"""Figures of a fit: data with curves and bands, residuals, observed against predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import FitError, Problem
from immunoode.plot.colours import COLOURS
from immunoode.plot.figure_function import figure_function
from immunoode.plot.quantity_labels import label, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from immunoode.fitting.observations import FloatArray
    from immunoode.fitting.result import FitResult

PANELS = 24
"""The largest number of panels of subjects; the title has the number of the others."""
WIDE = 100.0
"""Ratio of the largest to the smallest value above which axes are logarithmic by default."""


@figure_function
def plot_fit(
    result: FitResult,
    by: Literal["arm", "subject"] | None = None,
    *,
    quantity: str | None = None,
    bands: bool = True,
    level: float = 0.95,
    log: bool | None = None,
    ax: Any = None,
) -> Axes | FloatArray:
    """Draw the data with the fitted curves.

    Parameters
    ----------
    by : one panel per arm (with all its subjects, their curves, and the mean curve with its band) or per subject; by
        default, per subject for at most six subjects
    quantity : one of several fitted quantities (by default, all)
    bands : draw the band of the curve, and in panels of subjects the band of new observations
    log : logarithmic axes; by default, if errors are relative and the data span more than a factor of 100

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
    panels = [(n, q) for q in quantities for n in names]
    figure, boxes = _boxes(len(panels), ax, len(names))
    curves = result.predict(result.grid())
    ribbon = _ribbon(result, kind, bands, level)
    for box, (name, which) in zip(boxes, panels, strict=True):
        _panel(box, result, kind, name, which, curves, ribbon, level)
        if _wide(result, which) if log is None else log:
            _logarithmic(box, result, which)
    boxes[0].legend(fontsize="x-small", loc="best")
    if figure is not None:
        left = len(seen.subjects) - len(names) if kind == "subject" else 0
        figure.suptitle(_title(result) + (f" ({left} more subjects not drawn)" if left else ""), fontsize="medium")
    return boxes[0] if len(boxes) == 1 else np.array(boxes)


def _wide(result: FitResult, quantity: str) -> bool:
    """Whether the values of a quantity span a wide range and its errors are relative."""
    seen = result.observations
    q = seen.quantities.index(quantity)
    values = seen.value[(seen.quantity == q) & (seen.value > 0)]
    relative = result.least_squares.errors[q].kind in ("lognormal", "proportional")
    return bool(relative and len(values) and values.max() > WIDE * values.min())


def _title(result: FitResult) -> str:
    title = result.data.title or "trial data"
    return f"{result.model.name}: {title}"[:110]


def _boxes(count: int, axes: FloatArray | None, per_row: int) -> tuple[Figure | None, list[Axes]]:
    """Return one Axes per panel: those given, or new ones."""
    import matplotlib.pyplot as plt

    if axes is not None:
        return None, list(np.atleast_1d(axes).ravel())[:count]
    columns = min(per_row, 4)
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.4 * columns + 0.6, 2.8 * rows + 0.5), squeeze=False, layout="constrained"
    )
    boxes = list(grid.ravel())
    for box in boxes[count:]:
        box.set_visible(False)
    return figure, boxes[:count]


def _ribbon(result: FitResult, kind: str, wanted: bool, level: float) -> tuple[DataFrame, DataFrame] | None:
    """Return the bands of curves and of new observations, or None if the fit has no covariance."""
    if not wanted:
        return None
    try:
        times = result.grid(100)
        by: Literal["arm", "subject"] = "arm" if kind == "arm" else "subject"
        return (result.bands(times, by=by, level=level), result.bands(times, by=by, level=level, of="observation"))
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
    for censoring, marker, said in (("", "o", "observed"), ("left", "v", "below"), ("right", "^", "above")):
        part = rows[rows["censoring"] == censoring]
        if len(part):
            box.scatter(part["time"], part["observed"], s=size, color=colour, marker=marker, zorder=3, label=said)
    start = result.unused
    mine = start[(start["quantity"] == quantity) & start["subject"].isin(rows["subject"])]
    if len(mine):
        box.scatter(
            mine["time"], mine["value"], s=size, facecolors="none", edgecolors=colour, zorder=3, label="baseline or not fitted"
        )


def _labels(box: Axes, result: FitResult, kind: str, name: str, arm: str, quantity: str) -> None:
    seen = result.observations
    unit = seen.units[seen.quantities.index(quantity)]
    count = seen.arms.count(arm)
    short = name if len(name) <= 28 else name[:25] + "..."
    whose = short if short == arm else f"{short}, {arm}"[:44]
    box.set_title(f"{short} (n = {count})" if kind == "arm" else whose, fontsize="small")
    box.set_xlabel("Time (days)")
    box.set_ylabel(label(quantity, unit))
    top = [np.nanmax(c) for c in (seen.value[seen.quantity == seen.quantities.index(quantity)],)]
    if seen.value.min() >= 0:
        box.set_ylim(0, 1.25 * max(top) or 1.0)


@figure_function
def plot_residuals(result: FitResult, *, quantity: str | None = None, log: bool | None = None) -> FloatArray:
    """Draw observed against predicted, weighted residuals over time and prediction, and their normal quantiles.

    By default, axes are logarithmic if those of `plot_fit` are.

    Returns
    -------
    array of four Axes
    """
    import matplotlib.pyplot as plt

    table = result.predict()
    rows = table[table["quantity"] == quantity] if quantity else table
    log = all(_wide(result, q) for q in rows["quantity"].unique()) if log is None else log
    figure, boxes = plt.subplots(2, 2, figsize=(8.6, 6.6), layout="constrained")
    _observed_predicted(boxes[0, 0], rows, log)
    _scatter(boxes[0, 1], rows, "time", "Time (days)")
    _scatter(boxes[1, 0], rows, "predicted", boxes[0, 0].get_xlabel(), log)
    _quantiles(boxes[1, 1], rows)
    boxes[0, 0].legend(fontsize="x-small")
    figure.suptitle(_title(result), fontsize="medium")
    return np.asarray(boxes.ravel())


def _coloured(rows: DataFrame) -> list[tuple[str, DataFrame, str]]:
    by = "arm" if rows["quantity"].nunique() == 1 else "quantity"
    return [(str(n), part, COLOURS[i % len(COLOURS)]) for i, (n, part) in enumerate(rows.groupby(by, sort=False))]


def _observed_predicted(box: Axes, rows: DataFrame, log: bool) -> None:
    for name, part, colour in _coloured(rows):
        box.scatter(part["predicted"], part["observed"], s=12, color=colour, alpha=0.7, label=name[:40])
    ends = [np.nanmin(rows[["predicted", "observed"]]), np.nanmax(rows[["predicted", "observed"]])]
    box.plot(ends, ends, color="black", lw=0.8)
    units = [shown for u in rows["unit"].unique() if (shown := pretty_unit(u))]
    unit = f" ({units[0]})" if len(units) == 1 else ""
    box.set(xlabel="predicted" + unit, ylabel="observed" + unit)
    if log:
        box.set(xscale="log", yscale="log")


def _scatter(box: Axes, rows: DataFrame, x: str, label: str, log: bool = False) -> None:
    for _, part, colour in _coloured(rows):
        box.scatter(part[x], part["weighted_residual"], s=12, color=colour, alpha=0.7)
    for height, style in ((0, "-"), (-2, ":"), (2, ":")):
        box.axhline(height, color="black", lw=0.8, ls=style)
    box.set(xlabel=label, ylabel="weighted residual (sd)")
    if log:
        box.set_xscale("log")


def _quantiles(box: Axes, rows: DataFrame) -> None:
    from scipy.stats import norm

    values = np.sort(rows["weighted_residual"].dropna().to_numpy())
    expected = norm.ppf((np.arange(len(values)) + 0.5) / max(len(values), 1))
    box.scatter(expected, values, s=12, color="#555555")
    box.plot(expected, expected, color="black", lw=0.8)
    box.set(xlabel="normal quantile", ylabel="weighted residual (sd)")
