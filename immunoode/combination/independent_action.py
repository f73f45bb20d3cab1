"""`independent_action`: survival under a combination if each patient benefits only from the better of the two drugs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.combination.action_draws import ActionDraws, Prediction, action_draws
from immunoode.combination.argument_checks import action_problems
from immunoode.combination.arm_survival import SurvivalArm, survival_arm
from immunoode.combination.observed_ratio import ObservedRatio, comparison_end, log_ratio, observed_ratio
from immunoode.combination.rank_correlation import CorrelationOfDrugs, correlation_of
from immunoode.combination.step_curve import FloatArray, StepCurve, curve_of
from immunoode.combination.verdict import Power, Verdict, verdict
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown
from immunoode.number_checks import is_whole
from immunoode.trial.survival.kaplan_meier import MONTH

if TYPE_CHECKING:
    import pandas as pd

GRID = 160
OVERALL = (
    "independent action is not meant for overall survival: treatment after progression and crossover prolong survival "
    "in the single-drug arms, so that the prediction is too optimistic; compare progression-free survival"
)


@dataclass(frozen=True)
@shown
class IndependentAction:
    """Predicted survival of a combination if its drugs act independently, or if their benefits add up.

    Attributes
    ----------
    first, second : SurvivalArm
        Each drug alone.
    combination : SurvivalArm or None
        The observed survival of the combination.
    correlation : CorrelationOfDrugs
        Spearman correlation of the times under both drugs.
    first_scan : float or None
        Day of the first scan; None if clinical additivity is not computed.
    curve : DataFrame
        time (days), first, second, independent, independent_lower, independent_upper, and, if known, additive with its limits
        and combination.
    draws : ActionDraws
    confidence : float
    notes : tuple of str
    """

    first: SurvivalArm
    second: SurvivalArm
    combination: SurvivalArm | None
    correlation: CorrelationOfDrugs
    first_scan: float | None
    curve: pd.DataFrame
    draws: ActionDraws
    confidence: float
    notes: tuple[str, ...] = ()

    @property
    def predictions(self) -> tuple[str, ...]:
        """The available predictions: "independent", and "additive" if the day of the first scan is known."""
        return tuple(self.draws.predictions)

    @cached_property
    def ratios(self) -> tuple[ObservedRatio, ...]:
        """The hazard of the combination relative to each prediction; empty if no combination was given."""
        return tuple(self._ratio(name) for name in self.predictions) if self.combination else ()

    @property
    def verdict(self) -> Verdict | None:
        """The conclusion; None if no combination was given."""
        return verdict(self.ratios) if self.ratios else None

    @property
    def power(self) -> Power | None:
        """The power to distinguish additivity from independent action with these data; None without a combination or first
        scan.
        """
        if not self.combination or "additive" not in self.predictions:
            return None
        return Power(self._additive_log_ratio(), self.ratios[0].standard_error, self.confidence)

    def power_of(self, subjects: int) -> Power:
        """Return the power of a combination arm with this number of subjects, followed until the curves of the single drugs
        end.

        Parameters
        ----------
        subjects : int

        Raises
        ------
        DataError
            If the day of the first scan is not known, or the number is not a whole number above zero.
        """
        if not is_whole(subjects, 1):
            raise DataError(Problem("subjects", f"is {subjects!r}", "a whole number above zero: 300"))
        if "additive" not in self.predictions:
            raise DataError(Problem("power", "needs clinical additivity as the alternative", "first_scan='6 weeks'"))
        curve, until = self._additive_arm()
        drawn = [log_ratio(curve, level, self.days, until) for level in self.draws.predictions["independent"].draws]
        error = np.hypot(np.std(drawn, ddof=1), 1 / np.sqrt(subjects * curve.observed_events(until)))
        return Power(self._additive_log_ratio(), float(error), self.confidence)

    @property
    def days(self) -> FloatArray:
        """The days on which curves are compared: a fine grid until the first of the two curves ends."""
        return self.draws.days

    def medians(self) -> pd.DataFrame:
        """Return the medians in days, one row per curve: label, median, lower, upper (infinite where not reached)."""
        import pandas as pd

        rows = [{"label": arm.name, "median": arm.curve.median()} for arm in (self.first, self.second)]
        for name in self.predictions:
            band = _with_band(name, self.draws.predictions[name], self.confidence)
            limits = {side: _crossing(self.days, band[f"{name}_{side}"]) for side in ("lower", "upper")}
            rows.append({"label": name, "median": _crossing(self.days, band[name]), **limits})
        if self.combination:
            rows.append({"label": self.combination.name, "median": self.combination.curve.median()})
        return pd.DataFrame(rows, columns=["label", "median", "lower", "upper"])

    def survival_at(self, time: str | float) -> pd.Series:
        """Return the columns of `curve` at a time, interpolated linearly between its days.

        Parameters
        ----------
        time : str or float

        Raises
        ------
        DataError
            If it is after the end of a curve.
        """
        import pandas as pd

        day = units.days(time)
        known = self.curve["time"].to_numpy(np.float64)
        if not 0 <= day <= known[-1]:
            raise DataError(Problem("time", f"is day {day:g}", f"at most {known[-1]:g}, where a curve ends"))
        return pd.Series({name: float(np.interp(day, known, self.curve[name])) for name in self.curve.columns})

    def to_frame(self) -> pd.DataFrame:
        """Return the curve."""
        return self.curve.copy()

    def report(self) -> str:
        """Return curves, medians, ratios, verdict and power as text."""
        lines = [str(self), ""]
        lines += [str(arm) for arm in (self.first, self.second, self.combination) if arm]
        lines += [str(self.correlation), "", "Medians in months:", _months(self.medians()), ""]
        lines += [f"Hazard of the combination relative to {r.prediction}: {r}" for r in self.ratios]
        lines += [str(self.power)] if self.power else []
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)]).rstrip()

    def plot(self, **options: Any) -> Any:
        """Draw the curves, both predictions with bands, and the observed combination; see
        `imo.plot.independent_action_curves`.
        """
        from immunoode.plot.independent_action import independent_action_curves

        return independent_action_curves(self, **options)

    def __str__(self) -> str:
        if self.verdict:
            return self.verdict.sentence
        return f"{self.first.endpoint} predicted for {self.first.name} with {self.second.name}, by " + " and ".join(
            f"{name} action" if name == "independent" else "clinical additivity" for name in self.predictions
        )

    def _ratio(self, name: str) -> ObservedRatio:
        """Return the hazard of the observed combination relative to a prediction, with the errors of all curves."""
        assert self.combination is not None
        predicted, days = self.draws.predictions[name], self.days
        until = comparison_end(predicted.estimate, self.combination.curve, days)
        estimate = log_ratio(self.combination.curve, predicted.estimate, days, until)
        pairs = zip(self.draws.combination, predicted.draws, strict=True)
        drawn = np.array([log_ratio(curve, level, days, until) for curve, level in pairs])
        return observed_ratio(name, estimate, drawn, self.confidence)

    def _additive_arm(self) -> tuple[StepCurve, float]:
        """Return the curve of an additive combination without censoring, and the end of its comparison."""
        curve = curve_of(self.days[1:], self.draws.predictions["additive"].estimate[1:])
        return curve, comparison_end(self.draws.predictions["independent"].estimate, curve, self.days)

    def _additive_log_ratio(self) -> float:
        """Return the log hazard ratio of an additive combination to independent action."""
        curve, until = self._additive_arm()
        return log_ratio(curve, self.draws.predictions["independent"].estimate, self.days, until)


def independent_action(
    first: Any,
    second: Any,
    combination: Any = None,
    *,
    data: Any = None,
    endpoint: str | None = None,
    correlation: float | None = None,
    correlation_error: float | None = None,
    first_scan: str | float | None = None,
    times: Any = None,
    confidence: float = 0.95,
    draws: int = 400,
    seed: int = 0,
) -> IndependentAction:
    """Predict the survival of a combination whose drugs act independently, and compare it with the observed survival.

    Under independent action [1]_, each patient has the longer of the times under the two drugs. With a Gaussian copula C of
    the times, survival is S_A + S_B - C(S_A, S_B). Under clinical additivity [2]_, the time under the other drug is added,
    minus the time to the first scan, by which a drug without effect has failed.

    Parameters
    ----------
    first, second, combination : str, SurvivalArm, or any source of `imo.combination.survival_arm`
        Each drug alone and, if observed, both drugs together; with `data`, names of its arms.
    data : TrialData, DataFrame, KaplanMeier, SurvivalReconstruction, Cohort or VirtualPatients, optional
        The source of all arms.
    endpoint : str, optional
        By default the only endpoint; "PFS" for cohorts.
    correlation : float, optional
        Spearman correlation of the times under the two drugs. Default: for arms of one cohort, that of its patients;
        otherwise 0.3.
    correlation_error : float, optional
        Its standard deviation: 0.1 by default, 0 if the correlation is the cohort's own.
    first_scan : str or float, optional
        Time to the first scan ("6 weeks"); without it, clinical additivity is not computed.
    times : array of times, optional
        Days of the result. By default 161 days, until the first of the two curves ends.
    confidence : float
    draws : int
        Samples of the curves and the correlation, for bands and intervals.
    seed : int

    Returns
    -------
    IndependentAction

    Raises
    ------
    DataError

    Warns
    -----
    UserWarning
        For overall survival.

    References
    ----------
    .. [1] Palmer AC, Sorger PK (2017). Combination cancer therapy can confer benefit via patient-to-patient variability without
       drug additivity or synergy. Cell 171, 1678-1691, doi 10.1016/j.cell.2017.11.009.
    .. [2] Hwangbo H, Patterson SC, Dai A, Plana D, Palmer AC (2023). Additivity predicts the efficacy of most approved
       combination therapies for advanced cancer. Nature Cancer 4, 1693-1704, doi 10.1038/s43018-023-00667-z.

    Examples
    --------
    >>> import immunoode as imo
    >>> drug = imo.combination.survival_arm([[3, 0.6], [6, 0.4], [12, 0.2]], "drug", endpoint="PFS", unit="month")
    >>> antibody = imo.combination.survival_arm([[3, 0.5], [6, 0.4], [12, 0.3]], "antibody", endpoint="PFS", unit="month")
    >>> found = independent_action(drug, antibody, correlation=0.0, correlation_error=0.0)
    >>> found.survival_at("12 months")[["first", "second", "independent"]].round(3).tolist()
    [0.2, 0.3, 0.44]
    """
    given = {"first": first, "second": second, "combination": combination}
    DataError.raise_if(action_problems(given, confidence, draws, seed, correlation, correlation_error))
    arms = [survival_arm(*_source(each, data), endpoint=endpoint) for each in (first, second)]
    both = None if combination is None else survival_arm(*_source(combination, data), endpoint=endpoint)
    related = correlation_of(data, arms[0], arms[1], correlation, correlation_error)
    days, wanted, notes = _days(times, arms, both)
    scan = _scan(first_scan, float(days[-1]))
    sampled = action_draws(arms[0], arms[1], both, related, scan, days, draws, seed)
    if scan is None:
        notes += [
            "clinical additivity was not computed, because it needs the time of the first scan, such as first_scan='6 weeks'"
        ]
    if arms[0].endpoint.upper() == "OS":
        warnings.warn(OVERALL, UserWarning, stacklevel=2)
        notes += [OVERALL]
    curve = _curve(arms, both, sampled, confidence)
    curve = curve[curve["time"].isin(wanted)].reset_index(drop=True)
    return IndependentAction(arms[0], arms[1], both, related, scan, curve, sampled, confidence, tuple(notes))


def _source(each: Any, data: Any) -> tuple[Any, str | None]:
    """Return the source of one arm and its name there.

    Raises
    ------
    DataError
        If an arm is named but there are no data.
    """
    if not isinstance(each, str):
        return each, None
    if data is None:
        raise DataError(
            Problem(f"arm {each!r}", "is a name, but there are no data", "data=, the trial or cohort with this arm")
        )
    return data, each


def _scan(first_scan: Any, last: float) -> float | None:
    """Return the day of the first scan.

    Raises
    ------
    DataError
        If it is before the start, or after the curves.
    """
    day = None if first_scan is None else units.days(first_scan)
    if day is not None and not 0 <= day <= last:
        raise DataError(Problem("first_scan", f"is day {day:g}", f"from 0 to day {last:g}, where a curve ends: '6 weeks'"))
    return day


def _days(times: Any, arms: list[SurvivalArm], both: SurvivalArm | None) -> tuple[FloatArray, FloatArray, list[str]]:
    """Return the days of the comparison, the requested ones among them, and a note if some were left out."""
    end = min(arm.curve.end for arm in arms)
    last = max(float(arm.curve.times[-1]) for arm in [*arms, *([both] if both else [])])
    fine = np.linspace(0.0, min(end, last), GRID + 1)
    if times is None:
        return fine, fine, []
    given = np.unique(np.atleast_1d(units.times(times)))
    kept = given[(given >= 0) & (given <= end)]
    if not len(kept):
        raise DataError(Problem("times", "are all after the end of a curve", f"at most day {end:g}"))
    left = [f"{len(given) - len(kept)} times are after day {end:g}, where a curve ends"] if len(kept) < len(given) else []
    return np.union1d(fine, kept), kept, left


def _curve(arms: list[SurvivalArm], both: SurvivalArm | None, sampled: ActionDraws, confidence: float) -> pd.DataFrame:
    import pandas as pd

    days = sampled.days
    columns = {"time": days, "first": arms[0].curve.at(days), "second": arms[1].curve.at(days)}
    for name, found in sampled.predictions.items():
        columns |= _with_band(name, found, confidence)
    if both is not None:
        columns["combination"] = np.where(days <= both.curve.end, both.curve.at(days), np.nan)
    return pd.DataFrame(columns)


def _with_band(name: str, found: Prediction, confidence: float) -> Mapping[str, FloatArray]:
    lower, upper = np.quantile(found.draws, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0)
    return {name: found.estimate, f"{name}_lower": lower, f"{name}_upper": upper}


def _crossing(days: FloatArray, level: FloatArray) -> float:
    """Return the first day on which a curve is at most one half; infinite if there is none."""
    reached = np.flatnonzero(level <= 0.5)
    return float(days[reached[0]]) if len(reached) else float("inf")


def _months(medians: pd.DataFrame) -> str:
    shown = medians.assign(**{c: medians[c] / MONTH for c in ("median", "lower", "upper")})
    return str(shown.to_string(index=False, float_format=_month, na_rep=""))


def _month(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "not reached"
