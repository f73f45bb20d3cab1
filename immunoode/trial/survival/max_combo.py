"""The MaxCombo test: the largest of several weighted log-rank statistics, with their correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.trial.survival.log_rank import scores_of
from immunoode.trial.survival.normal_maximum import any_beyond
from immunoode.trial.survival.two_arms import rows_by_arm, two_arms, with_strata

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
WEIGHTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""Log-rank, late, early and middle differences."""


@dataclass(frozen=True)
@shown
class MaxComboTest:
    """A MaxCombo test of two arms.

    Attributes
    ----------
    endpoint, reference, arm : str
        Statistics are above 0 if `arm` has fewer events than expected under equal survival with `reference`.
    table : DataFrame
        One row per weight: rho, gamma, z, p_value (two-sided, not adjusted), p_one_sided.
    correlation : (m, m)
        Correlation of the statistics under equal survival.
    p_value : float
        Two-sided: the probability, if survival is equal, that any |z| is as large as the largest.
    p_one_sided : float
        The probability that any z is as large as the largest.
    strata : tuple of str
    notes : tuple of str
    """

    endpoint: str
    reference: str
    arm: str
    table: pd.DataFrame
    correlation: FloatArray
    p_value: float
    p_one_sided: float
    strata: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def statistic(self) -> float:
        """The largest |z|."""
        return float(self.table["z"].abs().max())

    def to_frame(self) -> pd.DataFrame:
        """Return the individual tests, one row per weight."""
        return self.table.copy()

    def report(self) -> str:
        """Return the tests and their correlation as text."""
        import pandas as pd

        names = [f"({r:g}, {g:g})" for r, g in zip(self.table["rho"], self.table["gamma"], strict=True)]
        matrix = pd.DataFrame(self.correlation, names, names)
        lines = [f"{self.endpoint}, {self.arm} against {self.reference}: {self}", ""]
        lines += [self.table.to_string(index=False, float_format="{:.3g}".format), ""]
        lines += ["Correlation of the statistics, by (rho, gamma):", matrix.to_string(float_format="{:.3f}".format)]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    def __str__(self) -> str:
        one = f"one-sided p = {self.p_one_sided:.3g}"
        return f"MaxCombo test: largest |z| = {self.statistic:.2f}, p = {self.p_value:.3g} ({one})"


def max_combo(
    endpoints: Any,
    endpoint: str | None = None,
    *,
    by: str = "arm",
    reference: str | None = None,
    strata: str | Sequence[str] = (),
    weights: Sequence[tuple[float, float]] = WEIGHTS,
) -> MaxComboTest:
    """Test whether survival is equal in two arms, by the largest of several weighted log-rank statistics.

    Parameters
    ----------
    endpoints, endpoint, by, strata
        As for `log_rank`.
    reference : str, optional
        The arm to compare with; by default the first.
    weights : sequence of (rho, gamma)
        Exponents of Fleming and Harrington of each test; by default (0, 0), (0, 1), (1, 0) and (1, 1).

    Returns
    -------
    MaxComboTest

    Raises
    ------
    DataError
        If there are not two arms, there is no event, or exponents are negative.

    Notes
    -----
    The covariance of two statistics is that of their weighted sums over the same events; p values are multivariate normal
    probabilities. A test that finds late differences can be significant although survival is worse at first: also inspect the
    curves.

    References
    ----------
    Karrison TG (2016). Versatile tests for comparing survival curves based on weighted log-rank statistics. Stata Journal 16,
    678-690.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subject": list("abcdef"), "arm": list("xxxyyy"), "time": [3, 5, 8, 7, 9, 12], "event": 1})
    >>> test = max_combo(table, weights=[(0, 0), (0, 1)])
    >>> test.table["z"].round(2).tolist(), round(test.p_value, 3)
    ([1.6, 1.21], 0.167)
    """
    import pandas as pd
    from scipy.stats import norm

    if not len(weights):
        raise DataError(Problem("weights", "are none", "pairs of exponents: [(0, 0), (0, 1)]"))
    rows = with_strata(rows_by_arm(endpoints, endpoint, by), endpoints, strata)
    first, other = two_arms(rows, reference, "MaxCombo test")
    scores, arms, notes = scores_of(rows, weights, "MaxCombo test")
    k = arms.index(other)
    covariance = scores.covariance[:, :, k, k]
    spread = np.sqrt(np.diag(covariance))
    if not spread.all():
        at = [weights[int(i)] for i in np.flatnonzero(spread == 0)]
        raise DataError(
            [Problem(f"weight {w}", "gives no event any weight", "other exponents, or data with more events") for w in at]
        )
    z = -scores.score[:, k] / spread
    correlation = covariance / np.outer(spread, spread)
    rho, gamma = (np.array([w[i] for w in weights], dtype=np.float64) for i in (0, 1))
    table = pd.DataFrame({"rho": rho, "gamma": gamma, "z": z, "p_value": 2 * norm.sf(np.abs(z)), "p_one_sided": norm.sf(z)})
    return MaxComboTest(
        str(rows["endpoint"].iloc[0]),
        first,
        other,
        table,
        correlation,
        any_beyond(float(np.abs(z).max()), correlation, two_sided=True),
        any_beyond(float(z.max()), correlation, two_sided=False),
        (strata,) if isinstance(strata, str) else tuple(strata),
        notes,
    )
