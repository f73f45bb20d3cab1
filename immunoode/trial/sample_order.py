"""Where observations stand among the doses of their time: in the order of the rows of one table, else by the kind of sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from immunoode.trial.trial_data import TrialData

if TYPE_CHECKING:
    from pandas import DataFrame

TROUGH = r"(?i)\b(?:c?_?troughs?|pre[-_\s]?dose|(?:just )?before (?:the )?(?:next )?dose|c_?min)\b"
"""What the kind of a sample (a flag, or the name of a visit) is called that is taken before the dose of its time."""


def sample_orders(frame: DataFrame, data: TrialData, own_doses: bool) -> NDArray[np.float64]:
    """Return where observations stand among the doses of their time, as `make_simulator` of the solver takes it.

    Parameters
    ----------
    frame : DataFrame, length n
        Of the observations of `data`, or some of them.
    own_doses : bool
        Whether the doses are those of the data's own table. In its order of rows then; if not, a sample that stood before the
        first dose of its time is one before the dose. A sample that is called a trough is one too, others come after the dose.
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
