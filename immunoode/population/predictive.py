"""Visual predictive check: percentiles of the data over time, compared with those of simulated trials of the same design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode.errors import FitError, Problem, nearest, renamed_arguments
from immunoode.fitting.observations import LEFT, MEASURED, FloatArray, IntArray
from immunoode.notebook import shown
from immunoode.number_checks import confidence_problems
from immunoode.population.simulated_data import on_natural_scale, simulated_trials
from immunoode.population.tables import prediction_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from immunoode.population.finished import FinishedPopulationFit

SEED = 20240501
DROPOUTS = ("", "progression")
INCREASE, LEAST = 1.2, 5.0
"""Progression by RECIST 1.1: at least 20 % and 5 mm above the smallest sum so far."""


@dataclass(frozen=True)
@shown
class PredictiveCheck:
    """A visual predictive check.

    Attributes
    ----------
    table : DataFrame
        One row per stratum, bin and percentile: stratum, bin, time, percentile, observed, lower, middle, upper, observations.
    censored : DataFrame
        One row per stratum and bin: proportion of observations below the limit, and its band; empty if nothing is censored.
    points : DataFrame
        The observations: stratum, subject, time, value, censoring.
    """

    quantity: str
    unit: str
    by: str
    corrected: bool
    draws: int
    level: float
    table: DataFrame
    censored: DataFrame
    points: DataFrame

    @property
    def outside(self) -> float:
        """Proportion of the observed percentiles outside their bands: about 1 - level if the model is correct."""
        some = self.table.dropna(subset=["observed", "lower", "upper"])
        beyond = (some["observed"] < some["lower"]) | (some["observed"] > some["upper"])
        return float(beyond.mean()) if len(some) else float("nan")

    def to_frame(self) -> DataFrame:
        """Return one row per stratum, bin and percentile, with the columns of `table`."""
        return self.table.copy()

    def report(self) -> str:
        """Return how many of the observed percentiles are outside their bands, and the table, as text."""
        lines = [str(self), "", self.table.to_string(index=False, float_format="{:.4g}".format, na_rep="", max_rows=60)]
        if len(self.censored):
            shares = self.censored.to_string(index=False, float_format="{:.3f}".format, max_rows=60)
            lines += ["", "Shares of observations below the limit:", shares]
        return "\n".join(lines)

    def plot(self, **how: Any) -> Axes | FloatArray:
        """Draw it; see `immunoode.plot.population.plot_predictive`."""
        from immunoode.plot.population import plot_predictive

        return plot_predictive(self, **how)

    def __str__(self) -> str:
        return (
            f"visual predictive check of {self.quantity}, {self.draws} simulated trials: {100 * self.outside:.0f} % "
            f"of the observed percentiles are outside their {100 * self.level:.0f} % bands"
        )


@renamed_arguments(level="confidence")
def predictive_check(
    result: FinishedPopulationFit,
    quantity: str | None = None,
    *,
    by: str = "",
    bins: int | list[float] = 8,
    percentiles: tuple[float, ...] = (10.0, 50.0, 90.0),
    corrected: bool = False,
    dropout: str = "",
    draws: int = 300,
    confidence: float = 0.9,
    seed: int = SEED,
) -> PredictiveCheck:
    """Compare percentiles of the data with those of simulated trials.

    Parameters
    ----------
    result : FinishedPopulationFit
    quantity : str, optional
        The quantity to check, if several were fitted.
    by : str
        "arm", or a covariate with few values; each value is a panel.
    bins : int or edges
        The number of time bins, with about the same number of observations each (one bin per visit if there are at most twice
        as many visits), or their edges in days.
    percentiles : of the observations in a bin
    corrected : bool
        Whether to compute a prediction-corrected VPC (Bergstrand 2011): each value is multiplied by the median typical
        prediction of its bin and divided by its own, so that differences in dose and covariates within a bin do not widen the
        bands.
    dropout : {"", "progression"}
        "progression": simulated subjects have no visit after one at which the value exceeds its nadir by 20 % and 5 mm, as in
        a trial that stops at progression; otherwise, simulations keep patients whom such a trial loses.
    draws : int
        Number of simulated trials.
    confidence : float
        Confidence level of the bands over simulated trials.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    PredictiveCheck
        Values below a limit are treated as such in data and simulations: in percentiles they rank below the limit, and
        `censored` has their proportion.

    Raises
    ------
    FitError
    """
    import pandas as pd

    seen = result.observations
    which = seen.quantities[0] if quantity is None else quantity
    _check(result, which, by, dropout, confidence, percentiles)
    rows = np.flatnonzero(seen.quantity == seen.quantities.index(which))
    value = seen.value[rows].copy()
    made = on_natural_scale(result, simulated_trials(result, draws, seed))[:, rows]
    if dropout:
        made = _dropped(made, seen.subject[rows], seen.time[rows])
    typical = prediction_table(result, None, "typical")["predicted"].to_numpy()[rows]
    strata = _strata(result, by)[seen.subject[rows]]
    edges = _edges(seen.time[rows], bins)
    place = np.clip(np.searchsorted(edges, seen.time[rows], side="right") - 1, 0, len(edges) - 2)
    low = seen.censoring[rows] == LEFT
    limit = float(np.max(value[low])) if low.any() else -np.inf
    known = (seen.censoring[rows] == MEASURED) | low
    below, made_below = low.copy(), made < limit
    value[low] = -np.inf
    made = np.where(made_below, -np.inf, made)
    if corrected:
        factors = _corrections(typical, place, strata)
        value, made = value * factors, made * factors
    table, shares = [], []
    for stratum in dict.fromkeys(strata):
        for b in range(len(edges) - 1):
            mine = np.flatnonzero((strata == stratum) & (place == b) & known)
            if not len(mine):
                continue
            at = {"stratum": stratum, "bin": b, "time": float(np.median(seen.time[rows][mine]))}
            for p in percentiles:
                bands = _bands(made[:, mine], p, confidence)
                shown = float(_percentile(value[mine], p))
                table.append(
                    {
                        **at,
                        "percentile": p,
                        "observed": shown if np.isfinite(shown) else np.nan,
                        **bands,
                        "observations": len(mine),
                    }
                )
            if low.any():
                spread = np.quantile(made_below[:, mine].mean(axis=1), [0.5 - confidence / 2, 0.5, 0.5 + confidence / 2])
                shares.append(
                    {**at, "observed": float(below[mine].mean()), "lower": spread[0], "middle": spread[1], "upper": spread[2]}
                )
    points = pd.DataFrame(
        {
            "stratum": strata,
            "subject": np.array(seen.subjects)[seen.subject[rows]],
            "time": seen.time[rows],
            "value": np.where(low, seen.value[rows], value),
            "censoring": np.where(low, "left", ""),
        }
    )
    unit = seen.units[seen.quantities.index(which)]
    return PredictiveCheck(which, unit, by, corrected, draws, confidence, pd.DataFrame(table), pd.DataFrame(shares), points)


def _check(
    result: FinishedPopulationFit, quantity: str, by: str, dropout: str, level: float, percentiles: tuple[float, ...]
) -> None:
    problems = []
    if quantity not in result.observations.quantities:
        problems.append(Problem("quantity", f"{quantity!r} was not fitted", nearest(quantity, result.observations.quantities)))
    if dropout not in DROPOUTS:
        problems.append(Problem("dropout", f"is {dropout!r}", "'progression', or '' for none"))
    problems += confidence_problems(level, "confidence")
    if not percentiles or not all(0 < p < 100 for p in percentiles):
        problems.append(Problem("percentiles", f"are {percentiles!r}", "numbers between 0 and 100, for example (10, 50, 90)"))
    known = ["arm", *([] if result.data.covariates is None else map(str, result.data.covariates.columns))]
    if by and by not in known:
        problems.append(Problem("by", f"{by!r} is not a covariate of the data", nearest(by, known)))
    FitError.raise_if(problems)


def _strata(result: FinishedPopulationFit, by: str) -> Any:
    """Return the stratum (S,) of each subject, in words."""
    seen = result.observations
    if not by:
        return np.full(len(seen.subjects), "all", dtype=object)
    if by == "arm":
        return np.array(seen.arms, dtype=object)
    assert result.data.covariates is not None
    column = result.data.covariates[by]
    column.index = column.index.map(str)
    values = column.reindex(list(seen.subjects))
    if values.dtype.kind == "f" and values.nunique() > 4:
        middle = values.median()
        return np.where(values > middle, f"{by} > {middle:g}", f"{by} <= {middle:g}").astype(object)
    return np.array([f"{by} {v}" for v in values], dtype=object)


def _edges(times: FloatArray, bins: int | list[float]) -> FloatArray:
    """Return the edges of bins: one per visit if visits are few, else with about equal numbers of observations."""
    if not isinstance(bins, int):
        edges = np.unique(np.asarray(bins, dtype=np.float64))
        if len(edges) < 2:
            raise FitError(Problem("bins", f"are {bins!r}", "a number of bins, or two or more edges"))
        return edges
    if bins < 1:
        raise FitError(Problem("bins", f"are {bins!r}", "a whole number from 1"))
    visits = np.unique(times)
    if len(visits) <= 2 * bins:
        return np.append(visits, visits[-1] + 1.0)
    edges = np.unique(np.quantile(times, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    return np.append(edges[:-1], edges[-1] + 1e-9) if len(edges) > 1 else np.array([edges[0], edges[0] + 1.0])


def _corrections(typical: FloatArray, place: IntArray, strata: Any) -> FloatArray:
    factors = np.ones_like(typical)
    for stratum in dict.fromkeys(strata):
        for b in np.unique(place):
            mine = (strata == stratum) & (place == b)
            if mine.any():
                with np.errstate(divide="ignore", invalid="ignore"):
                    factors[mine] = np.median(typical[mine]) / typical[mine]
    return np.where(np.isfinite(factors), factors, 1.0)


def _percentile(values: FloatArray, p: float) -> FloatArray:
    return np.asarray(np.nanquantile(values, p / 100, axis=-1, method="inverted_cdf"))


def _bands(made: FloatArray, p: float, level: float) -> dict[str, float]:
    """Return the band of a percentile over the simulated trials with observations in this bin."""
    some = made[np.isfinite(made).any(axis=1) | np.isneginf(made).any(axis=1)]
    if not len(some):
        return {"lower": np.nan, "middle": np.nan, "upper": np.nan}
    found = _percentile(some, p)
    ends = np.quantile(found, [0.5 - level / 2, 0.5, 0.5 + level / 2], method="inverted_cdf")
    return dict(zip(("lower", "middle", "upper"), (float(e) if np.isfinite(e) else np.nan for e in ends), strict=True))


def _dropped(made: FloatArray, subject: IntArray, time: FloatArray) -> FloatArray:
    """Return the simulated values, NaN at every visit after progression."""
    out = made.copy()
    for rows in (np.flatnonzero(subject == s) for s in np.unique(subject)):
        rows = rows[np.argsort(time[rows], kind="stable")]
        nadir = np.fmin.accumulate(out[:, rows], axis=1)
        with np.errstate(invalid="ignore"):
            grown = (out[:, rows] >= INCREASE * nadir) & (out[:, rows] >= nadir + LEAST)
        gone = np.cumsum(np.cumsum(grown, axis=1), axis=1) > 1
        out[:, rows] = np.where(gone, np.nan, out[:, rows])
    return out
