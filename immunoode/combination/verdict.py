"""The conclusion about a combination (independent, additive, more or less), with the power to distinguish these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from immunoode.combination.observed_ratio import ObservedRatio


@dataclass(frozen=True)
class Verdict:
    """The conclusion about a combination.

    Attributes
    ----------
    conclusion : str
        "more than additive", "additive", "more than independent", "between independent and additive", "independent", "less than
        independent" or "undecided".
    sentence : str
        The same in words, with the numbers.
    """

    conclusion: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def verdict(ratios: Sequence[ObservedRatio]) -> Verdict:
    """Return the verdict from the ratios to the independent and, if known, the additive prediction."""
    independent = ratios[0]
    additive = ratios[1] if len(ratios) > 1 else None
    conclusion = _conclusion(independent, additive)
    numbers = f"hazard relative to independent action {independent}"
    numbers += f", to additivity {additive}" if additive else ""
    return Verdict(conclusion, f"{_WORDS[conclusion]} ({numbers}).")


_WORDS = {
    "more than additive": "The combination does better than the sum of the benefits of both drugs",
    "additive": "The combination does better than independent action predicts, and as well as additivity predicts",
    "more than independent": "The combination does better than independent action predicts; additivity was not compared",
    "between independent and additive": "The combination does better than independent action predicts, but less well "
    "than additivity predicts",
    "independent": "The combination does as well as independent action predicts, which is enough to explain it",
    "less than independent": "The combination does less well than independent action predicts: one drug reduces the "
    "benefit of the other",
    "undecided": "The data agree with both independent action and additivity, and cannot distinguish them",
}


def _conclusion(independent: ObservedRatio, additive: ObservedRatio | None) -> str:
    if independent.lower > 1:
        return "less than independent"
    if additive is None:
        return "independent" if independent.contains_one else "more than independent"
    if independent.contains_one:
        return "undecided" if additive.lower <= 1 else "independent"
    if additive.upper < 1:
        return "more than additive"
    return "additive" if additive.contains_one else "between independent and additive"


@dataclass(frozen=True)
class Power:
    """The power to distinguish independent action from additivity.

    Attributes
    ----------
    log_ratio : float
        Logarithm of the hazard of an additive combination relative to independent action.
    standard_error : float
        Standard error of the logarithm of an observed ratio.
    confidence : float
    """

    log_ratio: float
    standard_error: float
    confidence: float

    @property
    def power(self) -> float:
        """Probability that an additive combination is found to do better than independent action."""
        from scipy.stats import norm

        return float(norm.cdf(-self.log_ratio / self.standard_error - norm.ppf(0.5 + self.confidence / 2)))

    def detectable_ratio(self, power: float = 0.8) -> float:
        """Return the relative hazard that is found to be below 1 with a given power."""
        from scipy.stats import norm

        return float(np.exp(-(norm.ppf(0.5 + self.confidence / 2) + norm.ppf(power)) * self.standard_error))

    def __str__(self) -> str:
        ratio = np.exp(self.log_ratio)
        return (
            f"An additive combination has {ratio:.2f} times the hazard of independent action; the power to find it "
            f"better than independent is {100 * self.power:.0f} %, and 80 % for a ratio of {self.detectable_ratio():.2f}."
        )
