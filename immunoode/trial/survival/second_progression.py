"""PFS2: time to the second progression, on the next line of therapy, or death."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.tables.identifiers import values_of_subjects
from immunoode.trial.survival.endpoint_table import endpoint_table
from immunoode.trial.survival.progression_free_survival import survival_days

if TYPE_CHECKING:
    import pandas as pd

PFS2 = "PFS2"
SECOND, DEATH, NONE_YET = "progression on next therapy", "death", "no second progression"


def pfs2(survival: Any, second_progression: Mapping[Any, float], *, first: Any = None) -> pd.DataFrame:
    """Derive PFS2: from day 0 to progression on the next line of therapy, or death from any cause, whichever is first.

    Parameters
    ----------
    survival : TrialData or DataFrame
        Overall survival (endpoint "OS") of all subjects, from day 0 (or from the days in a column `start`).
    second_progression : mapping of subject to day
        Day of the progression on the therapy after the first progression, of the subjects who had one; or a Series with
        subjects as index, with NaN for those who had none.
    first : TrialData or DataFrame, optional
        Progression-free survival (endpoint "PFS"), to check that a second progression is later than the first.

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, endpoint ("PFS2"), time (days), event, reason. Subjects without either are censored
        when they were last known to be alive.

    Raises
    ------
    DataError
        If a second progression belongs to an unknown subject, is after the last day of its survival, or is not later than the
        first progression.

    References
    ----------
    European Medicines Agency (2017). Guideline on the evaluation of anticancer medicinal products in man,
    EMA/CHMP/205/95 Rev. 5.

    Examples
    --------
    >>> import pandas as pd
    >>> os = pd.DataFrame({"subject": list("abc"), "endpoint": "OS", "time": [500, 400, 300], "event": [0, 1, 0]})
    >>> pfs2(os, {"a": 350})[["subject", "time", "event", "reason"]].values.tolist()[:2]
    [['a', 350.0, True, 'progression on next therapy'], ['b', 400.0, True, 'death']]
    """
    import pandas as pd

    if survival is None:
        raise DataError(Problem("survival", "is None", "overall survival of all subjects: PFS2 is censored at its last day"))
    overall = survival_days(survival)
    days = values_of_subjects(second_progression, overall.index, "second_progression")
    second = _numbers(days).reindex(overall.index)
    _check(second, overall["time"], first)
    progressed = second.notna()
    reasons = np.select([progressed, overall["event"]], [SECOND, DEATH], NONE_YET)
    columns = {"arm": overall["arm"], "endpoint": PFS2, "time": second.fillna(overall["time"])}
    table = pd.DataFrame({**columns, "event": progressed | overall["event"], "reason": reasons})
    return table.reset_index(names="subject")


def _numbers(days: Mapping[str, Any]) -> pd.Series:
    """Return the days as numbers; a missing one means that the subject had no second progression."""
    import pandas as pd

    given = pd.Series(days, dtype=object)
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    wrong = given[numbers.isna() & given.notna()]
    if len(wrong):
        where = "second_progression, subject "
        raise DataError([Problem(where + str(s), f"is {v!r}", "a number of days") for s, v in wrong.items()])
    return numbers


def _check(second: pd.Series, alive: pd.Series, first: Any) -> None:
    """Raise an error for second progressions at impossible times."""
    problems = [
        Problem(f"second_progression, subject {s}", f"is day {day:g}, but survival ends on day {alive[s]:g}", "an earlier day")
        for s, day in second.items()
        if day > alive[s]
    ]
    problems += [
        Problem(f"second_progression, subject {s}", f"is day {day:g}", "a day above 0") for s, day in second.items() if day <= 0
    ]
    if first is not None:
        before = endpoint_table(first, "PFS").set_index("subject")
        known = before["time"].where(before["event"]).reindex(second.index)
        problems += [
            Problem(
                f"second_progression, subject {s}",
                f"is day {day:g}, but the first progression is day {known[s]:g}",
                "a later day",
            )
            for s, day in second.items()
            if day <= known[s]
        ]
        none = [s for s, day in second.items() if day == day and s in before.index and not before.loc[s, "event"]]
        problems += [Problem(f"second_progression, subject {s}", "has no first progression in `first`") for s in none]
    DataError.raise_if(problems)
