"""Which assessments are baseline, and the values known at baseline."""

from __future__ import annotations

import numpy as np

from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visit_grid import Array, is_first


def is_baseline(subject: Array, time: Array, rules: RecistRules) -> Array:
    """Return which rows, sorted by subject and time, belong to baseline (RECIST 1.1, 3.2.1)."""
    if rules.baseline == "last":
        return time <= rules.baseline_until
    start = is_first(subject)
    return np.asarray(time == time[start][np.cumsum(start) - 1])


def last_baseline_values(who: Array, time: Array, value: Array, is_baseline: Array, size: int) -> tuple[Array, Array]:
    """Return the last known value and the last day of baseline for each of `size` subjects or lesions; NaN without one.

    Rows are sorted by `who` and time, so that the last assignment to an index is the one that remains.
    """
    values, days = np.full(size, np.nan), np.full(size, np.nan)
    days[who[is_baseline]] = time[is_baseline]
    known = is_baseline & np.isfinite(value)
    values[who[known]] = value[known]
    return values, days
