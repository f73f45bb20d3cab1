"""Kaplan-Meier curves over a table of numbers at risk; forest plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, MissingPackageError, Problem, nearest
from immunoode.plot.colours import arm_lines
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import in_lines, legend
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title, width
from immunoode.plot.quantity_labels import sentence
from immunoode.plot.style import scale
from immunoode.plot.time_axes import round_times, time_unit
from immunoode.plot.value_ranges import plain_ticks

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
    hazard_ratio: bool | None = None,
    percent: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw survival of each arm, censored subjects as ticks, and the numbers at risk below.

    Parameters
    ----------
    km : KaplanMeier
    unit : {"day", "week", "month", "year"}, optional
        Of time; by default what suits the span.
    bands, at_risk : bool
        Confidence bands; the table of numbers at risk: subjects whose time is at least the tick's.
    hazard_ratio : bool, optional
        Write the hazard ratio of two arms (the second to the first, by Cox regression) with its interval, and the p value of
        the log-rank test. By default, if there are two arms with events.
    percent : bool
        Survival in percent.
    ax : Axes, optional
        The table is written below them.
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table is `km.curve`.
    """
    days, name = time_unit(float(km.curve["time"].max()), unit)
    looks = arm_lines(km.arms)
    rows = len(km.arms) if at_risk else 0
    axes = new_axes(ax, (7.2, 3.9 + 0.17 * rows), figsize)  # the lower margin has room for the table
    for arm, curve in km.curve.groupby("arm", sort=False):
        time, look = curve["time"] / days, looks[str(arm)]
        axes.step(time, curve["survival"], where="post", linewidth=1.6, **look)
        if bands:
            limits = {"step": "post", "color": look["color"], "alpha": 0.15, "linewidth": 0}
            axes.fill_between(time, curve["lower"], curve["upper"], **limits)
        gone = curve[curve["censored"] > 0]
        axes.plot(gone["time"] / days, gone["survival"], "|", color=look["color"], markersize=6, markeredgewidth=1.0)
    survival_axis(axes, km.endpoint, percent)
    axes.set_xlabel(f"Time ({name})")
    axes.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    last = float(km.curve["time"].max()) / days
    ticks = round_times(last, 1.3 * width(axes), name)
    axes.set_xticks(ticks)
    axes.set_xlim(-0.01 * last, last * 1.02)
    hide_spines(axes)
    legend(axes, [*_handles(km, looks, days, name, bands), *_tested(km, hazard_ratio)], below=52.0 + 12 * _lines(km) * at_risk)
    set_title(axes, title)
    if at_risk:
        _table(axes, km, ticks, days, looks)
    return (axes, km.curve.copy()) if data else axes


def survival_axis(axes: Any, endpoint: str, percent: bool = False) -> None:
    """Label an axis of survival, from 0 to 1 or in percent."""
    from matplotlib.ticker import PercentFormatter

    name = TITLES.get(endpoint, "Survival" if endpoint == "event" else endpoint)
    axes.set(ylim=(0, 1.02), ylabel=f"{name} (%)" if percent else name)
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=None))


def _handles(km: KaplanMeier, looks: dict[str, dict[str, Any]], days: float, name: str, bands: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def median(row: Any) -> str:
        return "\nmedian " + (f"{row.median / days:.1f} {name}" if np.isfinite(row.median) else "not reached")

    handles: list[Any] = [
        Line2D([], [], **looks[row.arm], label=f"{in_lines(row.arm)} (n = {row.subjects}){median(row)}")
        for row in km.medians.itertuples()
    ]
    if bands:
        handles.append(Patch(color="0.5", alpha=0.3, linewidth=0, label=f"{100 * km.confidence:g} % interval"))
    if km.curve["censored"].any():
        handles.append(Line2D([], [], linestyle="none", marker="|", color="0.3", label="censored"))
    return handles


def _tested(km: KaplanMeier, hazard_ratio: bool | None) -> list[Any]:
    """Return entries of the legend with the hazard ratio of two arms, and the p value of the log-rank test.

    Raises
    ------
    DataError
        If a hazard ratio is requested and there are not two arms.
    """
    from matplotlib.lines import Line2D

    if hazard_ratio and len(km.arms) != 2:
        raise DataError(Problem("hazard_ratio", f"is of two arms, and there are {len(km.arms)}", "curves of two arms"))
    events = km.rows.groupby("arm")["event"].sum()
    said = [_hazard_ratio(km)] if hazard_ratio else []
    if hazard_ratio is None and len(km.arms) == 2 and (events > 0).all():
        said = _hazard_ratio_if_any(km)
    if len(km.arms) > 1:
        said.append(_log_rank(km))
    return [Line2D([], [], linestyle="none", label="\n".join(said))] if said else []


def _log_rank(km: KaplanMeier) -> str:
    """Return the p value of the log-rank test as text, or why there is none."""
    try:
        p = km.log_rank().p_value
    except DataError:
        return "no event distinguishes the arms"
    return "log-rank " + ("p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}")


def _hazard_ratio(km: KaplanMeier) -> str:
    """Return the hazard ratio of two arms as text."""
    row = km.hazard_ratio().table.iloc[0]
    level = f"{100 * km.confidence:g} % interval"
    return f"hazard ratio {row['estimate']:.2f}\n({level} {row['lower']:.2f} to {row['upper']:.2f})"


def _hazard_ratio_if_any(km: KaplanMeier) -> list[str]:
    """Return the hazard ratio, or nothing if it cannot be estimated, in which case the text of the log-rank test says so."""
    try:
        return [_hazard_ratio(km)]
    except (DataError, MissingPackageError):
        return []


_LONG = 18
"""Letters above which the name of an arm stands above its numbers at risk."""


def _lines(km: KaplanMeier) -> int:
    """Return the number of lines of the table of numbers at risk."""
    return 1 + len(km.arms) * (2 if max(map(len, km.arms)) > _LONG else 1)


def _table(axes: Any, km: KaplanMeier, ticks: Any, days: float, looks: dict[str, dict[str, Any]]) -> None:
    """Write the numbers at risk under the ticks, in the arms' colours."""
    counts = km.at_risk(np.asarray(ticks) * days)
    numbers = {str(arm): [str(count) for count in counts.loc[arm]] for arm in counts.index}
    write_at_risk(axes, numbers, list(ticks), {arm: look["color"] for arm, look in looks.items()})


def write_at_risk(axes: Any, numbers: dict[str, list[str]], ticks: Sequence[float], colours: dict[str, str]) -> None:
    """Write numbers at risk below the axes, with the name of each arm at the left, or above its numbers if it is long."""
    style = {"textcoords": "offset points", "fontsize": "small", "annotation_clip": False}
    above = max(map(len, numbers)) > _LONG
    left = {**style, "xy": (0, 0), "xycoords": "axes fraction", "ha": "left" if above else "right"}
    x, y = (-14 if not above else 0), -44
    axes.annotate("Number at risk" if above else "At risk", xytext=(x, y), **left)
    for arm, row in numbers.items():
        y -= 12
        axes.annotate(arm.replace("_", " "), xytext=(x, y), color=colours[arm], **left)
        y -= 12 * above
        for tick, count in zip(ticks, row, strict=True):
            below = {**style, "xycoords": ("data", "axes fraction"), "ha": "center", "color": colours[arm]}
            axes.annotate(count, (tick, 0), (0, y), **below)


FOREST = ("label", "estimate", "lower", "upper")


@figure_function
def forest(
    estimates: SurvivalRegression | pd.DataFrame,
    *,
    measure: str = "",
    favours: tuple[str, str] | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw estimates with their intervals on a logarithmic axis, one below the other, with numbers in columns next to them.

    Parameters
    ----------
    estimates : SurvivalRegression or DataFrame
        From `cox` or `parametric_survival`; or a table with the columns label, estimate, lower, upper, and optionally events,
        n and group (a heading above the rows that share it).
    measure : str
        What the estimates are; "hazard ratio" by default.
    favours : (str, str), optional
        What values below and above 1 favour, as it is written below the axis: ("pembrolizumab", "docetaxel"). By default,
        whether the hazard is lower or higher, or the time shorter or longer.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
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
    axes = new_axes(ax, (6.8, 1.5 + 0.32 * len(rows)), figsize)
    values = table.set_axis(range(len(table)), axis=0)
    for y, (_, k) in enumerate(rows):
        if k is not None:
            _interval(axes, y, values.loc[k])
    axes.axvline(1, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    axes.set_xscale("log")
    low, high = float(table["lower"].min()), float(table["upper"].max())
    axes.set_xlim(min(low, 1) / 1.15, max(high, 1) * 1.15)
    plain_ticks(axes.xaxis)
    axes.set_yticks(range(len(rows)), [text for text, _ in rows])
    for tick, (_, k) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if k is None else "normal")
    axes.set(ylim=(len(rows) - 0.5, -0.6), xlabel=sentence(measure or name))
    axes.tick_params(axis="y", length=0)
    hide_spines(axes, "left")
    _columns(axes, values, rows, measure or name)
    _directions(axes, favours or _DIRECTIONS.get(name if not measure else measure.lower()))
    subjects = getattr(estimates, "subjects", None)
    set_title(axes, title, f"{subjects} subjects, {estimates.events} events" if subjects is not None else "")  # type: ignore[union-attr]
    if axes.get_title():
        axes.set_title(axes.get_title(), pad=20 * scale())
    return (axes, table) if data else axes


_DIRECTIONS = {"hazard ratio": ("lower hazard", "higher hazard"), "time ratio": ("shorter time", "longer time")}
_BLUE = "#0072B2"
_FIRST, _WIDTHS = 10.0, {"events": 56.0, "estimate": 90.0}
"""Distance in points of the first column from the axes, and widths of columns."""


def _interval(axes: Any, y: int, row: Any) -> None:
    axes.plot([row["lower"], row["upper"]], [y, y], color=_BLUE, linewidth=1.6)
    axes.plot(row["estimate"], y, "s", color=_BLUE, markersize=6)


def _columns(axes: Any, values: pd.DataFrame, rows: Sequence[tuple[str, int | None]], name: str) -> None:
    """Write events and numbers, and estimates with intervals, at the right, below their heads."""
    style = {"textcoords": "offset points", "va": "center", "fontsize": "small", "annotation_clip": False}
    x = _FIRST
    for head, text in _texts(values, name):
        at = {**style, "xycoords": "axes fraction"}
        axes.annotate(head, (1.0, 1.0), (x, 6), fontweight="bold", **{**at, "va": "bottom"})
        for y, (_, k) in enumerate(rows):
            if k is not None:
                axes.annotate(text[k], (1.0, y), (x, 0), **{**style, "xycoords": ("axes fraction", "data")})
        x += _WIDTHS["events"]


def _texts(values: pd.DataFrame, name: str) -> list[tuple[str, list[str]]]:
    """Return the head and the entries of each column."""
    found = []
    if "n" in values:
        count = [f"{n:.0f}" if n == n else "" for n in values["n"].astype(float)]
        if "events" in values:
            events = [f"{n:.0f}" if n == n else "" for n in values["events"].astype(float)]
            found.append(("Events/n", [f"{e}/{n}" for e, n in zip(events, count, strict=True)]))
        else:
            found.append(("n", count))
    head = sentence(name) if len(name) < 14 else "Estimate"
    entries = [f"{r.estimate:.2f} ({r.lower:.2f} to {r.upper:.2f})" for r in values.itertuples()]
    found.append((f"{head} (interval)", entries))
    return found


def _directions(axes: Any, favours: tuple[str, str] | None) -> None:
    """Write below the axis what values below and above 1 favour."""
    if favours is None:
        return
    low, high = axes.get_xlim()
    one = float(np.log(1 / low) / np.log(high / low))
    style = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": "small", "annotation_clip": False}
    known = favours in _DIRECTIONS.values()
    below, above = favours if known else (f"favours {favours[0]}", f"favours {favours[1]}")
    axes.annotate(f"← {below}", (one, 0), (-6, -22), ha="right", va="top", **style)
    axes.annotate(f"{above} →", (one, 0), (6, -22), ha="left", va="top", **style)
    axes.xaxis.labelpad = 18 * scale()


def _estimates(estimates: Any) -> tuple[pd.DataFrame, str]:
    """Return a table with the columns of `FOREST`, and what is estimated."""
    import pandas as pd

    table = getattr(estimates, "table", estimates)
    if not isinstance(table, pd.DataFrame) or table.empty:
        right = "a regression, or a table with the columns " + ", ".join(FOREST)
        raise DataError(Problem("estimates", f"are {type(estimates).__name__} without rows", right))
    table = table.rename(columns={"covariate": "label"})
    missing = [c for c in FOREST if c not in table.columns]
    DataError.raise_if(Problem("estimates", f"no column {c!r}", nearest(c, map(str, table.columns))) for c in missing)
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
        rows.append((("  " if group else "") + in_lines(str(row["label"]), 40), k))
    return rows
