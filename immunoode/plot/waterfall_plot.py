"""Waterfall: the best change of each subject, from the largest growth to the deepest response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import arm_colours, hatch
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, short
from immunoode.plot.oncology import EDGE, RESPONSE_COLOURS, RESPONSE_HATCHES, responses_of, stated
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title

if TYPE_CHECKING:
    from immunoode.trial.response.responses import Responses

HIGHEST = 100.0
"""Percent above which bars are cut off, with the value written on them."""
NAMED = 40
"""Subjects up to which they are named."""


@figure_function
def waterfall(
    responses: Responses,
    *,
    colour: Literal["response", "arm"] = "response",
    confirmed: bool = False,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw the best change from baseline of each subject.

    Parameters
    ----------
    responses : Responses
        From `recist` or `irecist`.
    colour : {"response", "arm"}
        The meaning of the colours of bars: the best response, or the arm.
    confirmed : bool
        Take confirmed best responses; the legend says whether they are.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per bar: subject, arm, response, change (percent).

    Raises
    ------
    DataError
        If no subject has a measurement after the baseline.
    """
    subjects = responses_of(responses).subjects
    if colour not in ("response", "arm"):
        raise DataError(Problem("colour", f"is {colour!r}", "'response' or 'arm'"))
    best = subjects["confirmed_response" if confirmed else "best_response"]
    table = subjects[["subject", "arm"]].assign(response=best, change=100 * subjects["best_change"])
    seen = table[table["change"].notna()].sort_values("change", ascending=False, kind="stable").reset_index(drop=True)
    if seen.empty:
        raise DataError(Problem("responses", "no subject was measured after the baseline", "at least one later visit"))
    axes = new_axes(ax, (6.4, 4.2), figsize)
    keys = RESPONSE_COLOURS if colour == "response" else arm_colours(list(table["arm"]))
    shown = seen["change"].clip(upper=HIGHEST)
    width = 0.85 if len(seen) <= 120 else 1.0
    line = 0.6 if len(seen) <= 120 else 0.0
    for key, own in seen.groupby(colour, sort=False):
        how = {"color": keys[key], "hatch": _hatches(colour, keys)[key], "edgecolor": EDGE, "linewidth": line}
        how |= {"edgecolor": "white", "linewidth": 0.0} if colour == "arm" else {}
        axes.bar(own.index, shown[own.index], width, **how)
    flat = seen.index[shown.abs() < 0.5]
    axes.plot(flat, np.zeros(len(flat)), "_", color=EDGE, markersize=5)
    _cut(axes, seen["change"].to_numpy())
    axes.axhline(0, color="black", linewidth=0.8)
    for level in (-100 * responses.thresholds.partial_response, 100 * responses.thresholds.progression):
        axes.axhline(level, color="0.4", linewidth=0.9, linestyle="--", zorder=0)
    axes.set(ylabel="Best change of the sum of diameters (%)", xlim=(-0.8, len(seen) - 0.2))
    top = float(max(shown.max(), 25.0))
    axes.set_ylim(min(float(shown.min()), -35.0) * 1.08, top * (1.16 if top >= HIGHEST else 1.08))
    _names(axes, list(seen["subject"]), len(table))
    hide_spines(axes)
    _legend(axes, table, colour, keys, confirmed)
    set_title(axes, title)
    return (axes, seen) if data else axes


def _cut(axes: Any, change: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Write the values of bars that are cut off, or how many there are where they would not fit."""
    over = np.flatnonzero(change > HIGHEST)
    if not len(over):
        return
    axes.plot(over, np.full(len(over), HIGHEST), linestyle="none", marker="^", markersize=4, color="black", clip_on=False)
    if len(over) <= 6 and len(change) <= NAMED:
        for k in over:
            axes.annotate(f"{change[k]:.0f}", (k, HIGHEST), (0, 5), textcoords="offset points", ha="center", fontsize="x-small")
    else:
        text = f"{len(over)} above +{HIGHEST:.0f} % (to +{change.max():.0f} %)"
        axes.annotate(text, (over[-1], HIGHEST), (8, 3), textcoords="offset points", fontsize="small", va="bottom")


def _names(axes: Any, names: list[str], subjects: int) -> None:
    """Name the subjects where they are few, and say how many are not shown."""
    missing = subjects - len(names)
    note = f"{missing} more not measured after baseline" if missing else ""
    if len(names) <= NAMED:
        shown = [short(n, 16) for n in names]
        letters = 11.0 * axes.figure.get_figwidth() * 0.7  # at this size of letters beside each other
        upright = sum(len(n) + 2 for n in shown) > letters
        axes.set_xticks(range(len(names)), shown, rotation=90 if upright else 0, fontsize="x-small")
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel(note, fontsize="small")
    else:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(names)} subjects" + (f"\n({note})" if note else ""))


def _hatches(colour: str, keys: dict[str, str]) -> dict[str, str]:
    """Return the hatch of each response or arm."""
    return {key: hatch(k) if colour == "arm" else RESPONSE_HATCHES.get(key, "") for k, key in enumerate(keys)}


def _legend(axes: Any, table: Any, colour: str, keys: dict[str, str], confirmed: bool) -> None:
    from matplotlib.patches import Patch

    there = dict.fromkeys(table[colour]) if colour == "arm" else [k for k in keys if (table[colour] == k).any()]
    counts = table[colour].value_counts()
    hatches = _hatches(colour, keys)
    edge = "white" if colour == "arm" else EDGE
    patches = [Patch(facecolor=keys[k], edgecolor=edge, hatch=hatches[k], label=f"{k} (n = {counts[k]})") for k in there]
    legend(axes, patches, "Arm" if colour == "arm" else stated(confirmed))
