"""Common parts of figures of response: colours, checks, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.plot.style import scale
from immunoode.trial.response.responses import Responses

if TYPE_CHECKING:
    import pandas as pd

RESPONSE_COLOURS = {
    "CR": "#0B3C6F",
    "PR": "#56B4E9",
    "SD": "#D4D4D4",
    "non-CR/non-PD": "#E8E8E8",
    "PD": "#D55E00",
    "NE": "#FFFFFF",
    "iCR": "#0B3C6F",
    "iPR": "#56B4E9",
    "iSD": "#D4D4D4",
    "non-iCR/non-iUPD": "#E8E8E8",
    "iUPD": "#E69F00",
    "iCPD": "#D55E00",
}
"""Blue for response, grey for stable disease, orange and vermilion for progression: safe for colour-blind readers, and of four
levels of grey in print."""
RESPONSE_HATCHES = {"PD": "////", "iCPD": "////", "iUPD": "....", "NE": "xxxx"}
EDGE = "0.35"


def responses_of(responses: Any) -> Responses:
    """Return checked responses.

    Raises
    ------
    DataError
    """
    if not isinstance(responses, Responses):
        raise DataError(Problem("responses", f"are {type(responses).__name__}", "the result of imo.recist or imo.irecist"))
    if responses.subjects.empty:
        raise DataError(Problem("responses", "have no subject", "an evaluation with at least one"))
    return responses


def stated(confirmed: bool) -> str:
    """Return whether responses are confirmed, as the heading of a legend."""
    return "Best response (confirmed)" if confirmed else "Best response (not confirmed)"


def sizes_of(responses: Responses) -> pd.DataFrame:
    """Return subject, arm, time, sum_of_diameters, response and new_lesion of every visit with a sum, the baseline included."""
    import pandas as pd

    columns = ["subject", "arm", "time", "sum_of_diameters", "baseline", "response", "new_lesion"]
    people = responses.subjects.rename(columns={"baseline_time": "time"})
    first = people[["subject", "arm", "time", "baseline"]].assign(
        sum_of_diameters=people["baseline"], response="", new_lesion=False
    )
    parts = [t for t in (first[columns], responses.visits[columns]) if len(t)]
    table = pd.concat(parts, ignore_index=True).dropna(subset=["sum_of_diameters", "time"])
    order = {subject: k for k, subject in enumerate(people["subject"])}
    placed = table.assign(_place=table["subject"].map(order)).sort_values(["_place", "time"], kind="stable")
    return placed.drop(columns="_place").reset_index(drop=True)


def evenly(ordered: pd.DataFrame, most: int | None) -> list[str]:
    """Return at most this number of subjects: the same share of each arm, evenly spaced in the order that is given.

    Parameters
    ----------
    ordered : DataFrame
        Subject and arm, sorted.
    most : int or None
    """
    if most is None or len(ordered) <= most:
        return list(ordered["subject"])
    chosen: list[str] = []
    for _, own in ordered.groupby("arm", sort=False):
        count = max(1, round(most * len(own) / len(ordered)))
        chosen += list(own["subject"].iloc[np.linspace(0, len(own) - 1, count).round().astype(int)])
    return chosen


def note_above(axes: Any, text: str) -> None:
    """Write a note for the reader above the axes of a figure, at the right; a title is moved above it."""
    if text:
        axes.annotate(
            text,
            (1.0, 1.0),
            (0, 3),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize="x-small",
            color="0.3",
            annotation_clip=False,
        )
        if axes.get_title():
            axes.set_title(axes.get_title(), pad=16 * scale())
