"""`growth_power`: the power of a planned experiment with two drugs and their combination."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from immunoode import units
from immunoode.errors import DataError, Problem
from immunoode.number_checks import confidence_problems

if TYPE_CHECKING:
    import pandas as pd


def growth_power(
    animals: int | Iterable[int],
    times: Any,
    *,
    control: float,
    first: float,
    second: float,
    combination: float,
    between_sd: float,
    residual_sd: float,
    null: Literal["bliss", "highest single agent"] = "bliss",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the power to detect that a combination differs from a null model, for given numbers of animals per group.

    Parameters
    ----------
    animals : int or iterable of int
        Animals in each of the four groups.
    times : array of times
        Days of the measurements, including the first one.
    control, first, second, combination : float
        Growth rates per day.
    between_sd : float
        Standard deviation of the growth rates of the animals in a group, per day.
    residual_sd : float
        Standard deviation of log sizes about the line of an animal.
    null : {"bliss", "highest single agent"}
    confidence : float
        One minus the two-sided significance level.

    Returns
    -------
    DataFrame
        animals, power, standard_error (of the contrast, per day), degrees_of_freedom.

    Raises
    ------
    DataError

    Notes
    -----
    The power is that of the F test in the linear mixed model. Its noncentrality is that of the expected data with these
    variances; its degrees of freedom are those of R's nlme (measurements minus animals minus 3).

    Examples
    --------
    >>> rates = {"control": 0.08, "first": 0.07, "second": 0.06, "combination": 0.03}
    >>> growth_power([5, 8], range(0, 31, 3), **rates, between_sd=0.01, residual_sd=0.1)["power"].round(3).tolist()
    [0.592, 0.794]
    """
    import pandas as pd
    from scipy.stats import f, ncf

    counts = np.atleast_1d(np.asarray(list(animals) if isinstance(animals, Iterable) else [animals]))
    days = np.atleast_1d(units.times(times))
    _check(counts, days, between_sd, residual_sd, null, confidence)
    bliss = null == "bliss"
    contrast = combination - (first + second - control if bliss else min(first, second))
    spread = (4 if bliss else 2) * (between_sd**2 + residual_sd**2 / float(((days - days[0]) ** 2).sum()))
    free = 4 * counts * (len(days) - 1) - 3
    power = ncf.sf(f.ppf(confidence, 1, free), 1, free, counts * contrast**2 / spread)
    columns = {"animals": counts, "power": power, "standard_error": np.sqrt(spread / counts), "degrees_of_freedom": free}
    return pd.DataFrame(columns)


def _check(counts: Any, days: Any, between_sd: float, residual_sd: float, null: str, confidence: float) -> None:
    problems = []
    if not len(counts) or (counts < 1).any():
        problems.append(Problem("animals", f"are {counts.tolist()}", "one or more in each group"))
    if len(days) < 2 or (np.diff(days) <= 0).any():
        problems.append(Problem("times", "do not increase", "at least two days of measurement"))
    if not (between_sd >= 0 and residual_sd >= 0 and between_sd + residual_sd > 0):
        problems.append(
            Problem("between_sd, residual_sd", f"are {between_sd} and {residual_sd}", "zero or more, not both zero")
        )
    if null not in ("bliss", "highest single agent"):
        problems.append(Problem("null", f"is {null!r}", "'bliss' or 'highest single agent'"))
    DataError.raise_if(problems + confidence_problems(confidence))
