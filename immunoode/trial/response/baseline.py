"""Which assessments are baseline, and what was known then."""

from __future__ import annotations

import numpy as np

from immunoode.trial.response.rules import RecistRules
from immunoode.trial.response.visits import Array


def is_baseline(subject: Array, time: Array, rules: RecistRules) -> Array:
    """Return which rows, sorted by subject and time, belong to baseline (RECIST 1.1, 3.2.1)."""
    if rules.baseline == "last":
        return time <= rules.baseline_until
    if not len(time):
        return np.zeros(0, bool)
    start = np.append(True, np.diff(subject) != 0)
    return np.asarray(time == time[start][np.cumsum(start) - 1])


def last_known(who: Array, time: Array, value: Array, base: Array, size: int) -> tuple[Array, Array]:
    """Return for each of `size` the last value that is known at baseline, and the last day of baseline; NaN without.

    Rows are sorted by `who` and time, so that what is written last stays.
    """
    values, days = np.full(size, np.nan), np.full(size, np.nan)
    days[who[base]] = time[base]
    known = base & np.isfinite(value)
    values[who[known]] = value[known]
    return values, days
