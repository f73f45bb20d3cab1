"""`Synergy`: the effect of two drugs together compared with the expectations of four null models over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from immunoode import units
from immunoode.combination.conclusion import conclusion
from immunoode.combination.effect_scale import BurdenContext, EffectScale
from immunoode.combination.four_arms import EXPECTED, LOEWE, FloatArray, FourArms
from immunoode.errors import DataError, Problem
from immunoode.notebook import shown, without_mathematics

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (*("time", "null", "observed", "expected", "contrast", "lower", "upper"), *("index", "index_lower", "index_upper"))


@dataclass(frozen=True)
@shown
class Synergy:
    """The effect of two drugs together, with the expectations of the null models.

    Attributes
    ----------
    first, second : str
        The drugs.
    scale : EffectScale
    quantity : str
        The quantity that is the burden.
    days : ndarray, shape (times,)
    start : ndarray, shape (1 + draws, 1)
        The burden at the start; the first row is the estimate.
    arms : FourArms
        Burdens, shape (1 + draws, times).
    loewe : DataFrame
        One row per time at which Loewe additivity was computed: time, index, expected (burden), first_multiple, second_multiple
        (of each regimen alone, for the effect of both; infinite if none reaches it); empty if not computed.
    loewe_burdens : ndarray, shape (1 + draws for Loewe, times of Loewe)
        The burden expected by Loewe additivity.
    uncertainty : str
        The source of the variation between draws; "" if there is none.
    confidence : float
    notes : tuple of str
    """

    first: str
    second: str
    scale: EffectScale
    quantity: str
    days: FloatArray
    start: FloatArray
    arms: FourArms
    loewe: pd.DataFrame
    loewe_burdens: FloatArray
    uncertainty: str
    confidence: float
    notes: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per time and null model.

        Columns: time, null, observed, expected (on the scale), contrast (observed minus expected) with lower and upper, index
        (ratio of observed to expected burden: below 1 is synergy; for Loewe, the sum of the doses as fractions of those that
        each drug would need alone) with its limits. Limits are NaN without draws.
        """
        import pandas as pd

        parts = [self._rows(null, self.arms.expected(null)) for null in EXPECTED]
        if len(self.loewe):
            parts.append(self._loewe_rows())
        return pd.concat(parts, ignore_index=True)[list(COLUMNS)]

    def at(self, time: str | float | None = None) -> pd.DataFrame:
        """Return one row per null model at the output time nearest to a time (by default the last).

        Parameters
        ----------
        time : str or float, optional
        """
        day = float(self.days[-1]) if time is None else units.days(time)
        if not self.days[0] <= day <= self.days[-1]:
            raise DataError(Problem("time", f"is day {day:g}", f"from day {self.days[0]:g} to day {self.days[-1]:g}"))
        nearest = float(self.days[np.argmin(np.abs(self.days - day))])
        return self.table[self.table["time"] == nearest].reset_index(drop=True)

    def effects(self) -> pd.DataFrame:
        """Return the four arms on the scale: time, control, first, second, both, each with limits if there are draws."""
        import pandas as pd

        columns: dict[str, FloatArray] = {"time": self.days}
        for name in ("control", "first", "second", "both"):
            shown = self._shown(getattr(self.arms, name))
            lower, upper = self._limits(shown)
            columns |= {name: shown[0], f"{name}_lower": lower, f"{name}_upper": upper}
        return pd.DataFrame(columns)

    @property
    def conclusion(self) -> str:
        """The conclusion at the last time, in one sentence."""
        return conclusion(self.at(), f"{self.first} with {self.second}", _when(self.days[-1]), bool(self.uncertainty))

    def to_frame(self) -> pd.DataFrame:
        """Return the table of null models."""
        return self.table.copy()

    def report(self) -> str:
        """Return the four null models at the last time, and the conclusion."""
        head = f"{self.quantity}, {self.scale.label}" + (f"; day {self.days[-1]:g}" if self.days[-1] else "")
        lines = [str(self), "", head, _text(self.at().drop(columns="time"))]
        lines += [f"{100 * self.confidence:g} % limits: {self.uncertainty}"] if self.uncertainty else []
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    def plot(self, **options: Any) -> Any:
        """Draw the effects over time with the expectation of each null model, and the contrasts; see
        `imo.plot.synergy_nulls`.
        """
        from immunoode.plot.synergy import synergy_nulls

        return synergy_nulls(self, **options)

    def __str__(self) -> str:
        return self.conclusion

    @without_mathematics
    def _repr_html_(self) -> str:
        from html import escape

        table: str = self.at().to_html(index=False, float_format="{:.4g}".format, na_rep="")
        return f"<p>{escape(self.conclusion)}</p>{table}"

    def _shown(self, burden: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.scale.shown(burden, BurdenContext(self.start, self.arms.control, self.days))

    def _limits(self, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the limits at each time from all rows except the first; NaN if there are none, or some are NaN."""
        if len(draws) < 2:
            return np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
        tails = [0.5 - self.confidence / 2, 0.5 + self.confidence / 2]
        lower, upper = np.quantile(draws[1:], tails, axis=0, method="inverted_cdf")
        return lower, upper

    def _loewe_rows(self) -> pd.DataFrame:
        """Return the rows of Loewe additivity, which has its own times and fewer draws."""
        at, count = np.searchsorted(self.days, self.loewe["time"].to_numpy()), len(self.loewe_burdens)
        burdens = (getattr(self.arms, name)[:count, at] for name in ("control", "first", "second", "both"))
        own = replace(self, days=self.days[at], start=self.start[:count], arms=FourArms(*burdens))
        limits = self.loewe[["index", "index_lower", "index_upper"]]
        return own._rows(LOEWE, self.loewe_burdens).assign(**{name: limits[name].to_numpy() for name in limits})

    def _rows(self, null: str, expected: FloatArray) -> pd.DataFrame:
        import pandas as pd

        observed, shown = self._shown(self.arms.both), self._shown(expected)
        with np.errstate(divide="ignore", invalid="ignore"):
            index = self.arms.both / expected
        columns = {"time": self.days, "null": null, "observed": observed[0], "expected": shown[0]}
        for name, values in (("contrast", observed - shown), ("index", index)):
            prefix = "index_" if name == "index" else ""
            lower, upper = self._limits(values)
            columns |= {name: values[0], f"{prefix}lower": lower, f"{prefix}upper": upper}
        return pd.DataFrame(columns)


def _when(day: float) -> str:
    """Return the time as text; "" for an effect that has none."""
    return f"on day {day:g}" if day else ""


def _text(table: pd.DataFrame) -> str:
    return str(table.to_string(index=False, float_format="{:.4g}".format, na_rep=""))
