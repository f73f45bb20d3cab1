"""Responses: the result of RECIST 1.1 or iRECIST for a trial, by visit and by subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from immunoode.errors import DataError, Problem
from immunoode.notebook import shown, without_mathematics
from immunoode.trial.reconcile import format_left_out
from immunoode.trial.response.best_response import DISEASE_CONTROL
from immunoode.trial.response.durable_response import durable_rate_table
from immunoode.trial.response.response_rates import pseudoprogression_table, rate_table
from immunoode.trial.response.rules import IrecistRules, RecistRules, recist_rules, response_names

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
@shown
class Responses:
    """Responses of all subjects of a trial, as `recist` and `irecist` return them.

    Attributes
    ----------
    visits : DataFrame
        One row per assessment after baseline, sorted by subject and time: subject, arm, time (days), sum_of_diameters (mm, NaN
        unless all targets were evaluated), baseline and nadir (mm; the nadir is the smallest sum before the visit, baseline
        included), change_from_baseline and change_from_nadir (fractions: -0.3 is 30 % less; infinite from 0), target,
        non_target ("" without non-targets; the categories are those of RECIST 1.1), new_lesion, response, reason (why PD,
        iUPD, iCPD or NE), counted (False after the first PD or iCPD, and from a new therapy on).
    subjects : DataFrame
        One row per subject: subject, arm, baseline (mm), baseline_time, visits, best_change (the lowest change_from_baseline
        that counts), best_response and confirmed_response, response_time and confirmed_response_time (first day of a CR or PR,
        and of a confirmed one), progression_time, last_time (last evaluable assessment that counts), duration_of_response and
        confirmed_duration_of_response (from the response to progression, or to last_time), response_ongoing (a response without
        progression: the durations are censored). Days and durations of events that did not occur are NaN. iRECIST adds
        progression_confirmed, had_iupd, pseudoprogression and response_after_iupd.
    left_out : DataFrame
        Rows and subjects that could not be used as they are, or that should be checked: row, subject, reason.
    rules : RecistRules or IrecistRules
        The rules that were applied.
    notes : tuple of str
        The assumptions, and the alternatives that were available.
    """

    visits: pd.DataFrame
    subjects: pd.DataFrame
    left_out: pd.DataFrame
    rules: RecistRules | IrecistRules
    notes: tuple[str, ...] = ()

    @property
    def criteria(self) -> str:
        """Name of the criteria: "RECIST 1.1" or "iRECIST"."""
        return "iRECIST" if isinstance(self.rules, IrecistRules) else "RECIST 1.1"

    @property
    def thresholds(self) -> RecistRules:
        """The thresholds of RECIST 1.1 that were applied, also as part of iRECIST."""
        return recist_rules(self.rules)

    @property
    def order(self) -> tuple[str, ...]:
        """The possible responses, from best to worst."""
        return tuple(name for name in self._names if name)

    @property
    def _names(self) -> tuple[str, ...]:
        return response_names(self.rules)

    def rates(self, by: str | None = "arm", *, confirmed: bool = True, confidence: float = 0.95) -> pd.DataFrame:
        """Return objective response and disease control rates with exact (Clopper-Pearson) intervals.

        Parameters
        ----------
        by : str or None
            The column of `subjects` that defines the groups; None for one group of all subjects.
        confirmed : bool
            Whether CR and PR count only if confirmed.
        confidence : float
            Confidence level of the intervals.

        Returns
        -------
        DataFrame
            One row per group: n (all subjects, including those who are not evaluable), responders (CR and PR),
            objective_response_rate, lower, upper; controlled (CR, PR, SD, non-CR/non-PD), disease_control_rate,
            disease_control_lower, disease_control_upper; and a column with the count of each best response.

        Raises
        ------
        DataError
            If there is no such column, or `confidence` is not between 0 and 1.
        """
        names = list(self.order)
        control = [self._names[code] for code in DISEASE_CONTROL]
        best = "confirmed_response" if confirmed else "best_response"
        return rate_table(self.subjects, best, by, confidence, names, names[:2], control)

    def durable_rates(
        self,
        lasting: str | float = "6 months",
        *,
        within: str | float | None = None,
        by: str | None = "arm",
        confirmed: bool = True,
        confidence: float = 0.95,
    ) -> pd.DataFrame:
        """Return durable response rates: the share of all subjects with a response that lasts at least a stated time.

        Parameters
        ----------
        lasting : str or float
            Shortest duration of a durable response, from the first CR or PR to progression: "6 months", or days.
        within : str or float, optional
            Latest day on which the response may begin ("12 months"); by default any.
        by, confirmed, confidence
            As for `rates`.

        Returns
        -------
        DataFrame
            One row per group: n (all subjects), responders, durable, censored_earlier (responses without progression that
            were followed for a shorter time; they do not count as durable), durable_response_rate, lower, upper (exact).

        Raises
        ------
        DataError
        """
        return durable_rate_table(self.subjects, lasting, within, by, confirmed, confidence)

    def pseudoprogression(self, by: str | None = "arm", *, confidence: float = 0.95) -> pd.DataFrame:
        """Return the share of subjects with pseudo-progression: an iUPD followed by iSD, iPR or iCR before any iCPD.

        Returns
        -------
        DataFrame
            One row per group: n, with_iupd (subjects with an iUPD), pseudoprogression (subjects with an iUPD that resolved),
            then_response (subjects with an iPR or iCR after it), share (of n), lower, upper (exact), share_of_iupd.

        Raises
        ------
        DataError
            If these are responses by RECIST 1.1, which does not define it, or there is no such column.
        """
        if not isinstance(self.rules, IrecistRules):
            raise DataError(Problem("pseudoprogression", "is not defined under RECIST 1.1", "use irecist(...)"))
        return pseudoprogression_table(self.subjects, by, confidence)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per subject, with the columns of `subjects`; `visits` has one row per assessment."""
        return self.subjects.copy()

    def plot(self, **options: Any) -> Any:
        """Draw the best change of each subject as a waterfall; see `imo.plot.waterfall`. Returns Axes.

        `imo.plot.spider`, `imo.plot.swimmer`, `imo.plot.response_rates` and `imo.plot.response_over_time` draw responses, too.
        """
        from immunoode.plot.waterfall_plot import waterfall

        return waterfall(self, **options)

    def report(self) -> str:
        """Return a summary of the responses in words, with what was left out or should be checked."""
        lines = [str(self), "", "Confirmed:", self.rates().to_string(index=False, float_format="%.3f"), "", "Not confirmed:"]
        lines += [self.rates(confirmed=False).to_string(index=False, float_format="%.3f"), ""]
        if isinstance(self.rules, IrecistRules):
            table = self.pseudoprogression().to_string(index=False, float_format="%.3f")
            lines += ["Pseudo-progression:", table, ""]
        lines += [f"Note: {note}." for note in self.notes]
        if self.left_out.empty:
            return "\n".join([*lines, "Nothing was left out."])
        lines.append(f"{len(self.left_out)} rows or subjects were left out or should be checked:")
        lines += [f"  {n} x {reason}" for reason, n in self.left_out["reason"].value_counts().items()]
        return "\n".join([*lines, format_left_out(self.left_out)])

    def __str__(self) -> str:
        notes = f", {len(self.left_out)} notes in .left_out" if len(self.left_out) else ""
        notes += "".join(f"; {note}" for note in self.notes)
        return f"{self.criteria}: {len(self.subjects)} subjects, {len(self.visits)} assessments after baseline{notes}"

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        note = f"<p>{len(self.left_out)} notes: see <code>.report()</code></p>" if len(self.left_out) else ""
        return f"<p><b>{escape(str(self))}</b></p>{self.rates().to_html(index=False, float_format='%.3f')}{note}"
