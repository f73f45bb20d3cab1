"""RECIST 1.1 from lesions or from sums of diameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.trial.response.assessments import Visits, visits_of
from immunoode.trial.response.best import Best, best_of, plain
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import RESPONSES, RecistRules
from immunoode.trial.response.timepoint import overall, with_targets

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.table import TrialData

VISITS = (
    "subject", "arm", "time", "sum_of_diameters", "baseline", "nadir", "change_from_baseline", "change_from_nadir",
    "target", "non_target", "new_lesion", "response",
)  # fmt: skip


def recist(
    assessments: TrialData | pd.DataFrame,
    rules: RecistRules | None = None,
    *,
    new_therapy: Mapping[str, float] | None = None,
) -> Responses:
    """Evaluate responses by RECIST 1.1.

    Parameters
    ----------
    assessments : TrialData or DataFrame
        Trial data with diameters of lesions or sums of diameters. Or a table with a lesion a row: subject, time (days), lesion,
        kind ("target", "target node", "non-target", "non-target node", "new"), diameter (mm; of a node the short axis; NaN
        where none was measured), and optionally arm and finding ("absent", "present", "too small to measure", "not evaluable",
        "unequivocal progression"). Or a table with a visit a row: subject, time, sum_of_diameters, and optionally arm,
        non_target ("CR", "non-CR/non-PD", "PD", "NE") and new_lesion (bool).
    rules : RecistRules, optional
        Thresholds; by default those of the guideline, with confirmation after 4 weeks and stable disease from 6.
    new_therapy : mapping, optional
        Day at which a subject began another treatment: later visits do not count for the best response.

    Returns
    -------
    Responses

    Raises
    ------
    DataError
        If columns are missing or rows make no sense, all at once.

    Notes
    -----
    Eisenhauer et al. 2009, Eur J Cancer 45:228-247, doi 10.1016/j.ejca.2008.10.026. A subject without a baseline has no
    response (NE). Where a target lesion is not evaluable the sum is not either, unless the others alone show progression.

    Examples
    --------
    >>> import pandas as pd
    >>> sums = pd.DataFrame({"subject": "a", "time": [-7, 42, 84, 126], "sum_of_diameters": [100, 68, 60, 75]})
    >>> responses = recist(sums)
    >>> responses.visits["response"].tolist(), responses.subjects.loc[0, "confirmed_response"]
    (['', 'PR', 'PR', 'PD'], 'PR')
    """
    rules = rules or RecistRules()
    if type(rules) is not RecistRules:
        raise DataError(Problem("rules", f"are {type(rules).__name__}", "RecistRules"))
    seen = visits_of(assessments, rules)
    visits = with_targets(seen.table, rules)
    response = overall(visits["target"], visits["non_target"], visits["new_lesion"]).where(~visits["is_baseline"], "")
    visits = without_baseline(visits.assign(response=response))
    subjects = subject_table(visits, rules, new_therapy or {})
    kept = visits[list(VISITS)].reset_index(drop=True)
    return Responses("RECIST 1.1", kept, subjects, rules, left_out_of(seen, visits), RESPONSES)


def without_baseline(visits: pd.DataFrame) -> pd.DataFrame:
    """Say "NE" at all visits of a subject without a baseline, but where a new lesion or another shows progression."""
    has = visits["is_baseline"].groupby(visits["subject"]).transform("any")
    known = has | visits["response"].isin(("PD", "iUPD", "iCPD"))
    return visits.assign(has_baseline=has, response=visits["response"].where(known, "NE"))


def left_out_of(seen: Visits, visits: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    lone = visits.loc[~visits["has_baseline"], "subject"].drop_duplicates()
    reason = "no baseline: no visit with a sum of diameters (or a state of non-target lesions) at or before day 0"
    return pd.concat([seen.left_out, pd.DataFrame({"row": "", "subject": lone, "reason": reason})], ignore_index=True)


def subject_table(visits: pd.DataFrame, rules: RecistRules, new_therapy: Mapping[str, float]) -> pd.DataFrame:
    """Return a row a subject: best response, confirmed and not, its days, and the day of progression."""
    import pandas as pd

    codes, names = pd.factorize(visits["subject"])
    bounds = np.append(np.flatnonzero(np.diff(codes, prepend=-1)), len(visits))
    times, said = visits["time"].to_numpy(float).tolist(), visits["response"].map(plain).tolist()
    stop = {str(k): float(v) for k, v in new_therapy.items()}
    rows: list[dict[str, Any]] = []
    for name, a, b in zip(names, bounds[:-1], bounds[1:], strict=True):
        after = [(t, r) for t, r in zip(times[a:b], said[a:b], strict=True) if r]
        best = best_of([t for t, _ in after], [r for _, r in after], rules, stop.get(str(name), np.inf))
        rows.append({"subject": name, **_row(best)})
    first = visits.drop_duplicates("subject").set_index("subject")
    change = visits["change_from_baseline"].groupby(visits["subject"]).min()
    table = pd.DataFrame(rows)
    table.insert(1, "arm", table["subject"].map(first["arm"]))
    table.insert(2, "baseline", table["subject"].map(visits.groupby("subject")["baseline"].max()))
    table.insert(3, "best_change", table["subject"].map(change))
    return table


def _row(best: Best) -> dict[str, Any]:
    """Return the columns of a subject."""
    end = best.progression_time if np.isfinite(best.progression_time) else best.last_time
    return {
        "best_response": best.response,
        "confirmed_response": best.confirmed,
        "response_time": best.response_time,
        "confirmed_response_time": best.confirmed_time,
        "progression_time": best.progression_time,
        "last_time": best.last_time,
        "duration_of_response": end - best.response_time,
        "response_ongoing": bool(np.isfinite(best.response_time) and not np.isfinite(best.progression_time)),
    }
