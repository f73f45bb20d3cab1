"""Summaries of time courses of tumour size: nadir, time to progression, final size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import UnitError


@dataclass(frozen=True)
class Progression:
    """A rule of progression of tumour size, and reference lines for figures of its change from baseline.

    Attributes
    ----------
    words : str
        The rule as text for tables and figures.
    event : str
        The name of the event: "progression".
    factor, least : float
        The size must reach `factor` times the reference, and exceed it by at least `least` (in the unit of the size).
    of : {"nadir", "baseline"}
        The reference: the smallest size so far, or the first size.
    lines : tuple of (float, str)
        Levels of the change from baseline in percent, with labels.
    """

    words: str
    event: str
    factor: float
    least: float
    of: Literal["nadir", "baseline"]
    lines: tuple[tuple[float, str], ...]


def progression_rule(unit: str) -> Progression | None:
    """Return the rule for sizes in a unit, or None if there is none.

    A length is a diameter or a sum of diameters, for which RECIST 1.1 applies (Eisenhauer 2009, Eur J Cancer 45:228-47). A
    volume has no such criteria; its event is doubling of the initial volume. Numbers of cells, areas and masses have no rule.

    Examples
    --------
    >>> progression_rule("mm").event, progression_rule("mm^3").event, progression_rule("cell")
    ('progression', 'doubling', None)
    """
    try:
        dimension = units.dimension(unit or "1")
    except UnitError:
        return None
    if dimension == units.dimension("mm"):
        words = "RECIST 1.1: 20 % and 5 mm above the nadir"
        lines = ((-30.0, "-30 %: partial response"), (20.0, "+20 % (progression: above the nadir)"))
        return Progression(words, "progression", 1.2, units.factor("mm", unit) * 5.0, "nadir", lines)
    if dimension == units.dimension("mm^3"):
        words = "doubling: twice the volume at the start (RECIST 1.1 is for diameters)"
        return Progression(words, "doubling", 2.0, 0.0, "baseline", ((100.0, "+100 %: doubled"),))
    return None


@dataclass(frozen=True)
class CurveSummary:
    """Summary of one curve; `progression_day` is None if progression is not reached, or if the unit has no rule."""

    baseline: float
    nadir: float
    nadir_day: float
    nadir_change: float
    final: float
    final_change: float
    progression_day: float | None


def summarise(times: NDArray[np.float64], values: NDArray[np.float64], unit: str) -> CurveSummary:
    """Return the summary of one curve.

    Parameters
    ----------
    times : ndarray, shape (T,)
        Days.
    values : ndarray, shape (T,)
        Size; NaN after the end of a failed integration.
    unit : str
        The unit of the size, which determines the rule of progression; see `progression_rule`.
    """
    good = np.isfinite(values)
    times, values = times[good], values[good]
    baseline, lowest = float(values[0]), int(np.argmin(values))
    change = (values / baseline - 1) * 100 if baseline > 0 else np.full(values.size, np.nan)
    rule = progression_rule(unit)
    day = progression_day(times, values, rule) if rule else None
    return CurveSummary(
        baseline, float(values[lowest]), float(times[lowest]), float(change[lowest]), float(values[-1]), float(change[-1]), day
    )


def progression_day(times: NDArray[np.float64], values: NDArray[np.float64], rule: Progression) -> float | None:
    """Return the time of progression, by linear interpolation between times, or None."""
    reference = np.minimum.accumulate(values) if rule.of == "nadir" else np.full(values.size, values[0])
    limit = np.maximum(rule.factor * reference, reference + rule.least)
    over = np.where((values >= limit) & (values > reference))[0]
    if not over.size:
        return None
    k = int(over[0])
    rise = values[k] - values[k - 1]
    share = (limit[k] - values[k - 1]) / rise if rise > 0 else 1.0
    return float(times[k - 1] + min(max(share, 0.0), 1.0) * (times[k] - times[k - 1]))
