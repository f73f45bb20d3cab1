"""Log-rank tests: stratified, and weighted after Fleming and Harrington."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.number_checks import is_finite
from immunoode.trial.survival.two_arms import STRATUM, one_armed, rows_by_arm, with_strata
from immunoode.trial.survival.weighted_scores import FloatArray, WeightedScores, weighted_scores

if TYPE_CHECKING:
    import pandas as pd

ROUNDING = 1e-9
"""Eigenvalues of a correlation of arms below this are rounding."""


@dataclass(frozen=True)
@shown
class LogRankTest:
    """A log-rank test of equal survival in all arms, stratified or weighted or both.

    Attributes
    ----------
    endpoint : str
    rho, gamma : float
        The weight at each time is S^rho (1 - S)^gamma, where S is the survival of all arms just before it, within the
        stratum.
    strata : tuple of str
        Columns of the strata; () without.
    table : DataFrame
        One row per arm: arm, subjects, events, observed and expected (weighted numbers of events).
    statistic : float
        Chi-square.
    degrees_of_freedom : int
        The number of arms that are at risk together with others at an event, minus one.
    p_value : float
        Two-sided.
    z : float
        For two arms: above 0 if the second has fewer events than expected. NaN for more arms.
    notes : tuple of str
    """

    endpoint: str
    rho: float
    gamma: float
    strata: tuple[str, ...]
    table: pd.DataFrame
    statistic: float
    degrees_of_freedom: int
    p_value: float
    z: float
    notes: tuple[str, ...] = ()

    @property
    def p_one_sided(self) -> float:
        """The p value of the hypothesis that the second arm is not better than the first; NaN with more than two arms."""
        from scipy.stats import norm

        return float(norm.sf(self.z))

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers of each arm."""
        return self.table.copy()

    def report(self) -> str:
        """Return the test as text."""
        lines = [f"{self.endpoint}: {self}", "", self.table.to_string(index=False, float_format="{:.2f}".format)]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    def __str__(self) -> str:
        kind = (
            "log-rank test"
            if self.rho == self.gamma == 0
            else f"weighted log-rank test (rho {self.rho:g}, gamma {self.gamma:g})"
        )
        by = f" by {', '.join(self.strata)}" if self.strata else ""
        stratified = f"stratified {kind}{by}" if self.strata else kind
        return f"{stratified}: chi2 = {self.statistic:.2f}, {self.degrees_of_freedom} df, p = {self.p_value:.3g}"


def log_rank(
    endpoints: Any,
    endpoint: str | None = None,
    *,
    by: str = "arm",
    strata: str | Sequence[str] = (),
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRankTest:
    """Test whether survival is equal in all arms.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
        Subject, time (days), event, and arm.
    endpoint : str, optional
        "OS", "PFS", ...; by default the only endpoint.
    by : str
        Column of the groups to compare.
    strata : str or sequence of str
        Columns of the table, or covariates of the trial data: observed and expected events are those within each stratum.
    rho, gamma : float
        Exponents of the weight of Fleming and Harrington: gamma above 0 weights late events, as a delayed effect suggests;
        rho above 0 early ones. Both 0 are the log-rank test; rho = 1 that of Peto and Peto.

    Returns
    -------
    LogRankTest

    Raises
    ------
    DataError
        If there is only one arm, there is no event, a stratum is empty, no stratum has two arms, or no event distinguishes
        the arms.

    Notes
    -----
    Agrees with lifelines, which has the unstratified test, and with `survdiff` of the R package survival.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcdef"), "arm": list("xxxyyy"), "time": [3, 5, 8, 7, 9, 12], "event": 1})
    >>> print(log_rank(table))
    log-rank test: chi2 = 2.56, 1 df, p = 0.11
    """
    from scipy.stats import chi2

    _check_exponents([(rho, gamma)])
    rows = with_strata(rows_by_arm(endpoints, endpoint, by), endpoints, strata)
    scores, arms, notes = scores_of(rows, [(rho, gamma)], "log-rank test")
    u, v = scores.score[0], scores.covariance[0, 0]
    freedom = _rank(v)
    if not freedom:
        what = "have no event that distinguishes the arms, that is, with several arms at risk and a weight above 0"
        raise DataError(Problem("endpoints", what, "other exponents, or data with more events"))
    statistic = float(u[:-1] @ np.linalg.pinv(v[:-1, :-1], hermitian=True) @ u[:-1])
    z = float(-u[1] / np.sqrt(v[1, 1])) if len(arms) == 2 else np.nan
    return LogRankTest(
        str(rows["endpoint"].iloc[0]),
        float(rho),
        float(gamma),
        (strata,) if isinstance(strata, str) else tuple(strata),
        _table(rows, arms, scores),
        statistic,
        freedom,
        float(chi2.sf(statistic, freedom)),
        z,
        notes,
    )


def _rank(covariance: FloatArray) -> int:
    """Return how many differences between arms the events determine: fewer than arms - 1 if an arm is never at risk."""
    spread = np.sqrt(np.diag(covariance))
    some = spread > 0
    correlation = covariance[np.ix_(some, some)] / np.outer(spread[some], spread[some])
    return int((np.linalg.eigvalsh(correlation) > ROUNDING).sum())


def _check_exponents(weights: Sequence[tuple[float, float]]) -> None:
    wrong = [w for w in weights if not _is_pair(w)]
    if wrong:
        right = "two exponents of 0 or above: (0, 1)"
        raise DataError([Problem("weights", f"rho, gamma are {w!r}", right) for w in wrong])


def _is_pair(given: Any) -> bool:
    """Return whether this is a pair of exponents."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        return False
    return all(is_finite(e) and e >= 0 for e in given)


def scores_of(
    rows: pd.DataFrame, weights: Sequence[tuple[float, float]], what: str
) -> tuple[WeightedScores, list[str], tuple[str, ...]]:
    """Return the scores of rows with strata, the arms in their order, and notes on strata that do not count.

    Raises
    ------
    DataError
        If there is only one arm, there is no event, or no stratum has two arms.
    """
    import pandas as pd

    _check_exponents(weights)
    arm, arms = pd.factorize(rows["arm"])
    stratum, strata = pd.factorize(rows[STRATUM])
    if len(arms) < 2:
        raise DataError(Problem(what, f"needs at least two arms, but there is only {arms[0]!r}", "data with several arms"))
    if not rows["event"].any():
        raise DataError(Problem("endpoints", "have no event", "data with at least one event"))
    alone = one_armed(rows)
    if len(alone) == len(strata):
        raise DataError([Problem(f"stratum {s!r}", "has subjects of one arm only", "strata with two arms") for s in alone])
    scores = weighted_scores(
        rows["time"].to_numpy(np.float64), rows["event"].to_numpy(bool), arm.astype(np.int64), stratum.astype(np.int64), weights
    )
    notes = (f"subjects of one arm only, which do not count: stratum {', '.join(map(repr, alone))}",) if alone else ()
    return scores, [str(a) for a in arms], notes


def _table(rows: pd.DataFrame, arms: Sequence[str], scores: WeightedScores) -> pd.DataFrame:
    import pandas as pd

    counts = rows["arm"].value_counts()
    return pd.DataFrame(
        {
            "arm": arms,
            "subjects": [int(counts[a]) for a in arms],
            "events": scores.events.astype(int),
            "observed": scores.observed[0],
            "expected": scores.expected[0],
        }
    )
