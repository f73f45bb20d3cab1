"""What an evaluation of response gives: visits, subjects, rates, in tables and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem, nearest
from immunoode.trial.response.best import plain
from immunoode.trial.response.rules import CR, NON, PR, SD, RecistRules

if TYPE_CHECKING:
    import pandas as pd

RESPONDED = (CR, PR)
CONTROLLED = (CR, PR, SD, NON)


@dataclass(frozen=True)
class Responses:
    """Responses of subjects by RECIST 1.1 or iRECIST.

    Attributes
    ----------
    criteria : str
        "RECIST 1.1" or "iRECIST".
    visits : DataFrame
        A row a visit: subject, arm, time (days), sum_of_diameters, baseline, nadir (mm; the smallest sum before the visit,
        baseline included), change_from_baseline, change_from_nadir (fractions), target, non_target, new_lesion, response. The
        baseline is the first visit, its response "".
    subjects : DataFrame
        A row a subject: subject, arm, baseline (mm), best_change (fraction), best_response, confirmed_response, response_time
        (first CR or PR), confirmed_response_time, progression_time, last_time (last evaluable visit until progression),
        duration_of_response (from the first response to progression or the last visit), response_ongoing. Days, NaN where
        there is none.
    rules : RecistRules
    left_out : DataFrame
        Rows and visits that do not count, with the reason.
    order : tuple of str
        The responses that there are, from best to worst.
    """

    criteria: str
    visits: pd.DataFrame
    subjects: pd.DataFrame
    rules: RecistRules
    left_out: pd.DataFrame
    order: tuple[str, ...]

    def rates(self, by: str | None = "arm", *, confirmed: bool = True, confidence: float = 0.95) -> pd.DataFrame:
        """Return the objective response and disease control rates with exact (Clopper-Pearson) confidence intervals.

        Parameters
        ----------
        by : str, optional
            Column of `subjects` by which to group; None for all together.
        confirmed : bool
            Whether responses have to be confirmed.
        confidence : float
            Of the two-sided intervals.

        Returns
        -------
        DataFrame
            A row a group: subjects, the number with each best response, objective_response_rate and disease_control_rate, each
            with lower and upper. All subjects count in the denominator, those without a visit too.
        """
        import pandas as pd

        if by is not None and by not in self.subjects.columns:
            raise DataError(Problem("by", f"there is no column {by!r}", nearest(by, self.subjects.columns)))
        if not 0 < confidence < 1:
            raise DataError(Problem("confidence", f"is {confidence}", "a number between 0 and 1: 0.95"))
        best = self.subjects["confirmed_response" if confirmed else "best_response"]
        groups = best.groupby(self.subjects[by] if by is not None else best.map(lambda _: "all"), sort=False)
        rows = [{by or "group": name, **_counts(list(group), self.order, confidence)} for name, group in groups]
        return pd.DataFrame(rows)

    def pseudoprogression(self, by: str | None = "arm") -> pd.DataFrame:
        """Return how often progression was not confirmed and a response or stable disease followed (iRECIST only).

        Returns
        -------
        DataFrame
            A row a group: subjects, unconfirmed (with an iUPD), pseudoprogression (with an iUPD after which came an iSD, iPR or
            iCR), confirmed (with an iCPD), and the share of pseudoprogression in all subjects and in those with an iUPD.
        """
        if "pseudoprogression" not in self.subjects.columns:
            raise DataError(Problem(self.criteria, "has no unconfirmed progression", "use imo.irecist"))
        table = self.subjects.assign(group="all") if by is None else self.subjects.assign(group=self.subjects[by])
        sums = table.groupby("group", sort=False).agg(
            subjects=("subject", "size"),
            unconfirmed=("unconfirmed_progression", "sum"),
            pseudoprogression=("pseudoprogression", "sum"),
            confirmed=("confirmed_progression", "sum"),
        )
        some = sums["unconfirmed"].where(sums["unconfirmed"] > 0)
        shares = {
            "share_of_subjects": sums["pseudoprogression"] / sums["subjects"],
            "share_of_unconfirmed": sums["pseudoprogression"] / some,
        }
        return sums.assign(**shares).reset_index(names=by or "group")

    def report(self) -> str:
        """Return rates and rules in words."""
        lines = [f"Response by {self.criteria}: {len(self.subjects)} subjects, {len(self.visits)} visits", ""]
        for confirmed in (True, False):
            lines += ["Best response, " + ("confirmed" if confirmed else "not confirmed") + ":"]
            lines += [self.rates(confirmed=confirmed).to_string(index=False, float_format="{:.3f}".format), ""]
        if self.left_out.empty:
            return "\n".join([*lines, "No row was left out."])
        counts = self.left_out["reason"].value_counts()
        return "\n".join([*lines, "Left out:", *(f"  {n} x {reason}" for reason, n in counts.items())])

    def __str__(self) -> str:
        return f"Response by {self.criteria} of {len(self.subjects)} subjects at {len(self.visits)} visits"

    def _repr_html_(self) -> str:
        return f"<p><b>{self}</b></p>" + str(self.rates().to_html(index=False, float_format="{:.3f}".format))


def _counts(best: list[str], order: tuple[str, ...], confidence: float) -> Mapping[str, Any]:
    numbers = {response: best.count(response) for response in order}
    responded = sum(plain(r) in RESPONDED for r in best)
    controlled = sum(plain(r) in CONTROLLED for r in best)
    return {
        "subjects": len(best),
        **numbers,
        **_rate("objective_response_rate", "response", responded, len(best), confidence),
        **_rate("disease_control_rate", "control", controlled, len(best), confidence),
    }


def _rate(name: str, short: str, hits: int, total: int, confidence: float) -> dict[str, float]:
    from scipy.stats import binomtest

    interval = binomtest(hits, total).proportion_ci(confidence, method="exact")
    return {name: hits / total, f"{short}_lower": float(interval.low), f"{short}_upper": float(interval.high)}
