"""Swimmer: how long each subject was followed, when it responded, and how that ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.colours import arm_colours, colour, hatch
from immunoode.plot.figure_function import figure_function
from immunoode.plot.legends import legend, short, with_count
from immunoode.plot.oncology import evenly, note_above, responses_of
from immunoode.plot.panels import Size, hide_spines, new_axes, set_title
from immunoode.plot.time_axes import time_axis
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
    most: int | None = 60,
    ax: Any = None,
    title: str | None = None,
    figsize: Size | None = None,
    data: bool = False,
) -> Any:
    """Draw a bar for each subject from day 0 to its last visit, the longest at the top; more than 40 subjects arm by arm.

    The marks of responses are those of single visits; they are not confirmed.

    Parameters
    ----------
    responses : Responses
    deaths : mapping, optional
        Day of death of subjects who died; their bars end there.
    doses : mapping of subject to Schedule, optional
        Ticks at the times of doses (`TrialData.schedules`).
    unit : {"day", "week", "month", "year"}, optional
    most : int, optional
        The largest number of subjects drawn; of more, the same share of each arm is drawn, evenly spaced in the time of
        follow-up, and the figure says so. None draws all.
    ax : Axes, optional
    title : str, optional
    figsize : (float, float), optional
        Inches.
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
    import pandas as pd

    if after.empty:
        raise DataError(Problem("responses", "no subject has a visit after day 0", "at least one later visit"))
    table = _events(after, subjects, {str(k): float(v) for k, v in (deaths or {}).items()})
    ends = table[table["event"].isin(("end", "ongoing", "death"))].groupby("subject")["time"].max()
    arms = subjects.set_index("subject")["arm"]
    everyone = _order(ends, arms)
    sampled = set(evenly(pd.DataFrame({"subject": everyone, "arm": arms[everyone].to_numpy()}), most))
    order = [subject for subject in everyone if subject in sampled]
    place = {subject: k for k, subject in enumerate(order)}
    colours = arm_colours(list(subjects["arm"]))
    many = len(order)
    axes = new_axes(ax, (6.4, float(np.clip(0.17 * many + 1.0, 3.2, 7.6))), figsize)
    height = 0.75 if many <= 120 else 1.0
    _bars(axes, order, ends, arms, height)
    _doses(axes, doses or {}, ends, place)
    scale = 1.0 if many <= 60 else max(0.12, 60 / many)
    shown = table[table["subject"].isin(place)]
    for event, (marker, fill, size) in MARKS.items():
        rows = shown[shown["event"] == event]
        style = {"marker": marker, "color": fill, "edgecolor": "black", "linewidth": 0.7 * scale**0.5, "zorder": 3}
        axes.scatter(rows["time"], rows["subject"].map(place), size * scale, **style)
    going = shown[shown["event"] == "ongoing"]
    ahead = 0.012 * float(ends.max())
    axes.scatter(going["time"] + ahead, going["subject"].map(place), 26 * scale, marker=">", color="0.2", zorder=3)
    _labels(axes, order)
    time_axis(axes, 0.0, 1.05 * float(ends.max()), unit)
    axes.set_ylim(-0.8, many - 0.2)
    set_title(axes, title)
    note_above(axes, f"{many} of {len(everyone)} subjects, evenly sampled" if many < len(everyone) else "")
    hide_spines(axes)
    legend(axes, _handles(colours, subjects, table))
    return (axes, table) if data else axes


def _order(ends: pd.Series, arms: pd.Series) -> list[str]:
    """Return the subjects from the shortest bar to the longest; several arms one after another, the first at the top."""
    rank = {arm: -k for k, arm in enumerate(dict.fromkeys(arms))} if len(ends) > NAMED else dict.fromkeys(arms, 0)
    return sorted(ends.index, key=lambda s: (rank[arms[s]], ends[s]))


def _bar(index: int) -> dict[str, Any]:
    """Return the look of the bars of the index-th arm."""
    return {"facecolor": colour(index), "hatch": hatch(index), "edgecolor": "0.35", "alpha": 0.75, "linewidth": 0.3}


def _bars(axes: Any, order: list[str], ends: pd.Series, arms: pd.Series, height: float) -> None:
    """Draw a bar per subject, in the colour and the hatch of its arm."""
    for k, arm in enumerate(dict.fromkeys(arms)):
        rows = [row for row, subject in enumerate(order) if arms[subject] == arm]
        axes.barh(rows, [ends[order[row]] for row in rows], height, **_bar(k))


def _doses(axes: Any, doses: Mapping[str, Schedule], ends: pd.Series, place: Mapping[str, int]) -> None:
    """Draw a tick at each dose."""
    for subject, schedule in doses.items():
        if subject in place:
            pairs = zip(schedule.times, schedule.actions, strict=True)
            given = [t for t, action in pairs if action == DOSE and t <= ends[subject]]
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

    pairs = enumerate(colours.items())
    handles: list[Any] = [Patch(**_bar(k), label=with_count(a, subjects)) for k, (a, _) in pairs]
    there = [e for e in MARKS if (table["event"] == e).any()]
    handles += [
        Line2D([], [], linestyle="none", marker=MARKS[e][0], color=MARKS[e][1], markeredgecolor="black", markersize=6, label=e)
        for e in there
    ]
    if (table["event"] == "ongoing").any():
        handles.append(Line2D([], [], linestyle="none", marker=">", color="0.2", label="no progression so far"))
    return handles
