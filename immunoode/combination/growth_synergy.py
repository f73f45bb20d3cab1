"""Synergy from the growth of tumours in animals: contrasts of growth rates in a linear mixed model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from immunoode import units
from immunoode.combination.conclusion import conclusion
from immunoode.combination.four_arms import ADDITIVE, BLISS, HIGHEST
from immunoode.combination.growth_model import GrowthModel, growth_model
from immunoode.combination.planned_growth import growth_power
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
BLISS_WEIGHTS = np.array([1.0, -1.0, -1.0, 1.0])
"""Contrast weights for the rates of control, first drug, second drug and combination."""


@dataclass(frozen=True)
@shown
class GrowthSynergy:
    """Contrasts of growth rates between a combination and its expectation under each null model.

    Attributes
    ----------
    model : GrowthModel
        The model of all measurements; its groups are control, first drug, second drug, combination.
    table : DataFrame
        One row per time and null: time, null, contrast (observed minus expected growth rate per day; below 0 is synergy),
        standard_error, lower, upper, index (ratio of observed and expected size at the time), index_lower, index_upper,
        p_value (two-sided, for no difference). Each time has its own model, fitted to the measurements until then.
    confidence : float
    """

    model: GrowthModel
    table: pd.DataFrame
    confidence: float

    def at(self, time: str | float | None = None) -> pd.DataFrame:
        """Return one row per null model at a time of measurement (by default the last).

        Parameters
        ----------
        time : str or float, optional
        """
        known = self.table["time"].unique()
        day = known[-1] if time is None else units.days(time)
        if day not in known:
            raise DataError(Problem("time", f"is day {day:g}", "one of days " + ", ".join(f"{t:g}" for t in known)))
        return self.table[self.table["time"] == day].reset_index(drop=True)

    def power(
        self, animals: int | Iterable[int], times: Any = None, *, null: Literal["bliss", "highest single agent"] = "bliss"
    ) -> pd.DataFrame:
        """Return the power of another experiment with the rates and variances of this one; see `growth_power`.

        Parameters
        ----------
        animals : int or iterable of int
            Numbers of animals per group.
        times : array of times, optional
            By default those of this experiment.
        null : {"bliss", "highest single agent"}
        """
        control, first, second, both = self.model.rates
        days = np.concatenate([[0.0], self.model.days]) if times is None else times
        rates = {"control": control, "first": first, "second": second, "combination": both}
        spread = {"between_sd": self.model.between_sd, "residual_sd": self.model.residual_sd}
        return growth_power(animals, days, **rates, **spread, null=null, confidence=self.confidence)

    @property
    def conclusion(self) -> str:
        """The conclusion at the last time, in one sentence."""
        _, first, second, _ = self.model.groups
        return conclusion(self.at(), f"{first} with {second}", f"on day {self.table['time'].max():g}", True)

    def to_frame(self) -> pd.DataFrame:
        """Return the table of contrasts."""
        return self.table.copy()

    def report(self) -> str:
        """Return growth rates, contrasts at the last time, and the conclusion."""
        rates = self.model.to_frame().to_string(index=False, float_format="{:.5g}".format)
        contrasts = self.at().drop(columns="time").to_string(index=False, float_format="{:.4g}".format, na_rep="")
        model = self.model
        spread = (
            f"Standard deviation of rates between animals {model.between_sd:.4g} per day, of residuals {model.residual_sd:.4g}"
        )
        errors = "cluster-robust (CR2)" if model.robust else "of the model"
        lines = [self.conclusion, "", rates, f"{spread}; standard errors {errors}", "", contrasts]
        lines += [f"{n} left out: {why}" for why, n in model.left_out["reason"].value_counts().items()]
        return "\n".join(lines)

    def plot(self, **options: Any) -> Any:
        """Draw growth with the fitted lines, and the indices over time; see `imo.plot.growth_synergy_figure`."""
        from immunoode.plot.synergy import growth_synergy_figure

        return growth_synergy_figure(self, **options)

    def __str__(self) -> str:
        return self.conclusion


def growth_synergy(
    data: Any, groups: tuple[str, str, str, str], quantity: str | None, robust: bool, confidence: float, draws: int, seed: int
) -> GrowthSynergy:
    """Return the contrasts at each time from the third measurement on; groups: control, first, second, combination."""
    import pandas as pd

    model = growth_model(data, groups, quantity, robust=robust)
    rows, days = list[dict[str, Any]](), model.days
    for day in days[1:] if len(days) > 1 else days:
        own = model if day == days[-1] else _until(model, float(day))
        if own is not None:
            rows += _contrasts(own, float(day), confidence, draws, seed)
    return GrowthSynergy(model, pd.DataFrame(rows), confidence)


def _until(model: GrowthModel, day: float) -> GrowthModel | None:
    """Return the model of the measurements until a day; None if a group has none yet."""
    try:
        return model.until(day)
    except DataError:
        return None


def _contrasts(model: GrowthModel, day: float, confidence: float, draws: int, seed: int) -> list[dict[str, Any]]:
    """Return the rows of one time."""
    weights = {BLISS: BLISS_WEIGHTS, HIGHEST: _highest_weights(model.rates)}
    rows = [_linear(null, weight, model, day, confidence) for null, weight in weights.items()]
    return [*rows, _additive(model, day, confidence, draws, seed)]


def _highest_weights(rates: FloatArray) -> FloatArray:
    """Return the contrast weights of the combination minus the better drug."""
    weights = np.array([0.0, 0.0, 0.0, 1.0])
    weights[1 + int(np.argmin(rates[1:3]))] = -1.0
    return weights


def _linear(null: str, weights: FloatArray, model: GrowthModel, day: float, confidence: float) -> dict[str, Any]:
    """Return the row of a linear contrast of the rates."""
    from scipy.stats import norm

    contrast, error = float(weights @ model.rates), float(np.sqrt(weights @ model.covariance @ weights))
    width = float(norm.ppf(0.5 + confidence / 2)) * error
    return _row(null, day, contrast, error, (contrast - width, contrast + width), float(2 * norm.sf(abs(contrast) / error)))


def _additive(model: GrowthModel, day: float, confidence: float, draws: int, seed: int) -> dict[str, Any]:
    """Return the row of response additivity, under which changes in size add up, from draws of the rates."""
    rng = np.random.default_rng(seed)
    values = _additive_contrast(rng.multivariate_normal(model.rates, model.covariance, draws), day)
    contrast = float(_additive_contrast(model.rates[None], day)[0])
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2], method="inverted_cdf")
    share = float(np.mean(values > 0) + np.mean(values == 0) / 2)
    p = float(np.clip(2 * min(share, 1 - share), 1 / draws, 1.0))
    error = float(np.std(values, ddof=1)) if np.isfinite(values).all() else np.nan
    return _row(ADDITIVE, day, contrast, error, (float(low), float(high)), p)


def _additive_contrast(rates: FloatArray, day: float) -> FloatArray:
    control, first, second, both = np.exp(rates.T * day)
    expected = np.maximum(first + second - control, 0.0)  # a size below zero cannot be reached: the contrast is infinite
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(both / expected) / day)


def _row(null: str, day: float, contrast: float, error: float, limits: tuple[float, float], p: float) -> dict[str, Any]:
    low, high = limits
    index = dict(
        zip(("index", "index_lower", "index_upper"), np.exp(np.array([contrast, low, high]) * day).tolist(), strict=True)
    )
    own = {"time": day, "null": null, "contrast": contrast, "standard_error": error, "lower": low, "upper": high}
    return own | index | {"p_value": p}
