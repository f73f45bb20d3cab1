"""Reports once a day, for tests that look up days by their number or compare runs day by day."""

from __future__ import annotations

from typing import Any

import numpy as np

from immunoode import units
from immunoode.solve.report_times import daily as _daily


def daily(until: Any, start: float = 0.0) -> np.ndarray:
    """Return the days from a start to an end, and the end."""
    return _daily(start, units.days(until))
