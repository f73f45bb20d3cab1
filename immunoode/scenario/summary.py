"""What a time course of tumour size comes down to: nadir, time to progression, final size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROGRESSION = 0.20
"""Growth above the nadir, as RECIST 1.1 counts progression (Eisenhauer 2009, Eur J Cancer 45:228-47)."""
SMALLEST_GROWTH_MM = 5.0
"""And at least so many millimetres, where size is a sum of diameters."""


@dataclass(frozen=True)
class Course:
    """Summary of one curve; `progression_day` is None where it is not reached."""

    baseline: float
    nadir: float
    nadir_day: float
    nadir_change: float
    final: float
    final_change: float
    progression_day: float | None


def summarise(times: NDArray[np.float64], values: NDArray[np.float64], unit: str) -> Course:
    """Return the summary of one curve.

    Parameters
    ----------
    times : ndarray, shape (T,)
        Days.
    values : ndarray, shape (T,)
        Size; NaN at the end where the integration stopped.
    unit : str
        "mm" adds the rule of at least 5 mm to progression.
    """
    good = np.isfinite(values)
    times, values = times[good], values[good]
    baseline, lowest = float(values[0]), int(np.argmin(values))
    change = (values / baseline - 1) * 100 if baseline > 0 else np.full(values.size, np.nan)
    return Course(baseline, float(values[lowest]), float(times[lowest]), float(change[lowest]), float(values[-1]),
                  float(change[-1]), progression_day(times, values, unit))  # fmt: skip


def progression_day(times: NDArray[np.float64], values: NDArray[np.float64], unit: str) -> float | None:
    """Return the first time at which size is 20 % (and 5 mm, in mm) above its nadir so far, by linear interpolation."""
    nadir = np.minimum.accumulate(values)
    least = SMALLEST_GROWTH_MM if unit == "mm" else 0.0
    limit = np.maximum((1 + PROGRESSION) * nadir, nadir + least)
    over = np.where((values >= limit) & (values > nadir))[0]
    if not over.size:
        return None
    k = int(over[0])
    rise = values[k] - values[k - 1]
    share = (limit[k] - values[k - 1]) / rise if rise > 0 else 1.0
    return float(times[k - 1] + min(max(share, 0.0), 1.0) * (times[k] - times[k - 1]))
