"""SimulatedTrial: one simulated trial at its final analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown, without_mathematics
from immunoode.trial.response.criteria import irecist, recist
from immunoode.trial.response.responses import Responses
from immunoode.trial.response.rules import IrecistRules, RecistRules
from immunoode.trial.survival.kaplan_meier import MONTH, KaplanMeier, kaplan_meier
from immunoode.trial.trial_data import TrialData
from immunoode.virtual_trial.trial_analysis import TrialAnalysis

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class SimulatedTrial:
    """A simulated trial with the data known at its last analysis.

    Attributes
    ----------
    outcomes : DataFrame
        One row per randomised subject (index: its name): arm, patient (the patient's number in the population), entry (calendar
        day), the columns of `evaluate_outcomes`, follow_up_end ("death", "dropout", "data cut" or "end of follow-up"),
        treatment_change (day on which treatment ended or changed at progression, NaN if it did not) and crossed_over.
    data : TrialData
        Diameters, new lesions, and times to PFS (and OS, with a hazard of death), up to the data cut.
    looks : DataFrame
        One row per look and comparison with the control arm, up to the last: look, day (calendar), randomised, events, numbers
        of each arm, arm, hazard_ratio (or rate_difference), z, p_value (one-sided), boundary.
    analysis : TrialAnalysis
    control : str
    stopped : str
        Why the trial ended: "efficacy", "futility" or "final analysis".
    rules : RecistRules or IrecistRules or None
    seed, replicate : int
    """

    outcomes: pd.DataFrame
    data: TrialData
    looks: pd.DataFrame
    analysis: TrialAnalysis
    control: str
    stopped: str
    rules: RecistRules | IrecistRules | None
    seed: int
    replicate: int

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms, the control arm first."""
        return tuple(dict.fromkeys([self.control, *self.outcomes["arm"]]))

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the outcomes."""
        return self.outcomes.copy()

    def responses(self) -> Responses:
        """Return the responses at each visit, by `imo.recist` or `imo.irecist`."""
        if isinstance(self.rules, IrecistRules):
            return irecist(self.data, self.rules)
        return recist(self.data, self.rules)

    def kaplan_meier(self, endpoint: Literal["PFS", "OS"] | None = None) -> KaplanMeier:
        """Return the survival curves of the arms; by default of the endpoint of the analysis.

        Raises
        ------
        DataError
            If the trial has no such endpoint.
        """
        return kaplan_meier(self.data, endpoint or ("PFS" if self.analysis.endpoint == "response" else self.analysis.endpoint))

    def accounting(self) -> pd.DataFrame:
        """Return the disposition of subjects: one row per arm and reason for which the endpoint ended.

        Returns
        -------
        DataFrame
            arm, randomised, event (whether it is an event), reason, subjects; the subjects of an arm add up to those
            randomised. For a trial with response as endpoint, the rows are those of progression-free survival.
        """
        table, name = self.outcomes, "os" if self.analysis.endpoint == "OS" else "pfs"
        reason = table[f"{name}_reason"].astype(str)
        censored = ~table[f"{name}_event"]
        still = censored & reason.isin(("alive at last contact", "no progression at last assessment"))
        reason = reason.where(~still, reason + " (" + table["follow_up_end"] + ")")
        rows = table.assign(event=~censored, reason=reason).groupby(["arm", "event", "reason"], sort=False).size()
        counts = rows.reset_index(name="subjects").sort_values(["arm", "event"], ascending=[True, False], kind="stable")
        counts.insert(1, "randomised", counts["arm"].map(table["arm"].value_counts()))
        return counts.reset_index(drop=True)

    def report(self) -> str:
        """Return a text report: the result of each look, disposition of subjects, responses and medians."""
        last = self.looks.iloc[-1]
        end = f"ended on day {last['day']:g} ({last['day'] / MONTH:.1f} months): {self.stopped}"
        shown = [c for c in self.looks.columns if c not in ("replicate", "stopped", "success") and ": " not in c]
        lines = [str(self), end, "", self.looks[shown].to_string(index=False, float_format="{:.4g}".format), ""]
        lines += [self.accounting().to_string(index=False), ""]
        lines += ["Confirmed responses:", self.responses().rates().to_string(index=False, float_format="{:.3f}".format), ""]
        return "\n".join([*lines, *(self.kaplan_meier(name).report() + "\n" for name in self._times())])

    def _times(self) -> list[Any]:
        return [name for name in ("PFS", "OS") if f"{name.lower()}_time" in self.outcomes]

    def plot(self, what: Literal["survival", "waterfall"] = "survival", **options: Any) -> Any:
        """Draw the survival curves of the arms with numbers at risk and the hazard ratio, or a waterfall.

        Parameters
        ----------
        what : {"survival", "waterfall"}
        **options
            As for `imo.plot.kaplan_meier` (and `endpoint`, "PFS" or "OS") or `imo.plot.waterfall`.

        Returns
        -------
        Axes

        Raises
        ------
        DataError
            If there is no such figure.
        """
        from immunoode.plot.virtual_trial import survival, waterfall_of_trial

        if what not in ("survival", "waterfall"):
            raise DataError(Problem("what", f"is {what!r}", "'survival' or 'waterfall'"))
        return survival(self, **options) if what == "survival" else waterfall_of_trial(self, **options)

    def __str__(self) -> str:
        counts = self.outcomes["arm"].value_counts()
        arms = ", ".join(f"{name} {counts.get(name, 0)}" for name in self.arms)
        return f"Simulated trial: {len(self.outcomes)} subjects randomised ({arms}), {self.analysis.endpoint}"

    def __repr__(self) -> str:
        return f"<{self}>"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        return (
            f"<p><b>{escape(str(self))}</b>; {escape(self.stopped)}</p>{self.looks.to_html(index=False, float_format='%.4g')}"
        )
