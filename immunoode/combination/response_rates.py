"""`independent_response`: the response rate of a combination whose drugs act independently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.combination.argument_checks import action_problems
from immunoode.combination.gaussian_copula import joint_probability
from immunoode.combination.rank_correlation import CorrelationOfDrugs
from immunoode.combination.step_curve import FloatArray
from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.number_checks import has_whole_value, is_finite
from immunoode.virtual_population.cohort import Cohort
from immunoode.virtual_population.patients import VirtualPatients

if TYPE_CHECKING:
    import pandas as pd

EFFECTS = "latent effects of the two drugs"
RESPONSES = ("CR", "PR", "iCR", "iPR")


@dataclass(frozen=True)
class RateOfArm:
    """The response rate of an arm, and its number of subjects (infinite if the rate is taken as known)."""

    name: str
    rate: float
    subjects: float

    def draw(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return rates from the posterior under Jeffreys' prior."""
        if not np.isfinite(self.subjects):
            return np.full(count, self.rate)
        responders = self.rate * self.subjects
        return rng.beta(responders + 0.5, self.subjects - responders + 0.5, count)


@dataclass(frozen=True)
@shown
class IndependentResponse:
    """The response rate of a combination under independent action.

    Attributes
    ----------
    first, second : RateOfArm
    combination : RateOfArm or None
    correlation : CorrelationOfDrugs
    rate, lower, upper : float
        Predicted rate, with an interval from the errors of both rates and the correlation.
    difference, difference_lower, difference_upper : float
        Observed minus predicted rate; NaN without an observed rate.
    power : float
        Probability of finding the combination better than predicted if its gain over the better drug is twice the predicted
        one; NaN without an observed rate.
    confidence : float
    """

    first: RateOfArm
    second: RateOfArm
    combination: RateOfArm | None
    correlation: CorrelationOfDrugs
    rate: float
    lower: float
    upper: float
    difference: float
    difference_lower: float
    difference_upper: float
    power: float
    confidence: float

    @property
    def verdict(self) -> str:
        """The conclusion: "independent", "more than independent", "less than independent", or "not observed"."""
        if self.combination is None:
            return "not observed"
        if self.difference_lower > 0:
            return "more than independent"
        return "less than independent" if self.difference_upper < 0 else "independent"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per rate: label, rate, lower, upper, subjects."""
        import pandas as pd

        arms = [a for a in (self.first, self.second, self.combination) if a]
        rows = [{"label": a.name, "rate": a.rate, "subjects": a.subjects} for a in arms]
        rows.insert(2, {"label": "independent", "rate": self.rate, "lower": self.lower, "upper": self.upper})
        return pd.DataFrame(rows, columns=["label", "rate", "lower", "upper", "subjects"])

    def plot(self, **options: Any) -> Any:
        """Draw the rates, and the predicted one with its interval; see `immunoode.plot.rate_intervals`. Returns Axes."""
        from immunoode.plot.rate_intervals import independent_response_rates

        return independent_response_rates(self, **options)

    def report(self) -> str:
        """Return rates and verdict as text."""
        table = self.to_frame().to_string(index=False, float_format="{:.3f}".format, na_rep="")
        return "\n".join([str(self), "", table, str(self.correlation)])

    def __str__(self) -> str:
        level = f"{100 * self.confidence:g} % interval"
        said = f"independent action predicts {_percent(self.rate)} ({level} {_percent(self.lower)} to {_percent(self.upper)})"
        if self.combination is None:
            return f"Response: {said}."
        off = f"{_percent(self.difference)} ({_percent(self.difference_lower)} to {_percent(self.difference_upper)})"
        return (
            f"Response: {said}; {_percent(self.combination.rate)} responded, a difference of {off}; conclusion: {self.verdict}."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def independent_response(
    first: Any,
    second: Any,
    combination: Any = None,
    *,
    data: Any = None,
    correlation: float | None = None,
    correlation_error: float | None = None,
    confidence: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> IndependentResponse:
    """Predict the response rate p_A + p_B - C(p_A, p_B) of a combination whose drugs act independently.

    Parameters
    ----------
    first, second, combination : float or str
        Rates, which are taken as known; with `data`, names of its arms.
    data : DataFrame, Cohort or VirtualPatients, optional
        A table with the columns arm, responders and n (numbers of subjects); or a cohort, whose rates are taken as known.
    correlation : float, optional
        Spearman correlation of the latent effects of the two drugs (a Gaussian copula). By default, for arms of one cohort,
        that of the responses of its patients, so that the prediction is the share that responds to either drug; otherwise
        0.3.
    correlation_error : float, optional
        Its standard deviation: 0.1 by default, 0 if the correlation is the cohort's own.
    confidence : float
    draws : int
    seed : int

    Returns
    -------
    IndependentResponse

    Raises
    ------
    DataError

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["A", "B", "both"], "responders": [20, 30, 55], "n": [100, 100, 100]})
    >>> found = independent_response("A", "B", "both", data=table, correlation=0.0, correlation_error=0.0)
    >>> round(found.rate, 3), found.verdict
    (0.44, 'independent')
    """
    given = {"first": first, "second": second, "combination": combination}
    DataError.raise_if(action_problems(given, confidence, draws, seed, correlation, correlation_error))
    if isinstance(data, VirtualPatients):
        data = Cohort(data, data.prior)
    arms = [_arm(each, data) for each in (first, second)]
    both = None if combination is None else _arm(combination, data)
    of_cohort = isinstance(data, Cohort) and correlation is None
    own = _cohort_correlation(data, arms) if of_cohort else correlation
    related = CorrelationOfDrugs.stated_or_usual(own, correlation_error, of_cohort, EFFECTS)
    rngs = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    a, b = (arm.draw(rng, draws) for arm, rng in zip(arms, rngs, strict=False))
    drawn = _either(a, b, related.draw(rngs[2], draws))
    rate = float(_either(arms[0].rate, arms[1].rate, related.spearman))
    tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
    lower, upper = np.quantile(drawn, tails)
    off, off_lower, off_upper, power = np.nan, np.nan, np.nan, np.nan
    if both is not None:
        differences = both.draw(rngs[3], draws) - drawn
        off_lower, off_upper = np.quantile(differences, tails)
        off, power = both.rate - rate, _power(arms, rate, float(differences.std()), confidence)
    limits = (float(lower), float(upper), float(off), float(off_lower), float(off_upper), power)
    return IndependentResponse(arms[0], arms[1], both, related, rate, *limits, confidence)


def _cohort_correlation(cohort: Cohort, arms: list[RateOfArm]) -> float:
    """Return the correlation for which the copula reproduces the proportion of a cohort's patients who respond to both
    drugs.
    """
    from scipy.optimize import brentq

    one, other = ((cohort.patients.column("best_response", arm.name)).isin(RESPONSES).to_numpy() for arm in arms)
    both = float(cohort.weights @ (one & other))

    def off(spearman: float) -> float:
        return float(joint_probability(arms[0].rate, arms[1].rate, spearman)) - both

    if off(-1.0) >= 0:  # no more than must respond to both; without responders, any correlation gives the same result
        return 0.0 if off(1.0) <= 0 else -1.0
    return 1.0 if off(1.0) <= 0 else float(brentq(off, -1.0, 1.0, xtol=1e-12))


def _either(first: Any, second: Any, spearman: Any) -> Any:
    return first + second - joint_probability(first, second, spearman)


def _power(arms: list[RateOfArm], rate: float, error: float, confidence: float) -> float:
    """Return the power for a gain over the better drug that is twice the predicted one."""
    from scipy.stats import norm

    gain = rate - max(arm.rate for arm in arms)
    return float(norm.cdf(gain / error - norm.ppf(0.5 + confidence / 2))) if error > 0 else float(gain > 0)


def _arm(each: Any, data: Any) -> RateOfArm:
    """Return the rate of an arm."""
    if not isinstance(each, str):
        if not (is_finite(each) and 0 <= each <= 1):
            raise DataError(
                Problem("response rate", f"is {each!r:.60}", "a fraction from 0 to 1, or with data= the name of an arm")
            )
        return RateOfArm(f"{100 * float(each):g} %", float(each), np.inf)
    if isinstance(data, Cohort):
        rates = data.rates(each)
        return RateOfArm(each, float(sum(rates.get(name, 0.0) for name in RESPONSES)), np.inf)
    if data is None or not {"arm", "responders", "n"} <= set(getattr(data, "columns", ())):
        raise DataError(Problem("data", "have no response rates", "a table with the columns arm, responders, n; or a cohort"))
    rows = data[data["arm"].astype(str) == each]
    if len(rows) != 1:
        known = list(map(str, data["arm"]))
        raise DataError(Problem("arm", f"{each!r} is in {len(rows)} rows", nearest(each, known)))
    counts = [rows[column].iloc[0] for column in ("responders", "n")]
    if not all(map(has_whole_value, counts)):
        what = f"{counts[0]!s:.20} of {counts[1]!s:.20} is not a count"
        raise DataError(
            Problem(f"response of {each}", what, "whole numbers of responders and of subjects, not a rate: 20 of 100")
        )
    responders, n = map(float, counts)
    if not 0 <= responders <= n or n == 0:
        raise DataError(Problem(f"response of {each}", f"{responders:g} of {n:g}", "no more responders than subjects"))
    return RateOfArm(each, responders / n, n)
