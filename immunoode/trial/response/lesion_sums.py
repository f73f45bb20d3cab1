"""Summing the diameters of lesions in trial data, for fits of models of the whole tumour."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.trial.response.from_trial_data import response_of_paramcd
from immunoode.trial.response.read_assessments import read_assessments
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.trial_data import COLUMNS, DIAMETER, LEFT_OUT, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd


def sum_lesions(data: TrialData, rules: RecistRules | None = None) -> TrialData:
    """Sum the diameters of target lesions at each visit, as `recist` does.

    Parameters
    ----------
    data : TrialData
        With diameters of lesions (`read_lesions`, `read_adam`, `observe`).
    rules : RecistRules, optional
        The definition of baseline, and the value of a lesion that is too small to measure.

    Returns
    -------
    TrialData
        The same data with "sum_of_diameters" (mm) instead of the diameters: at baseline, and at the visits at which all targets
        were evaluated. The other visits are in `left_out`, as are sums that the data already have of the same subjects.

    Raises
    ------
    DataError
        If the data have no lesions.

    Examples
    --------
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> lesions = pd.DataFrame({"subject": "1", "day": [0, 0, 42, 42, 84], "lesion": [*"ababa"], "kind": "target",
    ...                         "diameter_mm": [40, 30, 25, 20, 10]})
    >>> sums = imo.trial.sum_lesions(imo.trial.read_lesions(lesions))
    >>> sums.frame[["time", "quantity", "value"]].values.tolist()
    [[0.0, 'sum_of_diameters', 70.0], [42.0, 'sum_of_diameters', 45.0]]
    >>> sums.left_out["reason"].tolist()
    ['day 84: not all target lesions were evaluated']
    """
    import pandas as pd

    lesions = (data.frame["quantity"] == DIAMETER) & (data.frame["lesion"] != "")
    if not lesions.any():
        raise DataError(Problem(data.title or "trial data", "have no lesions", f"quantity {DIAMETER!r}, with lesions named"))
    assessed = read_assessments(replace(data, findings=_lesion_findings(data)), IrecistRules(recist=rules or RecistRules()))
    subjects, visits = assessed.subjects, assessed.visits
    followed = subjects.has_target[visits.subject]
    whole = followed & np.isfinite(visits.target_sum)
    base = np.flatnonzero(subjects.has_target)
    who = np.concatenate([base, visits.subject[whole]])
    sums = pd.DataFrame(
        {
            "subject": subjects.name[who],
            "arm": subjects.arm[who],
            "time": np.concatenate([subjects.baseline_time[base], visits.time[whole]]),
            "quantity": SUM_OF_DIAMETERS,
            "value": np.concatenate([subjects.baseline[base], visits.target_sum[whole]]),
            "unit": "mm",
            "lesion": "",
            "kind": "",
            "censoring": "",
            "limit": np.nan,
            "flag": "",
            "visit": "",
            "row": "",
        }
    )
    sums = sums.sort_values(["subject", "time"], kind="stable")[list(COLUMNS)]
    own = set(data.frame.loc[lesions, "subject"])
    twice = (data.frame["quantity"] == SUM_OF_DIAMETERS) & data.frame["subject"].isin(own)
    rest = data.frame[~lesions & ~twice]
    ignored = data.frame.loc[twice, ["row", "subject"]].assign(reason="a sum of lesions that are in the data")
    frame = pd.concat([rest, sums], ignore_index=True) if len(rest) else sums.reset_index(drop=True)
    lost = np.flatnonzero(followed & ~whole)
    reasons = [f"day {day:g}: not all target lesions were evaluated" for day in visits.time[lost]]
    missing = pd.DataFrame({"row": "", "subject": subjects.name[visits.subject[lost]], "reason": reasons})
    tables = [table[list(LEFT_OUT)] for table in (data.left_out, ignored, missing) if len(table)]
    return replace(data, frame=frame, left_out=pd.concat(tables, ignore_index=True) if tables else data.left_out)


def _lesion_findings(data: TrialData) -> pd.DataFrame:
    """Return the findings of lesions, without the responses that a reader reported."""
    return data.findings[data.findings["kind"].astype(str).map(response_of_paramcd).isna()]
