"""The analysis of a simulated trial: its endpoint and test, its time, and the rules for stopping early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.errors import DataError, Problem, UnitError, nearest
from immunoode.number_checks import is_number, is_whole
from immunoode.virtual_trial.alpha_spending import FUNCTIONS, Spending, spending_boundaries
from immunoode.virtual_trial.two_arm_comparison import hazard_ratio, log_rank_z, response_z, risk_sets

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Endpoint = Literal["PFS", "OS", "response"]
ENDPOINTS = ("PFS", "OS", "response")
LOG_RANK, RESPONSE_RATES = "log-rank", "response rates"
RESPONDERS = ("CR", "PR", "iCR", "iPR")


def _max_combo(table: pd.DataFrame, control: str) -> float:
    from immunoode.trial.survival.max_combo import max_combo

    return float(max_combo(table, reference=control).p_one_sided)


def _late_log_rank(table: pd.DataFrame, control: str) -> float:
    from immunoode.trial.survival.log_rank import log_rank

    ordered = table.sort_values("arm", key=lambda arm: arm != control, kind="stable")
    return float(log_rank(ordered, gamma=1.0).p_one_sided)


def _restricted_mean(table: pd.DataFrame, control: str) -> float:
    from immunoode.trial.survival.restricted_mean import restricted_mean_survival

    found = restricted_mean_survival(table, reference=control).contrasts
    row = found[found["measure"] == "difference"].iloc[0]
    return float(row["p_value"] / 2 if row["estimate"] > 0 else 1 - row["p_value"] / 2)


NAMED: dict[str, Callable[[pd.DataFrame, str], float]] = {
    "MaxCombo": _max_combo,
    "late log-rank": _late_log_rank,
    "restricted mean": _restricted_mean,
}
"""Further tests by name: functions of the times of two arms and the name of the control arm, with a one-sided p value."""


def _named_p(test: str, table: pd.DataFrame, control: str) -> float:
    """Return the one-sided p value of a test; NaN if a look has no information about the difference, as for the log-rank test.

    This is the case if one arm has no subjects yet, or there are no events; for MaxCombo, also if all events are at one time.
    """
    try:
        return NAMED[test](table, control)
    except DataError:
        return float("nan")


@dataclass(frozen=True)
class TrialAnalysis:
    """The analysis of a trial.

    Attributes
    ----------
    endpoint : {"PFS", "OS", "response"}
    test : str or callable, optional
        "log-rank" (the default for times), "late log-rank" (weights of Fleming and Harrington, rho 0 and gamma 1), "MaxCombo",
        "restricted mean" (difference of restricted mean survival times); "response rates" (score test of their difference, the
        default for responses); or a function that takes the table of outcomes of two arms (with the column `arm`) and returns
        a one-sided p value, which is small if the arm other than the control is better.
    alpha : float
        One-sided type I error; with more than two arms, it is divided among the comparisons with the control arm
        (Bonferroni).
    events : int, optional
        The data cut is at the end of the day on which this number of events of the endpoint is reached. With iRECIST, there
        may be more or fewer events at the cut, because the day is determined from the data of the whole trial, in which it is
        known which iUPD are confirmed.
    at : str or float, optional
        Alternatively, the time of the data cut after the beginning of accrual ("24 months"). By default, the analysis is at
        the end of follow-up of all subjects.
    looks : tuple of float
        Interim looks at these fractions of `events`.
    spending : {"obrien_fleming", "pocock"}
        The spending function of the type I error, see `spending_boundaries`; it holds for the log-rank test (and
        approximately for others).
    futility : float, optional
        The trial stops at an interim look if the hazard ratio is at least this. The boundaries for efficacy do not rely on it
        (non-binding futility).
    control : str, optional
        The control arm; the first one by default.

    Raises
    ------
    DataError

    Examples
    --------
    >>> TrialAnalysis("OS", events=200, looks=(0.5, 0.75)).boundaries().round(3).tolist()
    [2.963, 2.359, 2.014]
    """

    endpoint: Endpoint = "PFS"
    test: str | Callable[[pd.DataFrame], float] | None = None
    alpha: float = 0.025
    events: int | None = None
    at: str | float | None = None
    looks: tuple[float, ...] = ()
    spending: Spending = "obrien_fleming"
    futility: float | None = None
    control: str | None = None

    def __post_init__(self) -> None:
        problems = [*self._wrong_names(), *self._wrong_times()]
        if not 0 < self.alpha < 0.5:
            problems.append(Problem("alpha", f"is {self.alpha}", "a one-sided type I error: 0.025"))
        if self.futility is not None and not self.futility > 0:
            problems.append(Problem("futility", f"is {self.futility}", "a hazard ratio above zero"))
        DataError.raise_if(problems)

    def _wrong_names(self) -> list[Problem]:
        problems = []
        if self.endpoint not in ENDPOINTS:
            problems.append(Problem("endpoint", f"is {self.endpoint!r}", nearest(str(self.endpoint), ENDPOINTS)))
        names = (LOG_RANK, RESPONSE_RATES, *NAMED)
        if not callable(self.test) and self.test not in (None, *names):
            problems.append(Problem("test", f"is {self.test!r}", nearest(str(self.test), names)))
        of_responses = self.endpoint == "response"
        if isinstance(self.test, str) and of_responses != (self.test == RESPONSE_RATES):
            problems.append(Problem("test", f"{self.test!r} does not fit the endpoint {self.endpoint!r}", "leave it out"))
        if self.spending not in FUNCTIONS:
            problems.append(Problem("spending", f"is {self.spending!r}", nearest(str(self.spending), FUNCTIONS)))
        if of_responses and (self.events is not None or self.looks or self.futility is not None):
            problems.append(
                Problem("endpoint", "'response' has no events, looks or hazard ratio", "at=, or the end of follow-up")
            )
        return problems

    def _wrong_times(self) -> list[Problem]:
        problems = []
        if self.events is not None and not is_whole(self.events, 2):
            problems.append(Problem("events", f"are {self.events!r}", "a whole number of at least 2"))
        if self.events is not None and self.at is not None:
            problems.append(Problem("analysis", "has both events= and at=", "only one of them"))
        if self.at is not None:
            try:
                if units.days(self.at) <= 0:
                    problems.append(Problem("at", f"is {self.at!r}", "a time above zero"))
            except UnitError as error:
                problems.append(Problem("at", str(error), "a time: '24 months', or a number of days"))
        steps = np.diff(np.asarray([0.0, *self.looks, 1.0]))
        if not (steps > 0).all():
            problems.append(Problem("looks", f"are {self.looks}", "increasing fractions between 0 and 1"))
        if self.looks and self.events is None:
            problems.append(Problem("looks", "are fractions of events=, which is not stated", "events="))
        if self.futility is not None and not self.looks:
            problems.append(Problem("futility", "is stated without looks", "looks=(0.5,)"))
        return problems

    @property
    def fractions(self) -> tuple[float, ...]:
        """Information at the looks, including the last one."""
        return (*self.looks, 1.0)

    def boundaries(self, comparisons: int = 1) -> FloatArray:
        """Return the boundary of the statistic at each look."""
        return spending_boundaries(self.fractions, self.alpha / comparisons, self.spending)["z"]

    def event_counts(self) -> list[int]:
        """Return the number of events at each look."""
        return [max(2, int(np.ceil(f * (self.events or 0) - 1e-9))) for f in self.fractions]

    def times(self, table: pd.DataFrame) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return times and events of the endpoint; for responses, a time of 0 and whether the subject responded."""
        if self.endpoint == "response":
            return np.zeros(len(table)), table["best_response"].isin(RESPONDERS).to_numpy(bool)
        name = self.endpoint.lower()
        return table[f"{name}_time"].to_numpy(float), table[f"{name}_event"].to_numpy(bool)

    def compare(self, table: pd.DataFrame, control: str) -> dict[str, float]:
        """Return the estimate (hazard ratio, or difference of response rates), the statistic and the one-sided p value.

        Parameters
        ----------
        table : DataFrame
            Outcomes of two arms, with the column `arm`.
        control : str
        """
        from scipy.special import ndtr, ndtri

        time, event = self.times(table)
        treated = (table["arm"] != control).to_numpy(bool)
        if self.endpoint == "response":
            both = treated.any() and not treated.all()
            estimate = {"rate_difference": event[treated].mean() - event[~treated].mean() if both else np.nan}
            z = response_z(event, treated)
        else:
            sets = risk_sets(time, event, treated)
            estimate, z = {"hazard_ratio": hazard_ratio(sets)}, log_rank_z(sets)
        if callable(self.test):
            z = -float(ndtri(self._own_p(table)))
        elif self.test in NAMED:
            rows = {"subject": table.index, "arm": table["arm"], "time": time, "event": event}
            z = -float(ndtri(_named_p(self.test, _frame(rows), control)))
        return {**estimate, "z": z, "p_value": float(ndtr(-z))}

    def _own_p(self, table: pd.DataFrame) -> float:
        """Return the p value of a user-defined test.

        Raises
        ------
        DataError
            If it is not a probability.
        """
        assert callable(self.test)
        p: Any = self.test(table)
        if not (is_number(p) and 0 <= p <= 1):
            raise DataError(Problem("test", f"returned {p!r}", "a one-sided p value between 0 and 1"))
        return float(p)


def _frame(columns: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)
