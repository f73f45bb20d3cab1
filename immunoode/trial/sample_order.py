"""The order of observations and doses at the same time: by the rows of one table, else by the kind of sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame

TROUGH = r"(?i)\b(?:c?_?troughs?|pre[-_\s]?dose|(?:just )?before (?:the )?(?:next )?dose|c_?min)\b"
"""Names (flags or visits) of samples that are taken before the dose at the same time."""


def sample_orders(frame: DataFrame, data: TrialData, own_doses: bool) -> NDArray[np.float64]:
    """Return the position of observations among the doses at the same time, as `make_simulator` of the solver takes it.

    Parameters
    ----------
    frame : DataFrame, length n
        Observations of `data`, or some of them.
    own_doses : bool
        Whether the doses are from the table of the observations: then the order of its rows counts. If not, a sample whose row
        is before the first dose at its time, or that is called a trough, is before the dose, and others are after it.
    """
    words = frame["flag"].astype(str) + " " + (frame["visit"].astype(str) if "visit" in frame else "")
    early = words.str.contains(TROUGH).to_numpy(bool).copy()
    stated = frame["row"].map(dict(data.orders)).to_numpy(np.float64) if data.orders else np.full(len(frame), np.nan)
    if not own_doses:
        for k in np.flatnonzero(np.isfinite(stated)):
            schedule = data.schedules.get(frame["subject"].iat[k])
            same = schedule.orders[schedule.times == frame["time"].iat[k]] if schedule is not None else np.zeros(0)
            early[k] |= len(same) > 0 and stated[k] < same.min()
        stated = np.full(len(frame), np.nan)
    return np.where(np.isfinite(stated), stated, np.where(early, -np.inf, np.inf))
