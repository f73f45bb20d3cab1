"""Tumour sizes of each subject over time, for the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.trial.long_table import as_trial
from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_windows import assign_visit_days
from immunoode.trial.trial_data import DIAMETER, SUM_OF_DIAMETERS, TrialData

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SizeSeries:
    """Sizes of one subject, shape (T,), at days from baseline, shape (T,); the first is the baseline."""

    subject: str
    arm: str
    start: float
    days: FloatArray
    sizes: FloatArray

    @property
    def baseline(self) -> float:
        """Size at the baseline."""
        return float(self.sizes[0])


def size_series(data: TrialData | pd.DataFrame, quantity: str | None) -> tuple[list[SizeSeries], pd.DataFrame]:
    """Return the series of every subject, and the subjects without one, with the reason.

    The baseline is the last visit at or before day 0 (the first visit if all come later). Diameters of lesions are summed at
    the visits with a measurement of all lesions.

    Raises
    ------
    DataError
        If the quantity is not in the data, or is not stated although there are several.
    """
    import pandas as pd

    trial = as_trial(data)
    table = _table(trial, quantity)
    found, lost = list[SizeSeries](), list[dict[str, Any]]()
    for subject, rows in table.groupby("subject", sort=False):
        series, reason = _one(str(subject), rows)
        if series is None:
            lost.append({"row": "", "subject": subject, "reason": reason})
        else:
            found.append(series)
    return found, pd.DataFrame(lost, columns=["row", "subject", "reason"])


def _table(trial: TrialData, quantity: str | None) -> pd.DataFrame:
    import pandas as pd

    known = trial.quantities
    chosen = quantity or next((q for q in (SUM_OF_DIAMETERS, DIAMETER) if q in known), known[0] if len(known) == 1 else None)
    if chosen is None or chosen not in known:
        what = "is not stated" if chosen is None else f"{chosen!r} is not in the data"
        raise DataError(Problem("quantity", what, "one of " + ", ".join(map(repr, known))))
    rows = trial.frame[(trial.frame["quantity"] == chosen) & (trial.frame["censoring"] != "right")]
    if (rows["lesion"] == "").all():
        return rows.drop_duplicates(["subject", "time"])
    targets = rows[rows["kind"].isin(("target", "target node"))]
    codes, items = (pd.factorize(targets[c])[0] for c in ("subject", "lesion"))
    days = assign_visit_days(codes, targets["time"].to_numpy(float), targets["visit"].to_numpy(str), items, RecistRules())
    groups = targets.assign(time=days).groupby(["subject", "arm", "time"], sort=False)
    sums = groups["value"].agg(["sum", "size"]).reset_index()
    most = sums.groupby("subject")["size"].transform("max")
    return sums[sums["size"] == most].rename(columns={"sum": "value"})


def _one(subject: str, rows: pd.DataFrame) -> tuple[SizeSeries | None, str]:
    ordered = rows.sort_values("time", kind="stable")
    days, sizes = ordered["time"].to_numpy(float), ordered["value"].to_numpy(float)
    first = max(int((days <= 0).sum()) - 1, 0)
    days, sizes = days[first:], sizes[first:]
    if not sizes[0] > 0:
        return None, "the size at baseline is not above zero"
    return SizeSeries(subject, str(ordered["arm"].iloc[0]), float(days[0]), days - days[0], sizes), ""
