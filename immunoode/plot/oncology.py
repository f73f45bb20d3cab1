"""Common parts of figures of response: colours, checks, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.trial.response.responses import Responses

if TYPE_CHECKING:
    import pandas as pd

RESPONSE_COLOURS = {
    "CR": "#0072B2",
    "PR": "#56B4E9",
    "SD": "#BDBDBD",
    "non-CR/non-PD": "#DDDDDD",
    "PD": "#D55E00",
    "NE": "#FFFFFF",
    "iCR": "#0072B2",
    "iPR": "#56B4E9",
    "iSD": "#BDBDBD",
    "non-iCR/non-iUPD": "#DDDDDD",
    "iUPD": "#E69F00",
    "iCPD": "#D55E00",
}
"""Blue for response, grey for stable disease, orange and vermilion for progression; safe for colour-blind readers."""
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
