"""Time to response, as a table of endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.trial.response.responses import Responses
from immunoode.trial.survival.progression_free_survival import survival_days

if TYPE_CHECKING:
    import pandas as pd

TIME_TO_RESPONSE = "TTR"
RESPONSE, PROGRESSION, DEATH, NONE_YET = "response", "progression", "death", "no response at last assessment"


def time_to_response(
    responses: Responses, survival: Any = None, *, confirmed: bool = True, competing: bool = False
) -> pd.DataFrame:
    """Derive the time from day 0 to the first CR or PR.

    Parameters
    ----------
    responses : Responses
        From `recist` or `irecist`.
    survival : TrialData or DataFrame, optional
        Overall survival (endpoint "OS"), for deaths without a response.
    confirmed : bool
        Whether CR and PR count only if confirmed.
    competing : bool
        Whether progression and death without a response are events with their own reason, for `cumulative_incidence`.
        Otherwise subjects without a response are censored: at progression or death, else at their last assessment.

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, endpoint ("TTR"), time (days), event, reason. The times of those with the reason
        "response" are the times to response that trials describe by median and range.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo, pandas as pd
    >>> sums = pd.DataFrame({"subject": list("aaabbb"), "time": [0, 42, 84] * 2, "sum_of_diameters": [50, 30, 30, 50, 50, 70]})
    >>> time_to_response(imo.recist(sums))[["subject", "time", "event", "reason"]].values.tolist()
    [['a', 42.0, True, 'response'], ['b', 84.0, False, 'progression']]
    """
    import pandas as pd

    if not isinstance(responses, Responses):
        raise DataError(Problem("responses", f"are {type(responses).__name__}", "Responses, as imo.recist returns them"))
    people = responses.subjects.set_index("subject")
    overall = survival_days(survival)
    deaths = overall["time"].where(overall["event"]).reindex(people.index).astype(float)
    response = people["confirmed_response_time" if confirmed else "response_time"].astype(float)
    progression = people["progression_time"].astype(float)
    last = people["last_time"].astype(float).fillna(0.0)
    ended = np.fmin(progression, deaths)
    responded = response.notna() & ~(response > ended)
    reasons = np.select(
        [responded, ended.notna() & (progression <= deaths.fillna(np.inf)), ended.notna()],
        [RESPONSE, PROGRESSION, DEATH],
        NONE_YET,
    )
    time = response.where(responded, ended.fillna(last)).clip(lower=0.0)
    event = (responded | (ended.notna() if competing else False)).astype(bool)
    columns = {"arm": people["arm"], "endpoint": TIME_TO_RESPONSE, "time": time, "event": event, "reason": reasons}
    return pd.DataFrame(columns).reset_index(names="subject")
