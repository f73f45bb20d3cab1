"""Swimmer: how long each subject was followed, when it responded, and how that ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import arm_colours
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, short, with_count
from immunoode.plot.oncology import responses_of
from immunoode.plot.panels import hide_spines, new_axes
from immunoode.plot.time_axes import time_unit
from immunoode.regimen.schedule import DOSE, Schedule
from immunoode.trial.response.codes import CR, PR, is_one_of

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.response.responses import Responses

NAMED = 40
MARKS = {
    "complete response": ("*", "#FFFFFF", 60.0),
    "partial response": ("o", "#FFFFFF", 26.0),
    "new lesion": ("D", "#F0E442", 22.0),
    "progression": ("s", "#000000", 22.0),
    "death": ("X", "#000000", 34.0),
}
"""Marker, fill and size of each event; every mark has a black edge."""


@figure_function
def swimmer(
    responses: Responses,
    *,
    deaths: Mapping[str, float] | None = None,
    doses: Mapping[str, Schedule] | None = None,
    unit: str | None = None,
    ax: Any = None,
    data: bool = False,
) -> Any:
    """Draw a bar for each subject from day 0 to its last visit, the longest at the top; more than 40 subjects arm by arm.

    Parameters
    ----------
    responses : Responses
    deaths : mapping, optional
        Day of death of subjects who died; their bars end there.
    doses : mapping of subject to Schedule, optional
        Ticks at the times of doses (`TrialData.schedules`).
    unit : {"day", "week", "month"}, optional
    ax : Axes, optional
    data : bool
        Return the table behind the figure, too.

    Returns
    -------
    Axes, or (Axes, DataFrame)
        The table has one row per mark: subject, arm, event ("complete response", "partial response", "new lesion",
        "progression", "death", "ongoing", "end"), time (days). An arrow marks subjects without progression or death.

    Raises
    ------
    DataError
        If no subject has a visit after the baseline.
    """
    visits, subjects = responses_of(responses).visits, responses.subjects
    after = visits[visits["time"] > 0]
    if after.empty:
        raise DataError(Problem("responses", "no subject has a visit after day 0", "at least one later visit"))
    table = _events(after, subjects, {str(k): float(v) for k, v in (deaths or {}).items()})
    ends = table[table["event"].isin(("end", "ongoing", "death"))].groupby("subject")["time"].max()
    arms = subjects.set_index("subject")["arm"]
    order = _order(ends, arms)
    place = {subject: k for k, subject in enumerate(order)}
    colours = arm_colours(list(subjects["arm"]))
    many = len(order)
    axes = new_axes(ax, (6.4, float(np.clip(0.22 * many + 1.0, 3.2, 8.0))))
    days, name = time_unit(float(ends.max()), unit)
    height = 0.75 if many <= 120 else 1.0
    axes.barh(range(many), ends[order] / days, height, color=[colours[arms[s]] for s in order], alpha=0.75, linewidth=0)
    _doses(axes, doses or {}, ends, place, days)
    scale = 1.0 if many <= 60 else max(0.12, 60 / many)
    shown = table[table["subject"].isin(place)]
    for event, (marker, fill, size) in MARKS.items():
        rows = shown[shown["event"] == event]
        style = {"marker": marker, "color": fill, "edgecolor": "black", "linewidth": 0.7 * scale**0.5, "zorder": 3}
        axes.scatter(rows["time"] / days, rows["subject"].map(place), size * scale, **style)
    going = shown[shown["event"] == "ongoing"]
    ahead = 0.012 * float(ends.max()) / days
    axes.scatter(going["time"] / days + ahead, going["subject"].map(place), 26 * scale, marker=">", color="0.2", zorder=3)
    _labels(axes, order)
    axes.set(xlabel=f"Time ({name})", ylim=(-0.8, many - 0.2), xlim=(0, 1.05 * float(ends.max()) / days))
    hide_spines(axes)
    legend(axes, _handles(colours, subjects, table))
    return (axes, table) if data else axes


def _order(ends: pd.Series, arms: pd.Series) -> list[str]:
    """Return the subjects from the shortest bar to the longest; arm by arm, the first at the top, where they are many."""
    rank = {arm: -k for k, arm in enumerate(dict.fromkeys(arms))} if len(ends) > NAMED else dict.fromkeys(arms, 0)
    return sorted(ends.index, key=lambda s: (rank[arms[s]], ends[s]))


def _doses(axes: Any, doses: Mapping[str, Schedule], ends: pd.Series, place: Mapping[str, int], days: float) -> None:
    """Draw a tick at each dose."""
    for subject, schedule in doses.items():
        if subject in place:
            pairs = zip(schedule.times, schedule.actions, strict=True)
            given = [t / days for t, action in pairs if action == DOSE and t <= ends[subject]]
            axes.plot(given, np.full(len(given), place[subject]), "|", color="white", markersize=4, markeredgewidth=0.8)


def _events(after: pd.DataFrame, subjects: pd.DataFrame, deaths: Mapping[str, float]) -> pd.DataFrame:
    """Return one row per event of each subject."""
    import pandas as pd

    names = subjects.set_index("subject")
    counted = after["counted"].astype(bool)  # a response after progression is none
    complete, partial = (
        counted & after["response"].map(lambda r, code=code: is_one_of(r, (code,))).astype(bool) for code in (CR, PR)
    )

    def first(rows: pd.Series, event: str) -> pd.DataFrame:
        times = after[rows].groupby("subject")["time"].min()
        return pd.DataFrame({"subject": times.index, "event": event, "time": times.to_numpy()})

    progression = names["progression_time"].dropna()
    died = pd.Series(deaths, dtype=float)
    last = after.groupby("subject")["time"].max()
    ended = last.index.isin(progression.index) | last.index.isin(died.index)
    parts = [
        first(complete, "complete response"),
        first(partial, "partial response"),
        first(after["new_lesion"].astype(bool), "new lesion"),
        pd.DataFrame({"subject": progression.index, "event": "progression", "time": progression.to_numpy()}),
        pd.DataFrame({"subject": died.index, "event": "death", "time": died.to_numpy()}),
        pd.DataFrame({"subject": last.index, "event": np.where(ended, "end", "ongoing"), "time": last.to_numpy()}),
    ]
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)
    table.insert(1, "arm", table["subject"].map(names["arm"]))
    return table[table["subject"].isin(last.index)].reset_index(drop=True)


def _labels(axes: Any, names: list[str]) -> None:
    if len(names) <= NAMED:
        axes.set_yticks(range(len(names)), [short(n, 18) for n in names], fontsize="x-small")
        axes.tick_params(axis="y", length=0)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(names)} subjects")


def _handles(colours: dict[str, str], subjects: pd.DataFrame, table: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=c, alpha=0.75, label=with_count(a, subjects)) for a, c in colours.items()]
    there = [e for e in MARKS if (table["event"] == e).any()]
    handles += [
        Line2D([], [], linestyle="none", marker=MARKS[e][0], color=MARKS[e][1], markeredgecolor="black", markersize=6, label=e)
        for e in there
    ]
    if (table["event"] == "ongoing").any():
        handles.append(Line2D([], [], linestyle="none", marker=">", color="0.2", label="without progression"))
    return handles
