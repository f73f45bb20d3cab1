"""Progression-free survival from responses at visits, with the censoring rules of trials."""

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

if TYPE_CHECKING:
    import pandas as pd

PFS, DURATION = "PFS", "DOR"
PROGRESSION, DEATH, NONE_YET = "progression", "death", "no progression at last assessment"
NO_ASSESSMENT, NEW_THERAPY = "no assessment after baseline", "new therapy before progression"
MISSED = "two or more missed assessments before the event"


@dataclass(frozen=True)
class PfsRules:
    """When progression-free survival is censored though progression or death came.

    After the example tables in FDA's Guidance for Industry: Clinical Trial Endpoints for the Approval of Non-Small Cell Lung
    Cancer Drugs and Biologics (April 2015), appendices C and D: progression or death after two or more missed assessments, and
    a new treatment before progression, are censored at the last assessment before; a patient without an assessment at day 0.

    Attributes
    ----------
    longest_gap : str, float or None
        Longest time from the last evaluable assessment to an event that counts: two intervals between visits, and their windows
        ("14 weeks" where visits are every 6). None: any event counts.
    new_therapy : bool
        Whether a new therapy censors.
    """

    longest_gap: str | float | None = None
    new_therapy: bool = True

    def __post_init__(self) -> None:
        if self.longest_gap is not None and units.days(self.longest_gap) <= 0:
            raise DataError(Problem("longest_gap", f"is {self.longest_gap!r}", "a time above zero, or None"))


def progression_free_survival(
    responses: Responses, survival: Any = None, *, new_therapy: Mapping[str, float] | None = None, rules: PfsRules | None = None
) -> pd.DataFrame:
    """Derive progression-free survival.

    Parameters
    ----------
    responses : Responses
        From `recist` or `irecist`; progression is theirs.
    survival : TrialData or DataFrame, optional
        Overall survival (endpoint "OS"): deaths are events, too, also of subjects who were never assessed. Its times count
        from day 0, or from the days in a column `start`.
    new_therapy : mapping, optional
        Day at which a subject began another treatment.
    rules : PfsRules, optional

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, endpoint ("PFS"), time (days from day 0), event, reason, and lower and upper, between
        which the event came: for progression the last assessment without and the first with it; upper is infinite where
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
    known = survival_days(survival)
    people = _everybody(responses.subjects, known)
    deaths = known["time"].where(known["event"]).reindex(people.index)
    progression = people["progression_time"].astype(float)
    other = _days(new_therapy or {}, people.index)
    event = np.fmin(progression, deaths)
    switched = rules.new_therapy & (other < event.fillna(np.inf))
    until = event.where(~switched, np.nextafter(other, np.inf)).fillna(np.inf)
    last = _last_assessment(responses.visits, until).reindex(people.index)
    longest = np.inf if rules.longest_gap is None else units.days(rules.longest_gap)
    missed = event.notna() & ~switched & (event - last.fillna(0.0) > longest)
    happened = event.notna() & ~switched & ~missed
    conditions = [switched, missed, happened & (progression <= deaths.fillna(np.inf)), happened, last.isna()]
    reason = np.select(conditions, [NEW_THERAPY, MISSED, PROGRESSION, DEATH, NO_ASSESSMENT], NONE_YET)
    time = event.where(happened, last.fillna(0.0))
    columns = {"arm": people["arm"], "endpoint": PFS, "time": time.clip(lower=0.0), "event": happened, "reason": reason}
    table = pd.DataFrame(columns)
    exact = happened & (reason == DEATH)
    table["lower"] = table["time"].where(exact | ~happened, last.fillna(0.0)).clip(lower=0.0)
    table["upper"] = table["time"].where(happened, np.inf)
    return table.reset_index(names="subject")


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
        As of `progression_free_survival`.
    confirmed : bool
        Whether CR and PR count only if confirmed.

    Returns
    -------
    DataFrame
        One row per responder: subject, arm, endpoint ("DOR"), time (days from the response), event, reason, lower, upper.

    Raises
    ------
    DataError
        If nobody responded.

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> sums = pd.DataFrame({"subject": "a", "time": [0, 42, 84, 126], "sum_of_diameters": [50, 30, 30, 60]})
    >>> duration_of_response(imo.recist(sums))[["subject", "time", "event"]].values.tolist()
    [['a', 84.0, True]]
    """
    table = progression_free_survival(responses, survival, new_therapy=new_therapy, rules=rules)
    column = "confirmed_response_time" if confirmed else "response_time"
    begun = table["subject"].map(responses.subjects.set_index("subject")[column]).astype(float)
    who = begun.notna() & (begun <= table["time"])
    if not who.any():
        what = "have no confirmed CR or PR" if confirmed else "have no CR or PR"
        raise DataError(Problem("responses", what, "confirmed=False" if confirmed else "data with responders"))
    spans = {name: (table[name] - begun).clip(lower=0.0) for name in ("time", "lower", "upper")}
    return table.assign(endpoint=DURATION, **spans)[who].reset_index(drop=True)


def survival_days(survival: Any) -> pd.DataFrame:
    """Return arm, time and event of overall survival of each subject, in days from day 0; no row where there is none."""
    import pandas as pd

    if survival is None:
        return pd.DataFrame({"arm": [], "time": pd.Series(dtype=float), "event": pd.Series(dtype=bool)})
    rows = endpoint_table(survival, "OS").set_index("subject")
    start = rows["start"].fillna(0.0) if "start" in rows.columns else 0.0
    return rows.assign(time=rows["time"] + start)[["arm", "time", "event"]]


def _everybody(assessed: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return who was assessed, and who is only known to have lived or died."""
    import pandas as pd

    people = assessed.set_index("subject")
    more = known.index.difference(people.index, sort=False)
    if not len(more):
        return people
    others = pd.DataFrame({"arm": known.loc[more, "arm"], "progression_time": np.nan}, index=more)
    return pd.concat([people[["arm", "progression_time"]], others])


def _days(new_therapy: Mapping[str, float], subjects: pd.Index[str]) -> pd.Series:
    """Return the day of each subject's new therapy, NaN where there is none."""
    import pandas as pd

    return pd.Series(values_of_subjects(new_therapy, subjects, "new_therapy"), dtype=float).reindex(subjects)


def _last_assessment(visits: pd.DataFrame, until: pd.Series) -> pd.Series:
    """Return the day of each subject's last evaluable assessment before a day; none where there was none after the baseline."""
    evaluable = ~visits["response"].isin(("", "NE")) & (visits["time"] < visits["subject"].map(until))
    return visits[evaluable].groupby("subject")["time"].max()
