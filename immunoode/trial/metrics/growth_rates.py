"""Rates of growth and shrinkage: closed-form growth laws fitted to the sizes of each subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.metrics.growth_laws import FRACTION, GROWTH, LAWS, RATES, STEIN_FAMILY, GrowthLaw, doubling_time
from immunoode.trial.metrics.size_series import SizeSeries, size_series

if TYPE_CHECKING:
    import pandas as pd

    from immunoode.trial.trial_data import TrialData

BEST = "best"
FASTEST, SLOWEST = 1.0, 1e-7
"""Bounds of rates per day: from halving in less than a day to halving in 19,000 years."""
STARTS = ((0.002, 0.01), (0.01, 0.003), (0.0003, 0.03))
"""Starting values of rates of growth and shrinkage per day: slow, growing and quickly shrinking tumours."""
MOST_ZERO = 1e-6


def growth_rates(data: TrialData | pd.DataFrame, law: str = BEST, quantity: str | None = None) -> pd.DataFrame:
    """Fit a law of growth and shrinkage to the sizes of each subject relative to baseline.

    Parameters
    ----------
    data : TrialData or DataFrame
    law : str
        "stein-fojo", "generalised", "growth", "shrinkage", "claret-bruno" (see `immunoode.trial.metrics.growth_laws`), or
        "best": the law of the Stein-Fojo family with the lowest AICc.
    quantity : str, optional
        By default the sum of diameters.

    Returns
    -------
    DataFrame
        One row per subject: subject, arm, visits, law, growth_rate, shrinkage_rate, resistance_rate (per day),
        sensitive_fraction, each with its standard error (column "... error"), residual (standard deviation, relative), aicc,
        time_to_growth (days from the baseline, exact for the law), nadir (the smallest relative size of the law), doubling_time
        (days), and note: why a value is missing. Parameters that a law does not have are NaN without a note.

    Raises
    ------
    DataError
        If the law is unknown.

    Notes
    -----
    Least squares of relative sizes with the baseline fixed at 1 and rates between 1e-7 and 1 per day, from several starts. A
    subject needs as many visits after baseline as the law has parameters, and one more for standard errors and for "best".

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> t = np.arange(0, 337, 42.0)
    >>> table = pd.DataFrame({"subject": "a", "time": t, "value": 80 * (np.exp(-0.02 * t) + np.exp(0.003 * t) - 1)})
    >>> growth_rates(table, "stein-fojo")[["growth_rate", "shrinkage_rate", "time_to_growth"]].round(4).values.tolist()
    [[0.003, 0.02, 82.4835]]
    """
    import pandas as pd

    if law != BEST and law not in LAWS:
        raise DataError(Problem("law", f"{law!r} is unknown", nearest(str(law), [*LAWS, BEST])))
    laws = [LAWS[name] for name in STEIN_FAMILY] if law == BEST else [LAWS[law]]
    found, lost = size_series(data, quantity)
    rows = [_best(series, laws) for series in found]
    table = pd.DataFrame(rows)
    return table if lost.empty else pd.concat([table, lost.rename(columns={"reason": "note"}).drop(columns="row")])


def _best(series: SizeSeries, laws: list[GrowthLaw]) -> dict[str, Any]:
    """Return the row of the best law for a subject."""
    enough = [law for law in laws if len(series.days) - 1 >= len(law.parameters) + (len(laws) > 1)]
    common = {"subject": series.subject, "arm": series.arm, "visits": len(series.days)}
    if not enough:
        least = min(len(law.parameters) for law in laws) + (len(laws) > 1)
        note = f"{len(series.days) - 1} visits after the baseline; the law needs {least}"
        return {**common, **_empty(), "note": note}
    fits = [_fit(series, law) for law in enough]
    best = min(fits, key=lambda fit: fit["aicc"] if np.isfinite(fit["aicc"]) else np.inf)
    return {**common, **_empty(), **best}


def _empty() -> dict[str, Any]:
    names = [name for parameter in (*RATES, FRACTION) for name in (parameter, f"{parameter} error")]
    return {
        "law": "",
        **dict.fromkeys([*names, "residual", "aicc", "time_to_growth", "nadir", "doubling_time"], np.nan),
        "note": "",
    }


def _fit(series: SizeSeries, law: GrowthLaw) -> dict[str, Any]:
    """Return the columns of one law fitted to one subject."""
    from scipy.optimize import least_squares

    t, y = series.days[1:], series.sizes[1:] / series.baseline
    lower = [SLOWEST if p in RATES else MOST_ZERO for p in law.parameters]
    upper = [min(FASTEST, 50 / t[-1]) if p == GROWTH else FASTEST if p in RATES else 1 - MOST_ZERO for p in law.parameters]
    is_rate = np.array([p in RATES for p in law.parameters])

    def values(x: NDArray[np.float64]) -> dict[str, float]:
        return {p: float(v) for p, v in zip(law.parameters, np.where(is_rate, np.exp(np.where(is_rate, x, 0)), x), strict=True)}

    def gradient(x: NDArray[np.float64]) -> NDArray[np.float64]:
        v = values(x)
        scale = np.array([v[p] if p in RATES else 1.0 for p in law.parameters])
        return (law.gradient(t, v) * scale[:, None]).T

    bounds = [np.where(is_rate, np.log(np.where(is_rate, b, 1)), b) for b in (lower, upper)]
    found = [
        least_squares(lambda x: law.relative(t, values(x)) - y, start.clip(*bounds), gradient, bounds=bounds, x_scale=1.0)
        for start in _starts(law, is_rate)
    ]
    best = min(found, key=lambda f: f.cost)
    return _described(
        law, values(best.x), law.gradient(t, values(best.x)), 2 * float(best.cost), np.array(lower), np.array(upper)
    )


def _starts(law: GrowthLaw, is_rate: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    starts = STARTS if len(law.parameters) > 1 else STARTS[:1]
    by_name = [{GROWTH: g, "shrinkage_rate": d, "resistance_rate": 0.02, FRACTION: 0.5} for g, d in starts]
    return [np.where(is_rate, np.log([s[p] for p in law.parameters]), [s[p] for p in law.parameters]) for s in by_name]


def _described(
    law: GrowthLaw,
    values: dict[str, float],
    slopes: NDArray[np.float64],
    squares: float,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> dict[str, Any]:
    """Return the estimates with standard errors and derived metrics."""
    count, many = slopes.shape[1], len(law.parameters)
    x = np.array([values[p] for p in law.parameters])
    at_bound = (x <= lower * (1 + 1e-3)) | (x >= upper * (1 - 1e-3))
    free = ~at_bound
    notes = [f"{p} is at its bound: the sizes do not determine it" for p, b in zip(law.parameters, at_bound, strict=True) if b]
    variance = squares / (count - many) if count > many else np.nan
    errors = np.full(many, np.nan)
    if free.any() and np.isfinite(variance):
        errors[free] = np.sqrt(np.diag(np.linalg.pinv(slopes[free] @ slopes[free].T)) * variance)
    elif not np.isfinite(variance):
        notes.append("as many parameters as visits: no standard errors")
    time_to_growth = law.time_to_growth(values)
    low = float(law.relative(np.array([min(time_to_growth, 1e5)]), values)[0])
    columns = {
        name: value for p, v, e in zip(law.parameters, x, errors, strict=True) for name, value in ((p, v), (f"{p} error", e))
    }
    return {
        "law": law.name,
        **columns,
        "residual": float(np.sqrt(variance)),
        "aicc": _aicc(squares, count, many + 1),
        "time_to_growth": time_to_growth,
        "nadir": low,
        "doubling_time": doubling_time(values.get(GROWTH, 0.0)),
        "note": "; ".join(notes),
    }


def _aicc(squares: float, count: int, parameters: int) -> float:
    """Return Akaike's criterion for normal errors with small-sample correction; infinite with too few observations."""
    if count - parameters - 1 <= 0:
        return np.inf
    aic = count * np.log(max(squares, 1e-300) / count) + 2 * parameters
    return float(aic + 2 * parameters * (parameters + 1) / (count - parameters - 1))
