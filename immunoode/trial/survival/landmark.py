"""Landmark analysis: survival from a day on, by the response until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.tables.identifiers import values_of_subjects
from immunoode.trial.response.codes import RESPONDED, is_one_of
from immunoode.trial.response.responses import Responses
from immunoode.trial.survival.endpoint_table import endpoint_table

if TYPE_CHECKING:
    import pandas as pd

RESPONDER, OTHER = "responder", "non-responder"


def landmark(
    endpoints: Any, groups: Responses | Mapping[str, str], at: str | float, endpoint: str | None = None
) -> pd.DataFrame:
    """Return survival from a landmark on, for the subjects still at risk, by their group at the landmark.

    A comparison of responders with all others from day 0 would favour responders, who had to survive until they responded.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
    groups : Responses, or mapping of subject to group
        From Responses: "responder" if there was a CR or PR at or before the landmark and before progression, else
        "non-responder".
    at : str or float
        The landmark: "12 weeks", or days.
    endpoint : str, optional

    Returns
    -------
    DataFrame
        Subject, arm, endpoint, time (days from the landmark), event, group, for `kaplan_meier(..., by="group")` and `cox`.
        Subjects with an event or censoring before the landmark are not included.

    Raises
    ------
    DataError
        If no subject is left, or a mapping has a subject who is not in the table.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> table = pd.DataFrame({"subject": ["a", "b", "c"], "time": [50.0, 200, 300], "event": [1, 1, 0], "arm": "drug"})
    >>> groups = {"a": "non-responder", "b": "responder", "c": "responder"}
    >>> late = imo.trial.landmark(table, groups, at="12 weeks", endpoint="OS")
    >>> late[["subject", "time", "group"]].values.tolist()
    [['b', 116.0, 'responder'], ['c', 216.0, 'responder']]
    """
    day = units.days(at)
    rows = endpoint_table(endpoints, endpoint)
    if isinstance(groups, Responses):
        group_of = _responders(groups, day)
    else:
        group_of = values_of_subjects(groups, rows["subject"], "groups")
    left = rows[(rows["time"] >= day) & rows["subject"].isin(group_of)]
    if left.empty:
        raise DataError(Problem("landmark", f"no subject with a group is at risk at day {day:g}", "an earlier landmark"))
    kept = left[["subject", "arm", "endpoint", "time", "event"]]
    return kept.assign(time=left["time"] - day, group=left["subject"].map(group_of)).reset_index(drop=True)


def _responders(responses: Responses, day: float) -> dict[str, str]:
    visits = responses.visits
    early = visits[(visits["time"] <= day) & visits["counted"]]
    hits = {s for s, r in zip(early["subject"], early["response"], strict=True) if is_one_of(r, RESPONDED)}
    return {s: RESPONDER if s in hits else OTHER for s in responses.subjects["subject"]}
