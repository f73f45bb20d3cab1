"""RepeatedTrials: replicates of a simulated trial, and the operating characteristics of its design."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown, without_mathematics
from immunoode.number_checks import confidence_problems
from immunoode.trial.response.response_rates import exact_interval
from immunoode.trial.survival.kaplan_meier import MONTH
from immunoode.virtual_trial.simulated_trial import SimulatedTrial
from immunoode.virtual_trial.trial_analysis import TrialAnalysis

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class RepeatedTrials:
    """Replicates of a simulated trial.

    Attributes
    ----------
    table : DataFrame
        One row per replicate and comparison with the control arm: replicate, look (at which it ended), day (calendar),
        randomised, events, numbers of each arm, arm, hazard_ratio (or rate_difference), z, p_value (one-sided), boundary,
        stopped ("efficacy", "futility", "final analysis"), success.
    analysis : TrialAnalysis
    control : str
    size : int
        Number of subjects in each replicate, if it does not stop early.
    null : bool
        Whether all arms were treated as the control arm, so that each success is a type I error.
    populations : int
        Number of populations from which replicates are drawn.
    seed : int
    again : callable
        A function that simulates one replicate.
    """

    table: pd.DataFrame
    analysis: TrialAnalysis
    control: str
    size: int
    null: bool
    populations: int
    seed: int
    again: Callable[[int], SimulatedTrial] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return self.table["replicate"].nunique()

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table."""
        return self.table.copy()

    def trial(self, replicate: int) -> SimulatedTrial:
        """Return one replicate, simulated again; its numbers equal those in the table.

        Raises
        ------
        DataError
            If there is no such replicate.
        """
        if replicate not in set(self.table["replicate"]):
            known = f"{self.table['replicate'].min()} to {self.table['replicate'].max()}"
            raise DataError(Problem("replicate", f"{replicate!r} is not one of them", known))
        return self.again(int(replicate))

    @property
    def success_is(self) -> str:
        """The quantity that the proportion of successful replicates estimates: "type I error", "power" or "probability of
        success".
        """
        if self.null:
            return "type I error"
        return "probability of success" if self.populations > 1 else "power"

    def operating_characteristics(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return the operating characteristics of the design, with Monte Carlo intervals.

        Parameters
        ----------
        confidence : float
            Level of the intervals, which are exact (Clopper-Pearson) for probabilities and based on the standard error for
            means.

        Returns
        -------
        DataFrame
            One row per comparison and quantity: arm, quantity, estimate, lower, upper, replicates. Quantities: power (type I
            error under the null, probability of success with several populations), the probabilities of each way of stopping
            early, means of events, subjects and months at the analysis, and the median of the hazard ratio (no interval).

        Raises
        ------
        DataError
            If `confidence` is not between 0 and 1.
        """
        import pandas as pd

        DataError.raise_if(confidence_problems(confidence))
        rows = []
        for arm, own in self.table.groupby("arm", sort=False):
            for name, (estimate, lower, upper) in self._of_arm(own, confidence).items():
                rows.append({"arm": arm, "quantity": name, "estimate": estimate, "lower": lower, "upper": upper})
        return pd.DataFrame(rows).assign(replicates=len(self))

    def _of_arm(self, own: pd.DataFrame, confidence: float) -> dict[str, tuple[float, float, float]]:
        """Return estimates with intervals of one comparison."""

        def probability(which: pd.Series) -> tuple[float, float, float]:
            count = int(which.sum())
            return (count / len(which), *exact_interval(count, len(which), confidence))

        found = {self.success_is: probability(own["success"])} if "z" in own else {}
        for why in ("efficacy", "futility"):
            if self.analysis.looks:
                found[f"stopped early for {why}"] = probability(own["stopped"] == why)
        for name, values in (("events", own["events"]), ("subjects", own["randomised"]), ("months", own["day"] / MONTH)):
            found[f"mean {name}"] = _mean(values.to_numpy(float), confidence)
        for effect in ("hazard_ratio", "rate_difference"):
            if effect in own:
                found[f"median {effect}"] = (float(own[effect].median()), np.nan, np.nan)
        return found

    def report(self) -> str:
        """Return the operating characteristics as text."""
        table = self.operating_characteristics().to_string(index=False, float_format="{:.4g}".format)
        return f"{self}\n\n{table}"

    def plot(self, **options: Any) -> Any:
        """Draw the estimates of the replicates, marking the successful ones; see `immunoode.plot.virtual_trial`."""
        from immunoode.plot.virtual_trial import replicates

        return replicates(self, **options)

    def __str__(self) -> str:
        treated = ", all arms treated as " + repr(self.control) if self.null else ""
        return f"{len(self)} replicates of a trial of {self.size} subjects, {self.analysis.endpoint}{treated}"

    def __repr__(self) -> str:
        return f"<{self}>"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return f"<p><b>{escape(str(self))}</b></p>" + str(
            self.operating_characteristics().to_html(index=False, float_format="%.4g")
        )


def _mean(values: Any, confidence: float) -> tuple[float, float, float]:
    """Return the mean and its interval by the normal distribution."""
    from scipy.special import ndtri

    mean = float(np.mean(values))
    half = float(ndtri((1 + confidence) / 2) * np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
    return mean, mean - half, mean + half
