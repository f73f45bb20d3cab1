"""Hazards of random events that depend on outputs of the model: death, dropout, new lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.trial.trial_data import SUM_OF_DIAMETERS

FloatArray = NDArray[np.float64]
YEAR = 365.25


@dataclass(frozen=True)
class Hazard:
    """A hazard: per_year x (output / reference) ** exponent; by default, the output is the sum of diameters.

    Several hazards in a sequence add: `death=(Hazard(0.4, 1.0), Hazard(0.02))`.

    Attributes
    ----------
    per_year : float
        Events per year at the reference.
    exponent : float
        0 for a hazard independent of the output. If it is below 0 (for outputs other than the sum of diameters), the hazard
        falls as the output rises.
    reference_mm : float
        Sum of diameters at which the rate is `per_year`.
    output : str
        The output of the model. A model that states its own hazard of death per day is
        ``Hazard(365.25, exponent=1, output="hazard_of_death", reference=1.0)``.
    reference : float, optional
        Value of the output, in its unit, at which the rate is `per_year`; needed for outputs other than the sum of diameters.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import immunoode as imo
    >>> death = imo.virtual_trial.Hazard(0.4, exponent=1.0)
    >>> death.per_year, death.reference_mm
    (0.4, 60.0)
    """

    per_year: float
    exponent: float = 0.0
    reference_mm: float = 60.0
    output: str = SUM_OF_DIAMETERS
    reference: float | None = None

    def __post_init__(self) -> None:
        problems, of_size = [], self.output == SUM_OF_DIAMETERS
        if not 0 <= self.per_year < np.inf:
            problems.append(Problem("per_year", f"is {self.per_year}", "a rate of zero or more"))
        if not np.isfinite(self.exponent) or (of_size and self.exponent < 0):
            problems.append(Problem("exponent", f"is {self.exponent}", "a number" + " of zero or more" * of_size))
        if not 0 < self.reference_mm < np.inf:
            problems.append(Problem("reference_mm", f"is {self.reference_mm}", "a size above zero"))
        if self.reference is not None and not 0 < self.reference < np.inf:
            problems.append(Problem("reference", f"is {self.reference}", "a value of the output above zero"))
        if self.exponent and not of_size and self.reference is None:
            right = "reference=, the value of the output at which the rate is per_year"
            problems.append(Problem("reference", f"is not stated for the output {self.output!r}", right))
        DataError.raise_if(problems)

    def rates(self, values: FloatArray) -> FloatArray:
        """Return the hazard per day at values of the output, of any shape; negative values count as zero."""
        daily = self.per_year / YEAR
        if not self.exponent:
            return np.full(np.shape(values), daily)
        with np.errstate(divide="ignore"):
            return np.asarray(daily * (np.maximum(values, 0.0) / (self.reference or self.reference_mm)) ** self.exponent)

    def first(self, times: FloatArray, values: FloatArray, due: FloatArray) -> FloatArray:
        """Return the day of the first event of each subject after day 0, or infinity if there is none.

        Parameters
        ----------
        times : ndarray, shape (T,)
            Days.
        values : ndarray, shape (P, T)
            The output; the hazard is interpolated linearly.
        due : ndarray, shape (P,)
            The cumulative hazard at which the event happens: exponential random numbers with mean 1.
        """
        return first_event(times, self.rates(values), due)


Hazards = Hazard | Sequence[Hazard] | None


def as_hazards(given: Any, name: str) -> tuple[Hazard, ...]:
    """Return one hazard, several or none as a tuple.

    Raises
    ------
    DataError
        If it is something else.
    """
    several = isinstance(given, Sequence) and not isinstance(given, str)
    found = () if given is None else tuple(given) if several else (given,)
    wrong = [item for item in found if not isinstance(item, Hazard)]
    if wrong:
        raise DataError(Problem(name, f"is {type(wrong[0]).__name__}", "a Hazard, a sequence of them, or None"))
    return found


def first_day(
    hazards: Sequence[Hazard], times: FloatArray, values: Mapping[str, FloatArray], size: str, due: FloatArray
) -> FloatArray:
    """Return the day of the first event under the sum of several hazards, infinity for none.

    Parameters
    ----------
    hazards : sequence of Hazard
    times : ndarray, shape (T,)
    values : mapping of output to ndarray, shape (P, T)
    size : str
        The output that is the sum of diameters.
    due : ndarray, shape (P,)
    """
    if not hazards:
        return np.full(len(due), np.inf)
    of_size = [hazard.output == SUM_OF_DIAMETERS or not hazard.exponent for hazard in hazards]
    parts = [h.rates(values[size if own else h.output]) for h, own in zip(hazards, of_size, strict=True)]
    return first_event(times, sum(parts[1:], start=parts[0]), due)


def first_event(times: FloatArray, rates: FloatArray, due: FloatArray) -> FloatArray:
    """Return the day after day 0 at which the cumulative hazard reaches `due`, infinity if it does not.

    Parameters
    ----------
    times : ndarray, shape (T,)
    rates : ndarray, shape (P, T)
        Hazard per day, linear between the times.
    due : ndarray, shape (P,)
    """
    steps = np.diff(times) * (rates[:, 1:] + rates[:, :-1]) / 2 * (times[1:] > 0)
    total = np.concatenate([np.zeros((len(rates), 1)), np.cumsum(steps, axis=1)], axis=1)
    after = (total >= due[:, None]).argmax(axis=1)
    came = total[:, -1] >= due
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(rates))
    with np.errstate(invalid="ignore"):
        rise = total[rows, after] - total[rows, before]
        part = np.divide(due - total[rows, before], rise, out=np.zeros_like(due), where=rise > 0)
    return np.where(came, times[before] + part * (times[after] - times[before]), np.inf)
