"""Metrics of the measured sizes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.trial.metrics.size_series import SizeSeries, size_series

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.trial_data import TrialData

FLOOR = 1.0
"""Smaller sizes count as this in logarithms, because an invisible tumour may still exist."""


def growth_metrics(
    data: TrialData | pd.DataFrame, quantity: str | None = None, *, week: float = 8, floor: float = FLOOR
) -> pd.DataFrame:
    """Return metrics of each subject's measured sizes.

    Parameters
    ----------
    data : TrialData or DataFrame
    quantity : str, optional
        By default the sum of diameters.
    week : float
        Week of the early size ratio.
    floor : float
        Smaller sizes count as this in logarithms, in the unit of the data.

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, visits, baseline, nadir, nadir_time (days from the baseline), depth (fraction of the
        baseline lost at the nadir; negative if it only grew), time_to_growth (day of the nadir if a larger size follows, else
        infinite), last_ratio, week_8_ratio (to the baseline, linear between visits), growth_from_nadir (per day, of the
        logarithm from nadir to last visit), doubling_time (days, from that rate; infinite without growth), log_area
        (integral of log(size / baseline) from baseline to last visit, in days), follow_up (days), and note: why a value is
        missing.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": "a", "time": [0, 42, 84], "value": [100.0, 50.0, 100.0]})
    >>> growth_metrics(table)[["nadir_time", "depth", "doubling_time", "week_8_ratio"]].round(3).values.tolist()
    [[42.0, 0.5, 42.0, 0.667]]
    """
    import pandas as pd

    if not floor > 0 or not week > 0:
        raise DataError(Problem("floor, week", f"are {floor}, {week}", "numbers above zero"))
    day = units.convert(f"{week} week", "day")
    found, lost = size_series(data, quantity)
    rows = [_row(series, day, f"week_{week:g}_ratio", floor) for series in found]
    table = pd.DataFrame(rows)
    return table if lost.empty else pd.concat([table, lost.rename(columns={"reason": "note"}).drop(columns="row")])


def _row(series: SizeSeries, day: float, ratio: str, floor: float) -> dict[str, Any]:
    days, sizes = series.days, series.sizes
    logs = np.log(np.maximum(sizes, floor))
    low = int(np.argmin(sizes))
    last = len(sizes) - 1
    rate = (logs[last] - logs[low]) / (days[last] - days[low]) if days[last] > days[low] else 0.0
    seen = day <= days[last]
    notes = ["only a baseline"] if last == 0 else []
    notes += [] if seen else [f"followed for {days[last]:g} days only: no {ratio}"]
    return {
        "subject": series.subject,
        "arm": series.arm,
        "visits": len(sizes),
        "baseline": series.baseline,
        "nadir": float(sizes[low]),
        "nadir_time": float(days[low]),
        "depth": 1 - float(sizes[1:].min()) / series.baseline if last else np.nan,
        "time_to_growth": float(days[low]) if sizes[low:].max() > sizes[low] else np.inf,
        "last_ratio": float(sizes[last]) / series.baseline,
        ratio: float(np.interp(day, days, sizes)) / series.baseline if seen else np.nan,
        "growth_from_nadir": float(rate),
        "doubling_time": float(np.log(2) / rate) if rate > 0 else np.inf,
        "log_area": float(np.trapezoid(logs - logs[0], days)),
        "follow_up": float(days[last]),
        "note": "; ".join(notes),
    }
