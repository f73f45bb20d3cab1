"""Survival regression by lifelines: Cox, and accelerated failure times, also for interval-censored events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode.errors import DataError, Problem, nearest
from immunoode.notebook import shown
from immunoode.optional import require
from immunoode.trial.survival.endpoint_table import BOUNDS
from immunoode.trial.survival.proportional_hazards import proportional_hazards_tests
from immunoode.trial.survival.regression_design import RegressionDesign, design_of
from immunoode.trial.survival.regression_fit import estimates_of, fitted_with_notes, note_of_few_events

if TYPE_CHECKING:
    import pandas as pd


DISTRIBUTIONS = ("weibull", "log-normal", "log-logistic")
EARLIEST = 0.25
"""Days used instead of a time of 0, which distributions of failure times do not allow."""
PRECISION = 1e-10
"""Precision of Newton's method in Cox regression; by default lifelines stops at about four digits."""


@dataclass(frozen=True)
@shown
class SurvivalRegression:
    """A regression of times to an event.

    Attributes
    ----------
    endpoint, model : str
        "OS"; "Cox" or the distribution.
    table : DataFrame
        One row per coefficient: covariate, estimate (hazard ratio of Cox; time ratio of accelerated failure times), lower,
        upper, p_value.
    subjects, events : int
    concordance : float
        Share of pairs of subjects in the predicted order; NaN for interval-censored data.
    log_likelihood, aic : float
        Partial for Cox.
    proportional : DataFrame or None
        Score tests of proportional hazards, after Grambsch and Therneau (Cox only), as `cox.zph` of R gives them: covariate,
        statistic (chi-square), degrees_of_freedom, p_value. One row per coefficient, one per categorical covariate with more
        than two values, and the last, "global", for all of them.
    left_out : DataFrame
        Subjects without a value of a covariate: subject, reason.
    notes : tuple of str
        Remarks on the fit.
    fitted : object
        The fitter of lifelines.
    """

    endpoint: str
    model: str
    table: pd.DataFrame
    subjects: int
    events: int
    concordance: float
    log_likelihood: float
    aic: float
    proportional: pd.DataFrame | None
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    fitted: Any

    @property
    def measure(self) -> str:
        """The meaning of `estimate`: "hazard ratio" or "time ratio"."""
        return "hazard ratio" if self.model == "Cox" else "time ratio"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per coefficient, with the columns of `table`."""
        return self.table.copy()

    def plot(self, **options: Any) -> Any:
        """Draw the ratios with their intervals as a forest plot; see `imo.plot.forest`. Returns Axes."""
        from immunoode.plot.survival import forest

        return forest(self, **options)

    def report(self) -> str:
        """Return the estimates and notes as text."""
        lines = [f"{self.model} regression of {self.endpoint}: {self.subjects} subjects, {self.events} events", ""]
        table = self.table.rename(columns={"estimate": self.measure})
        lines += [table.to_string(index=False, float_format="{:.3g}".format), ""]
        if self.proportional is not None:
            lines += ["Proportional hazards:", self.proportional.to_string(index=False, float_format="{:.3g}".format), ""]
        lines += [f"log-likelihood {self.log_likelihood:.2f}, AIC {self.aic:.2f}, concordance {self.concordance:.3f}"]
        lines += [f"{len(self.left_out)} subjects were left out: no value of a covariate"] if len(self.left_out) else []
        return "\n".join([*lines, *self.notes])

    def __str__(self) -> str:
        return self.report()


def cox(
    endpoints: Any,
    covariates: pd.DataFrame | str | Sequence[str] | None = None,
    endpoint: str | None = None,
    *,
    arm: bool = True,
    reference: str | None = None,
    strata: Sequence[str] = (),
    confidence: float = 0.95,
) -> SurvivalRegression:
    """Fit a Cox proportional hazards regression, with the method of Efron for ties.

    Parameters
    ----------
    endpoints : TrialData or DataFrame
        Subject, time (days), event, arm.
    covariates : DataFrame, str or sequence of str, optional
        One row per subject (index, or a column `subject`) of numbers, or of words, which are compared with the first word; or
        names of covariates in the trial data.
    endpoint : str, optional
    arm : bool
        Whether the arm is a covariate.
    reference : str, optional
        The reference arm of comparisons; by default the first.
    strata : sequence of str
        Covariates with a separate baseline hazard for each value.
    confidence : float

    Returns
    -------
    SurvivalRegression

    Raises
    ------
    DataError
        If a covariate is missing, does not vary, or separates the events so that there is no estimate.
    """
    lifelines = require("lifelines", "Cox regression")
    design = design_of(endpoints, endpoint, covariates, arm, reference, strata)
    rows, columns, left_out = design.rows, design.columns, design.left_out
    table = rows[[*columns, *strata, "time", "event"]]
    fitter = lifelines.CoxPHFitter(alpha=1 - confidence)
    notes = fitted_with_notes(
        fitter.fit,
        table,
        duration_col="time",
        event_col="event",
        strata=list(strata) or None,
        fit_options={"precision": PRECISION},
    )
    ratios = estimates_of(fitter.summary, columns)
    proportional = _proportional(design, strata, fitter.params_[columns].to_numpy(np.float64))
    return SurvivalRegression(
        str(rows["endpoint"].iloc[0]),
        "Cox",
        ratios,
        len(rows),
        int(rows["event"].sum()),
        float(fitter.concordance_index_),
        float(fitter.log_likelihood_),
        float(fitter.AIC_partial_),
        proportional,
        left_out,
        (*note_of_few_events(rows, columns), *notes),
        fitter,
    )


def parametric_survival(
    endpoints: Any,
    covariates: pd.DataFrame | str | Sequence[str] | None = None,
    endpoint: str | None = None,
    *,
    distribution: Literal["weibull", "log-normal", "log-logistic"] = "weibull",
    intervals: bool = False,
    arm: bool = True,
    reference: str | None = None,
    confidence: float = 0.95,
) -> SurvivalRegression:
    """Fit an accelerated failure time model.

    Parameters
    ----------
    endpoints, covariates, endpoint, arm, reference, confidence
        As for `cox`.
    distribution : {"weibull", "log-normal", "log-logistic"}
    intervals : bool
        Whether events are interval-censored, between `lower` and `upper`, as progression is between visits.

    Returns
    -------
    SurvivalRegression
        Its estimates are time ratios: above 1 is later.

    Raises
    ------
    DataError

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import immunoode as imo
    >>> days = np.array([50.0, 90, 130, 180, 240, 310, 400, 520])
    >>> table = pd.DataFrame({"subject": range(8), "time": days, "event": [1, 1, 1, 1, 1, 1, 0, 0], "arm": ["a", "b"] * 4})
    >>> fitted = imo.trial.parametric_survival(table, endpoint="OS", distribution="weibull")
    >>> fitted.subjects, fitted.events
    (8, 6)
    """
    lifelines = require("lifelines", "parametric survival")
    fitters = dict(zip(DISTRIBUTIONS, ("WeibullAFTFitter", "LogNormalAFTFitter", "LogLogisticAFTFitter"), strict=True))
    if distribution not in fitters:
        raise DataError(Problem("distribution", f"is {distribution!r}", nearest(str(distribution), DISTRIBUTIONS)))
    design = design_of(endpoints, endpoint, covariates, arm, reference, ())
    rows, columns, left_out = design.rows, design.columns, design.left_out
    fitter = getattr(lifelines, fitters[distribution])(alpha=1 - confidence)
    if intervals:
        table = _bounded(rows)[[*columns, *BOUNDS]]
        notes = fitted_with_notes(fitter.fit_interval_censoring, table, lower_bound_col="lower", upper_bound_col="upper")
    else:
        table = rows[[*columns, "time", "event"]].assign(time=rows["time"].clip(lower=EARLIEST))
        notes = fitted_with_notes(fitter.fit, table, duration_col="time", event_col="event")
        notes += ["Times of 0 count as a quarter of a day."] if (rows["time"] == 0).any() else []
    main = fitter.summary.loc[fitter.summary.index.get_level_values(0)[0]]
    concordance = math.nan if intervals else float(fitter.concordance_index_)
    return SurvivalRegression(
        str(rows["endpoint"].iloc[0]),
        distribution,
        estimates_of(main, [c for c in columns if c in main.index]),
        len(rows),
        int(rows["event"].sum()),
        concordance,
        float(fitter.log_likelihood_),
        float(fitter.AIC_),
        None,
        left_out,
        (*note_of_few_events(rows, columns), *notes),
        fitter,
    )


def _proportional(design: RegressionDesign, strata: Sequence[str], beta: NDArray[np.float64]) -> pd.DataFrame:
    """Return the tests of proportional hazards of each coefficient, of each covariate with several, and of all."""
    import pandas as pd

    rows, columns = design.rows, design.columns
    places = {column: k for k, column in enumerate(columns)}
    terms = {column: [k] for column, k in places.items()}
    terms |= {name: [places[c] for c in own] for name, own in design.terms.items() if len(own) > 1}
    groups = rows.groupby(list(strata), sort=False).ngroup() if strata else pd.Series(0, index=rows.index)
    tests = proportional_hazards_tests(
        rows["time"].to_numpy(np.float64),
        rows["event"].to_numpy(bool),
        rows[columns].to_numpy(np.float64),
        beta,
        groups.to_numpy(np.int64),
        terms | {"global": list(places.values())},
    )
    table = pd.DataFrame([asdict(t) for t in tests.values()])
    table.insert(0, "covariate", list(tests))
    return table


def _bounded(rows: pd.DataFrame) -> pd.DataFrame:
    missing = [c for c in BOUNDS if c not in rows.columns]
    if missing:
        right = "endpoints from progression_free_survival; or leave out intervals=True"
        raise DataError([Problem("endpoints", f"no column {c!r}", right) for c in missing])
    lower = np.maximum(rows["lower"], EARLIEST)
    exact = rows["event"] & (rows["lower"] == rows["upper"])
    return rows.assign(lower=lower, upper=np.where(exact, lower, np.maximum(rows["upper"], 2 * EARLIEST)))
