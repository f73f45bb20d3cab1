"""Responses of a trial over time: shares of subjects at each visit; sums of diameters by arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.plot.colours import arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import shared_legend, with_count
from immunoode.plot.oncology import EDGE, RESPONSE_COLOURS, RESPONSE_HATCHES, responses_of, sizes_of
from immunoode.plot.panels import Panels, Size, hide_spines, new_panels, width
from immunoode.plot.time_axes import round_times, time_unit
from immunoode.trial.response.codes import PD, is_one_of
from immunoode.trial.trial_data import SUM_OF_DIAMETERS

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.response.responses import Responses

ENDED = "ended"
MOST_COLUMNS = 3
"""The largest number of panels per row."""


@figure_function
def response_over_time(
    responses: Responses,
    *,
    every: str | float = "6 weeks",
    unit: str | None = None,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the fraction of subjects with each response over time, one panel per arm.

    The responses are those of single visits; they are not confirmed.

    Parameters
    ----------
    responses : Responses
    every : str or float
        Interval between bars. A subject counts with its last response so far, and as "ended" from half an interval after its
        last visit.
    unit : {"day", "week", "month", "year"}, optional
    ax : Axes or array of Axes, optional
        One per arm, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Whether to return the table of the figure as well.

    Returns
    -------
    Axes (one arm) or array of Axes, or (these, DataFrame)
        The table has one row per arm, time (days) and response: share.

    Raises
    ------
    DataError
    """
    from matplotlib.patches import Patch

    visits = responses_of(responses).visits
    step = units.days(every)
    after = _progressed(visits[(visits["response"] != "") & (visits["time"] > 0)])
    if after.empty or not step > 0:
        raise DataError(Problem("responses", "no subject has a visit after day 0", "at least one later visit, and every > 0"))
    order = [r for r in responses.order if (after["response"] == r).any()]
    table = _shares(after, responses, np.arange(step, float(after["time"].max()) + step, step), order)
    arms = list(dict.fromkeys(responses.subjects["arm"]))
    days, name = time_unit(float(after["time"].max()), unit)
    drawn = _panels(ax, len(arms), figsize)
    boxes = drawn.boxes
    for box, arm in zip(boxes, arms, strict=False):
        wide = table[table["arm"] == arm].pivot(index="time", columns="response", values="share")
        base = np.zeros(len(wide))
        for response in [*order, ENDED]:
            box.bar(wide.index / days, wide[response], 0.9 * step / days, base, **_look(response))
            base += wide[response].to_numpy()
        box.set_title(with_count(arm, responses.subjects), fontsize="small")
        box.set(ylim=(0, 1))
        hide_spines(box)
    for k, box in enumerate(boxes):
        box.set_ylabel("Share of subjects" if k % _columns(len(arms)) == 0 else "")
        lowest = k + _columns(len(arms)) >= len(arms)
        box.set_xlabel(f"Time ({name})" if lowest else "")
        box.tick_params(labelbottom=lowest)
        _round_ticks(box, float(after["time"].max()) / days, name)
    patches = [Patch(**_look(r), label=r) for r in [*order, ENDED]]
    shared_legend(drawn, patches, title="Response at the last visit (not confirmed)")
    drawn.set_title(title)
    shown = drawn.one_or_all()
    return (shown, table) if data else shown


def _round_ticks(box: Any, last: float, name: str) -> None:
    box.set_xticks(round_times(last, 1.6 * width(box), name))


def _progressed(visits: pd.DataFrame) -> pd.DataFrame:
    """Return the visits up to a new therapy; those after progression become progression."""
    ended = visits["counted"] & visits["response"].map(lambda r: is_one_of(r, (PD,))).astype(bool)
    after = ended.groupby(visits["subject"]).cummax() & ~visits["counted"]
    name = visits.loc[ended, "response"].iloc[0] if ended.any() else ""
    return visits.assign(response=visits["response"].mask(after, name))[visits["counted"] | after]


def _columns(arms: int) -> int:
    return 2 if arms == 4 else min(arms, MOST_COLUMNS)


def _look(response: str) -> dict[str, Any]:
    """Return the look of the bars of a response; those who ended are white."""
    if response == ENDED:
        return {"facecolor": "white", "edgecolor": "0.8", "linewidth": 0.4}
    hatched = RESPONSE_HATCHES.get(response, "")
    return {"facecolor": RESPONSE_COLOURS[response], "edgecolor": EDGE, "hatch": hatched, "linewidth": 0.4}


def _panels(ax: Any, arms: int, figsize: Size | None) -> Panels:
    """Return one panel per arm."""
    columns = _columns(arms)
    rows = -(-arms // columns)
    size = (max(columns * 2.9, 4.6), 2.5 * rows + 0.9)
    return new_panels(ax, arms, size, figsize, columns=columns, sharex=True, sharey=True)


def _shares(after: pd.DataFrame, responses: Responses, days: Sequence[float] | Any, order: list[str]) -> pd.DataFrame:
    """Return the share of each arm's subjects with each response, at each time."""
    import pandas as pd

    arms = responses.subjects.set_index("subject")["arm"]
    last = after.groupby("subject")["time"].max()
    half = (days[1] - days[0]) / 2 if len(days) > 1 else days[0] / 2
    rows = []
    for day in days:
        seen = after[after["time"] <= day + half].drop_duplicates("subject", keep="last").set_index("subject")["response"]
        now = seen.where(last.reindex(seen.index) >= day - half, ENDED).reindex(arms.index).fillna(ENDED)
        for arm, own in now.groupby(arms):
            counts = own.value_counts(normalize=True)
            rows += [
                {"arm": arm, "time": float(day), "response": r, "share": float(counts.get(r, 0.0))} for r in [*order, ENDED]
            ]
    return pd.DataFrame(rows)


@figure_function
def sums_by_arm(
    responses: Responses,
    *,
    fits: pd.DataFrame | None = None,
    unit: str | None = None,
    log: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the sums of diameters of each subject, one panel per arm, with the median over time or with fitted curves.

    Parameters
    ----------
    responses : Responses
    fits : DataFrame, optional
        Fitted curves: subject, time (days), value or predicted (mm); what `predict` of a fit returns for some times.
    unit : {"day", "week", "month", "year"}, optional
    log : bool
        Logarithmic axis.
    ax : Axes or array of Axes, optional
        One per arm, or one whose area all panels share.
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Whether to return the table of the figure as well.

    Returns
    -------
    Axes (one arm) or array of Axes, or (these, DataFrame)
        The table has one row per point: subject, arm, time (days), value (mm).

    Raises
    ------
    DataError
    """

    table = sizes_of(responses_of(responses))[["subject", "arm", "time", "sum_of_diameters"]]
    table = table.rename(columns={"sum_of_diameters": "value"}).reset_index(drop=True)
    if table.empty:
        raise DataError(Problem("responses", "have no sum of diameters", "an evaluation of measured lesions"))
    curves = None if fits is None else _curves(fits)
    arms = list(dict.fromkeys(responses.subjects["arm"]))
    days, name = time_unit(float(table["time"].max()), unit)
    drawn = _panels(ax, len(arms), figsize)
    boxes = drawn.boxes
    colours = arm_colours(arms)
    faint = 0.7 if len(responses.subjects) <= 30 else 0.35 if len(responses.subjects) <= 150 else 0.15
    for k, (box, arm) in enumerate(zip(boxes, arms, strict=False)):
        own = table[table["arm"] == arm]
        for subject, points in own.groupby("subject", sort=False):
            style = {"color": colours[arm], "alpha": faint, "linewidth": 0.8}
            fitted = None if curves is None else curves[curves["subject"] == subject]
            if fitted is None:
                box.plot(points["time"] / days, points["value"], marker=".", markersize=3, **style)
            else:
                box.plot(points["time"] / days, points["value"], ".", markersize=4, color=colours[arm], alpha=faint)
                box.plot(fitted["time"] / days, fitted["value"], **style)
        _median(box, own, days)
        box.set_title(with_count(arm, responses.subjects), fontsize="small")
        box.set_ylabel("Sum of diameters (mm)" if k % _columns(len(arms)) == 0 else "")
        lowest = k + _columns(len(arms)) >= len(arms)
        box.set_xlabel(f"Time ({name})" if lowest else "")
        box.tick_params(labelbottom=lowest)
        _round_ticks(box, float(table["time"].max()) / days, name)
        hide_spines(box)
    shared_legend(drawn)
    drawn.set_title(title)
    if log:
        boxes[0].set_yscale("log")
    else:
        _limits(boxes, [table[table["arm"] == arm] for arm in arms])
    shown = drawn.one_or_all()
    return (shown, table) if data else shown


def _curves(fits: pd.DataFrame) -> pd.DataFrame:
    """Return subject, time and value of fitted curves of the sums, in order of time."""
    named = fits.rename(columns={"predicted": "value"}) if "value" not in fits.columns else fits
    missing = [c for c in ("subject", "time", "value") if c not in named.columns]
    DataError.raise_if(Problem("fits", f"has no column {c!r}", "subject, time, value; or fit.predict()") for c in missing)
    if "quantity" in named.columns:
        named = named[named["quantity"] == SUM_OF_DIAMETERS]
    return named.assign(subject=named["subject"].astype(str)).sort_values("time", kind="stable")


def _limits(boxes: Any, parts: Sequence[pd.DataFrame], most: float = 3.0) -> None:
    """Begin the axis at zero; clip few values that are far above all others, with a note."""
    values = np.concatenate([part["value"].to_numpy(float) for part in parts])
    usual = float(np.quantile(values, 0.97))
    boxes[0].set_ylim(bottom=0)
    if not values.max() > most * usual > 0:
        return
    top = 1.5 * usual
    boxes[0].set_ylim(top=top)
    for box, part in zip(boxes, parts, strict=True):
        over = part[part["value"] > top]
        if len(over):
            count, most_mm = over["subject"].nunique(), float(over["value"].max())
            text = f"{count} subject{'s' if count > 1 else ''} above, to {most_mm:.0f} mm"
            box.annotate(text, (0.02, 0.98), xycoords="axes fraction", va="top", fontsize="x-small", color="0.3")


def _median(box: Any, rows: pd.DataFrame, days: float, every: float = 42.0) -> None:
    """Draw the median of the subjects that are still measured, by windows of six weeks."""
    window = (rows["time"] / every).round()
    groups = rows.groupby(window)["value"]
    middle = groups.median()[groups.size() >= 5]
    if len(middle) > 1:
        box.plot(middle.index * every / days, middle, color="black", linewidth=1.8, label="median of those measured")
