"""Progression-free survival and duration of response, from responses at visits, with the censoring rules of trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.tables.identifiers import values_of_subjects
from immunoode.trial.response.responses import Responses
from immunoode.trial.survival.endpoint_table import endpoint_table
from immunoode.trial.survival.first_event import REASONS, FirstEvent, event_free_times

if TYPE_CHECKING:
    import pandas as pd

PFS, DURATION = "PFS", "DOR"


@dataclass(frozen=True)
class PfsRules:
    """When progression-free survival is censored although progression or death occurred.

    After the example tables in FDA's Guidance for Industry: Clinical Trial Endpoints for the Approval of Non-Small Cell Lung
    Cancer Drugs and Biologics (April 2015), appendices C and D: progression or death after two or more missed assessments, and
    a new treatment before progression, are censored at the last assessment before them; patients without an assessment are
    censored at day 0.

    Attributes
    ----------
    longest_gap : str, float or None
        Longest time from the last evaluable assessment to an event that counts: two intervals between visits with their
        windows ("14 weeks" for visits every 6 weeks). None: every event counts.
    new_therapy : bool
        Whether a new therapy censors.
    """

    longest_gap: str | float | None = None
    new_therapy: bool = True

    def __post_init__(self) -> None:
        if self.longest_gap is not None and units.days(self.longest_gap) <= 0:
            raise DataError(Problem("longest_gap", f"is {self.longest_gap!r}", "a time above zero, or None"))

    @property
    def longest_gap_days(self) -> float:
        """The longest gap in days, infinite without one."""
        return np.inf if self.longest_gap is None else units.days(self.longest_gap)


def progression_free_survival(
    responses: Responses, survival: Any = None, *, new_therapy: Mapping[str, float] | None = None, rules: PfsRules | None = None
) -> pd.DataFrame:
    """Derive progression-free survival.

    Parameters
    ----------
    responses : Responses
        From `recist` or `irecist`, with the days of progression.
    survival : TrialData or DataFrame, optional
        Overall survival (endpoint "OS"): deaths are events too, also of subjects who were never assessed. Times count from
        day 0, or from the days in a column `start`.
    new_therapy : mapping, optional
        Day on which a subject began another treatment.
    rules : PfsRules, optional

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, endpoint ("PFS"), time (days from day 0), event, reason, and lower and upper, the
        bounds of the event: for progression the last assessment without it and the first with it; upper is infinite if
        censored.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> sums = pd.DataFrame({"subject": ["a"] * 3 + ["b"] * 2, "time": [0, 42, 84, 0, 42],
    ...                      "sum_of_diameters": [50, 40, 60, 80, 70]})
    >>> table = imo.trial.progression_free_survival(imo.recist(sums))
    >>> table[["subject", "time", "event", "lower"]].values.tolist()
    [['a', 84.0, True, 42.0], ['b', 42.0, False, 42.0]]
    """
    import pandas as pd

    if not isinstance(responses, Responses):
        raise DataError(Problem("responses", f"are {type(responses).__name__}", "Responses, as imo.recist returns them"))
    rules = rules or PfsRules()
    overall = survival_days(survival)
    subjects = _all_subjects(responses.subjects, overall)
    other = _days(new_therapy or {}, subjects.index).to_numpy(float)
    first = FirstEvent(
        progression=subjects["progression_time"].to_numpy(float),
        death=overall["time"].where(overall["event"]).reindex(subjects.index).to_numpy(float),
        new_therapy=other if rules.new_therapy else np.full(len(subjects), np.nan),
    )
    last = _last_assessment(responses.visits, pd.Series(first.until, subjects.index)).reindex(subjects.index)
    found = event_free_times(first, last.to_numpy(float), rules.longest_gap_days)
    columns = {
        "arm": subjects["arm"],
        "endpoint": PFS,
        "time": found.time,
        "event": found.event,
        "reason": np.asarray(REASONS, dtype=object)[found.reason],
        "lower": found.lower,
        "upper": found.upper,
    }
    return pd.DataFrame(columns, index=subjects.index).reset_index(names="subject")


def duration_of_response(
    responses: Responses,
    survival: Any = None,
    *,
    confirmed: bool = True,
    new_therapy: Mapping[str, float] | None = None,
    rules: PfsRules | None = None,
) -> pd.DataFrame:
    """Derive the duration of response: from the first CR or PR to progression or death, censored as progression-free survival.

    Parameters
    ----------
    responses, survival, new_therapy, rules
        As for `progression_free_survival`.
    confirmed : bool
        Whether CR and PR count only if confirmed.

    Returns
    -------
    DataFrame
        One row per responder: subject, arm, endpoint ("DOR"), time (days from the response), event, reason, lower, upper.

    Raises
    ------
    DataError
        If no subject responded.

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> sums = pd.DataFrame({"subject": "a", "time": [0, 42, 84, 126], "sum_of_diameters": [50, 30, 30, 60]})
    >>> duration_of_response(imo.recist(sums))[["subject", "time", "event"]].values.tolist()
    [['a', 84.0, True]]
    """
    table = progression_free_survival(responses, survival, new_therapy=new_therapy, rules=rules)
    column = "confirmed_response_time" if confirmed else "response_time"
    response_day = table["subject"].map(responses.subjects.set_index("subject")[column]).astype(float)
    responded = response_day.notna() & (response_day <= table["time"])
    if not responded.any():
        what = "have no confirmed CR or PR" if confirmed else "have no CR or PR"
        raise DataError(Problem("responses", what, "confirmed=False" if confirmed else "data with responders"))
    spans = {name: (table[name] - response_day).clip(lower=0.0) for name in ("time", "lower", "upper")}
    return table.assign(endpoint=DURATION, **spans)[responded].reset_index(drop=True)


def survival_days(survival: Any) -> pd.DataFrame:
    """Return arm, time and event of overall survival of each subject, in days from day 0; no rows without survival data."""
    import pandas as pd

    if survival is None:
        return pd.DataFrame({"arm": [], "time": pd.Series(dtype=float), "event": pd.Series(dtype=bool)})
    rows = endpoint_table(survival, "OS").set_index("subject")
    start = rows["start"].fillna(0.0) if "start" in rows.columns else 0.0
    return rows.assign(time=rows["time"] + start)[["arm", "time", "event"]]


def _all_subjects(assessed: pd.DataFrame, survival: pd.DataFrame) -> pd.DataFrame:
    """Return the subjects who were assessed, followed by those with survival data only."""
    import pandas as pd

    subjects = assessed.set_index("subject")
    more = survival.index.difference(subjects.index, sort=False)
    if not len(more):
        return subjects
    others = pd.DataFrame({"arm": survival.loc[more, "arm"], "progression_time": np.nan}, index=more)
    return pd.concat([subjects[["arm", "progression_time"]], others])


def _days(new_therapy: Mapping[str, float], subjects: pd.Index[str]) -> pd.Series:
    """Return the day of each subject's new therapy, NaN without one."""
    import pandas as pd

    return pd.Series(values_of_subjects(new_therapy, subjects, "new_therapy"), dtype=float).reindex(subjects)


def _last_assessment(visits: pd.DataFrame, until: pd.Series) -> pd.Series:
    """Return the day of the last evaluable assessment before a given day, for the subjects with one after baseline."""
    evaluable = ~visits["response"].isin(("", "NE")) & (visits["time"] < visits["subject"].map(until))
    return visits[evaluable].groupby("subject")["time"].max()
