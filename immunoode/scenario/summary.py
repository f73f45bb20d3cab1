"""What a time course of tumour size comes down to: nadir, time to progression, final size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import UnitError


@dataclass(frozen=True)
class Progression:
    """When a tumour size counts as progressed, and what figures of its change from baseline mark.

    Attributes
    ----------
    words : str
        The rule, as tables and figures state it.
    event : str
        What its day is called: "progression".
    factor, least : float
        Size reaches `factor` times the reference, and lies at least `least` (in the size's unit) above it.
    of : {"nadir", "baseline"}
        The reference: the smallest size so far, or the first.
    lines : tuple of (float, str)
        Levels of the change from baseline, percent, with their labels.
    """

    words: str
    event: str
    factor: float
    least: float
    of: Literal["nadir", "baseline"]
    lines: tuple[tuple[float, str], ...]


def progression_rule(unit: str) -> Progression | None:
    """Return the rule for sizes in a unit; None where there is none.

    A length is a diameter or a sum of diameters: RECIST 1.1 (Eisenhauer 2009, Eur J Cancer 45:228-47). A volume has no such
    criteria; it counts from the day on which it is twice the volume at the start. For counts of cells, areas and masses there
    is no rule.

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
class Course:
    """Summary of one curve; `progression_day` is None where it is not reached, or where the unit has no rule for it."""

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
        Of the size; it decides by which rule progression is told, see `progression_rule`.
    """
    good = np.isfinite(values)
    times, values = times[good], values[good]
    baseline, lowest = float(values[0]), int(np.argmin(values))
    change = (values / baseline - 1) * 100 if baseline > 0 else np.full(values.size, np.nan)
    rule = progression_rule(unit)
    day = progression_day(times, values, rule) if rule else None
    return Course(
        baseline, float(values[lowest]), float(times[lowest]), float(change[lowest]), float(values[-1]), float(change[-1]), day
    )


def progression_day(times: NDArray[np.float64], values: NDArray[np.float64], rule: Progression) -> float | None:
    """Return the first time at which a size has progressed, by linear interpolation between times."""
    reference = np.minimum.accumulate(values) if rule.of == "nadir" else np.full(values.size, values[0])
    limit = np.maximum(rule.factor * reference, reference + rule.least)
    over = np.where((values >= limit) & (values > reference))[0]
    if not over.size:
        return None
    k = int(over[0])
    rise = values[k] - values[k - 1]
    share = (limit[k] - values[k - 1]) / rise if rise > 0 else 1.0
    return float(times[k - 1] + min(max(share, 0.0), 1.0) * (times[k] - times[k - 1]))
