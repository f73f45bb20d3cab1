"""The difference of two response rates, with intervals of Miettinen and Nurminen or of Mantel and Haenszel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.number_checks import confidence_problems
from immunoode.trial.response.rate_counts import RateCounts, rate_counts

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
METHODS = ("miettinen-nurminen", "mantel-haenszel")


@dataclass(frozen=True)
@shown
class ResponseRateDifference:
    """The difference of the response rates of two arms.

    Attributes
    ----------
    arm, reference : str
        The difference is the rate of `arm` minus that of `reference`.
    method : str
    estimate, lower, upper : float
        Fractions; -0.1 is 10 percentage points less.
    p_value : float
        Two-sided, for equal rates; NaN if Sato's variance is 0 (all or none respond in each arm).
    table : DataFrame
        One row per stratum: stratum, for each arm the responders, the number of subjects and the rate, and the weight.
    confidence : float
    """

    arm: str
    reference: str
    method: str
    estimate: float
    lower: float
    upper: float
    p_value: float
    table: pd.DataFrame
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return the difference as a table of one row."""
        import pandas as pd

        names = ("arm", "reference", "method", "estimate", "lower", "upper", "p_value")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def plot(self, **options: Any) -> Any:
        """Draw the difference with its interval, and those of strata; see `immunoode.plot.rate_intervals`. Returns Axes."""
        from immunoode.plot.rate_intervals import rate_difference

        return rate_difference(self, **options)

    def report(self) -> str:
        """Return the difference and the rates of each stratum as text."""
        return "\n".join([str(self), "", self.table.to_string(index=False, float_format="{:.3f}".format)])

    def __str__(self) -> str:
        numbers = f"{100 * self.estimate:.1f} % ({100 * self.lower:.1f} to {100 * self.upper:.1f}), p = {self.p_value:.3g}"
        how = f"stratified {self.method}" if len(self.table) > 1 else self.method
        return f"response rate of {self.arm} minus that of {self.reference}: {numbers} ({how})"


def response_rate_difference(
    responses: Any,
    *,
    by: str = "arm",
    reference: str | None = None,
    strata: str | Sequence[str] | Mapping[Any, str] = (),
    method: Literal["miettinen-nurminen", "mantel-haenszel"] = "miettinen-nurminen",
    confirmed: bool = True,
    confidence: float = 0.95,
) -> ResponseRateDifference:
    """Estimate the difference of the response rates of two arms.

    Parameters
    ----------
    responses : Responses or DataFrame
        Responses from `recist` or `irecist`; or a table with the columns arm, responders and n (one row per arm, or per arm
        and stratum); or a table with one row per subject: arm, and response (1 or 0).
    by : str
        Column of the two groups.
    reference : str, optional
        The arm whose rate is subtracted; by default the first.
    strata : str, sequence of str, or mapping of subject to stratum
        Columns of the strata. The estimate is the mean difference with Mantel and Haenszel's weights, n1 n2 / (n1 + n2).
    method : {"miettinen-nurminen", "mantel-haenszel"}
        How the interval is computed: all differences that the score test does not reject (Miettinen and Nurminen 1985), or
        from the variance of Sato (1989).
    confirmed : bool
        Whether CR and PR count only if confirmed (for Responses).
    confidence : float

    Returns
    -------
    ResponseRateDifference

    Raises
    ------
    DataError
        If there are not two arms, or a stratum has no subjects of one of them.

    References
    ----------
    Miettinen O, Nurminen M (1985). Comparative analysis of two rates. Statistics in Medicine 4, 213-226.

    Sato T (1989). On the variance estimator for the Mantel-Haenszel risk difference. Biometrics 45, 1323-1324.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["docetaxel", "atezolizumab"], "responders": [12, 36], "n": [77, 154]})
    >>> print(response_rate_difference(table))
    response rate of atezolizumab minus that of docetaxel: 7.8 % (-3.6 to 17.7), p = 0.17 (miettinen-nurminen)
    """
    if method not in METHODS:
        raise DataError(Problem("method", f"is {method!r}", nearest(str(method), METHODS)))
    DataError.raise_if(confidence_problems(confidence))
    counts = rate_counts(responses, by, reference, strata, confirmed)
    weights = _weights(counts)
    estimate = float(weights @ (counts.rates[:, 1] - counts.rates[:, 0]))
    interval = _score_interval if method == METHODS[0] else _sato_interval
    lower, upper, p = interval(counts, weights, estimate, confidence)
    return ResponseRateDifference(
        counts.arm, counts.reference, method, estimate, lower, upper, p, _table(counts, weights), confidence
    )


def _weights(counts: RateCounts) -> FloatArray:
    """Return the weights of the strata, which add up to 1 (s,)."""
    raw = counts.subjects.prod(axis=1) / counts.subjects.sum(axis=1)
    return np.asarray(raw / raw.sum())


def _table(counts: RateCounts, weights: FloatArray) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {"stratum": counts.strata}
    for k, arm in enumerate((counts.reference, counts.arm)):
        columns |= {f"responders {arm}": counts.responders[:, k].astype(int), f"n {arm}": counts.subjects[:, k].astype(int)}
        columns |= {f"rate {arm}": counts.rates[:, k]}
    return pd.DataFrame({**columns, "weight": weights})


def _score_interval(counts: RateCounts, weights: FloatArray, estimate: float, confidence: float) -> tuple[float, float, float]:
    """Return the limits of Miettinen and Nurminen, and the p value for equal rates."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + confidence / 2))

    def statistic(difference: float) -> float:
        variance = float(weights**2 @ _restricted_variance(counts, difference))
        away = estimate - difference
        return away / np.sqrt(variance) if variance > 0 else (np.sign(away) * np.inf if away else 0.0)

    edge = 1 - 1e-10
    lower = -1.0 if statistic(-edge) <= z else brentq(lambda d: min(statistic(d), 1e6) - z, -edge, estimate, xtol=1e-12)
    upper = 1.0 if statistic(edge) >= -z else brentq(lambda d: max(statistic(d), -1e6) + z, estimate, edge, xtol=1e-12)
    return float(lower), float(upper), float(2 * norm.sf(abs(statistic(0.0))))


def _restricted_variance(counts: RateCounts, difference: float) -> FloatArray:
    """Return the variance of the difference in each stratum, at the most likely rates with that difference (s,).

    The rate of the reference is the root of a cubic equation (Miettinen and Nurminen 1985, appendix I).
    """
    (n0, n1), (x0, x1) = counts.subjects.T, counts.responders.T
    n, x = n0 + n1, x0 + x1
    l3, l2 = n, (n1 + 2 * n0) * difference - n - x
    l1, l0 = (n0 * difference - n - 2 * x0) * difference + x, x0 * difference * (1 - difference)
    q = (l2 / (3 * l3)) ** 3 - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    root = (l2 / (3 * l3)) ** 2 - l1 / (3 * l3)
    p = np.where(q >= 0, 1, -1) * np.sqrt(np.maximum(root, 0.0))
    ratio = np.divide(q, p**3, out=np.zeros(len(n)), where=p != 0)
    angle = (np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3
    first = np.clip(2 * p * np.cos(angle) - l2 / (3 * l3), max(0.0, -difference), min(1.0, 1.0 - difference))
    other = first + difference
    return np.asarray((other * (1 - other) / n1 + first * (1 - first) / n0) * n / (n - 1))


def _sato_interval(counts: RateCounts, weights: FloatArray, estimate: float, confidence: float) -> tuple[float, float, float]:
    """Return the limits with the variance of Sato (1989), and the p value for equal rates."""
    from scipy.stats import norm

    (n0, n1), (x0, x1) = counts.subjects.T, counts.responders.T
    n = n0 + n1
    p = (n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / n**2
    q = (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * n)
    spread = float(np.sqrt(max(estimate * p.sum() + q.sum(), 0.0)) / np.sum(n1 * n0 / n))  # 0 but for rounding
    z = float(norm.ppf(0.5 + confidence / 2))
    p_value = float(2 * norm.sf(abs(estimate) / spread)) if spread > 0 else np.nan
    return max(estimate - z * spread, -1.0), min(estimate + z * spread, 1.0), p_value
