"""Kaplan-Meier curves over a table of numbers at risk; forest plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.plot.colours import DASHES, arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import NARROW, legend, short
from immunoode.plot.panels import hide_spines, new_axes
from immunoode.plot.time_axes import round_times, time_unit

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.survival.kaplan_meier import KaplanMeier
    from immunoode.trial.survival.regression import SurvivalRegression

TITLES = {"OS": "Overall survival", "PFS": "Progression-free survival", "DOR": "Duration of response"}


@figure_function
def kaplan_meier(
    km: KaplanMeier,
    *,
    unit: str | None = None,
    bands: bool = True,
    at_risk: bool = True,
    hazard_ratio: bool = False,
    ax: Any = None,
    data: bool = False,
) -> Any:
    """Draw survival of each arm, censored subjects as ticks, and the numbers at risk below.

    Parameters
    ----------
    km : KaplanMeier
    unit : {"day", "week", "month"}, optional
        Of time; by default what suits the span.
    bands, at_risk : bool
        Confidence bands; the table of numbers at risk: subjects whose time is at least the tick's.
    hazard_ratio : bool
        Write the hazard ratio of two arms (the second to the first, by Cox regression) with its interval.
    ax : Axes, optional
        The table is written below them.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table is `km.curve`.
    """
    days, name = time_unit(float(km.curve["time"].max()), unit)
    colours = arm_colours(km.arms)
    rows = len(km.arms) if at_risk else 0
    axes = new_axes(ax, (7.2, 3.9 + 0.17 * rows))  # the lower margin has room for the table
    for k, (arm, curve) in enumerate(km.curve.groupby("arm", sort=False)):
        time = curve["time"] / days
        style = DASHES[k // len(set(colours.values())) % len(DASHES)]
        axes.step(time, curve["survival"], where="post", color=colours[str(arm)], linestyle=style, linewidth=1.6)
        if bands:
            axes.fill_between(
                time, curve["lower"], curve["upper"], step="post", color=colours[str(arm)], alpha=0.15, linewidth=0
            )
        gone = curve[curve["censored"] > 0]
        axes.plot(gone["time"] / days, gone["survival"], "|", color=colours[str(arm)], markersize=6, markeredgewidth=1.0)
    axes.set(ylim=(0, 1.02), ylabel=TITLES.get(km.endpoint, km.endpoint), xlabel=f"Time ({name})")
    axes.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    last = float(km.curve["time"].max()) / days
    ticks = round_times(last, 1.3 * axes.figure.get_figwidth())
    axes.set_xticks(ticks)
    axes.set_xlim(-0.01 * last, last * 1.02)
    hide_spines(axes)
    legend(axes, _handles(km, colours, days, name, axes))
    _tested(axes, km, hazard_ratio)
    if at_risk:
        _table(axes, km, ticks, days, colours)
    return (axes, km.curve.copy()) if data else axes


def _handles(km: KaplanMeier, colours: dict[str, str], days: float, name: str, axes: Any) -> list[Any]:
    from matplotlib.lines import Line2D

    def median(row: Any) -> str:
        if axes.figure.get_figwidth() < NARROW:
            return ""
        return "\nmedian " + (f"{row.median / days:.1f} {name}" if np.isfinite(row.median) else "not reached")

    handles = [
        Line2D([], [], color=colours[row.arm], label=f"{short(row.arm)} (n = {row.subjects}){median(row)}")
        for row in km.medians.itertuples()
    ]
    if km.curve["censored"].any():
        handles.append(Line2D([], [], linestyle="none", marker="|", color="0.3", label="censored"))
    return handles


def _tested(axes: Any, km: KaplanMeier, hazard_ratio: bool) -> None:
    """Write the log-rank test's p value, and the hazard ratio, where curves seldom are."""
    said = [_hazard_ratio(km)] if hazard_ratio else []
    if len(km.arms) > 1:
        said.append(_log_rank(km))
    axes.annotate("\n".join(said), (0.02, 0.03), xycoords="axes fraction", fontsize="small")


def _log_rank(km: KaplanMeier) -> str:
    """Return the p value of the log-rank test as text, or why there is none."""
    try:
        p = km.log_rank().p_value
    except DataError:
        return "no event distinguishes the arms"
    return "log-rank " + ("p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}")


def _hazard_ratio(km: KaplanMeier) -> str:
    """Return the hazard ratio of two arms as text.

    Raises
    ------
    DataError
    """
    if len(km.arms) != 2:
        raise DataError(Problem("hazard_ratio", f"is of two arms, and there are {len(km.arms)}", "curves of two arms"))
    row = km.hazard_ratio().table.iloc[0]
    level = f"{100 * km.confidence:g} % interval"
    return f"hazard ratio {row['estimate']:.2f} ({level} {row['lower']:.2f} to {row['upper']:.2f})"


def _table(axes: Any, km: KaplanMeier, ticks: Any, days: float, colours: dict[str, str]) -> None:
    """Write the numbers at risk under the ticks, in the arms' colours."""
    counts = km.at_risk(np.asarray(ticks) * days)
    style = {"textcoords": "offset points", "fontsize": "small", "annotation_clip": False}
    left = {**style, "xy": (0, 0), "xycoords": "axes fraction", "ha": "right"}
    axes.annotate("at risk", xytext=(-14, -44), **left)
    for k, arm in enumerate(counts.index):
        y = -44 - 12 * (k + 1)
        axes.annotate(short(arm), xytext=(-14, y), color=colours[arm], **left)
        for tick, count in zip(ticks, counts.loc[arm], strict=True):
            below = {**style, "xycoords": ("data", "axes fraction"), "ha": "center", "color": colours[arm]}
            axes.annotate(str(count), (tick, 0), (0, y), **below)


FOREST = ("label", "estimate", "lower", "upper")


@figure_function
def forest(estimates: SurvivalRegression | pd.DataFrame, *, measure: str = "", ax: Any = None, data: bool = False) -> Any:
    """Draw estimates with their intervals on a logarithmic axis, one below the other.

    Parameters
    ----------
    estimates : SurvivalRegression or DataFrame
        From `cox` or `parametric_survival`; or a table with the columns label, estimate, lower, upper, and optionally n and
        group (a heading above the rows that share it).
    measure : str
        What the estimates are; "hazard ratio" by default.
    ax : Axes, optional
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)

    Raises
    ------
    DataError
        If columns are missing, or a number is not positive.
    """
    table, name = _estimates(estimates)
    rows = _rows(table)
    axes = new_axes(ax, (6.4, 1.0 + 0.34 * len(rows)))
    values = table.set_axis(range(len(table)), axis=0)
    for y, (_, k) in enumerate(rows):
        if k is None:
            continue
        row = values.loc[k]
        axes.plot([row["lower"], row["upper"]], [y, y], color="#0072B2", linewidth=1.6)
        axes.plot(row["estimate"], y, "s", color="#0072B2", markersize=6)
        said = f"{row['estimate']:.2f} ({row['lower']:.2f}, {row['upper']:.2f})"
        axes.annotate(said, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize="small", annotation_clip=False)
    axes.axvline(1, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    axes.set_xscale("log")
    low, high = float(table["lower"].min()), float(table["upper"].max())
    axes.set_xlim(min(low, 1) / 1.15, max(high, 1) * 1.15)
    _round_ticks(axes)
    axes.set_yticks(range(len(rows)), [text for text, _ in rows], fontsize="small")
    for tick, (_, k) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if k is None else "normal")
    axes.set(ylim=(len(rows) - 0.5, -0.6), xlabel=f"{measure or name} (95 % interval)" if not measure else measure)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return (axes, table) if data else axes


def _estimates(estimates: Any) -> tuple[pd.DataFrame, str]:
    """Return a table with the columns of `FOREST`, and what is estimated."""
    import pandas as pd

    table = getattr(estimates, "table", estimates)
    if not isinstance(table, pd.DataFrame) or table.empty:
        right = "a regression, or a table with the columns " + ", ".join(FOREST)
        raise DataError(Problem("estimates", f"are {type(estimates).__name__} without rows", right))
    table = table.rename(columns={"covariate": "label"})
    missing = [c for c in FOREST if c not in table.columns]
    if missing:
        raise DataError([Problem("estimates", f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing])
    wrong = table[~((table["lower"] > 0) & np.isfinite(table["upper"]) & (table["estimate"] > 0))]
    if len(wrong):
        right = "positive ratios with finite intervals"
        raise DataError(
            [Problem(f"estimate of {label!r}", "or its interval is not above zero", right) for label in wrong["label"]]
        )
    return table.reset_index(drop=True), getattr(estimates, "measure", "hazard ratio")


def _rows(table: pd.DataFrame) -> list[tuple[str, int | None]]:
    """Return what stands in each line: a heading, or a row of the table."""
    rows: list[tuple[str, int | None]] = []
    heading = ""
    for k, row in enumerate(table.to_dict("records")):
        group = str(row.get("group", "") or "")
        if group and group != heading:
            rows.append((group, None))
        heading = group
        count = f" (n = {int(row['n'])})" if "n" in row and row["n"] == row["n"] else ""
        rows.append((("  " if group else "") + short(str(row["label"]), 44) + count, k))
    return rows


def _round_ticks(axes: Any) -> None:
    """Label a short logarithmic axis with round numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = axes.get_xlim()
    known = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
    ticks = [t for t in known if low <= t <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{t:g}" for t in ticks])
