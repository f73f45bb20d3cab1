"""Responses of tumours of mice by their volume: the modified RECIST of Gao et al. 2015."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown, without_mathematics
from immunoode.trial.metrics.size_series import SizeSeries, size_series

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.trial_data import TrialData

RESPONSES = ("mCR", "mPR", "mSD", "mPD")
FIRST_DAY = 10.0
"""Responses count from this day on."""
CUTS = (("mCR", -0.95, -0.40), ("mPR", -0.50, -0.20), ("mSD", 0.35, 0.30))
"""Response, and what best response and best average response must be below; mPD otherwise."""
FLAT = 1e-9


@dataclass(frozen=True)
@shown
class MouseResponses:
    """Responses of mice.

    Attributes
    ----------
    subjects : DataFrame
        One row per mouse: subject, arm, response, best_response (lowest relative change of volume from day 10 on; -0.3 is
        30 % less), best_average_response (lowest mean change from day 0 until a day from day 10 on), measurements, last_day.
    left_out : DataFrame
        Mice without a response: subject, reason.
    """

    subjects: pd.DataFrame
    left_out: pd.DataFrame

    def rates(self, by: str = "arm") -> pd.DataFrame:
        """Return one row per group: n, and the number of each response, the objective response rate (mCR, mPR)."""
        import pandas as pd

        if by not in self.subjects.columns:
            raise DataError(Problem("by", f"there is no column {by!r}", nearest(by, map(str, self.subjects.columns))))
        rows = []
        for name, own in self.subjects.groupby(by, sort=True):
            counts = {r: int((own["response"] == r).sum()) for r in RESPONSES}
            rate = (counts["mCR"] + counts["mPR"]) / len(own)
            rows.append({by: name, "n": len(own), **counts, "objective_response_rate": rate})
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Return the responses, one row per mouse."""
        return self.subjects.copy()

    def plot(self, **options: Any) -> Any:
        """Draw the best response of each mouse as a waterfall; see `immunoode.plot.mouse_waterfall`. Returns Axes."""
        from immunoode.plot.mouse_waterfall import mouse_waterfall

        return mouse_waterfall(self, **options)

    def report(self) -> str:
        """Return the rates and what was left out as text."""
        lines = [str(self), "", self.rates().to_string(index=False, float_format="{:.3f}".format)]
        lines += [f"{n} left out: {why}" for why, n in self.left_out["reason"].value_counts().items()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"mRECIST of mice: {len(self.subjects)} mice, {len(self.left_out)} without a response"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(str(self))}</p>{self.rates().to_html(index=False)}"


def mouse_mrecist(data: TrialData | pd.DataFrame, quantity: str | None = None) -> MouseResponses:
    """Evaluate tumour volumes of mice by the modified RECIST of Gao et al. (2015).

    Parameters
    ----------
    data : TrialData or DataFrame
        Volumes: subject, time (days), value, and optionally arm. The baseline is the last volume at or before day 0 (the first
        one, if all are later).
    quantity : str, optional
        Of the volumes; by default the only quantity.

    Returns
    -------
    MouseResponses
        mCR if the best response is below -95 % and the best average response below -40 %; mPR below -50 % and -20 %; mSD
        below 35 % and 30 %; otherwise mPD. The best response is the lowest change of volume from the baseline, from day 10 on.
        The best average response is the lowest mean of the changes from day 0 (with that of day 0, which is 0) until a day from
        day 10 on.

    Raises
    ------
    DataError
        If no mouse has a response (a volume from day 10 on, and one above zero at baseline), or a volume is negative.

    References
    ----------
    Gao H, Korn JM, Ferretti S, et al. (2015). High-throughput screening using patient-derived tumor xenografts to predict
    clinical trial drug response. Nature Medicine 21, 1318-1325.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": "m1", "time": [0, 5, 10, 15], "value": [200.0, 150.0, 80.0, 50.0]})
    >>> mouse_mrecist(table).subjects[["response", "best_response", "best_average_response"]].round(3).values.tolist()
    [['mPR', -0.75, -0.4]]
    """
    import pandas as pd

    series, lost = size_series(data, quantity)
    negative = [one.subject for one in series if (one.sizes < 0).any()]
    DataError.raise_if(Problem(f"volumes, subject {s}", "has one below zero", "volumes of zero or more") for s in negative)
    rows = [_row(one) for one in series]
    late = [{"subject": r["subject"], "reason": f"no volume from day {FIRST_DAY:g} on"} for r in rows if r["response"] == ""]
    left_out = pd.concat([lost[["subject", "reason"]], pd.DataFrame(late, columns=["subject", "reason"])], ignore_index=True)
    found = pd.DataFrame([r for r in rows if r["response"]])
    if found.empty:
        reasons = "; ".join(f"{why} ({n})" for why, n in left_out["reason"].value_counts().items())
        right = f"a volume above zero at baseline, and one from day {FIRST_DAY:g} on"
        raise DataError(Problem("volumes", f"no mouse has a response: {reasons}", right))
    return MouseResponses(found, left_out)


def _row(series: SizeSeries) -> dict[str, Any]:
    change = series.sizes / series.baseline - 1
    average = np.cumsum(change) / np.arange(1, len(change) + 1)
    counts = series.days >= FIRST_DAY - FLAT
    best, best_average = (float(v[counts].min()) if counts.any() else np.nan for v in (change, average))
    return {
        "subject": series.subject,
        "arm": series.arm,
        "response": _response(best, best_average) if counts.any() else "",
        "best_response": best,
        "best_average_response": best_average,
        "measurements": len(series.sizes),
        "last_day": float(series.days[-1]),
    }


def _response(best: float, average: float) -> str:
    """Return the response of a best change and a best average change."""
    return next((name for name, change, mean in CUTS if best < change and average < mean), "mPD")
